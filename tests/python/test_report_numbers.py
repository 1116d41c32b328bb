"""Numbers that are not finite, on their way out of a report."""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from ptpd_monitoring import PerformanceMonitor, PerformanceReport

HOUR = timedelta(hours=1)


@pytest.fixture
def comparison() -> dict[str, Any]:
    """From zero to something is an infinite percentage, and a NaN stays one."""
    monitor = PerformanceMonitor()
    now = datetime.now()
    for name, values in {
        "from_zero": [0.0, 2.0],
        "to_less": [0.0, -2.0],
        "broken": [1.0, math.nan],
        "whole": [2.0, 3.0],
    }.items():
        monitor.record_many(name, values, "seconds")
        monitor._metrics[name][0].timestamp = now - 5 * HOUR
        monitor._metrics[name][1].timestamp = now - HOUR
    report = PerformanceReport(monitor)
    return report.compare_performance((now - 6 * HOUR, now - 4 * HOUR), (now - 2 * HOUR, now))


def test_csv_shows_them_as_text(comparison: dict[str, Any]):
    text = PerformanceReport.export_report(comparison, format="csv")
    rows = {row["operation"]: row for row in csv.DictReader(text.splitlines())}
    assert rows["from_zero"]["percentage"] == "inf"
    assert rows["to_less"]["percentage"] == "-inf"
    assert rows["broken"]["absolute"] == rows["broken"]["percentage"] == "nan"
    assert rows["whole"]["percentage"] == "50.0"
    for name, row in rows.items():
        expected = comparison["changes"][name]["percentage"]
        assert float(row["percentage"]) == pytest.approx(expected, nan_ok=True)


def test_json_shows_them_as_null(comparison: dict[str, Any]):
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = PerformanceReport.export_report(comparison, format="json")
    changes = json.loads(text, parse_constant=refuse)["changes"]
    assert changes["from_zero"]["percentage"] is None
    assert changes["broken"]["direction"] == "unknown"
    for figure in ("absolute", "percentage", "p_value", "effect_size"):
        assert changes["broken"][figure] is None
    assert changes["whole"]["percentage"] == 50.0


def test_csv_leaves_a_cell_empty_where_there_is_no_figure():
    report = {"operations": {"a": {"mean": None, "deep": [math.nan, 1.5]}, "b": {"mean": 1.0}}}
    text = PerformanceReport.export_report(report, format="csv")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["mean"] for row in rows] == ["", "1.0"]
    assert [row["deep"] for row in rows] == ['["nan",1.5]', ""]
