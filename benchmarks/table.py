"""Results as text to read and as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

HEADINGS = ("work", "ours", "peer", "its figure", "ratio", "quartiles", "target", "met")
SHORT_HEADINGS = ("work", "ours", "beside", "its figure", "ratio", "target", "met")


def time_text(nanoseconds: float) -> str:
    """Nanoseconds with a unit that leaves a few digits."""
    for unit, size in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6)):
        if nanoseconds < 1000 * size or unit == "ms":
            return f"{_number(nanoseconds / size)} {unit}"
    raise AssertionError("the last unit takes any number")


def _number(value: float) -> str:
    """Three digits that count."""
    hundred, ten = 100, 10
    if abs(value) >= hundred:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= ten else f"{value:.2f}"


def _figure(row: Row, value: float) -> str:
    if row["unit"] and not value:
        return "none"
    return f"{_number(value)} {row['unit']}" if row["unit"] else time_text(value)


def _ratio(row: Row, value: float) -> str:
    if row["unit"]:
        return f"{_number(value)} {row['unit']}"
    # A ratio far below one is easier to hold against a target written as a fraction.
    few = 0.15
    return f"1/{1 / value:.1f}" if 0 < value < few else f"{value:.2f}"


def _met(row: Row) -> str:
    if not row["met"]:
        return "no"
    return "yes, stretch" if row["stretch_met"] else "yes"


def cells(row: Row, *, short: bool) -> list[str]:
    """A row of the table."""
    spread = " to ".join(_ratio(row, value) for value in row["spread"])
    full = [
        row["work"],
        _figure(row, row["ours"]),
        row["peer"],
        _figure(row, row["peer_figure"]),
        _ratio(row, row["figure"]),
        spread,
        row["target"],
        _met(row),
    ]
    return [cell for heading, cell in zip(HEADINGS, full, strict=True) if _wanted(heading, short)]


def _wanted(heading: str, short: bool) -> bool:  # noqa: FBT001 - private
    return not (short and heading == "quartiles")


def heading_lines(environment: Mapping[str, Any]) -> list[str]:
    """What was measured on and with."""
    versions = environment["versions"].items()
    threads = "one thread at a time" if environment["global_lock"] else "free-threaded"
    return [
        f"{environment['interpreter']} ({environment['compiler']}), {threads}",
        f"{environment['cpu']}, {environment['cpus']} CPUs, {environment['os']}",
        ", ".join(f"{name} {version}" for name, version in versions),
    ]


def as_text(rows: Sequence[Row]) -> str:
    """All rows, in columns."""
    lines = [list(HEADINGS), *(cells(row, short=False) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(rows: Sequence[Row], *, short: bool = False) -> str:
    """All rows, or in short the headlines and whatever missed its target."""
    headings = SHORT_HEADINGS if short else HEADINGS
    chosen = [row for row in rows if not short or row["headline"] or not row["met"]]
    lines = [list(headings), ["---"] * len(headings), *(cells(row, short=short) for row in chosen)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
