"""What the command line shows and writes: times, sizes, encodings, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
    cli,
)
from ptpd_monitoring.cli import tables, top_tables
from ptpd_monitoring.cli.quantities import bars, quantity
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 7, 22, 10, tzinfo=timezone.utc)
MEGABYTES = 2_000_000


@pytest.fixture
def path(tmp_path: Path, set_zone: Callable[[str], None]) -> Path:
    """A history of a summer's noon in Berlin."""
    set_zone("Europe/Berlin")
    found = tmp_path / "app.db"
    clock = ManualClock(NOON.timestamp())
    with History(found, retention_days=36_500, clock=clock) as history:
        monitor = PerformanceMonitor(history=history, clock=clock)
        tracker = APIPerformanceTracker(history=history, clock=clock)
        monitor.record_many("rare", [1.0] * 12, "ms")
        monitor.record_many("größe", [float(MEGABYTES)] * 12, "bytes")
        monitor.record_many("slow", [9.0] * 12, "seconds")
        tracker.track_request("/rare", 0.1, 200)
        for _ in range(5):
            tracker.track_request("/often", 0.1, 200)
        assert history.flush()
    return found


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main([str(one) for one in arguments]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main([str(one) for one in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return " ".join(captured.err.split())


def in_terminal(shown: RenderableType, width: int = 200) -> str:
    screen = Console(width=width, color_system=None)
    with screen.capture() as captured:
        screen.print(shown)
    return captured.get()


def test_two_million_bytes_are_the_same_wherever_they_are_shown(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quantity(MEGABYTES, "bytes") == quantity(MEGABYTES / 1024**2, "MB") == "1.91 MB"
    assert quantity(MEGABYTES / 1024, "KB") == "1.91 MB"
    assert quantity(2048, "MB") == "2.00 GB"
    day = ("report", "--date", "2026-07-22", "--history", path)
    for format_ in ("text", "md", "html"):
        text = re.sub("<[^>]*>", "", said(capsys, *day, "--format", format_))
        row = next(line for line in text.splitlines() if "größe" in line or "1.91" in line)
        assert "1.91 MB" in row.replace("\u202f", " ") or format_ == "html"
        assert "1.91" in text
        assert "2.00 MB" not in text.replace("\u202f", " ")
    assert "MB" not in said(capsys, *day, "--format", "json").replace("größe", "")


def test_the_size_of_a_file_is_counted_as_everything_is(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = path.stat().st_size
    info = said(capsys, "history", "info", "--history", path)
    line = next(line for line in info.splitlines() if line.startswith("size"))
    number, unit = line.split()[1:]
    assert unit == "KB"
    assert float(number) == pytest.approx(size / 1024, abs=0.06)


@pytest.mark.parametrize(
    ("times", "start"),
    [
        ("local", "2026-07-22 00:00:00+02:00"),
        ("offset", "2026-07-22 00:00:00+02:00"),
        ("utc", "2026-07-21 22:00:00+00:00"),
    ],
)
def test_a_report_is_written_in_the_times_that_are_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str], times: str, start: str
) -> None:
    day = ("report", "--date", "2026-07-22", "--history", path, "--times", times)
    assert start in said(capsys, *day)
    found = json.loads(said(capsys, *day, "--format", "json"))
    assert found["period"]["start"] == start.replace(" ", "T")
    assert (datetime.fromisoformat(found["generated_at"]).tzinfo is None) == (times == "local")


def test_rows_are_written_in_utc_unless_other_times_are_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ("history", "export", "--history", path)

    def starts(*more: str) -> set[str]:
        rows = csv.DictReader(io.StringIO(said(capsys, *export, *more)))
        return {row["start"] for row in rows}

    assert starts() == starts("--times", "utc") == {"2026-07-22T10:00:00+00:00"}
    assert starts("--times", "offset") == {"2026-07-22T12:00:00+02:00"}
    assert starts("--times", "local") == {"2026-07-22T12:00:00"}
    lines = said(capsys, *export, "--format", "jsonl", "--times", "local").splitlines()
    assert {json.loads(line)["first"] for line in lines} == {"2026-07-22T12:00:00"}


def test_what_a_file_holds_is_told_in_the_times_that_are_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = ("history", "info", "--history", path)
    assert json.loads(said(capsys, *info, "--json"))["oldest"] == "2026-07-22T12:00:00"
    utc = json.loads(said(capsys, *info, "--json", "--times", "utc"))
    assert utc["oldest"] == "2026-07-22T10:00:00+00:00"
    assert "2026-07-22 12:00:00\n" in said(capsys, *info)
    assert "2026-07-22 12:00:00+02:00" in said(capsys, *info, "--times", "offset")


def test_the_command_line_writes_in_an_encoding(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, format_ in (("a.csv", "csv"), ("a.json", "json"), ("a.txt", "text")):
        target = tmp_path / name
        said(
            capsys, "report", "--date", "2026-07-22", "--history", path,
            "--output", target, "--encoding", "utf-8-sig",
        )  # fmt: skip
        data = target.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf"), format_
        assert "größe" in data.decode("utf-8-sig")
    rows = tmp_path / "rows.csv"
    said(capsys, "history", "export", "--history", path, "--output", rows, "--encoding", "utf-16")
    assert "größe" in rows.read_text("utf-16")


@pytest.mark.parametrize("name", ["x.pdf", "x.docx", "a.CSVV", "report.jpeg"])
def test_an_output_of_no_format_that_there_is_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    for command in (("report",), ("compare", "2d..1d", "1d"), ("history", "export")):
        text = refusal(capsys, *command, "--history", path, "--output", target)
        assert f"{name} is of no format that there is; names end in " in text
        assert "--format" in text
        assert not target.exists()
    day = ("--date", "2026-07-22", "--format", "json")
    said(capsys, "report", *day, "--history", path, "--output", target)
    assert "operations" in json.loads(target.read_text("utf-8"))


@pytest.mark.parametrize("name", ["REPORT.HTML", "a.htm", "a.md", "a.json", "a.csv", "a.txt", "a"])
def test_an_output_is_of_the_format_that_its_name_says(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    said(capsys, "report", "--date", "2026-07-22", "--history", path, "--output", target)
    begins = {"html": "<!DOC", "htm": "<!DOC", "md": "# ", "json": "{", "csv": "operation,"}
    suffix = target.suffix.lower().lstrip(".")
    assert target.read_text("utf-8").startswith(begins.get(suffix, "2026-07-22"))


@pytest.mark.parametrize("age", ["0d", "0m", "000h", "0w"])
def test_an_age_of_nothing_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], age: str
) -> None:
    expected = f"'{age}' is no time at all"
    assert expected in refusal(capsys, "report", "--last", age, "--history", path)
    assert expected in refusal(capsys, "report", "--period", age, "--history", path)
    assert expected in refusal(capsys, "compare", age, "1d", "--history", path)
    both = f"{age}..{age}"
    text = refusal(capsys, "history", "export", "--period", both, "--history", path)
    assert f"'{both}' is no time at all" in text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--times", "UTC+1"), "UTC+1"),
        (("--encoding", "klingon"), "klingon"),
        (("--encoding", "rot13"), "rot13"),
    ],
)
def test_another_way_to_write_is_refused_by_its_name(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], named: str
) -> None:
    for command in (("report",), ("compare", "2d", "1d"), ("history", "export")):
        text = refusal(capsys, *command, "--history", path, *arguments)
        assert named in text
        assert arguments[0] in text


@pytest.mark.parametrize("command", [("report", "--date", "2026-07-22"), ("history", "export")])
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_letters_that_an_encoding_lacks_are_wrong_usage_and_the_old_file_stays(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: tuple[str, ...],
    name: str,
) -> None:
    target = tmp_path / name
    target.write_text("old")
    text = refusal(capsys, *command, "--history", path, "--output", target, "--encoding", "ascii")
    assert "ascii" in text
    assert target.read_text() == "old"


def test_html_is_written_in_utf_8_alone(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = ("report", "--date", "2026-07-22", "--history", path, "--format", "html")
    for more in ((), ("--output", tmp_path / "a.html")):
        assert "UTF-8" in refusal(capsys, *page, "--encoding", "utf-16", *more)
    assert not (tmp_path / "a.html").exists()


def test_parquet_takes_neither_times_nor_an_encoding(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "rows.parquet"
    for more in (("--times", "local"), ("--encoding", "utf-8")):
        text = refusal(capsys, "history", "export", "--history", path, "--output", target, *more)
        assert "parquet holds moments" in text
        assert not target.exists()


def test_the_tables_of_a_terminal_are_in_the_order_of_those_in_html(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = ("report", "--date", "2026-07-22", "--history", path)
    text = said(capsys, *day)
    places = [text.index(f"\n{name}") for name in ("slow", "rare", "größe", "/often", "/rare")]
    assert places == sorted(places)
    page = said(capsys, *day, "--format", "html")
    assert page.index(">slow<") < page.index(">rare<") < page.index(">größe<")


def test_changes_are_in_the_order_of_those_in_html(tmp_path: Path) -> None:
    clock = ManualClock(NOON.timestamp())
    monitor = PerformanceMonitor(clock=clock)
    speeds = {"same": (1, 1), "better": (2, 1), "worse": (1, 2), "far worse": (1, 9)}
    for turn in (0, 1):
        for name, both in speeds.items():
            values = [both[turn] * (1 + place / 1000) for place in range(50)]
            monitor.record_many(name, values, "seconds")
        clock.advance(3_600)
    hours = [(NOON + timedelta(hours=at), NOON + timedelta(hours=at, minutes=1)) for at in (0, 1)]
    report = PerformanceReport(monitor).compare_performance(*hours)
    text = in_terminal(tables.drawn(report, 200))
    order = ["far worse", "worse", "better", "same"]
    places = [text.index(f"\n{name} ") for name in order]
    assert places == sorted(places)
    page = PerformanceReport.export_report(report, "md")
    marks = [page.index(f"`{name}`") for name in order]
    assert marks == sorted(marks)


def test_a_terminal_shows_resources_and_alerts() -> None:
    reports = PerformanceReport(PerformanceMonitor())
    report = reports.generate_daily_report()
    report["resource_readings"] = {
        "cpu_percent": {
            "count": 3, "min": 1.0, "max": 9.0, "mean": 5.0, "p50": 4.0, "p95": 8.0, "p99": 9.0,
            "unit": "percent",
        },
    }  # fmt: skip
    report["resources"] = {"memory_used_mb": 2048.0, "gpu_percent": None, "timestamp": "now"}
    report["resource_alerts"] = [{"severity": "critical", "message": "CPU usage at 97.3%\x1b[2J"}]
    text = in_terminal(tables.drawn(report, 200))
    row = next(line for line in text.splitlines() if line.startswith("cpu"))
    assert row.split() == [
        "cpu",
        "3",
        "5.00",
        "%",
        "4.00",
        "%",
        "8.00",
        "%",
        "9.00",
        "%",
        "9.00",
        "%",
    ]
    assert "Now: memory used 2.00 GB\n" in text
    assert "critical: CPU usage at 97.3%�[2J" in text


def recent(minutes: list[int], start: datetime) -> dict[str, Any]:
    figures = dict.fromkeys(("rate", "mean", "p50", "p95", "p99", "max"), 1.0)
    row = {"name": "op", "unit": "ms", "count": sum(minutes), "by_minute": minutes, **figures}
    return {"start": start, "operations": [row], "endpoints": [], "resources": [], "problem": None}


def drawn_bars(minutes: list[int]) -> str:
    shown = recent(minutes, datetime.now() - timedelta(minutes=len(minutes)))
    text = in_terminal(top_tables.drawn(shown, Path("app.db"), "rate", width=200))
    row = next(line for line in text.splitlines() if line.startswith("op "))
    return row.partition("1.00 ms")[2].rpartition("ms")[2][3:]


def test_the_bars_of_top_are_of_all_its_window() -> None:
    # Two hundred minutes of which only the first ones had any.
    minutes = [60] * 50 + [0] * 150
    shown = drawn_bars(minutes)
    assert shown.rstrip() == "█████"
    assert drawn_bars([0] * 150 + [60] * 50)[15:].strip() == "█████"
    assert drawn_bars([1, 2, 4, 8]).strip() == bars([1, 2, 4, 8], 20)


@pytest.mark.parametrize("number", range(21, 120))
def test_a_steady_load_has_bars_of_one_height_whatever_the_window(number: int) -> None:
    assert bars([7] * number, 20) == "█" * 20


def test_a_window_that_began_on_another_day_says_so() -> None:
    now = datetime.now()
    early = recent([1] * 6, now - timedelta(days=1))
    text = in_terminal(top_tables.drawn(early, Path("app.db"), "rate", width=200))
    assert f"since {now - timedelta(days=1):%Y-%m-%d %H:%M}" in text
