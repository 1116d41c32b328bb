"""Gaussian blur and unsharp mask in NumPy: separable, in bands that fit the processor's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ptpd_monitoring.demo.tone import Image

_BAND_ROWS = 64


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Blur with a Gaussian cut at four standard deviations; edge pixels repeat beyond the border.

    Args:
        image: (rows, columns).
        sigma: standard deviation in pixels, above 0.

    """
    kernel = _kernel(sigma)
    out = np.empty_like(image)
    for top in range(0, image.shape[0], _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, image.shape[0])
        out[top:bottom] = _blur_band(image, kernel, top, bottom)
    return out


def unsharp_mask(image: Image, sigma: float, amount: float) -> Image:
    """Add `amount` times the difference between the image and its blur, and clip to 0..1."""
    kernel = _kernel(sigma)
    out = np.empty_like(image)
    for top in range(0, image.shape[0], _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, image.shape[0])
        band = image[top:bottom]
        detail = np.subtract(band, _blur_band(image, kernel, top, bottom))
        detail *= np.float32(amount)
        detail += band
        np.clip(detail, 0.0, 1.0, out=out[top:bottom])
    return out


def _kernel(sigma: float) -> Image:
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0 pixels, got {sigma!r}")
    radius = max(1, round(4 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    normal: Image = (weights / weights.sum()).astype(np.float32)
    return normal


def _blur_band(image: Image, kernel: Image, top: int, bottom: int) -> Image:
    radius = len(kernel) // 2
    rows = np.clip(np.arange(top - radius, bottom + radius), 0, image.shape[0] - 1)
    vertical = _weighted_sum(image[rows], kernel)
    padded = np.pad(vertical, ((0, 0), (radius, radius)), mode="edge")
    horizontal: Image = _weighted_sum(padded.T, kernel).T
    return horizontal


def _weighted_sum(image: Image, kernel: Image) -> Image:
    """Correlate along the first axis, ends left out; symmetry halves the multiplications."""
    radius = len(kernel) // 2
    length = image.shape[0] - 2 * radius
    total: Image = image[radius : radius + length] * kernel[radius]
    pair = np.empty_like(total)
    for distance in range(1, radius + 1):
        below, above = radius - distance, radius + distance
        np.add(image[below : below + length], image[above : above + length], out=pair)
        pair *= kernel[above]
        total += pair
    return total
