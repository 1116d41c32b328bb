"""Tables at each width of a terminal: names and units are never what goes first."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from cli_support import VARIABLE, run
from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport, cli
from ptpd_monitoring.cli import tables, top_tables
from ptpd_monitoring.cli.quantities import number, percent, quantity
from ptpd_monitoring.testing import ManualClock

WIDTHS = [60, 80, 100, 140]
UNIT = "megabytes/second"
LONG = "resize_and_sharpen_the_negative_for_platinum_printing"
NOON = datetime(2026, 11, 22, 12)
OPERATIONS = {"decode_tiles": UNIT, "negative_size": "bytes", "resize": "seconds", LONG: "ms"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    record(path, ManualClock(wall=NOON.timestamp()))
    return path


def record(path: Path, clock: ManualClock | None = None) -> None:
    with History(path, retention_days=36_500, clock=clock) as history:
        monitor = PerformanceMonitor(history=history, clock=clock)
        with monitor.session("job"):
            for name, unit in OPERATIONS.items():
                monitor.record_many(name, [2e6 + 12_345 * k for k in range(20)], unit)
        assert history.flush()


def lines(shown: RenderableType, width: int) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    screen.print(shown)
    said = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, said)) <= width
    return said


def row(said: list[str], name: str) -> str:
    return next(line for line in said if line.startswith(name))


def reports(path: Path) -> PerformanceReport:
    return PerformanceReport(PerformanceMonitor(history=History(path, record=False)))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_unit_takes_no_name_away_from_a_report(path: Path, width: int) -> None:
    found = reports(path).generate_daily_report(NOON)
    said = lines(tables.drawn(found, width), width)
    assert UNIT in row(said, "decode_tiles ")
    assert "resize " in row(said, "resize ")
    assert row(said, LONG[:20])
    assert row(said, "negative_size ").count("MB") >= 1
    assert "p95" in row(said, "operation")
    # Once, not with each figure.
    assert row(said, "decode_tiles ").count(UNIT) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_unit_takes_no_name_away_from_a_session(path: Path, width: int) -> None:
    said = lines(tables.drawn(reports(path).generate_session_report("job"), width), width)
    assert UNIT in row(said, "decode_tiles ")
    assert "total" in row(said, "operation")
    assert row(said, LONG[:20])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_unit_takes_no_name_away_from_a_comparison(path: Path, width: int) -> None:
    period = (NOON, NOON)
    found = reports(path).compare_performance(period, period)
    said = lines(tables.drawn(found, width), width)
    for name in ("decode_tiles ", "resize ", LONG[:20]):
        assert row(said, name).rstrip().endswith("unchanged")
    assert "mean change" in row(said, "operation")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("height", [None, 40])
def test_a_long_unit_takes_no_name_away_from_top(width: int, height: int | None) -> None:
    figures = dict.fromkeys(("rate", "mean", "p50", "p95", "p99", "max"), 2345678.9)
    rows = [
        {"name": name, "unit": unit, "count": 123_456, "by_minute": [1] * 6, **figures}
        for name, unit in OPERATIONS.items()
    ]
    recent: dict[str, Any] = {
        "start": NOON, "operations": rows, "endpoints": [], "resources": [], "problem": None,
    }  # fmt: skip
    shown = top_tables.drawn(recent, Path("app.db"), "rate", width=width, height=height)
    said = lines(shown, width)
    assert UNIT in row(said, "decode_tiles ")
    assert row(said, LONG[:20])
    assert "p95" in row(said, "operation")


def test_wider_terminals_show_more_figures_and_never_fewer(path: Path) -> None:
    found = reports(path).generate_daily_report(NOON)
    before: set[str] = set()
    for width in range(40, 200):
        headings = set(row(lines(tables.drawn(found, width), width), "operation").split())
        assert before <= headings
        before = headings
    assert before == {"operation", "unit", "count", "mean", "p50", "p95", "p99", "max"}


@pytest.mark.parametrize("command", ["report", "top"])
def test_a_pipe_cuts_nothing_off(command: str, tmp_path: Path) -> None:
    name = "of/a/long/path/" * 20
    with History(tmp_path / "new.db") as history:
        monitor = PerformanceMonitor(history=history)
        monitor.record_many(name, [1.0] * 3, "megapixels/second/watt")
        assert history.flush()
    said = run(command, COLUMNS="60", **{VARIABLE: str(tmp_path / "new.db")}).stdout
    assert len([line for line in said.splitlines() if name in line]) == 1
    heading = row(said.splitlines(), "operation")
    assert all(figure in heading for figure in ("count", "mean", "p50", "p95", "p99", "max"))


def test_what_comes_from_buckets_is_said_below_a_comparison(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", "2026-11-22", "2026-11-22", "--history", str(path)]) == 0
    assert "\nPercentiles: histogram, 1.1 %\n" in capsys.readouterr().out


def test_a_comparison_says_which_operations_are_exact_if_not_all_are() -> None:
    def entry(accuracy: str) -> dict[str, Any]:
        return {
            "count": 20, "mean": 1.0, "median": 1.0, "p95": 1.0, "p99": 1.0,
                "unit": "seconds",
            "source": "memory", "accuracy": accuracy,
        }  # fmt: skip

    change = {
        "percentage": 0.0,
        "confidence_interval": {"low_percentage": -1.0, "high_percentage": 1.0},
        "verdict": "unchanged",
        "reason": None,
    }
    report = {
        "period1": {"old": entry("histogram, 1.1 %"), "new": entry("exact")},
        "period2": {"old": entry("exact"), "new": entry("exact")},
        "changes": {"old": change, "new": change},
        "thresholds": {"confidence": 0.95},
    }
    said = lines(tables.drawn(report, 100), 100)
    assert "Percentiles: histogram, 1.1 % of old; exact of new, old" in said
    report["period1"] = report["period2"]
    assert not any(line.startswith("Percentiles") for line in lines(tables.drawn(report, 100), 100))


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (number(-0.0), "0"),
        (number(0.0), "0"),
        (number(-1e-5), "-1e-05"),
        (percent(0.0, signed=True), "0.0 %"),
        (percent(-0.0, signed=True), "0.0 %"),
        (percent(-0.04, signed=True), "0.0 %"),
        (percent(0.04, signed=True), "0.0 %"),
        (percent(-0.04), "0.0 %"),
        (percent(-0.06, signed=True), "-0.1 %"),
        (percent(0.06, signed=True), "+0.1 %"),
        (quantity(-0.0, "seconds"), "0 s"),
        (quantity(-0.0, "L*"), "0 L*"),
        (quantity(12.5, "percent"), "12.5 %"),
        (quantity(12.5, "pixels/second"), "12.5"),
    ],
)
def test_nothing_has_no_sign_and_long_units_stand_elsewhere(shown: str, said: str) -> None:
    assert shown == said


@given(st.floats(-1e300, 1e300))
def test_what_is_shown_is_within_three_figures_of_the_number(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=5.1e-3)
