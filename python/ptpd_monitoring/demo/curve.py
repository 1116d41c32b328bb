"""The linearisation curve: from the densities of a printed step tablet to a monotone map of tones.

The print is called linear when its lightness L* runs in a straight line from the darkest to the
lightest step. Isotonic regression by pool adjacent violators: Ayer et al., Annals of Mathematical
Statistics 26 (1955). Monotone cubic interpolation: Fritsch and Carlson, SIAM J. Numer. Anal. 17
(1980), with the slopes of Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ptpd_monitoring.demo.tone import Floats, Image, lightness_of_density

CURVE_ENTRIES = 65536
MIN_STEPS = 3
MIN_RANGE = 5.0
"""The least span of L* between a tablet's ends from which a curve is fitted."""

# Closer neighbours than this part of the range would make a slope out of rounding errors.
_MIN_STEP = 1e-6


@dataclass(frozen=True)
class LinearisationCurve:
    """Which value has to be printed for each tone that is wanted.

    Attributes:
        steps: (steps,) the values on the tablet, 0 to 1.
        densities: (steps,) their mean printed densities.
        table: (65536,) value to print for tone i / 65535; monotone, within 0..1.

    """

    steps: Floats
    densities: Floats
    table: Image

    @property
    def digest(self) -> str:
        """Equal for curves that print the same."""
        return hashlib.blake2b(self.table.tobytes(), digest_size=16).hexdigest()

    def __call__(self, tones: npt.ArrayLike) -> Floats:
        """Values to print for tones, 0 to 1, of any shape."""
        grid = np.arange(CURVE_ENTRIES) / (CURVE_ENTRIES - 1)
        return np.interp(np.asarray(tones, dtype=np.float64), grid, self.table)


def generate_curve(densities: npt.ArrayLike) -> LinearisationCurve:
    """Fit the curve that makes the print linear.

    Args:
        densities: (steps,) or (prints, steps), of evenly spaced values from 0
            (darkest) to 1; prints are averaged.

    Raises:
        ValueError: fewer than three steps, a density that is not finite, or almost no range.

    """
    measured = np.atleast_2d(np.asarray(densities, dtype=np.float64))
    if np.ndim(densities) not in (1, 2) or not measured.size or measured.shape[1] < MIN_STEPS:
        raise ValueError(
            f"densities must be (steps,) or (prints, steps), steps at least 3, got {measured.shape}"
        )
    if not np.isfinite(measured).all():
        raise ValueError("densities must be finite")
    mean = measured.mean(axis=0)
    steps = np.linspace(0.0, 1.0, mean.size)
    lightness, values = isotonic(lightness_of_density(mean), steps)
    span = lightness[-1] - lightness[0]
    if span < MIN_RANGE:
        raise ValueError(
            f"densities must span at least {MIN_RANGE:g} L* from dark to light, got {span:.3g}"
        )
    tones = (lightness - lightness[0]) / span
    keep = np.concatenate(([True], np.diff(tones) > _MIN_STEP))
    # A plateau's far end is what the last pool stands for, and tone 1 has to stay on the curve.
    keep[-1] = True
    inner = np.flatnonzero(keep)[1:-1]
    if inner.size and tones[-1] - tones[inner[-1]] <= _MIN_STEP:
        keep[inner[-1]] = False
    wanted = np.arange(CURVE_ENTRIES) / (CURVE_ENTRIES - 1)
    table = monotone_cubic(tones[keep], values[keep], wanted)
    # The cubic is monotone in exact arithmetic; these two only take away what rounding adds.
    rising: Image = np.maximum.accumulate(np.clip(table, 0.0, 1.0)).astype(np.float32)
    return LinearisationCurve(steps, mean, rising)


def isotonic(measured: Floats, positions: Floats) -> tuple[Floats, Floats]:
    """Least-squares rising fit; a pool of violators becomes one point at its mean in both axes.

    Returns:
        Strictly rising fitted values, and the position of each.

    """
    pools: list[tuple[float, float, int]] = []
    for value, position in zip(measured.tolist(), positions.tolist(), strict=True):
        pool = (value, position, 1)
        while pools and pools[-1][0] >= pool[0]:
            before = pools.pop()
            count = before[2] + pool[2]
            pool = (
                (before[0] * before[2] + pool[0] * pool[2]) / count,
                (before[1] * before[2] + pool[1] * pool[2]) / count,
                count,
            )
        pools.append(pool)
    return np.array([pool[0] for pool in pools]), np.array([pool[1] for pool in pools])


def monotone_cubic(x: Floats, y: Floats, at: Floats) -> Floats:
    """Interpolate rising points without overshoot.

    Args:
        x: (points,) strictly rising, two or more.
        y: (points,) rising.
        at: where to evaluate, within x.

    """
    h = np.diff(x)
    chord = np.diff(y) / h
    slope = np.zeros_like(x)
    if chord.size == 1:
        slope[:] = chord[0]
    else:
        slope[1:-1] = _inner_slopes(h, chord)
        slope[0] = _end_slope(h[0], h[1], chord[0], chord[1])
        slope[-1] = _end_slope(h[-1], h[-2], chord[-1], chord[-2])
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, x.size - 2)
    t = (at - x[i]) / h[i]
    bend = slope[i] + slope[i + 1] - 2 * chord[i]
    turn = chord[i] - slope[i] - bend
    interpolated: Floats = y[i] + h[i] * t * (slope[i] + t * (turn + t * bend))
    return interpolated


def _inner_slopes(h: Floats, chord: Floats) -> Floats:
    left, right = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    flat = (chord[:-1] <= 0) | (chord[1:] <= 0)
    a, b = np.where(flat, 1.0, chord[:-1]), np.where(flat, 1.0, chord[1:])
    return np.where(flat, 0.0, (left + right) / (left / a + right / b))


def _end_slope(near: float, far: float, chord: float, next_chord: float) -> float:
    slope = ((2 * near + far) * chord - near * next_chord) / (near + far)
    return float(min(max(slope, 0.0), 3 * chord))


def straight_line_error(densities: npt.ArrayLike) -> float:
    """Largest distance in L* of a printed tablet from the line between its first and last step."""
    lightness = lightness_of_density(densities)
    line = np.linspace(lightness[0], lightness[-1], lightness.size)
    return float(np.abs(lightness - line).max())


def apply_curve(tones: Image, curve: LinearisationCurve) -> Image:
    """Values to print for an image of tones, by the curve's 16-bit table.

    Args:
        tones: (rows, columns), 0 to 1.
        curve: whose table is looked up.

    """
    index = np.empty(tones.shape, dtype=np.uint16)
    np.add(tones * np.float32(CURVE_ENTRIES - 1), np.float32(0.5), out=index, casting="unsafe")
    values: Image = curve.table[index]
    return values
