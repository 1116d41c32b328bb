"""Few samples are told one by one: two of them are no distribution."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport
from ptpd_monitoring.cli import tables
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 11, 22, 12)
BARS = re.compile(r'<path class="bars" d="([^"]*)"')
DOTS = re.compile(r'<path class="bars dot" d="([^"]*)"')


def report_of(values: list[float], unit: str = "seconds", history: Path | None = None) -> dict:
    clock = ManualClock(NOON.timestamp())
    opened = History(history, clock=clock) if history else None
    monitor = PerformanceMonitor(clock=clock, history=opened)
    monitor.record_many("resize", values, unit)
    if opened is None:
        return PerformanceReport(monitor).generate_daily_report()
    assert opened.flush()
    opened.close()
    read = PerformanceMonitor(history=History(history, record=False))
    return PerformanceReport(read).generate_daily_report(NOON)


def shapes(drawn: re.Pattern[str], page: str) -> int:
    return sum(path.count("z") for path in drawn.findall(page))


def in_terminal(report: dict, width: int = 200) -> str:
    screen = Console(width=width, color_system=None)
    with screen.capture() as captured:
        screen.print(tables.drawn(report, width))
    return captured.get()


@pytest.mark.parametrize("number", [1, 2, 9])
def test_each_of_few_samples_is_a_dot_and_a_word(number: int) -> None:
    values = [0.1 * place for place in range(1, number + 1)]
    report = report_of(values)
    page = PerformanceReport.export_report(report, "html")
    assert "Each of the samples" in page
    assert "share of the samples" not in page
    # The bars that are left are those of the throughput.
    assert shapes(DOTS, page) == number
    words = ", ".join(f"{100 * place} ms" for place in range(1, number + 1))
    assert words in page.replace("\u202f", " ")
    assert f"`resize`: {words}" in PerformanceReport.export_report(report, "md").replace(
        "\u202f", " "
    )


def test_of_ten_samples_there_are_bars() -> None:
    report = report_of([0.1 * place for place in range(1, 11)])
    page = PerformanceReport.export_report(report, "html")
    assert "Distribution, as a share of the samples" in page
    assert shapes(DOTS, page) == 0
    assert "Each sample" not in PerformanceReport.export_report(report, "md")
    assert "samples" not in in_terminal(report)


def test_equal_samples_lie_one_above_the_other() -> None:
    page = PerformanceReport.export_report(report_of([0.5, 0.5, 0.5]), "html")
    (path,) = DOTS.findall(page)
    places = re.findall(r"M([\d.]+) ([\d.]+)", path)
    assert len({x for x, _ in places}) == 1
    assert len({y for _, y in places}) == 3


def test_a_terminal_shows_them_where_there_is_room() -> None:
    report = report_of([0.1, 0.32])
    row = next(line for line in in_terminal(report).splitlines() if "resize" in line)
    assert row.rstrip().endswith("100 ms, 320 ms")
    assert "samples" not in in_terminal(report, width=60)


def test_samples_that_are_known_by_their_buckets_are_told_as_about_so_much(
    tmp_path: Path,
) -> None:
    report = report_of([0.1, 0.2, 0.32], history=tmp_path / "h.db")
    text = PerformanceReport.export_report(report, "md").replace("\u202f", " ")
    found = re.search(r"`resize`: about 100 ms, (\d+) ms, 320 ms", text)
    assert found
    assert int(found[1]) == pytest.approx(200, rel=0.011)
    assert "about 100 ms" in in_terminal(report)


def test_two_samples_on_disk_are_known_exactly(tmp_path: Path) -> None:
    report = report_of([0.1, 0.32], history=tmp_path / "h.db")
    assert "`resize`: 100" in PerformanceReport.export_report(report, "md")


def test_what_is_no_number_is_told_and_not_drawn() -> None:
    report = report_of([1.0, float("nan"), float("inf")], "pixels")
    page = PerformanceReport.export_report(report, "html")
    assert shapes(DOTS, page) == 1
    assert "1.00, ∞, NaN pixels" in page
    assert "resize" in PerformanceReport.export_report(report_of([float("nan")]), "html")


def test_a_comparison_shows_the_samples_of_a_period_that_has_few() -> None:
    clock = ManualClock(NOON.timestamp())
    monitor = PerformanceMonitor(clock=clock)
    monitor.record_many("resize", [0.1 + 0.001 * place for place in range(50)], "seconds")
    monitor.record_many("rare", [0.1, 0.2, 0.3], "seconds")
    clock.advance(7_200)
    for name in ("resize", "rare"):
        monitor.record_many(name, [0.15, 0.25], "seconds")
    periods = [(NOON, NOON + timedelta(hours=1)), (NOON + timedelta(hours=2), NOON.max)]
    report = PerformanceReport(monitor).compare_performance(*periods)
    page = PerformanceReport.export_report(report, "html").replace("\u202f", " ")
    assert "Each of the samples of both periods" in page
    assert "before: 100 ms, 200 ms, 300 ms; after: 150 ms, 250 ms" in page
    assert shapes(DOTS, page) == 4
    assert shapes(re.compile(r'<path class="earlier dot" d="([^"]*)"'), page) == 3
    # The many of before stay an outline.
    assert '<path class="earlier" d="' in page
