"""A model of platinum/palladium printing: from a negative to a print to a scan.

It stands in for a darkroom, so that the demonstration has something to measure. The paper follows
a characteristic curve of density against log exposure in the manner of Hurter and Driffield
(J. Soc. Chem. Ind. 9, 1890), with a logistic for toe, straight part and shoulder; its range (Dmax
1.45, exposure scale about 2 log units) is what hand-coated palladium on cotton commonly gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from ptpd_monitoring.demo.filters import gaussian_blur
from ptpd_monitoring.demo.tone import Floats, Image, linear_to_srgb, reflectance_of_density


@dataclass(frozen=True)
class PaperProcess:
    """Paper, sensitiser, exposure and ink, as one chain from a negative's pixel to a density.

    Attributes:
        d_min, d_max: densities of bare coated paper and of the deepest black.
        slope: steepness of the logistic, per log10 unit of exposure.
        speed_point: log10 exposure, relative to clear film, that prints half way between them.
        ink_range: ultraviolet density of the fullest ink over clear film.
        ink_power: how that density grows with the amount of ink.

    """

    d_min: float = 0.08
    d_max: float = 1.45
    slope: float = 1.65
    speed_point: float = -1.0
    ink_range: float = 2.4
    ink_power: float = 1.15

    @property
    def sheet_density(self) -> float:
        """Density of the paper beside the coating, a little whiter than the lightest tone."""
        return 0.75 * self.d_min

    def density(self, negative: npt.ArrayLike) -> Floats:
        """Density printed under a negative's values, 0 (full ink) to 1 (clear film)."""
        ink = 1.0 - np.asarray(negative, dtype=np.float64)
        log_exposure = -self.ink_range * np.power(np.clip(ink, 0.0, 1.0), self.ink_power)
        response = 1.0 / (1.0 + np.power(10.0, -self.slope * (log_exposure - self.speed_point)))
        return self.d_min + (self.d_max - self.d_min) * response


@dataclass(frozen=True)
class ScanConditions:
    """How a print is made and laid on the scanner; one seed makes one print.

    Attributes:
        seed: of the noise, the brush strokes and the coating.
        angle_degrees: turn of the print, anticlockwise.
        offset: shift of the print in pixels, (down, right).
        grain: standard deviation of density from pixel to pixel.
        unevenness: standard deviation of density over the width of a brush.

    """

    seed: int = 0
    angle_degrees: float = 0.0
    offset: tuple[int, int] = (0, 0)
    grain: float = 0.02
    unevenness: float = 0.006


def print_and_scan(
    negative: Image, process: PaperProcess, conditions: ScanConditions
) -> npt.NDArray[np.uint16]:
    """Contact-print a negative on brush-coated paper and scan it in 16 bits, sRGB-encoded grey.

    The scan shows the sheet around the coating, which has the ragged edge that a brush leaves.
    """
    random = np.random.default_rng(conditions.seed)
    rows = negative.shape[0]
    coat, sheet = round(0.18 * rows), round(0.26 * rows)
    density = process.density(np.pad(negative, coat, mode="constant", constant_values=1.0))
    density += conditions.unevenness * _clouds(density.shape, max(coat / 3, 1.0), random)
    density = np.where(_brushed(density.shape, coat, random), density, process.sheet_density)
    reflectance = reflectance_of_density(density).astype(np.float32)
    bare = float(reflectance_of_density(process.sheet_density))
    laid = np.pad(reflectance, sheet, mode="constant", constant_values=bare)
    down, right = conditions.offset
    picture = PillowImage.fromarray(laid).rotate(
        conditions.angle_degrees,
        resample=PillowImage.Resampling.BICUBIC,
        translate=(right, down),
        fillcolor=bare,
    )
    scanned = np.asarray(picture, dtype=np.float64)
    scanned = scanned * reflectance_of_density(
        conditions.grain * random.standard_normal(scanned.shape)
    )
    return np.round(linear_to_srgb(np.clip(scanned, 0.0, 1.0)) * 65535).astype(np.uint16)


def _clouds(shape: tuple[int, int], sigma: float, random: np.random.Generator) -> Image:
    """Smooth noise with standard deviation 1."""
    # Blurring every fourth pixel and enlarging gives the same clouds in a sixteenth of the work.
    coarse = gaussian_blur(
        random.standard_normal((shape[0] // 4 + 1, shape[1] // 4 + 1), dtype=np.float32), sigma / 4
    )
    coarse /= coarse.std()
    fine = PillowImage.fromarray(coarse).resize(
        (shape[1], shape[0]), PillowImage.Resampling.BICUBIC
    )
    return np.asarray(fine)


def _brushed(
    shape: tuple[int, int], coat: int, random: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Where the sensitiser lies: a rectangle with wandering edges, strokes at left and right."""
    rows, columns = shape

    def edge(length: int, sigma: float, depth: float) -> Floats:
        noise = gaussian_blur(random.standard_normal((1, length), dtype=np.float32), sigma)[0]
        wander: Floats = 0.5 + 0.25 * np.clip(noise / noise.std(), -2.0, 2.0)
        return depth * wander

    y, x = np.arange(rows)[:, None], np.arange(columns)[None, :]
    top, bottom = edge(columns, coat / 2, 0.35 * coat), edge(columns, coat / 2, 0.35 * coat)
    left, right = edge(rows, 2.0, 0.8 * coat), edge(rows, 2.0, 0.8 * coat)
    inside: npt.NDArray[np.bool_] = (
        (y >= top) & (y < rows - bottom) & (x >= left[:, None]) & (x < columns - right[:, None])
    )
    return inside
