"""The 21-step tablet: drawing it, finding it in a scan of its print, and measuring its densities.

The strip is framed by a line of full ink on clear film, so that its print shows a white frame on a
black ground whatever the steps look like. The frame's four sides give the strip's place and turn;
the edges between the steps, which must be evenly spaced, give the patches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from ptpd_monitoring.demo.filters import gaussian_blur
from ptpd_monitoring.demo.tone import (
    Floats,
    Image,
    Pixels,
    density_of_reflectance,
    lightness,
    luminance,
)

STEPS = 21
_PATCH_WIDTH, _PATCH_HEIGHT = 84, 190
_FRAME = 12
_MARGIN = 70

# What a scan must show to be read: the tangent of the tilt, the contrast in L* / 100, the columns
# that cross the frame, the mean distance of its sides from a line and the strip's height in pixels.
_MAX_TILT = 0.06
_MIN_CONTRAST = 0.1
_MIN_CROSSED = 30
_MAX_WAVE = 2.0
_MIN_HEIGHT = 20

Line = tuple[float, float]
"""(slope, intercept) of one coordinate as a function of the other."""


class TabletNotFoundError(ValueError):
    """The scan shows no step tablet: cropped, tilted over three degrees, or of something else."""


@dataclass(frozen=True)
class DetectedTablet:
    """A step tablet found in a scan.

    Attributes:
        strip: (rows, columns) linear reflectance, straightened, with the frame, darkest step left.
        edges: (22,) columns of the strip at which the steps begin, and at which the last one ends.
        corners: (4, 2) x and y of the frame in the scan: upper left, lower left, lower right,
            upper right, as seen on the strip.

    """

    strip: Image
    edges: Floats
    corners: Floats


def draw_tablet(values: npt.ArrayLike | None = None) -> Image:
    """Draw a tablet as values to print, before inversion: 0 prints darkest, 1 lightest.

    Args:
        values: (21,) value of each patch; left out, evenly spaced from 0 to 1.

    """
    patches = (
        np.linspace(0.0, 1.0, STEPS) if values is None else np.asarray(values, dtype=np.float64)
    )
    if patches.shape != (STEPS,):
        raise ValueError(f"values must have the shape ({STEPS},), got {patches.shape}")
    strip = np.repeat(patches.astype(np.float32), _PATCH_WIDTH)[None, :].repeat(
        _PATCH_HEIGHT, axis=0
    )
    framed = np.pad(strip, _FRAME, mode="constant", constant_values=1.0)
    return np.pad(framed, _MARGIN, mode="constant", constant_values=0.0)


def detect_tablet(scan: Pixels) -> DetectedTablet:
    """Find the tablet in a scan.

    Args:
        scan: 8 or 16 bits, sRGB-encoded, grey or colour.

    Raises:
        TabletNotFoundError: there is none to be found.

    """
    reflectance = luminance(scan)
    bright = _bright(reflectance)
    top, bottom = _pair_of_sides(bright, None)
    if abs(top[0]) > _MAX_TILT:
        raise TabletNotFoundError(
            f"the strip is turned by {np.degrees(np.arctan(top[0])):.1f} degrees, more than 3"
        )
    last = bright.shape[1] - 1
    inside = slice(
        max(int(max(top[1], top[0] * last + top[1])) + _FRAME, 0),
        max(int(min(bottom[1], bottom[0] * last + bottom[1])) - _FRAME, 0),
    )
    left, right = _pair_of_sides(bright.T, inside)
    corners = np.array(
        [_crossing(h, v) for h, v in ((top, left), (bottom, left), (bottom, right), (top, right))]
    )
    strip = _straighten(reflectance, corners)
    third = strip.shape[1] // 3
    if strip[:, :third].mean() > strip[:, -third:].mean():
        strip, corners = strip[::-1, ::-1], np.roll(corners, 2, axis=0)
    return DetectedTablet(strip, _step_edges(strip), corners)


def extract_densities(tablet: DetectedTablet) -> Floats:
    """Density of each step, (21,), from the mean reflectance of the middle of its patch."""
    rows = tablet.strip.shape[0]
    band = tablet.strip[round(0.25 * rows) : round(0.75 * rows)].astype(np.float64)
    starts, ends = tablet.edges[:-1], tablet.edges[1:]
    inset = 0.2 * (ends - starts)
    means = [
        band[:, int(np.ceil(start)) : int(end)].mean()
        for start, end in zip(starts + inset, ends - inset, strict=True)
    ]
    return density_of_reflectance(means)


def _bright(reflectance: Image) -> npt.NDArray[np.bool_]:
    """Which pixels are nearer to paper white than to black, grain smoothed away."""
    tone = gaussian_blur(lightness(reflectance), 2.0)
    black, white = np.percentile(tone[::3, ::3], (1, 99))
    if white - black < _MIN_CONTRAST:
        raise TabletNotFoundError("the scan has almost no contrast")
    bright: npt.NDArray[np.bool_] = tone > (black + white) / 2
    return bright


def _pair_of_sides(bright: npt.NDArray[np.bool_], columns: slice | None) -> tuple[Line, Line]:
    """Fit the frame's upper and lower side: the first bright rows inside the coating."""
    columns = columns if columns is not None else slice(0, bright.shape[1])
    part = bright[:, columns]
    first, last = (
        _first_bright_in_the_dark(part),
        part.shape[0] - 1 - _first_bright_in_the_dark(part[::-1]),
    )
    # Beside the frame nothing bright comes before the far edge of the coating, and the two cross.
    found = first < last
    if found.sum() < _MIN_CROSSED:
        raise TabletNotFoundError("the scan shows no frame around a strip")
    at = np.arange(bright.shape[1])[columns][found]
    return _robust_line(at, first[found]), _robust_line(at, last[found])


def _first_bright_in_the_dark(bright: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """For each column the first bright row below a dark one; the last row where there is none."""
    candidate = np.logical_or.accumulate(~bright, axis=0) & bright
    candidate[-1] = True
    first: npt.NDArray[np.intp] = candidate.argmax(axis=0)
    return first


def _robust_line(at: npt.NDArray[np.intp], values: npt.NDArray[np.intp]) -> Line:
    """Least squares, repeated without the points that a ragged coating puts far off."""
    x, y = at.astype(np.float64), values.astype(np.float64)
    keep = np.ones(x.size, dtype=np.bool_)
    for _ in range(12):
        slope, intercept = np.polynomial.polynomial.polyfit(x[keep], y[keep], 1)[::-1]
        miss = np.abs(y - (slope * x + intercept))
        limit = max(1.5, 3.0 * float(np.median(miss[keep])))
        if np.array_equal(keep, miss <= limit):
            break
        keep = miss <= limit
    if keep.sum() < 0.5 * keep.size or float(miss[keep].mean()) > _MAX_WAVE:
        raise TabletNotFoundError("what frames the strip is not straight")
    return float(slope), float(intercept)


def _crossing(horizontal: Line, vertical: Line) -> tuple[float, float]:
    """Find x and y where y = a x + b meets x = c y + d."""
    (a, b), (c, d) = horizontal, vertical
    x = (c * b + d) / (1 - c * a)
    return x, a * x + b


def _straighten(reflectance: Image, corners: Floats) -> Image:
    """Turn the quadrilateral between the corners into a rectangle."""
    width = round(float(np.hypot(*(corners[3] - corners[0]))))
    height = round(float(np.hypot(*(corners[1] - corners[0]))))
    if height < _MIN_HEIGHT or width < 4 * height:
        raise TabletNotFoundError(
            f"the framed part, {width} x {height} pixels, is not a strip of {STEPS} steps"
        )
    straight = PillowImage.fromarray(reflectance).transform(
        (width, height),
        PillowImage.Transform.QUAD,
        data=tuple(corners.ravel()),
        resample=PillowImage.Resampling.BICUBIC,
    )
    return np.asarray(straight)


def _step_edges(strip: Image) -> Floats:
    """Find the evenly spaced columns with most change of lightness across them."""
    rows, columns = strip.shape
    profile = lightness(
        np.clip(strip[round(0.25 * rows) : round(0.75 * rows)].mean(axis=0, keepdims=True), 0, 1)
    )
    # The square root keeps the one great jump at the frame from outvoting the twenty small ones.
    change = np.sqrt(np.abs(np.gradient(gaussian_blur(profile, 2.0)[0])))
    pitches = columns / (STEPS + 0.3) * np.linspace(0.97, 1.03, 61)
    starts = np.linspace(0.0, columns / STEPS * 0.5, 61)
    combs = starts[:, None, None] + pitches[None, :, None] * np.arange(STEPS + 1)
    within = combs[..., -1] <= columns - 1
    score = np.interp(combs, np.arange(columns), change).sum(axis=-1)
    score[~within] = -1.0
    best = np.unravel_index(int(score.argmax()), score.shape)
    edges: Floats = combs[best]
    across = np.interp(edges[1:-1], np.arange(columns), change).mean()
    between = np.interp((edges[:-1] + edges[1:]) / 2, np.arange(columns), change).mean()
    if across < 1.5 * between:
        raise TabletNotFoundError(f"the strip shows no {STEPS} evenly spaced steps")
    return edges
