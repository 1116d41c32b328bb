"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = "-"

_THOUSAND = 1000.0
_TIMES = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"))
_SECONDS = {"s": 1.0, "seconds": 1.0, "ms": 1e-3, "milliseconds": 1e-3}
_BYTES = ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"))
_SHOWN_AS = {"percent": "%"}
_LONGEST = 3
# From where on the next larger unit of time reads better.
_LONG = {"s": 90.0, "min": 90.0}
_BARS = "▁▂▃▄▅▆▇█"


def stands_apart(unit: str) -> bool:
    """Whether a unit is too long to stand beside each figure."""
    scaled = unit in _SECONDS or unit == "bytes"
    return not scaled and len(_SHOWN_AS.get(unit, unit)) > _LONGEST


def seconds(value: float, unit: str) -> float | None:
    """A time in seconds; None where the unit is none of time, or the value no number."""
    factor = _SECONDS.get(unit)
    return value * factor if factor is not None and math.isfinite(value) else None


def quantity(value: float | None, unit: str) -> str:
    """A value in a unit that suits it, to three figures; without one that stands apart."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    if unit in _SECONDS:
        return _scaled(value * _SECONDS[unit], _TIMES)
    if unit == "bytes":
        return _scaled(value, _BYTES)
    if stands_apart(unit):
        return number(value)
    return f"{number(value)} {_SHOWN_AS.get(unit, unit)}".rstrip()


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


def bars(counts: Sequence[int]) -> str:
    """A bar for each number, of a height relative to the highest."""
    most = max(counts, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[math.ceil(steps * one / most)] if one else " " for one in counts)


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def _scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    if value == 0:
        # Of no particular size.
        return f"0 {next(name for size, name in units if size == 1)}"
    for size, name in units[:-1]:
        if abs(_three(value / size)) < _LONG.get(name, _THOUSAND):
            return f"{number(value / size)} {name}"
    size, name = units[-1]
    return f"{number(value / size)} {name}"
