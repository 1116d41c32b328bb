"""From linear luminance to a 16-bit negative on disk: size, tone, inversion, sharpening, file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from ptpd_monitoring.demo.filters import unsharp_mask

if TYPE_CHECKING:
    from pathlib import Path

    from ptpd_monitoring.demo.tone import Image

Negative = npt.NDArray[np.uint16]
"""(rows, columns): 0 is full ink, which prints white; 65535 is clear film, which prints black."""

SHARPEN_RADIUS_IN = 0.003
"""Standard deviation of the unsharp mask: 0.08 mm, about what an eye close to a print resolves."""
SHARPEN_AMOUNT = 0.6


class NegativeWriteError(OSError):
    """A negative that does not read back from disk as it was made."""


@dataclass(frozen=True)
class PrintSize:
    """The largest print, in either orientation.

    Attributes:
        long_in, short_in: the sides in inches.
        ppi: pixels an inch.

    """

    long_in: float = 10.0
    short_in: float = 8.0
    ppi: int = 360

    def fit(self, columns: int, rows: int) -> tuple[int, int]:
        """(columns, rows) of the largest image of these proportions that stays within the print."""
        long_side, short_side = max(columns, rows), min(columns, rows)
        scale = min(self.long_in * self.ppi / long_side, self.short_in * self.ppi / short_side)
        return max(1, round(columns * scale)), max(1, round(rows * scale))


def resize(linear: Image, size: PrintSize) -> Image:
    """Fit linear luminance to the print; in linear light, where averaging pixels averages light."""
    rows, columns = linear.shape
    target = size.fit(columns, rows)
    smaller = target[0] < columns
    # Lanczos keeps the most detail on the way down; on the way up its ringing would show as halos.
    how = PillowImage.Resampling.LANCZOS if smaller else PillowImage.Resampling.BICUBIC
    resized = np.asarray(PillowImage.fromarray(linear).resize(target, how))
    clipped: Image = np.clip(resized, 0.0, 1.0)
    return clipped


def invert(positive: Image) -> Image:
    """Values to print as a negative: much light on the paper where the print is to be dark."""
    negative: Image = np.subtract(np.float32(1.0), positive)
    return negative


def sharpen(negative: Image, ppi: int) -> Image:
    """Unsharp mask with a radius fixed on paper, whatever the resolution."""
    return unsharp_mask(negative, SHARPEN_RADIUS_IN * ppi, SHARPEN_AMOUNT)


def quantise(negative: Image) -> Negative:
    """To 16 bits, rounded."""
    scaled: Image = negative * np.float32(65535)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint16)


def write_negative(negative: Negative, path: Path, ppi: int) -> Path:
    """Write an uncompressed 16-bit grey TIFF with its resolution: every printing program reads it.

    The file appears under its name only when it is whole.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        PillowImage.fromarray(negative).save(unfinished, format="TIFF", dpi=(ppi, ppi))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def verify_negative(negative: Negative, path: Path, ppi: int) -> None:
    """Read a negative back.

    Raises:
        NegativeWriteError: the file's pixels, depth or resolution differ from what was written.

    """
    with PillowImage.open(path) as image:
        depth, resolution = image.mode, image.info.get("dpi", (0, 0))
        same = depth == "I;16" and np.array_equal(np.asarray(image), negative)
    if not same:
        raise NegativeWriteError(f"{path} holds other pixels than were written")
    if (round(resolution[0]), round(resolution[1])) != (ppi, ppi):
        raise NegativeWriteError(f"{path} says {resolution} pixels an inch, not {ppi}")
