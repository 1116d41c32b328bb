"""Reports are dicts that carry their charts, and export to HTML and Markdown."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import pprint
import re
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2024, 5, 15, 12)
HOUR = timedelta(hours=1)


@pytest.fixture
def monitor() -> PerformanceMonitor:
    clock = ManualClock(wall=NOON.timestamp())
    monitor = PerformanceMonitor(clock=clock)
    with monitor.session("s"):
        for value in range(1, 101):
            monitor.record_metric("resize", value / 1000, "seconds")
            clock.advance(72)
    return monitor


def daily(monitor: PerformanceMonitor) -> dict[str, Any]:
    return PerformanceReport(monitor).generate_daily_report(NOON)


def session(monitor: PerformanceMonitor) -> dict[str, Any]:
    return PerformanceReport(monitor).generate_session_report("s")


def comparison(monitor: PerformanceMonitor) -> dict[str, Any]:
    return PerformanceReport(monitor).compare_performance(
        (NOON, NOON + HOUR), (NOON + HOUR, NOON + 2 * HOUR)
    )


REPORTS = [daily, session, comparison]


def html(report: Any) -> str:
    text = PerformanceReport.export_report(report, "html")
    assert text is not None
    return text


@pytest.mark.parametrize("make", REPORTS)
def test_a_report_is_as_good_as_a_dict(
    monitor: PerformanceMonitor, make: Callable[[PerformanceMonitor], dict[str, Any]]
) -> None:
    report = make(monitor)
    plain = dict(report)
    assert isinstance(report, dict)
    assert type(plain) is dict
    assert report == plain
    assert plain == report
    assert repr(report) == repr(plain)
    assert pprint.pformat(report) == pprint.pformat(plain)
    assert json.dumps(report) == json.dumps(plain)
    assert report | {"x": 1} == plain | {"x": 1}
    assert {**report} == plain
    report["more"] = 1
    del report["more"]
    assert list(report) == list(plain)
    with pytest.raises(TypeError):
        hash(report)


def test_a_report_has_nothing_beside_the_dict_that_could_be_set(
    monitor: PerformanceMonitor,
) -> None:
    report = daily(monitor)
    with pytest.raises(AttributeError):
        report.more = 1  # type: ignore[attr-defined]
    assert "_charts" not in report


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_a_plain_dict(monitor: PerformanceMonitor, protocol: int) -> None:
    report = daily(monitor)
    text = pickle.dumps(report, protocol)
    assert b"ptpd" not in text
    back = pickle.loads(text)
    assert type(back) is dict
    assert back == report
    report["itself"] = report
    back = pickle.loads(pickle.dumps(report, protocol))
    assert back["itself"] is back


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda report: report.copy()])
def test_a_copy_has_the_charts_too(
    monitor: PerformanceMonitor, copied: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    report = daily(monitor)
    other = copied(report)
    assert other == report
    assert other is not report
    assert type(other) is type(report)
    deep = copied is copy.deepcopy
    assert (other["operations"] is report["operations"]) is not deep
    assert html(other) == html(report)
    assert "<svg" in html(other)


def test_a_deep_copy_of_a_report_within_itself_is_within_itself(
    monitor: PerformanceMonitor,
) -> None:
    report = daily(monitor)
    report["itself"] = [report]
    other = copy.deepcopy(report)
    assert other["itself"][0] is other


def test_a_report_within_itself_is_collected() -> None:
    class Node:
        pass

    report = daily(PerformanceMonitor())
    node = report["node"] = Node()
    report["itself"] = report
    gone = weakref.ref(node)
    del report, node
    gc.collect()
    assert gone() is None


def test_charts_are_those_of_the_operations_that_the_report_still_has(
    monitor: PerformanceMonitor,
) -> None:
    report = daily(monitor)
    assert html(report).count("<svg") == 2
    assert html(dict(report)).count("<svg") == 0
    report["operations"]["other"] = report["operations"].pop("resize")
    assert html(report).count("<svg") == 0


@pytest.mark.parametrize("charts", [None, 5, "charts", {"operations": []}])
def test_other_charts_are_none_of_ours(monitor: PerformanceMonitor, charts: object) -> None:
    class Mine(dict[str, Any]):
        _charts = charts

    assert "<svg" not in html(Mine(daily(monitor)))


def test_a_comparison_shows_both_distributions(monitor: PerformanceMonitor) -> None:
    page = html(comparison(monitor))
    assert page.count("<svg") == 1
    assert "before, 51 samples" in page
    assert "after, 50 samples" in page
    assert "15:00:00" not in page
    assert "degraded" in page


def test_operations_much_slower_than_usual_now_and_then_are_bottlenecks() -> None:
    monitor = PerformanceMonitor()
    monitor.record_many("uneven", [0.1] * 80 + [0.9] * 20, "seconds")
    monitor.record_many("even", [0.1] * 100, "seconds")
    monitor.record_many("uneven but short", [1e-9] * 80 + [9e-9] * 20, "seconds")
    monitor.record_many("uneven in size", [1.0] * 80 + [9.0] * 20, "MB")
    page = html(PerformanceReport(monitor).generate_daily_report())
    section = page.partition('id="bottlenecks"')[2].partition("</section>")[0]
    assert re.findall(r'scope="row"><bdi>([^<]*)', section) == ["uneven"]
    assert "9.00 ×" in section  # noqa: RUF001


def test_thresholds_stand_beside_the_readings() -> None:
    class Resources:
        cpu_threshold = 66.5

        def check_resources(self) -> Any:
            return self

        def model_dump(self, mode: str) -> dict[str, float]:
            return {"cpu_percent": 12.5, "disk_percent": 40.0}

        def get_alerts_for_high_usage(self) -> list[dict[str, Any]]:
            return []

    report = PerformanceReport(PerformanceMonitor(), None, Resources())  # type: ignore[arg-type]
    section = html(report.generate_daily_report()).partition('id="resources"')[2]
    assert "66.5" in section


# Formats


@pytest.mark.parametrize("name", ["html", "HTML", "Html"])
def test_html_is_a_page_in_any_case(monitor: PerformanceMonitor, name: str) -> None:
    text = PerformanceReport.export_report(daily(monitor), name)
    assert text == html(daily(monitor))
    assert text.startswith("<!DOCTYPE html>")


def test_a_page_is_written_where_it_is_wanted(monitor: PerformanceMonitor, tmp_path: Path) -> None:
    report = daily(monitor)
    path = tmp_path / "report.html"
    assert PerformanceReport.export_report(report, format="html", path=path) is None
    assert path.read_text(encoding="utf-8") == html(report)


@pytest.mark.parametrize("name", ["xml", "htm", "markdown", "", "html ", "pdf"])
def test_other_formats_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^Unsupported format: {name}$"):
        PerformanceReport.export_report({}, name)


@pytest.mark.parametrize("name", ["html", "md"])
def test_what_is_no_dict_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="report must be a dict"):
        PerformanceReport.export_report([], name)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", ["html", "md"])
def test_any_object_in_a_report_can_be_shown(name: str) -> None:
    class Strange:
        def __str__(self) -> str:
            raise RuntimeError

    report: dict[str, Any] = {"x": Strange(), "inf": float("inf"), "big": 10**40, "at": NOON}
    report["itself"] = report
    text = PerformanceReport.export_report(report, name)
    assert text is not None
    for shown in ["Strange", "inf", "1" + "0" * 40, "2024-05-15T12:00:00", "inside itself"]:
        assert shown in text


def test_a_report_that_was_saved_as_json_can_be_looked_at_later(
    monitor: PerformanceMonitor,
) -> None:
    for make in REPORTS:
        text = PerformanceReport.export_report(make(monitor))
        assert text is not None
        page = html(json.loads(text))
        assert "resize" in page


def test_a_time_zone_is_told_with_the_bounds_of_the_day(monitor: PerformanceMonitor) -> None:
    text = PerformanceReport.export_report(daily(monitor), "md")
    assert text is not None
    assert re.search(
        r"^- Period: 2024-05-15 00:00:00 \S+ to 2024-05-16 00:00:00 \S+, 24 hours$",
        text,
        re.MULTILINE,
    )


HARMFUL = [
    "<script>alert(1)</script>",
    "a|b",
    "a\\|b",
    "`code` ``more``",
    "`",
    "*bold* _it_ ~~gone~~",
    "[link](https://example.com) www.example.com https://example.com",
    "![image](https://example.com/x.png)",
    "@somebody #12 GH-12 owner/repo#1",
    "# heading",
    "- list",
    "line\nbreak\r\n| x | y |",
    "&lt; &amp;",
    " spaces ",
    "$math$ \\(x\\)",
]


@pytest.mark.parametrize("name", HARMFUL)
def test_markdown_has_names_in_it_as_they_are_and_nothing_else(name: str) -> None:
    report = {
        "session_id": name,
        "operations": {name: {"count": 1, "unit": name}},
        "period1": {name: {"mean": 1, "count": 1}},
        "changes": {name: {"verdict": name, "direction": name}},
        "list": [{name: name}],
        name: name,
    }
    text = PerformanceReport.export_report(report, "md")
    assert text is not None
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inline = [child for token in tokens for child in token.children or []]
    kinds = {token.type for token in tokens} | {token.type for token in inline}
    assert not {kind for kind in kinds if re.match("link|image|html|em_|s_|fence|code_block", kind)}
    assert {token.tag for token in tokens if token.type == "heading_open"} <= {"h1", "h2"}
    seen = [token.content for token in inline if token.type == "code_inline"]
    expected = re.sub(r"[\0-\x1f]", lambda found: chr(0x2400 + ord(found.group())), name)
    if name != " spaces ":
        assert expected in seen or re.fullmatch(r"[\w &;-]+", name), seen
    # Outside of code there is nothing that anybody is told of, or that becomes a link.
    plain = " ".join(token.content for token in inline if token.type == "text")
    assert not re.search(r"[@#]\w|GH-|www\.|://|<script", plain), plain
