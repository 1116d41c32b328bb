"""Small pictures of large ones, for the contact sheet."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from ptpd_monitoring.demo.tone import Floats, Image, Pixels, linear_to_srgb, reflectance_of_density

if TYPE_CHECKING:
    from ptpd_monitoring.demo.negative import Negative
    from ptpd_monitoring.demo.paper import PaperProcess

Thumbnail = npt.NDArray[np.uint8]
"""(rows, columns, 3), sRGB."""

THUMBNAIL_PIXELS = 512

# Platinum/palladium blacks are warm: density in red, green and blue light, over the visual density.
_IMAGE_TONE = (0.93, 0.998, 1.05)
# Linear light from an unbleached cotton paper, as a screen shows it.
_PAPER_TONE = (0.98, 0.953, 0.89)


def photograph_thumbnail(pixels: Pixels) -> Thumbnail:
    """Reduce the photograph as it came."""
    eight = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    small = PillowImage.fromarray(eight).convert("RGB")
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), PillowImage.Resampling.LANCZOS)
    return np.asarray(small)


def negative_thumbnail(negative: Negative) -> Thumbnail:
    """Reduce the negative as a screen shows its file."""
    small = _shrink(negative.astype(np.float32)) / np.float32(65535)
    grey = np.round(np.clip(small, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def simulate_print(negative: Negative, process: PaperProcess) -> Thumbnail:
    """Print the negative: every pixel through the paper, then averaged as light is."""
    return print_colour(_shrink(_reflectance_table(process)[negative]), process)


def print_colour(reflectance: npt.ArrayLike, process: PaperProcess) -> Thumbnail:
    """Neutral reflectance, (rows, columns), in the colours of platinum/palladium on cotton paper.

    Relative to the paper's white, to which an eye that looks at a print adapts.
    """
    white = float(reflectance_of_density(process.sheet_density))
    light = np.clip(np.asarray(reflectance, dtype=np.float64) / white, 1e-4, 1.0)[..., None]
    coloured = np.power(light, _IMAGE_TONE) * np.array(_PAPER_TONE)
    return np.round(linear_to_srgb(np.clip(coloured, 0.0, 1.0)) * 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _reflectance_table(process: PaperProcess) -> Image:
    clear: Floats = np.arange(65536) / 65535
    return reflectance_of_density(process.density(clear)).astype(np.float32)


def _shrink(image: Image) -> Image:
    small = PillowImage.fromarray(image)
    scale = min(1.0, THUMBNAIL_PIXELS / max(small.size))
    size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
    return np.asarray(small.resize(size, PillowImage.Resampling.BOX))
