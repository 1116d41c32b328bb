"""The last minutes, drawn as tables that fit a terminal."""

from __future__ import annotations

from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from ptpd_monitoring.cli.quantities import NOTHING, bars, count, number, percent, quantity
from ptpd_monitoring.cli.screen import Column, cell, name, table, units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import RenderableType
    from rich.table import Table

# What a table takes beside its rows: an empty line, the headings and a rule.
_AROUND = 3
_FEWEST = 1
_MOST_BARS = 20
_BETWEEN = "   "
_DIM = "bright_black"

_Row = dict[str, Any]


def drawn(
    recent: dict[str, Any], path: Path, sort: str, *, width: int, height: int | None = None
) -> RenderableType:
    """Everything about the last minutes, on so many lines if there is an end to them."""
    parts: list[RenderableType] = [_title(recent, path, width)]
    parts += _resources(recent["resources"], width)
    if recent["problem"]:
        lines = wrap(cell(recent["problem"]), width)
        parts += [Text(), *(Text(line, style="bold red") for line in lines)]
    operations = sorted(recent["operations"], key=_order(sort, "name"))
    endpoints = sorted(recent["endpoints"], key=_order(sort, "endpoint"))
    if not operations and not endpoints and not recent["problem"]:
        parts += [Text(), Text("Nothing was recorded in these minutes.")]
    live = height is not None
    room = None if height is None else height - len(parts) - live
    shares = _shares(room, len(operations), len(endpoints))
    for rows, share, make in (
        (operations, shares[0], _operations),
        (endpoints, shares[1], _endpoints),
    ):
        if rows and share != 0:
            parts += [Text(), make(rows[:share], width)]
            hidden = len(rows) - len(rows[:share])
            if hidden:
                parts.append(Text(f"and {count(hidden)} more", style=_DIM))
    if live:
        parts.append(_foot(sort, width))
    return Group(*parts)


def _order(sort: str, key: str) -> Callable[[_Row], Any]:
    if sort == "name":
        return lambda row: row[key]
    # The highest first, and those that have none last.
    return lambda row: (-(row[sort] if row[sort] is not None else float("-inf")), row[key])


def _shares(room: int | None, operations: int, endpoints: int) -> Sequence[int | None]:
    """How many rows of each there is room for; the shorter table gets what it needs.

    No endpoint where the window is too low for two tables.
    """
    if room is None:
        return (None, None)
    needed = [operations, endpoints]
    left = room - sum(_AROUND for rows in needed if rows)
    if sum(needed) <= left:
        return needed
    # A line says how many more there are.
    left -= sum(1 for rows in needed if rows)
    if all(needed) and left < 2 * _FEWEST:
        return (_shares(room, operations, 0)[0], 0)
    half = max(left // 2, _FEWEST)
    if min(needed) <= half:
        rest = max(left - min(needed), _FEWEST)
        return [rows if rows == min(needed) else rest for rows in needed]
    return (half, half)


def _title(recent: dict[str, Any], path: Path, width: int) -> Text:
    now = datetime.now()
    start = recent["start"]
    day = "" if start.date() == now.date() else f"{start:%Y-%m-%d} "
    since = f"  {now:%H:%M:%S}, figures since {day}{start:%H:%M}"
    file = cell(str(path))
    if cell_len(file) + len(since) > width:
        file = cell(path.name)
    title = Text.assemble((file, "bold"), since)
    title.truncate(width, overflow="ellipsis")
    return title


def _resources(resources: Sequence[_Row], width: int) -> list[Text]:
    """As many lines as they need, broken between two of them."""
    lines: list[Text] = []
    for one in resources:
        latest = quantity(one["latest"], cell(one["unit"]))
        shown = Text.assemble((f"{_figure(one['figure'])} ", _DIM), latest)
        if lines and lines[-1].cell_len + len(_BETWEEN) + shown.cell_len <= width:
            lines[-1].append(_BETWEEN).append_text(shown)
        else:
            shown.truncate(width, overflow="ellipsis")
            lines.append(shown)
    return lines


def _figure(name: str) -> str:
    return cell(name.removesuffix("_percent").replace("_", " "))


def _operations(rows: Sequence[_Row], width: int) -> Table:
    names = Column("operation", [name(row["name"]) for row in rows])
    of = [row["unit"] for row in rows]
    columns = [
        *units(of, goes=8),
        *_calls(rows),
        *_failed(rows, "failed", "failures"),
        _quantities("mean", rows, of, goes=5),
        *_percentiles(rows, of),
    ]
    return table(names, columns, width)


def _endpoints(rows: Sequence[_Row], width: int) -> Table:
    names = Column("endpoint", [name(f"{row['method']} {row['endpoint']}") for row in rows])
    columns = [
        *_calls(rows),
        _shares_of("errors", rows, "errors"),
        *_percentiles(rows, ["ms"] * len(rows)),
    ]
    return table(names, columns, width)


def _failed(rows: Sequence[_Row], heading: str, key: str) -> list[Column]:
    """The column of what failed, where anything did."""
    return [_shares_of(heading, rows, key)] if any(row.get(key) for row in rows) else []


def _shares_of(heading: str, rows: Sequence[_Row], key: str) -> Column:
    shares = [percent(100 * row[key] / row["count"]) if row["count"] else NOTHING for row in rows]
    cells = [
        Text(said, style="red" if row[key] else "") for said, row in zip(shares, rows, strict=True)
    ]
    return Column(heading, cells)


def _calls(rows: Sequence[_Row]) -> list[Column]:
    return [
        Column("a second", [number(row["rate"]) for row in rows], goes=7),
        Column("count", [count(row["count"]) for row in rows], goes=3),
    ]


def _percentiles(rows: Sequence[_Row], of: Sequence[str]) -> list[Column]:
    is_each = all(len(row["by_minute"]) <= _MOST_BARS for row in rows)
    by_minute = [Text(bars(row["by_minute"], _MOST_BARS), style="cyan") for row in rows]
    return [
        _quantities("p50", rows, of, goes=6),
        _quantities("p95", rows, of),
        _quantities("p99", rows, of, goes=4),
        _quantities("max", rows, of, goes=2),
        Column("by minute" if is_each else "over time", by_minute, goes=1, left=True),
    ]


def _quantities(figure: str, rows: Sequence[_Row], of: Sequence[str], goes: int = 0) -> Column:
    cells = [quantity(row[figure], cell(unit)) for row, unit in zip(rows, of, strict=True)]
    return Column(figure, cells, goes)


def _foot(sort: str, width: int) -> Text:
    keys = [("q", "quit"), ("r", "rate"), ("p", "p95"), ("c", "count"), ("n", "name")]
    shown = (
        Text.assemble((key, "bold"), " ", (word, "reverse" if word == sort else _DIM))
        for key, word in keys
    )
    foot = Text("  ").join(shown)
    foot.truncate(width, overflow="ellipsis")
    return foot
