"""Reports as HTML, looked at by Chromium: nothing fails, nothing overflows, nothing is fetched."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import chromium
from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2024, 5, 15, 12)
DAY = timedelta(days=1)
HOSTILE = [
    "<script>document.title = 'run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "'\"></title></style><h1>",
    "\u202eright to left\u202c \u200f\u200f",
    "مقياس الطباعة",
    "line\nbreak\rand\ttab\0",
    "no_break_anywhere_" * 60,
    "https://example.com/" + "path/" * 40,
    "",
    "   ",
    "&amp; {{ braces }} {% tags %}",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    path = chromium.executable()
    if path is None:
        assert os.environ.get("CI") != "true", "continuous integration has to install Chromium"
        pytest.skip("needs Chromium, which Debian's package of that name installs")
    with chromium.started(path, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


class Day:
    """A day's load on a clock of its own."""

    def __init__(self) -> None:
        self.clock = ManualClock(wall=(NOON - DAY / 2).timestamp())
        self.monitor = PerformanceMonitor(100_000, clock=self.clock)
        self.tracker = APIPerformanceTracker(clock=self.clock)
        self.random = random.Random(1)

    def pass_with(self, names: list[str], unit: str = "seconds", slower: float = 1.0) -> None:
        for _ in range(24 * 60 // 4):
            for number, name in enumerate(names):
                median = 10.0 ** (number % 9 - 6) * slower
                value = median * math.exp(self.random.gauss(0, 0.1 + number % 4 / 4))
                self.monitor.record_metric(name, value, unit)
                status = 500 if self.random.random() < 0.02 else 200
                self.tracker.track_request(f"/{name}", abs(value), status)
            self.clock.advance(240)

    def report(self) -> PerformanceReport:
        return PerformanceReport(self.monitor, self.tracker, ResourceMonitor(1, 1, 1))


def daily(names: list[str], unit: str = "seconds") -> dict[str, Any]:
    day = Day()
    day.pass_with(names, unit)
    return day.report().generate_daily_report(NOON)


def comparison(names: list[str]) -> dict[str, Any]:
    day = Day()
    day.pass_with(names)
    day.pass_with(names, slower=1.4)
    half = DAY / 2
    return day.report().compare_performance(
        (NOON - half, NOON + half), (NOON + half, NOON + half + DAY)
    )


def session(names: list[str]) -> dict[str, Any]:
    monitor = PerformanceMonitor()
    with monitor.session("job <42>"):
        for name in names:
            monitor.record_metric(name, 0.5, "seconds")
    return PerformanceReport(monitor).generate_session_report("job <42>")


SOURCES = {
    "all from disk": "history",
    "rare": "memory",
    "of others, too": "memory and history",
}


def with_history(folder: Path) -> dict[str, Any]:
    """All that a report may hold: operations of each source, readings, requests, a cache, and nested
    in it a session and how that compares with the one before."""
    clock = ManualClock(wall=(NOON - DAY / 2).timestamp())
    history = History(folder / "history.db", flush_interval=3600, clock=clock)
    monitor = PerformanceMonitor(200, clock=clock, history=history)
    other = PerformanceMonitor(clock=clock, history=history)
    tracker = APIPerformanceTracker(10, clock=clock, history=history)
    resources = ResourceMonitor(1, 50, 90, history=history, sample_interval=900, clock=clock)
    cache = CacheManager(max_size=100)
    chance = random.Random(2)

    def durations(count: int) -> list[float]:
        return [math.exp(chance.gauss(-3, 0.5)) for _ in range(count)]

    for at in range(24 * 4):
        with monitor.session("earlier" if at < 48 else "last"):
            monitor.record_many("all from disk", durations(20), "seconds")
            monitor.record_metric("rare", *durations(1), "seconds")
            monitor.record_metric("of others, too", *durations(1), "seconds")
        other.record_many("of others, too", durations(3), "seconds")
        tracker.track_request("/print", *durations(1), 500 if at % 20 == 0 else 200)
        if cache.get(at % 15) is None:
            cache.set(at % 15, at)
        clock.advance(900)
        assert history.flush()
    reports = PerformanceReport(monitor, tracker, resources, cache=cache)
    report = reports.generate_daily_report(NOON)
    report["session"] = reports.generate_session_report("last")
    report["comparison"] = reports.compare_sessions("earlier", "last")
    found = {name: figures["source"] for name, figures in report["operations"].items()}
    assert found == SOURCES
    return report


NAMES = ["load", "resize", "sharpen", "cache.lookup", "write negative"]
# Each is given a folder of its own.
REPORTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "daily": lambda _: daily(NAMES),
    "daily, hostile": lambda _: daily(HOSTILE, unit="<b>unit</b> " + "long" * 30),
    "daily, many": lambda _: daily([f"operation {number}" for number in range(60)]),
    "daily, with a history": with_history,
    "comparison": lambda _: comparison(NAMES),
    "comparison, hostile": lambda _: comparison(HOSTILE),
    "session": lambda _: session(HOSTILE),
    "a dict of one's own": lambda _: {
        "date": "2024-05-15",
        "operations": {"x": {}},
        **{it: [{it: it}] for it in HOSTILE},
    },
    "nothing": lambda _: {},
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of the report of that name, made once."""
    made: dict[str, Path] = {}

    def page_of(report: str) -> Path:
        if report not in made:
            folder = tmp_path_factory.mktemp("pages")
            made[report] = folder / "report.html"
            PerformanceReport.export_report(REPORTS[report](folder), "html", made[report])
        return made[report]

    return page_of


@pytest.fixture(params=list(REPORTS))
def page(request: pytest.FixtureRequest, pages: Callable[[str], Path]) -> Path:
    return pages(request.param)


WIDER = """
[...document.querySelectorAll("body *")]
  .filter(it => it.getBoundingClientRect().right > innerWidth + 0.5 && !it.closest(".table"))
  .map(it => it.outerHTML.slice(0, 200))
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_overflows_fails_or_is_fetched(
    browser: chromium.Browser, page: Path, width: int, scheme: str
) -> None:
    browser.show(page, width, scheme)
    assert browser.run("innerWidth") == width
    assert browser.run("document.documentElement.scrollWidth") <= width, browser.run(WIDER)
    assert browser.run(WIDER) == []
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
    assert browser.run("document.title") != "run"
    assert browser.run("document.scripts.length") == 0


def test_a_complaint_and_a_request_would_be_noticed(
    browser: chromium.Browser, tmp_path: Path
) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><img src=missing.png><script>console.error('oh')</script><p style=width:999px>x"
    )
    browser.show(page, 360, "light")
    # Either may come after the page.
    browser.wait_for("Log.entryAdded")
    browser.wait_for("Runtime.consoleAPICalled")
    assert len(browser.complaints()) == 2
    assert len(browser.requests()) == 2
    assert browser.run("document.documentElement.scrollWidth") == 999 + 8


CONTRAST = """
(() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = part => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = parse(getComputedStyle(document.body).backgroundColor);
  const found = {};
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(it => it.nodeType === 3 && it.data.trim());
    const style = getComputedStyle(element);
    if (element.tagName === "path") {
      for (const paint of [style.fill, style.stroke]) {
        const name = element.classList[0];
        if (paint !== "none" && !["grid", "axis", "band"].includes(name))
          found["drawn " + name] = contrast(parse(paint), paper);
      }
    } else if (own && element.tagName !== "title" && element.tagName !== "desc") {
      const colour = element.tagName === "text" ? style.fill : style.color;
      const name = "text " + colour;
      found[name] = contrast(parse(colour), paper);
    }
  }
  return found;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("report", ["daily", "daily, with a history", "comparison"])
def test_texts_and_drawings_stand_out_from_the_page(
    browser: chromium.Browser, pages: Callable[[str], Path], scheme: str, report: str
) -> None:
    browser.show(pages(report), 1440, scheme)
    dark = browser.run("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark is (scheme == "dark")
    contrasts = browser.run(CONTRAST)
    assert sum(name.startswith("drawn") for name in contrasts) >= 2
    # WCAG 2.2, level AA: 4.5 for text, 3 for what is drawn.
    low = {
        name: contrast
        for name, contrast in contrasts.items()
        if contrast < (4.5 if name.startswith("text") else 3)
    }
    assert low == {}


TREE_ROLES = {"table", "row", "columnheader", "rowheader", "cell", "image", "heading"}


def named_by_role(browser: chromium.Browser) -> dict[str, list[str]]:
    """What a screen reader calls the parts of the page."""
    named: dict[str, list[str]] = {}
    for node in browser.call("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if not node["ignored"] and role:
            named.setdefault(role, []).append(node.get("name", {}).get("value", ""))
    return named


@pytest.mark.parametrize("width", [360, 1440])
def test_a_screen_reader_finds_tables_headings_and_named_drawings(
    browser: chromium.Browser, pages: Callable[[str], Path], width: int
) -> None:
    browser.show(pages("daily"), width, "light")
    named = named_by_role(browser)
    assert named.keys() >= TREE_ROLES, sorted(named)
    # On phones, tables are laid out as lists and are tables all the same.
    assert named["rowheader"].count("resize") == 1
    assert "p95" in named["columnheader"]
    assert len(named["image"]) == 2 * len(NAMES)
    assert all(name.startswith(("Distribution", "Percentiles")) for name in named["image"])
    assert "Operations" in named["heading"]


@pytest.mark.parametrize("width", [360, 1440])
def test_a_screen_reader_finds_what_a_history_adds(
    browser: chromium.Browser, pages: Callable[[str], Path], width: int
) -> None:
    browser.show(pages("daily, with a history"), width, "light")
    named = named_by_role(browser)
    drawings = [name.split(",")[0].split(" of ")[0] for name in named["image"]]
    for drawing in ("Distribution", "Percentiles and throughput"):
        assert drawings.count(drawing) == len(SOURCES), drawings
    assert {"CPU", "Memory", "Disk", "Memory used", "Disk used"} <= set(drawings)
    assert {"Resources", "Cache", "Session: last"} <= set(named["heading"])
    assert any(heading.startswith("Compared: ") for heading in named["heading"])
    # Of the operations, of the session's, and of both sessions.
    assert named["columnheader"].count("Accuracy") == 3
    # On phones, cells say their column before.
    words = "histogram, 1.1 %, from memory and history"
    assert sum(cell.endswith(words) for cell in named["cell"]) == 1
    captions = [table for table in named["table"] if table.startswith("Operations")]
    assert len(captions) == 3


def test_a_page_prints(browser: chromium.Browser, pages: Callable[[str], Path]) -> None:
    browser.show(pages("daily"), 1440, "light")
    printed = browser.print()
    assert printed.startswith(b"%PDF")
    # The table, and two or three operations on a page.
    pages = printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ")
    assert 2 <= pages <= 5


@pytest.mark.parametrize(
    "report", ["daily", "daily, with a history", "comparison, hostile", "nothing"]
)
def test_a_fragment_does_no_harm_in_a_notebook(
    browser: chromium.Browser, tmp_path: Path, report: str
) -> None:
    figures = (
        REPORTS[report](tmp_path) or PerformanceReport(PerformanceMonitor()).generate_daily_report()
    )
    notebook = tmp_path / "notebook.html"
    notebook.write_text(
        f"<!DOCTYPE html><title>notebook</title><div id=cell>{figures._repr_html_()}</div><p id=next>",
        encoding="utf-8",
    )
    browser.show(notebook, 1440, "light")
    assert browser.complaints() == []
    assert browser.run("document.title") == "notebook"
    assert browser.run("document.documentElement.scrollWidth") <= 1440
    # What follows is not swallowed by anything left open.
    assert browser.run("document.querySelector('#next').parentElement.tagName") == "BODY"
    assert browser.run("document.querySelectorAll('#cell > .ptpd-report').length") == 1
