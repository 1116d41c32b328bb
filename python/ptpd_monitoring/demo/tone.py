"""Tone scales: sRGB code values, linear light, lightness and density.

Sources: IEC 61966-2-1:1999 (sRGB transfer curve), ITU-R BT.709-6 (luminance weights, which belong
to linear light), CIE 015:2018 (lightness L*), ISO 5-4:2009 (reflection density, minus the decimal
logarithm of reflectance).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
"""A grey image, (rows, columns), values from 0 to 1."""
Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Code values as a file holds them, (rows, columns) or (rows, columns, 3)."""
Floats = npt.NDArray[np.float64]

LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)

_COLOUR_AXES = 3
_SRGB_KNEE = 0.0031308
_CIE_LIMIT = (6 / 29) ** 3
_CIE_SLOPE = (29 / 3) ** 3


def srgb_to_linear(encoded: npt.ArrayLike) -> Floats:
    """Decode sRGB values, 0 to 1, to linear light, 0 to 1."""
    v = np.asarray(encoded, dtype=np.float64)
    return np.where(
        v <= _SRGB_KNEE * 12.92, v / 12.92, ((np.maximum(v, 0.0) + 0.055) / 1.055) ** 2.4
    )


def linear_to_srgb(linear: npt.ArrayLike) -> Floats:
    """Encode linear light, 0 to 1, as sRGB values, 0 to 1."""
    v = np.asarray(linear, dtype=np.float64)
    return np.where(v <= _SRGB_KNEE, v * 12.92, 1.055 * np.maximum(v, 0.0) ** (1 / 2.4) - 0.055)


@lru_cache(maxsize=2)
def _linear_of_code(codes: int) -> Floats:
    return srgb_to_linear(np.arange(codes) / (codes - 1))


def luminance(pixels: Pixels) -> Image:
    """Relative luminance of sRGB pixels in linear light.

    Args:
        pixels: 8 or 16 bits, (rows, columns) grey or (rows, columns, 3) colour.

    Returns:
        (rows, columns), 0 to 1.

    """
    linear = _linear_of_code(int(np.iinfo(pixels.dtype).max) + 1)
    if pixels.ndim < _COLOUR_AXES:
        return linear.astype(np.float32)[pixels]
    total = np.zeros(pixels.shape[:2], dtype=np.float32)
    for channel, weight in enumerate(LUMINANCE_WEIGHTS):
        total += (linear * weight).astype(np.float32)[pixels[..., channel]]
    # The three weights sum to 1 only up to rounding, and white has to stay white.
    np.minimum(total, np.float32(1.0), out=total)
    return total


def lightness(linear: Image) -> Image:
    """CIE lightness L* / 100 of relative luminance: the scale on which equal steps look equal."""
    root: Image = np.cbrt(linear, dtype=np.float32)
    root *= np.float32(1.16)
    root -= np.float32(0.16)
    dark = linear <= np.float32(_CIE_LIMIT)
    root[dark] = linear[dark] * np.float32(_CIE_SLOPE / 100)
    return root


def lightness_of_density(density: npt.ArrayLike) -> Floats:
    """L*, 0 to 100, of a reflection density."""
    reflectance = reflectance_of_density(density)
    return np.where(
        reflectance > _CIE_LIMIT, 116 * np.cbrt(reflectance) - 16, reflectance * _CIE_SLOPE
    )


def reflectance_of_density(density: npt.ArrayLike) -> Floats:
    """Reflectance, 0 to 1, of a reflection density."""
    return np.power(10.0, -np.asarray(density, dtype=np.float64))


def density_of_reflectance(reflectance: npt.ArrayLike) -> Floats:
    """Reflection density; a reflectance below 1e-5 counts as 1e-5, so that black is finite."""
    return -np.log10(np.maximum(np.asarray(reflectance, dtype=np.float64), 1e-5))
