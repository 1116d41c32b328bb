"""Numbers as people read them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from ptpd_monitoring._native import quantity_text

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = "-"

_THOUSAND = 1000.0
_LONGEST = 3
_BARS = "▁▂▃▄▅▆▇█"


def stands_apart(unit: str) -> bool:
    """Whether a unit is too long to stand beside each figure."""
    return len(unit) > _LONGEST and quantity_text(1, unit) is None


def quantity(value: float | None, unit: str) -> str:
    """A value in a unit that suits it, to three figures; without one that stands apart."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    # Times, data and percent are shown alike wherever they are.
    text = quantity_text(value, unit)
    if text is not None:
        return text
    return number(value) if stands_apart(unit) else f"{number(value)} {unit}".rstrip()


def number(value: float | None) -> str:
    """Three figures; all of them before the point."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    rounded = _three(value) or 0.0  # whatever its sign
    size = abs(rounded)
    if size >= _THOUSAND:
        return f"{value:,.0f}" if size < _THOUSAND**4 else f"{value:.3g}"
    if size < 1e-4:  # noqa: PLR2004
        return f"{rounded:.3g}"
    decimals = 2 - math.floor(math.log10(size))
    return f"{rounded:.{max(decimals, 0)}f}" if size >= 1 else f"{rounded:.3g}"


def count(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


def percent(value: float | None, *, signed: bool = False) -> str:
    """A number of percent."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return f"{value:+}" if signed else str(value)
    # What is shown as nothing has no sign.
    rounded = round(value, 1) or 0.0
    return f"{rounded:+.1f} %" if signed and rounded else f"{rounded:.1f} %"


def share(value: float) -> str:
    """A share from 0 to 1 as a number of percent, of which a small one matters."""
    if 0 < value < 0.00005:  # noqa: PLR2004
        return "< 0.01 %"
    return f"{100 * value:.2f} %" if value else "0 %"


def bars(counts: Sequence[int], most: int) -> str:
    """A bar for each number, of a height relative to the highest.

    Of more numbers than ``most``, each bar is the mean of so many that they fit.
    """
    ends = [len(counts) * bar // most for bar in range(most + 1)]
    heights: Sequence[float] = counts
    if len(counts) > most:
        heights = [sum(counts[a:b]) / (b - a) for a, b in pairwise(ends)]
    highest = max(heights, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[math.ceil(steps * one / highest)] if one else " " for one in heights)


def _three(value: float) -> float:
    return float(f"{value:.3g}")
