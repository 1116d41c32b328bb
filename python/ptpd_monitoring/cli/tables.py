"""Reports, drawn as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from ptpd_monitoring.cli.changes import changes
from ptpd_monitoring.cli.profiles import memory, rows
from ptpd_monitoring.cli.quantities import NOTHING, count, percent, quantity, share
from ptpd_monitoring.cli.screen import Column, cell, name, table, units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

_EXACT = "exact"
_VERDICTS = {"degraded": "bold red", "improved": "green", "not enough data": "bright_black"}


def drawn(report: dict[str, Any], width: int) -> RenderableType:
    """Everything that a report says, for a terminal so many columns wide."""
    if "changes" in report:
        return _comparison(report, width)
    parts: list[RenderableType] = [_title(report), *_versions(report), *changes(report, width)]
    operations = report["operations"]
    if operations:
        of_period = "period" in report
        parts += [Text(), (_operations if of_period else _session)(operations, width)]
    else:
        parts += [Text(), Text("No operation was recorded.")]
    api = report.get("api", {})
    if api.get("endpoints"):
        parts += [Text(), _requests(api), Text(), _endpoints(api["endpoints"], width)]
    accuracy = _accuracy(operations.items())
    notes = [accuracy] if accuracy and "period" in report else []
    notes += _uncounted([*operations.items(), ("requests", api)])
    if notes:
        parts += [Text(), *notes]
    return Group(*parts)


def _title(report: dict[str, Any]) -> Text:
    if "session_id" in report:
        return Text(f"Session {cell(report['session_id'])}", style="bold")
    period = report["period"]
    start, end = (period[bound].replace("T", " ") for bound in ("start", "end"))
    bounds = f"{start} to {end} ({period['timezone']})"
    day = f"{report['date']}  " if "date" in report else ""
    return Text.assemble((day, "bold"), bounds)


def _versions(report: dict[str, Any]) -> list[Text]:
    """Which releases wrote, and since when those that began in the period."""
    start = report["period"]["start"] if "period" in report else ""
    said = [
        cell(one["version"])
        if one["first"] < start
        else f"{cell(one['version'])} from {one['first'].replace('T', ' ')}"
        for one in report.get("versions", [])
    ]
    return [Text(f"Versions: {', '.join(said)}")] if said else []


def _operations(operations: dict[str, dict[str, Any]], width: int) -> Table:
    found = rows(operations)
    entries = [row.entry for row in found]
    columns = [
        *units([entry["unit"] for entry in entries], goes=6),
        Column("count", [count(entry["count"]) for entry in entries], goes=4),
        _quantities("mean", entries, goes=3),
        _quantities("p50", entries, goes=5),
        _quantities("p95", entries),
        _quantities("p99", entries, goes=2),
        _quantities("max", entries, goes=1),
        *memory(found),
    ]
    return table(_names("operation", [row.name for row in found]), columns, width)


def _session(operations: dict[str, dict[str, Any]], width: int) -> Table:
    entries = list(operations.values())
    columns = [
        *units([entry["unit"] for entry in entries], goes=3),
        Column("count", [count(entry["count"]) for entry in entries], goes=1),
        _quantities("total", entries),
        _quantities("mean", entries, goes=2),
    ]
    return table(_names("operation", operations), columns, width)


def _names(heading: str, of: Iterable[str]) -> Column:
    return Column(heading, [name(one) for one in of])


def _quantities(
    figure: str, entries: Sequence[dict[str, Any]], goes: int = 0, heading: str | None = None
) -> Column:
    cells = [quantity(entry[figure], cell(entry["unit"])) for entry in entries]
    return Column(heading or figure, cells, goes)


def _accuracy(entries: Iterable[tuple[str, dict[str, Any]]]) -> Text | None:
    """How exact percentiles are, and of what, unless all are of one accuracy."""
    names: dict[str, list[str]] = {}
    for operation, entry in entries:
        if "accuracy" in entry and operation not in names.setdefault(entry["accuracy"], []):
            names[entry["accuracy"]].append(cell(operation))
    if len(names) > 1:
        said = [f"{accuracy} of {', '.join(of)}" for accuracy, of in names.items()]
        return Text(f"Percentiles: {'; '.join(said)}", style="bright_black")
    return Text(f"Percentiles: {next(iter(names))}", style="bright_black") if names else None


def _count_key(entry: dict[str, Any]) -> str:
    return "count" if "count" in entry else "total_requests"


def _uncounted(entries: Iterable[tuple[str, dict[str, Any]]]) -> list[Text]:
    """Of how many samples figures are, and since when, where some have fallen off."""
    return [
        Text(
            f"{cell(name)}: the last {count(entry[_count_key(entry)])}"
            f" of {count(entry['recorded'])}, since {entry['counted_from'].replace('T', ' ')}",
            style="bright_black",
        )
        for name, entry in entries
        if "recorded" in entry
    ]


def _requests(api: dict[str, Any]) -> Text:
    said = [
        f"{count(api['total_requests'])} requests",
        f"{count(api['total_errors'])} errors",
        f"median {quantity(api['overall_median_ms'], 'ms')}",
        f"p95 {quantity(api['overall_p95_ms'], 'ms')}",
    ]
    return Text(", ".join(said))


def _endpoints(endpoints: dict[str, dict[str, Any]], width: int) -> Table:
    entries = list(endpoints.values())

    def milliseconds(figure: str, goes: int = 0) -> Column:
        return Column(figure, [quantity(one[f"{figure}_ms"], "ms") for one in entries], goes)

    failed = [
        Text(percent(100 * one["error_rate"]), style="red" if one["error_count"] else "")
        for one in entries
    ]
    columns = [
        Column("requests", [count(one["count"]) for one in entries], goes=4),
        Column("errors", failed),
        milliseconds("mean", 3),
        milliseconds("median", 5),
        milliseconds("p95"),
        milliseconds("p99", 2),
        milliseconds("max", 1),
    ]
    return table(_names("endpoint", endpoints), columns, width)


def _comparison(report: dict[str, Any], width: int) -> RenderableType:
    api, confidence = report.get("api", {}), report["thresholds"]["confidence"]
    parts: list[RenderableType] = []
    if any(api.values()):
        parts = [*_compared("endpoint", api, confidence, width), Text()]
    if not parts or report["period1"] or report["period2"]:
        parts += _compared("operation", report, confidence, width)
    return Group(*parts)


def _compared(
    what: str, report: dict[str, Any], confidence: float, width: int
) -> list[RenderableType]:
    before, after = report["period1"], report["period2"]
    # What fails more often comes first, and what got slower next.
    changes = dict(sorted(report["changes"].items(), key=_importance))
    parts: list[RenderableType] = []
    if changes:
        columns = _columns(before, after, changes, confidence)
        parts = [table(_names(what, changes), columns, width), Text(), _summary(changes)]
    accuracy = _accuracy((one, period[one]) for period in (before, after) for one in changes)
    if accuracy and not accuracy.plain.endswith(f": {_EXACT}"):
        parts.append(accuracy)
    for which, period, other in (("first", before, after), ("second", after, before)):
        alone = [cell(one) for one in period if one not in other]
        if alone:
            parts.append(Text(f"In the {which} period only: {', '.join(alone)}"))
    return parts


def _importance(change: tuple[str, dict[str, Any]]) -> tuple[bool, bool, bool]:
    figures = change[1]
    if "error_rate" not in figures:
        # Operations stay in their order.
        return (False, False, False)
    failing, verdict = figures["error_rate"]["verdict"], figures["verdict"]
    return (failing != "degraded", verdict != "degraded", "improved" not in {failing, verdict})


def _columns(
    before: dict[str, Any], after: dict[str, Any], changes: dict[str, Any], confidence: float
) -> list[Column]:
    firsts, seconds = ([period[one] for one in changes] for period in (before, after))
    every = list(changes.values())
    samples = [
        f"{count(first['count'])} / {count(second['count'])}"
        for first, second in zip(firsts, seconds, strict=True)
    ]
    of_requests = all("error_rate" in one for one in every)
    verdicts = [_styled(one["verdict"], one["verdict"]) for one in every]
    reasons = [one.get("reason") or "" for one in every]
    return [
        *units([entry["unit"] for entry in firsts], goes=5),
        Column("requests" if of_requests else "samples", samples, goes=3),
        *(_failures(every) if of_requests else []),
        _quantities("median", firsts, goes=4),
        _quantities("median", seconds, goes=4, heading="then"),
        _quantities("p95", firsts, goes=1),
        _quantities("p95", seconds, goes=1, heading="then"),
        _quantities("p99", firsts, goes=2),
        _quantities("p99", seconds, goes=2, heading="then"),
        Column(
            "mean change",
            [percent(one["percentage"], signed=True) for one in every],
            goes=5 if of_requests else 0,
        ),
        Column(
            f"{100 * confidence:.4g} % interval",
            [_interval(one["confidence_interval"]) for one in every],
            goes=2,
        ),
        *([Column("by", reasons, goes=6, left=True)] if any(reasons) else []),
        Column("times" if of_requests else "verdict", verdicts, left=True),
    ]


def _failures(changes: Sequence[dict[str, Any]]) -> list[Column]:
    def shares(key: str) -> list[str]:
        return [f"{share(one[key]['period1'])} / {share(one[key]['period2'])}" for one in changes]

    verdicts = [one["error_rate"]["verdict"] for one in changes]
    return [
        Column("5xx", shares("error_rate")),
        Column("errors", [_styled(one, one) for one in verdicts], left=True),
        Column("4xx", shares("client_error_rate"), goes=1),
    ]


def _styled(text: str, verdict: str) -> Text:
    return Text(text, style=_VERDICTS.get(verdict, ""))


def _interval(bounds: dict[str, float | None]) -> str:
    ends = [percent(bounds[f"{end}_percentage"], signed=True) for end in ("low", "high")]
    return NOTHING if NOTHING in ends else " … ".join(ends)


def _summary(changes: dict[str, dict[str, Any]]) -> Text:
    times = _counted([change["verdict"] for change in changes.values()])
    errors = [
        change["error_rate"]["verdict"] for change in changes.values() if "error_rate" in change
    ]
    if not errors:
        return times
    return Text.assemble("errors: ", _counted(errors), "; times: ", times)


def _counted(verdicts: Sequence[str]) -> Text:
    return Text(", ").join(
        _styled(f"{verdicts.count(verdict)} {verdict}", verdict)
        for verdict in ("degraded", "improved", "unchanged", "not enough data")
        if verdict in verdicts
    )
