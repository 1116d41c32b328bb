"""The figures of one profile are one row in tables for people, and stay apart in the dict."""

from __future__ import annotations

from typing import Any

import pytest

from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring._native import report_order
from ptpd_monitoring.cli.profiles import rows


def monitored(**operations: tuple[list[float], str]) -> dict[str, Any]:
    monitor = PerformanceMonitor()
    for name, (values, unit) in operations.items():
        monitor.record_many(name, values, unit)
    return PerformanceReport(monitor).generate_daily_report()


PROFILE = {
    "develop_memory": ([4.0, 5.0, 9.0], "MB"),
    "develop_wall_time": ([1.0, 2.0, 3.0], "seconds"),
}


def table(report: dict[str, Any]) -> list[list[str]]:
    """The cells of the table of operations in Markdown."""
    text = (PerformanceReport.export_report(report, "md") or "").partition("**Operations")[2]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "--" not in line
    ]


def test_a_profile_is_one_row_with_its_memory_in_the_last_column() -> None:
    report = monitored(**PROFILE, other=([7.0], "seconds"))
    assert set(report["operations"]) == {"develop_memory", "develop_wall_time", "other"}
    heading, first, second = table(report)
    assert heading[-1] == "Memory"
    assert (first[0], first[-1]) == ("`other`", "\u2013")
    assert (second[0], second[1], second[-1]) == (
        "`develop`",
        "3",
        "5.00\u202fMB, max 9.00\u202fMB",
    )
    assert "develop_memory" not in str(table(report))
    found = rows(report["operations"])
    assert [row.name for row in found] == ["develop", "other"]
    assert [row.memory and row.memory["p50"] for row in found] == [5.0, None]


def test_a_profile_keeps_its_longer_name_where_something_else_is_called_so() -> None:
    report = monitored(**PROFILE, develop=([0.5], "seconds"))
    names = [row[0] for row in table(report)[1:]]
    assert names == ["`develop_wall_time`", "`develop`"]
    assert [row.name for row in rows(report["operations"])] == ["develop_wall_time", "develop"]


@pytest.mark.parametrize("half", PROFILE)
def test_a_half_of_a_profile_stays_as_it_is(half: str) -> None:
    report = monitored(**{half: PROFILE[half]})
    assert [row[0] for row in table(report)[1:]] == [f"`{half}`"]
    assert [row.name for row in rows(report["operations"])] == [half]


def test_what_took_the_most_time_comes_first_and_what_is_no_time_last() -> None:
    report = monitored(
        sizes=([1e9] * 9, "pixels"), short=([900.0], "ms"), long=([2.0, 3.0], "s"), nan=([float("nan")], "s")
    )  # fmt: skip
    operations = {name: report["operations"][name] for name in report_order(report)["operations"]}
    assert [row.name for row in rows(operations)] == ["long", "short", "nan", "sizes"]
