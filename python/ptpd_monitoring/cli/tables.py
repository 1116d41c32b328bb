"""Reports, drawn as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from ptpd_monitoring._native import few_samples, report_order, time_text
from ptpd_monitoring.cli.changes import changes
from ptpd_monitoring.cli.profiles import memory, rows
from ptpd_monitoring.cli.quantities import NOTHING, count, percent, quantity, share
from ptpd_monitoring.cli.screen import Column, cell, name, short, table, units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from ptpd_monitoring.cli.written import Times

_EXACT = "exact"
# How many letters of an error fit beside the rest.
_TEXT = 40
_DIM = "bright_black"
# How many letters there are for the samples of an operation.
_SAMPLES = 40
_UNITS = {"percent": "percent", "mb": "MB", "gb": "GB"}
_VERDICTS = {"degraded": "bold red", "improved": "green", "not enough data": "bright_black"}


def drawn(report: dict[str, Any], width: int, times: Times = "local") -> RenderableType:
    """Everything that a report says, for a terminal so many columns wide."""
    order = report_order(report)
    if "changes" in report:
        return _comparison(report, order, width)
    parts: list[RenderableType] = [
        _title(report, times),
        *_versions(report, times),
        *changes(report, width),
    ]
    operations = _ordered(report["operations"], order["operations"])
    if operations:
        of_period = "period" in report
        few = few_samples(report)
        parts += [Text(), (_operations if of_period else _session)(operations, few, width)]
    else:
        parts += [Text(), Text("No operation was recorded.")]
    api = report.get("api", {})
    if api.get("endpoints"):
        failed = report.get("request_errors", {})
        endpoints = _ordered(api["endpoints"], order["endpoints"])
        failures = failed.get("endpoints", {})
        parts += [Text(), _requests(api), Text(), _endpoints(endpoints, failures, width)]
        if "methods" in api:
            failures = failed.get("methods", {})
            parts += [Text(), _endpoints(api["methods"], failures, width)]
        if failed.get("errors"):
            parts += [Text(), _errors(failed["errors"], times, width)]
    parts += _resources(report, width)
    accuracy = _accuracy(operations.items())
    notes = [accuracy] if accuracy and "period" in report else []
    notes += _uncounted([*operations.items(), ("requests", api)], times)
    if notes:
        parts += [Text(), *notes]
    return Group(*parts)


def _ordered(entries: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What matters first, as in HTML."""
    return {name: entries[name] for name in names}


def _title(report: dict[str, Any], times: Times) -> Text:
    if "session_id" in report:
        return Text(f"Session {cell(report['session_id'])}", style="bold")
    period = report["period"]
    start, end = (_moment(period[bound], times) for bound in ("start", "end"))
    bounds = f"{start} to {end} ({period['timezone']})"
    day = f"{report['date']}  " if "date" in report else ""
    return Text.assemble((day, "bold"), bounds)


def _moment(text: str, times: Times) -> str:
    # A report tells its own as exactly as they have to be.
    shown = text if times == "local" else time_text(text, times)
    return shown.replace("T", " ")


def _resources(report: dict[str, Any], width: int) -> list[RenderableType]:
    """How resources went by the history, and what they are now."""
    readings = report.get("resource_readings", {})
    parts: list[RenderableType] = []
    if readings:
        entries = list(readings.values())
        columns = [
            Column("readings", [count(entry["count"]) for entry in entries], goes=4),
            _quantities("mean", entries),
            _quantities("p50", entries, goes=5),
            _quantities("p95", entries),
            _quantities("p99", entries, goes=2),
            _quantities("max", entries, goes=1),
        ]
        parts += [Text(), table(_names("resource", map(_resource, readings)), columns, width)]
    now = report.get("resources", {})
    shown = [
        f"{_resource(figure)} {quantity(value, _unit_of(figure))}"
        for figure, value in now.items()
        if isinstance(value, (int, float))
    ]
    if shown:
        parts += [Text(), Text(f"Now: {', '.join(shown)}")]
    parts += [
        Text(f"{alert['severity']}: {cell(alert['message'])}", style="bold red")
        for alert in report.get("resource_alerts", [])
    ]
    return parts


def _resource(figure: str) -> str:
    for unit in _UNITS:
        figure = figure.removesuffix(f"_{unit}")
    return figure.replace("_", " ")


def _unit_of(figure: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if figure.endswith(f"_{ending}")), "")


def _versions(report: dict[str, Any], times: Times) -> list[Text]:
    """Which releases wrote, and since when those that began in the period."""
    start = report["period"]["start"] if "period" in report else ""
    said = [
        cell(one["version"])
        if one["first"] < start
        else f"{cell(one['version'])} from {_moment(one['first'], times)}"
        for one in report.get("versions", [])
    ]
    return [Text(f"Versions: {', '.join(said)}")] if said else []


def _operations(operations: dict[str, dict[str, Any]], few: dict[str, str], width: int) -> Table:
    found = rows(operations)
    entries = [row.entry for row in found]
    columns = [
        *units([entry["unit"] for entry in entries], goes=7),
        Column("count", [count(entry["count"]) for entry in entries], goes=5),
        *_failed_runs(entries),
        _quantities("mean", entries, goes=4),
        _quantities("p50", entries, goes=6),
        _quantities("p95", entries),
        _quantities("p99", entries, goes=3),
        _quantities("max", entries, goes=2),
        *_few([row.key for row in found], few),
        *memory(found),
    ]
    return table(_names("operation", [row.name for row in found]), columns, width)


def _session(operations: dict[str, dict[str, Any]], few: dict[str, str], width: int) -> Table:
    entries = list(operations.values())
    columns = [
        *units([entry["unit"] for entry in entries], goes=4),
        Column("count", [count(entry["count"]) for entry in entries], goes=2),
        _quantities("total", entries),
        _quantities("mean", entries, goes=3),
        *_few(operations, few),
    ]
    return table(_names("operation", operations), columns, width)


def _failed_runs(entries: Sequence[dict[str, Any]]) -> list[Column]:
    """The share of runs that failed, where any did."""
    if not any(entry.get("failures") for entry in entries):
        return []
    shown = [
        Text(share(entry["failure_rate"]), style="red" if entry["failures"] else "")
        if "failures" in entry
        else NOTHING
        for entry in entries
    ]
    return [Column("failed", shown)]


def _few(operations: Iterable[str], few: dict[str, str]) -> list[Column]:
    """Each of the samples, where there are few of any operation."""
    if not few:
        return []
    shown = [short(few.get(one, ""), _SAMPLES) for one in operations]
    return [Column("samples", shown, goes=1, left=True)]


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
        return Text(f"Percentiles: {'; '.join(said)}", style=_DIM)
    return Text(f"Percentiles: {next(iter(names))}", style=_DIM) if names else None


def _count_key(entry: dict[str, Any]) -> str:
    return "count" if "count" in entry else "total_requests"


def _uncounted(entries: Iterable[tuple[str, dict[str, Any]]], times: Times) -> list[Text]:
    """Of how many samples figures are, and since when, where some have fallen off."""
    return [
        Text(
            f"{cell(name)}: the last {count(entry[_count_key(entry)])}"
            f" of {count(entry['recorded'])}, since {_moment(entry['counted_from'], times)}",
            style=_DIM,
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


def _endpoints(
    endpoints: dict[str, dict[str, Any]], failures: dict[str, dict[str, int]], width: int
) -> Table:
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
        *_failed(endpoints, failures),
        milliseconds("mean", 3),
        milliseconds("median", 5),
        milliseconds("p95"),
        milliseconds("p99", 2),
        milliseconds("max", 1),
    ]
    return table(_names("endpoint", endpoints), columns, width)


def _failed(endpoints: Iterable[str], failures: dict[str, dict[str, int]]) -> list[Column]:
    if not failures:
        return []
    kinds = {"4xx": ("client_errors", 6), "5xx": ("server_errors", 7)}
    return [
        Column(heading, [count(failures[one][key]) for one in endpoints], goes)
        for heading, (key, goes) in kinds.items()
    ]


def _errors(errors: Sequence[dict[str, Any]], times: Times, width: int) -> Table:
    routes = (f"{one['method']} {one['endpoint']}" for one in errors)
    moments = {end: [_moment(one[end], times) for one in errors] for end in ("first", "last")}
    texts = [short(one["error"] or NOTHING, _TEXT) for one in errors]
    columns = [
        Column("status", [str(one["status"]) for one in errors]),
        Column("times", [count(one["count"]) for one in errors], goes=4),
        Column("error", texts, goes=3, left=True),
        Column("first", moments["first"], goes=1, left=True),
        Column("last", moments["last"], goes=2, left=True),
    ]
    return table(_names("failed", routes), columns, width)


def _comparison(report: dict[str, Any], order: dict[str, list[str]], width: int) -> RenderableType:
    api, confidence = report.get("api", {}), report["thresholds"]["confidence"]
    parts: list[RenderableType] = []
    if any(api.values()):
        parts = [*_compared("endpoint", api, order["requests"], confidence, width), Text()]
    if not parts or report["period1"] or report["period2"]:
        parts += _compared("operation", report, order["changes"], confidence, width)
    return Group(*parts)


def _compared(
    what: str, report: dict[str, Any], order: Iterable[str], confidence: float, width: int
) -> list[RenderableType]:
    before, after = report["period1"], report["period2"]
    changes = _ordered(report["changes"], order)
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
