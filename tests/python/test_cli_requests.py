"""Requests in `ptpd-monitor compare`, and comparisons in which nothing could be judged."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cli_support import VARIABLE, write_history
from ptpd_monitoring import APIPerformanceTracker, History, cli
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 11, 22, 12)
DAY = timedelta(days=1)
DAYS = ["2026-11-21", "2026-11-22"]
STEADY = [0.010 + 0.0001 * (k % 7) for k in range(400)]


def requests(path: Path, *days: Mapping[str, tuple[list[float], int]]) -> Path:
    """Write a history of requests alone: of each route the durations and how many fail."""
    clock = ManualClock(wall=(NOON - DAY).timestamp())
    with History(path, retention_days=36_500, clock=clock) as history:
        tracker = APIPerformanceTracker(history=history, clock=clock)
        for day in days:
            for route, (seconds, failing) in day.items():
                method, endpoint = route.split()
                for place, duration in enumerate(seconds):
                    status = 503 if place < failing else 200
                    tracker.track_request(endpoint, duration, status, method)
            clock.advance(86_400)
        assert history.flush()
    return path


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    slower = [1.5 * value for value in STEADY]
    path = requests(
        tmp_path / "app.db",
        {"GET /a": (STEADY, 1), "GET /b": (STEADY, 0), "POST /a": (STEADY, 0)},
        {"GET /a": (STEADY, 1), "GET /b": (slower, 0), "POST /a": (STEADY, 40)},
    )
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_requests_that_fail_more_often_come_first_and_have_status_one(
    failing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *DAYS]) == 1
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split()[:2] for line in lines if line.startswith(("GET", "POST"))]
    assert rows == [["POST", "/a"], ["GET", "/b"], ["GET", "/a"]]
    first = next(line for line in lines if line.startswith("POST"))
    assert "0 % / 10.00 %" in first
    assert "errors: 1 degraded, 2 unchanged; times: 1 degraded, 2 unchanged" in lines


def test_a_failing_endpoint_alone_has_status_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = requests(tmp_path / "h.db", {"GET /a": (STEADY, 0)}, {"GET /a": (STEADY, 40)})
    named = ["--history", str(path), "--format", "json"]
    assert cli.main(["compare", *DAYS, *named]) == 1
    change = json.loads(capsys.readouterr().out)["api"]["changes"]["GET /a"]
    assert (change["verdict"], change["error_rate"]["verdict"]) == ("unchanged", "degraded")
    # The other way round nothing is worse.
    assert cli.main(["compare", *reversed(DAYS), *named]) == 0


@pytest.mark.parametrize("format_", ["csv", "md", "html"])
def test_every_format_has_the_requests(
    format_: str, failing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *DAYS, "--format", format_]) == 1
    said = capsys.readouterr().out
    if format_ == "csv":
        rows = {row["operation"]: row for row in csv.DictReader(io.StringIO(said))}
        assert rows["POST /a"]["error_rate_verdict"] == "degraded"
    else:
        assert said.index("POST /a") < said.index("GET /b")
        assert "One endpoint fails more often and one endpoint got slower" in said


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_terminal_of_any_width_shows_names_and_both_verdicts(failing: Path, width: int) -> None:
    console = pytest.importorskip("rich.console")
    from ptpd_monitoring.cli import tables
    from ptpd_monitoring.cli.files import reports_of

    days = [(datetime(2026, 11, day), datetime(2026, 11, day, 23, 59)) for day in (21, 22)]
    report = reports_of(failing).compare_performance(*days)
    screen = console.Console(width=width, file=io.StringIO(), record=True)
    screen.print(tables.drawn(report, width))
    lines = screen.export_text().splitlines()
    row = next(line for line in lines if line.startswith("POST /a "))
    heading = next(line for line in lines if line.startswith("endpoint"))
    assert row.count("degraded") == row.count("unchanged") == 1
    assert all(word in heading.split() for word in ("5xx", "errors", "times"))
    assert max(map(len, lines)) <= width


def test_nothing_that_could_be_judged_has_a_status_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = {
        NOON - DAY: {"develop": [1.0] * 5, "print": [1.0] * 2},
        NOON: {"develop": [9.0] * 6, "print": [1.0] * 9},
    }
    path = write_history(tmp_path / "h.db", recorded)
    assert cli.main(["compare", *DAYS, "--history", str(path)]) == 3
    captured = capsys.readouterr()
    assert "not enough data" in captured.out
    assert captured.err == (
        "ptpd-monitor: nothing could be judged: of develop, of which there are most, there are"
        " 5 samples in 2026-11-21 and 6 in 2026-11-22; a verdict takes 10 in each\n"
    )
    # One verdict is enough to tell a status from.
    assert cli.main(["compare", *DAYS, "--history", str(path), "--min-samples", "5"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("format_", ["json", "csv", "md", "html"])
def test_the_report_is_written_although_nothing_could_be_judged(
    format_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = {NOON - DAY: {"develop": [1.0] * 5}, NOON: {"develop": [9.0] * 5}}
    path = write_history(tmp_path / "h.db", recorded)
    output = tmp_path / f"out.{format_}"
    assert cli.main(["compare", *DAYS, "--history", str(path), "--output", str(output)]) == 3
    assert "not enough data" in output.read_text(encoding="utf-8")
    assert "nothing could be judged" in capsys.readouterr().err


def test_samples_that_are_enough_but_not_comparable_are_said_to_be_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ptpd_monitoring import PerformanceMonitor

    clock = ManualClock(wall=(NOON - DAY).timestamp())
    with History(tmp_path / "h.db", retention_days=36_500, clock=clock) as history:
        monitor = PerformanceMonitor(history=history, clock=clock)
        for unit in ("seconds", "MB"):
            monitor.record_many("op", STEADY, unit)
            clock.advance(86_400)
    assert cli.main(["compare", *DAYS, "--history", str(tmp_path / "h.db")]) == 3
    assert "or units differ" in capsys.readouterr().err


def test_requests_of_one_day_alone_are_nothing_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = requests(tmp_path / "h.db", {"GET /a": (STEADY, 0)}, {"GET /b": (STEADY, 0)})
    assert cli.main(["compare", *DAYS, "--history", str(path)]) == 1
    assert capsys.readouterr().err == (
        "ptpd-monitor: there is nothing to compare: no operation and no endpoint is in both"
        " periods\n"
    )


@pytest.mark.thread_unsafe(reason="click's runner puts another standard output in place")
def test_help_names_the_status() -> None:
    from click.testing import CliRunner

    from ptpd_monitoring.cli.app import commands

    for arguments in (["compare", "--help"], ["--help"]):
        assert "3" in CliRunner().invoke(commands, arguments).output.partition("xit status")[2]
