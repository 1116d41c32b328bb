"""What notebooks show of reports and objects, in style sheets like those that notebooks have."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chromium
from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)
from ptpd_monitoring.testing import ManualClock

SHEETS = {
    "plain": "",
    # Lists of definitions in two columns, tables that are centred, striped and set to the right.
    "columns": """
        .cell dl { width: 100%; } .cell dt { float: left; width: 2em; clear: left; display: block; }
        .cell dd { margin-left: 3em; }
        .host .cell:not(.text) td, .host .cell:not(.text) th { text-align: right; padding: 2em; max-width: 1em;
            white-space: normal; border: 5px solid red; vertical-align: top; font-size: 30px; }
        .cell table { table-layout: fixed; width: 50px; margin: 0 auto; font-size: 5px; border: 3px dashed; }
        .cell tbody tr:nth-child(even) { background: lime; }
        .cell p { margin: 3em; text-align: center; } .cell caption { display: none; }
        .cell bdi, .cell span { display: block; float: right; }
    """,
    # One that names the cell by an identifier, which counts more than any number of classes.
    "dark": """
        body { background: #111; color: #ddd; font: 16px/3 monospace; white-space: pre; }
        #cell td, #cell th { text-align: right; color: inherit; line-height: 4; display: block; }
        #cell tr { display: flex; } #cell strong { display: block; font-size: 3em; }
        #cell * { letter-spacing: 4px; }
    """,
}
# From what there is to see: where things stand and how they look.
LOOK = """(() => {
    const report = document.querySelector('.ptpd-report');
    const look = (element) => {
        const style = getComputedStyle(element);
        return [style.float, style.textAlign, style.display, style.backgroundColor, style.borderTopWidth,
            style.paddingTop, style.fontSize === getComputedStyle(report).fontSize || style.fontSize,
            style.letterSpacing, style.whiteSpace].join(' ');
    };
    const all = (what) => [...report.querySelectorAll(what)];
    const looks = {};
    for (const what of ['th', 'td:not(.number)', 'td.number', 'span', 'p', 'caption', 'strong:not(p *)']) {
        looks[what] = [...new Set(all(what).map(look))].sort();
    }
    const rows = all('table').map((table) => [...table.rows].every((row) => {
        const tops = [...row.cells].map((cell) => cell.getBoundingClientRect().top);
        return Math.max(...tops) - Math.min(...tops) < 4;
    }));
    const facts = all('.fact').map((fact) => fact.getBoundingClientRect());
    return {looks, rows: rows.every(Boolean), tables: rows.length,
        facts: facts.length, low: facts.every((box) => box.height < 30), wide: facts.every((box) => box.width > 30)};
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    path = chromium.executable()
    if path is None:
        assert os.environ.get("CI") != "true", "continuous integration has to install Chromium"
        pytest.skip("needs Chromium, which Debian's package of that name installs")
    with chromium.started(path, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def objects(tmp_path: Path) -> dict[str, Any]:
    """One of each kind that a notebook shows, with something in it."""
    monitor, tracker, cache = PerformanceMonitor(), APIPerformanceTracker(), CacheManager()
    monitor.record_many("resize", [0.1, 0.2, 0.3], "seconds")
    monitor.record_many("depth", [1, 2, 3], "layers")
    for status in (200, 500):
        tracker.track_request("/films", 0.1, status)
    cache.set("key", 1)
    cache.get("key")
    resources = ResourceMonitor()
    report = PerformanceReport(monitor, tracker, resources, cache=cache).generate_daily_report()
    return {
        "report": report,
        "monitor": monitor,
        "profiler": ImageProcessingProfiler(monitor),
        "tracker": tracker,
        "cache": cache,
        "resources": resources,
        "history": History(tmp_path / "app.db"),
    }


def words(page: str) -> str:
    """The text of a fragment."""
    text = re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", text).replace("\u202f", " ").split())


def shown(thing: Any) -> str:
    return words(thing._repr_html_())


@pytest.mark.parametrize("kind", ["report", "monitor", "tracker", "cache", "resources", "history"])
def test_no_style_sheet_of_a_notebook_takes_a_fragment_apart(
    browser: chromium.Browser, tmp_path: Path, objects: dict[str, Any], kind: str
) -> None:
    found = {}
    for name, sheet in SHEETS.items():
        page = tmp_path / f"{name}.html"
        page.write_text(
            f"<!DOCTYPE html><meta charset=utf-8><style>{sheet}</style>"
            f"<div class=host><div class=cell id=cell>{objects[kind]._repr_html_()}</div></div>",
            encoding="utf-8",
        )
        browser.show(page, 1200, "light")
        found[name] = browser.run(LOOK)
    plain = found["plain"]
    assert plain["rows"]
    assert plain["low"]
    assert plain["wide"]
    for name in ("columns", "dark"):
        assert found[name] == plain, name


def test_a_fragment_reads_well_without_any_style(objects: dict[str, Any]) -> None:
    # Some hosts take it away, and keep their own for lists of definitions.
    for thing in objects.values():
        page = thing._repr_html_()
        assert not re.search("<d[lt]", page)
    assert "hit rate : 100.0 %" in shown(objects["cache"])


def test_each_object_shows_what_there_is_to_know(objects: dict[str, Any]) -> None:
    monitor = shown(objects["monitor"])
    assert monitor.startswith("PerformanceMonitor: 2 operations")
    assert "resize 3 600 ms 200 ms 200 ms" in monitor
    assert "depth layers 3" in monitor
    assert shown(objects["profiler"]).startswith("ImageProcessingProfiler: 2 operations")
    tracker = shown(objects["tracker"])
    assert tracker.startswith("APIPerformanceTracker: 2 requests, 1 endpoint")
    assert "/films 2 1 50.0 %" in tracker
    assert shown(objects["cache"]).startswith("CacheManager: 1 entry")
    resources = shown(objects["resources"])
    assert resources.startswith("ResourceMonitor")
    assert re.search(r"Memory [\d.]+ % 80.0 % [\d.]+ [MG]B", resources)
    history = shown(objects["history"])
    assert history.startswith("History: app.db")
    assert str(objects["history"].path) in history
    assert "in order" in history


def test_objects_that_are_new_say_so() -> None:
    assert "Nothing was recorded." in shown(PerformanceMonitor())
    assert shown(APIPerformanceTracker()).startswith("APIPerformanceTracker: 0 requests")
    assert shown(CacheManager(max_bytes=2_000_000)).endswith("bytes : 0 MB bytes at most : 1.91 MB")


def test_a_monitor_of_many_operations_shows_those_with_the_most_samples() -> None:
    monitor = PerformanceMonitor()
    for place in range(300):
        monitor.record_many(f"op {place}.", [1.0] * (place % 50 + 1), "seconds")
    text = shown(monitor)
    assert text.startswith("PerformanceMonitor: 300 operations")
    assert "shown : the 20 with the most samples" in text
    assert len(re.findall(r"op \d+\. \d+", text)) == 20
    assert "op 49. 50" in text
    assert len(monitor._repr_html_()) < 50_000


def test_figures_of_a_long_operation_are_of_its_newest_samples() -> None:
    monitor = PerformanceMonitor(max_history=30_000)
    monitor.record_many("op", [9.0] * 20_000 + [1.0] * 10_000, "seconds")
    text = shown(monitor)
    assert "figures of : the newest 10 000 samples of each" in text
    assert "1.00 s" in text
    assert "9.00 s" not in text


def test_names_are_shown_as_they_are_and_never_run(tmp_path: Path) -> None:
    name = "</style></div><script>alert(1)</script><b>&amp;"
    monitor, tracker = PerformanceMonitor(), APIPerformanceTracker()
    monitor.record_metric(name, 1, "<i>")
    tracker.track_request(name, 0.1, 500, "<GET>")
    folder = tmp_path / "<b>"
    folder.mkdir()
    history = History(folder / "a&b.db")
    for thing in (monitor, tracker, history, ImageProcessingProfiler(monitor)):
        page = thing._repr_html_()
        assert "<script" not in page
        assert "<b>" not in page
        assert page.count("</style>") == 1


class Loud:
    """A key and a value that no one may look at."""

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        raise AssertionError("looked at")

    __str__ = __repr__


def test_showing_a_cache_looks_at_no_key_and_changes_no_figure() -> None:
    cache = CacheManager()
    cache.set(Loud(), Loud())
    before = cache.get_stats()
    assert "CacheManager: 1 entry" in shown(cache)
    assert cache.get_stats() == before


def test_showing_a_resource_monitor_does_not_begin_the_interval_anew() -> None:
    clock = ManualClock()
    watched, other = ResourceMonitor(clock=clock), ResourceMonitor(clock=clock)
    clock.advance(10)
    for _ in range(3):
        watched._repr_html_()
    # Within the shortest interval there would only be the answer of before.
    assert 0 <= watched.get_cpu_usage() <= 100
    assert other.get_cpu_usage() == pytest.approx(watched.get_cpu_usage(), abs=50)


def test_a_history_that_cannot_be_written_shows_why(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.write_text("this is no database, and long enough to be told from one that was just made")
    history = History(path)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("op", 1, "u")
    assert not history.flush()
    assert history.problem is not None
    assert " ".join(history.problem.split()) in shown(history)
    history.close()


def test_a_subclass_shows_itself_too() -> None:
    class Mine(PerformanceMonitor):
        def __init__(self) -> None:
            super().__init__(max_history=5)

    mine = Mine()
    mine.record_metric("op", 1, "u")
    assert "samples kept of each : 5" in shown(mine)
