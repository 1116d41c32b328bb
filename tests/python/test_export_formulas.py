"""What a spreadsheet would run as a formula is neutralised in CSV, and nothing else is touched."""

from __future__ import annotations

import csv
import io
import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptpd_monitoring import PerformanceMonitor, PerformanceReport

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '"=1+1',
    "'=1+1",
    "\"'@x",
    "\uff1d1",
    '=HYPERLINK("http://x","y")',
]
HARMLESS = ["a=1", "", "'", '"', "'quoted'", "1-2", "name", "é="]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def metrics(name: str, unit: str, **options: Any) -> list[str]:
    monitor = PerformanceMonitor()
    monitor.record_metric(name, -1.5, unit, {name: unit})
    return rows(monitor.export_metrics("csv", **options))[1]


@pytest.mark.parametrize("text", FORMULAS)
def test_names_and_units_that_would_run_get_an_apostrophe_in_metrics(text: str) -> None:
    name, value, unit, _, metadata = metrics(text, text)
    assert (name, value, unit) == ("'" + text, "-1.5", "'" + text)
    assert json.loads(metadata) == {text: text}


@pytest.mark.parametrize("text", HARMLESS)
def test_other_names_and_units_are_left_alone(text: str) -> None:
    name, _, unit, _, _ = metrics(text, text)
    assert (name, unit) == (text, text)


@pytest.mark.parametrize("text", FORMULAS)
def test_the_keyword_switches_it_off(text: str) -> None:
    name, _, unit, _, _ = metrics(text, text, neutralize_formulas=False)
    assert (name, unit) == (text, text)
    report = {"operations": {text: {text: text}}}
    table = PerformanceReport.export_report(report, "csv", neutralize_formulas=False)
    assert rows(table) == [["operation", text], [text, text]]


@pytest.mark.parametrize("text", FORMULAS)
def test_names_and_columns_that_would_run_get_an_apostrophe_in_reports(text: str) -> None:
    table = PerformanceReport.export_report({"operations": {text: {text: "x"}}}, "csv")
    assert rows(table) == [["operation", "'" + text], ["'" + text, "x"]]


def test_numbers_are_never_touched() -> None:
    figures = {
        "int": -1,
        "big": -(2**70),
        "float": -1.5,
        "small": -5e-324,
        "low": -math.inf,
        "not": math.nan,
        "decimal": Decimal("-0.10"),
        "text": "=1",
    }
    table = PerformanceReport.export_report({"operations": {"x": figures}}, "csv")
    expected = ["x", "-1", str(-(2**70)), "-1.5", "-5e-324", "-inf", "nan", "-0.10", "'=1"]
    assert rows(table)[1] == expected
    monitor = PerformanceMonitor()
    monitor.record_many("x", [-1, -math.inf], "u")
    assert [row[1] for row in rows(monitor.export_metrics("csv"))[1:]] == ["-1.0", "-inf"]


def test_json_is_never_touched() -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("=1", 1, "@x")
    (sample,) = json.loads(monitor.export_metrics("json", neutralize_formulas=True))
    assert (sample["metric_name"], sample["unit"]) == ("=1", "@x")
    report = {"operations": {"=1": {"unit": "@x"}}}
    assert json.loads(PerformanceReport.export_report(report)) == report


@settings(max_examples=200, deadline=None)
@given(st.text("'\"=+-@\t\r\n a1", max_size=6))
def test_a_reader_can_tell_what_was_neutralised(text: str) -> None:
    cell = metrics(text, "u")[0]
    begins = cell.lstrip("'\"")[:1]
    touched = begins != "" and begins in "=+-@\t\r\n"
    assert (cell[1:] if touched else cell) == text


@pytest.mark.parametrize("value", [1, "yes", None])
def test_the_keyword_takes_a_bool_and_says_so(value: Any) -> None:
    with pytest.raises(TypeError) as of_metrics:
        PerformanceMonitor().export_metrics("csv", neutralize_formulas=value)
    with pytest.raises(TypeError) as of_report:
        PerformanceReport.export_report({}, "csv", neutralize_formulas=value)
    # In the message itself, not in a note: those are new in Python 3.11.
    for caught in (of_metrics, of_report):
        assert str(caught.value).startswith(f"neutralize_formulas must be a bool, got {value!r}")
