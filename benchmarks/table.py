"""Results as text to read and as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

HEADINGS = ("work", "ours", "compared with", "its figure", "ratio", "quartiles", "target", "met")
SHORT_HEADINGS = HEADINGS[:5]

# What a user's program does most often, each beside the package that it would use otherwise.
HEADLINES = (
    ('with monitor.timer("op")', "prometheus_client, labelled"),
    ("with tracker.track(endpoint)", "prometheus_client observe, two labels"),
    ("cache get, a hit", "cachetools TTLCache, locked"),
)


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
    return full[: len(SHORT_HEADINGS)] if short else full


def headlines(rows: Sequence[Row]) -> list[Row]:
    """The rows that the README shows, in its order."""
    by_name = {(row["work"], row["peer"]): row for row in rows}
    if missing := [name for name in HEADLINES if name not in by_name]:
        raise ValueError(f"no result for {' and '.join(map(' beside '.join, missing))}")
    return [by_name[name] for name in HEADLINES]


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
    """All rows, or in short the headlines."""
    headings = SHORT_HEADINGS if short else HEADINGS
    chosen = headlines(rows) if short else rows
    lines = [list(headings), ["---"] * len(headings), *(cells(row, short=short) for row in chosen)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
