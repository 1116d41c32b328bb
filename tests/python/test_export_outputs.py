"""Exports to files: their format by the name, their encoding, and headers of nothing."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)

HEADER = "metric_name,value,unit,timestamp,metadata"


@pytest.fixture
def monitor() -> PerformanceMonitor:
    made = PerformanceMonitor()
    made.record_metric("Abzüge: größe", 1.5, "µm")
    return made


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["out.csv", "out.CSV", "a.b.Csv"])
def test_the_name_of_the_file_says_the_format_where_none_is_named(
    monitor: PerformanceMonitor, tmp_path: Path, name: str
) -> None:
    monitor.export_metrics(output_path=tmp_path / name)
    assert (tmp_path / name).read_text("utf-8").startswith(HEADER)
    report = PerformanceReport(monitor).generate_daily_report()
    PerformanceReport.export_report(report, path=str(tmp_path / name))
    assert (tmp_path / name).read_text("utf-8").startswith("operation,count,")


def test_a_format_that_is_named_counts_more_than_the_name_of_the_file(
    monitor: PerformanceMonitor, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    monitor.export_metrics("json", target)
    assert json.loads(target.read_text("utf-8"))[0]["value"] == 1.5


@pytest.mark.parametrize("name", ["out.json", "out", "out.txt", "csv", ".csv"])
def test_other_names_mean_json_as_ever(
    monitor: PerformanceMonitor, tmp_path: Path, name: str
) -> None:
    monitor.export_metrics(output_path=tmp_path / name)
    assert len(json.loads((tmp_path / name).read_text("utf-8"))) == 1


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("a.html", "<!DOCTYPE"), ("a.htm", "<!DOCTYPE"), ("a.md", "# "), ("a.json", "{")],
)
def test_a_report_goes_by_the_name_of_the_file_too(
    monitor: PerformanceMonitor, tmp_path: Path, name: str, beginning: str
) -> None:
    report = PerformanceReport(monitor).generate_daily_report()
    PerformanceReport.export_report(report, path=tmp_path / name)
    assert (tmp_path / name).read_text("utf-8").startswith(beginning)


def test_a_csv_file_of_no_samples_has_its_header_and_the_text_is_empty(tmp_path: Path) -> None:
    target = tmp_path / "none.csv"
    PerformanceMonitor().export_metrics(output_path=target)
    assert target.read_text() == f"{HEADER}\n"
    assert PerformanceMonitor().export_metrics("csv") == ""


def test_the_report_of_an_empty_day_has_its_header() -> None:
    report = PerformanceReport(PerformanceMonitor(), APIPerformanceTracker())
    text = PerformanceReport.export_report(report.generate_daily_report(), "csv")
    assert text == "operation,count,min,max,mean,median,std,unit,p50,p90,p95,p99\r\n"
    of_session = PerformanceReport.export_report(report.generate_session_report("none"), "csv")
    assert of_session == "operation,count,total,mean,unit\r\n"


def test_excel_gets_a_file_that_it_takes_for_utf_8(
    monitor: PerformanceMonitor, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    monitor.export_metrics(output_path=target, encoding="utf-8-sig")
    data = target.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf" + HEADER.encode())
    assert table(data.decode("utf-8-sig"))[0]["metric_name"] == "Abzüge: größe"
    report = PerformanceReport(monitor).generate_daily_report()
    for name in ("out.html", "out.csv", "out.json", "out.md"):
        PerformanceReport.export_report(report, path=tmp_path / name, encoding="UTF_8_SIG")
        data = (tmp_path / name).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert not data[3:].startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "utf-8-sig", "U8"])
def test_a_file_is_in_the_encoding_that_is_asked_for(
    monitor: PerformanceMonitor, tmp_path: Path, encoding: str
) -> None:
    target = tmp_path / "out.csv"
    monitor.export_metrics(output_path=target, encoding=encoding)
    assert table(target.read_text(encoding))[0]["unit"] == "µm"


@pytest.mark.parametrize("encoding", ["klingon", "", "rot13", "hex", "utf-8\0"])
def test_an_encoding_that_there_is_not_is_refused_by_name_and_value(
    monitor: PerformanceMonitor, tmp_path: Path, encoding: str
) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(ValueError, match="encoding must be one that Python knows, got") as refusal:
        monitor.export_metrics(output_path=target, encoding=encoding)
    assert json.dumps(encoding).replace("\\u0000", "\\0") in str(refusal.value)
    with pytest.raises(TypeError, match="encoding must be a str, got 3"):
        monitor.export_metrics(output_path=target, encoding=3)  # type: ignore[call-overload]
    assert not target.exists()


def test_letters_that_an_encoding_lacks_are_an_error_and_the_old_file_stays(
    monitor: PerformanceMonitor, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(ValueError, match=r"encoding must be .*ascii.*\\xfc"):
        monitor.export_metrics(output_path=target, encoding="ascii")
    assert target.read_text() == "old"


def test_an_encoding_without_a_file_is_refused(monitor: PerformanceMonitor) -> None:
    expected = 'encoding must be left out where nothing is written to a file, got "utf-8-sig"'
    with pytest.raises(ValueError, match=expected):
        monitor.export_metrics("csv", encoding="utf-8-sig")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=expected):
        PerformanceReport.export_report({}, "csv", encoding="utf-8-sig")  # type: ignore[call-overload]


def test_html_is_in_the_encoding_that_it_says_it_is_in(
    monitor: PerformanceMonitor, tmp_path: Path
) -> None:
    report = PerformanceReport(monitor).generate_daily_report()
    with pytest.raises(ValueError, match=r'encoding must be UTF-8, .*got "latin-1"'):
        PerformanceReport.export_report(report, path=tmp_path / "a.html", encoding="latin-1")
    assert not (tmp_path / "a.html").exists()


def test_requests_and_resources_are_in_a_reports_csv(tmp_path: Path) -> None:
    monitor, tracker = PerformanceMonitor(), APIPerformanceTracker()
    monitor.record_metric("films", 2, "seconds")
    for status in (200, 500):
        tracker.track_request("films", 0.25, status)
    reports = PerformanceReport(monitor, tracker, ResourceMonitor())
    text = PerformanceReport.export_report(reports.generate_daily_report(), "csv")
    rows = {(row["kind"], row["operation"]): row for row in table(text)}
    assert rows["operation", "films"]["mean"] == "2.0"
    assert rows["operation", "films"]["error_rate"] == ""
    assert rows["request", "films"]["error_rate"] == "0.5"
    assert rows["request", "films"]["mean_ms"] == "250.0"
    memory = rows["resource", "memory_used_mb"]
    assert float(memory["now"]) > 1
    assert memory["unit"] == "MB"
    assert list(rows)[:2] == [("operation", "films"), ("request", "films")]


@pytest.fixture
def of_resources(tmp_path: Path) -> dict[str, Any]:
    """The report of a day in whose history there are readings of resources."""
    with History(tmp_path / "h.db") as history:
        monitor = PerformanceMonitor(history=history)
        monitor.record_metric("op", 1, "seconds")
        # Held, for it takes the readings.
        watch = ResourceMonitor(history=history, sample_interval=0.1)
        reports = PerformanceReport(monitor)
        ends = time.monotonic() + 60
        while "resource_readings" not in (report := reports.generate_daily_report()):
            assert time.monotonic() < ends, f"{watch} took no reading"
            time.sleep(0.05)
            history.flush()
    return report


def test_the_resources_of_a_history_are_in_every_format(of_resources: dict[str, Any]) -> None:
    readings = of_resources["resource_readings"]
    memory = readings["memory_used_mb"]
    assert memory["unit"] == "MB"
    assert memory["count"] >= 1
    assert 0 < memory["min"] <= memory["mean"] <= memory["max"]
    assert memory["min"] <= memory["p50"] * 1.02
    export = PerformanceReport.export_report
    assert json.loads(export(of_resources))["resource_readings"] == readings
    rows = {row["operation"]: row for row in table(export(of_resources, "csv"))}
    assert rows["memory_used_mb"]["kind"] == "resource"
    assert float(rows["memory_used_mb"]["mean"]) == memory["mean"]
    for format_ in ("html", "md"):
        text = export(of_resources, format_)
        assert "Resources in the period" in text
        assert "Memory used" in text
        # Once, and not among what nobody knows.
        assert "Further figures" not in text
