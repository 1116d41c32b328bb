"""Figures that are no finite numbers, in the CSV of a report."""

import csv
import io
import math

from ptpd_monitoring import PerformanceMonitor, PerformanceReport


def test_a_figure_that_is_no_number_is_not_mistaken_for_a_missing_one() -> None:
    report = {
        "operations": {
            "broken": {"mean": math.nan, "max": math.inf, "min": -math.inf, "unit": None},
            "nested": {"mean": [math.nan]},
        }
    }
    exporter = PerformanceReport(PerformanceMonitor())
    text = exporter.export_report(report, "csv")
    assert text is not None
    broken, nested = csv.DictReader(io.StringIO(text, newline=""))
    assert broken == {
        "operation": "broken",
        "mean": "nan",
        "max": "inf",
        "min": "-inf",
        "unit": "",
    }
    assert nested["mean"] == '["nan"]'
    as_json = exporter.export_report(report, "json")
    assert as_json is not None
    assert "nan" not in as_json.lower()
    assert as_json.count("null") == 5
