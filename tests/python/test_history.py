"""A history on disk, as a user has it."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import threading
import weakref
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hammer import run
from history_support import LOGGER, counts, is_sound, query, totals
from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    ResourceMonitor,
    _instances,
    get_api_tracker,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc).timestamp()
DAY = 86_400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_what_is_recorded_is_on_disk_after_a_flush(path: Path) -> None:
    history = History(path)
    monitor = PerformanceMonitor(history=history)
    monitor.record_many("many", np.arange(1_000), "px")
    with monitor.session("job"):
        monitor.record_metric("one", 2.5, "MB", {"metadata": "stays in memory"})
    with monitor.timer("timed"):
        pass
    assert history.flush() is True
    assert history.problem is None
    assert counts(path) == {"many": 1_000, "one": 1, "timed": 1}
    assert counts(path, kind="session") == {"one": 1}
    assert totals(path)["many"] == (1_000, 499_500.0)
    assert is_sound(path)


def test_more_samples_than_memory_keeps_are_all_counted(path: Path) -> None:
    with History(path) as history:
        monitor = PerformanceMonitor(max_history=10, history=history)
        for _ in range(25):
            monitor.record_many("op", [1.0, 2.0, 3.0], "s")
    assert totals(path) == {"op": (75, 150.0)}


def test_requests_are_on_disk_by_endpoint_method_and_kind_of_status(path: Path) -> None:
    with History(path) as history:
        tracker = APIPerformanceTracker(history=history)
        tracker.track_request("/a", 0.25, 200, "POST")
        tracker.track_request("/a", 0.75, 503, "POST", error="worker busy")
        with tracker.track("/b"):
            pass
    rows = query(
        path,
        "SELECT name, unit, method, status_class, count, max FROM hours"
        " JOIN series ON series.id = series WHERE kind = 'endpoint' ORDER BY name, status_class",
    )
    assert rows[:2] == [
        ("/a", "milliseconds", "POST", 2, 1, 250.0),
        ("/a", "milliseconds", "POST", 5, 1, 750.0),
    ]
    assert rows[2][:5] == ("/b", "milliseconds", "GET", 2, 1)


def test_resources_are_read_for_the_history_by_their_interval(path: Path) -> None:
    clock = ManualClock(NOON)
    with History(path, clock=clock) as history:
        resources = ResourceMonitor(history=history, sample_interval=20, clock=clock)
        for _ in range(60):
            clock.advance(1)
            history.flush()
        assert resources.check_resources().memory_percent > 0
    found = counts(path, kind="resource")
    assert {"cpu_percent", "memory_percent", "memory_used_mb", "disk_percent"} <= set(found)
    assert set(found.values()) == {3}
    (least, most) = query(
        path,
        "SELECT min(min), max(max) FROM minutes JOIN series ON series.id = series"
        " WHERE unit = 'percent'",
    )[0]
    assert 0 <= least <= most <= 100


def test_readings_end_with_their_resource_monitor(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, clock=clock)
    resources = ResourceMonitor(history=history, clock=clock)
    clock.advance(1)
    history.flush()
    before = counts(path, kind="resource")
    assert before
    del resources
    gc.collect()
    clock.advance(60)
    history.flush()
    assert counts(path, kind="resource") == before


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_path_does_wherever_a_history_does(path: Path, kind: Any) -> None:
    if kind is os.fsencode:
        with pytest.raises(TypeError, match="history must be a History, a path or None"):
            PerformanceMonitor(history=kind(path))
        return
    monitor = PerformanceMonitor(history=kind(path))
    tracker = APIPerformanceTracker(history=kind(path))
    monitor.record_metric("op", 1, "s")
    tracker.track_request("/", 1, 200)
    # The same file is the same history.
    assert History(path).flush()
    assert counts(path) == {"op": 1}
    assert counts(path, kind="endpoint") == {"/": 1}


def test_a_closed_history_leaves_its_monitors_to_memory(path: Path) -> None:
    history = History(path)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("op", 1, "s")
    history.close()
    assert history.closed
    assert [entry.name for entry in path.parent.iterdir()] == ["history.db"]
    history.close()
    monitor.record_metric("op", 1, "s")
    assert history.flush()
    assert monitor.get_statistics("op")["count"] == 2
    assert counts(path) == {"op": 1}
    for kind in (PerformanceMonitor, APIPerformanceTracker, ResourceMonitor):
        with pytest.raises(ValueError, match="history must be one that is not closed"):
            kind(history=history)
    # What it holds can still be looked at.
    assert history.info()["hours"] == 1
    assert len(list(history.rows())) == 1


def test_a_with_block_closes_also_after_an_exception(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), History(path) as history:
        PerformanceMonitor(history=history).record_metric("op", 1, "s")
        _ = 1 / 0
    assert history.closed
    assert counts(path) == {"op": 1}


def test_two_histories_of_one_file_close_on_their_own(path: Path) -> None:
    one, other = History(path), History(str(path))
    first, second = PerformanceMonitor(history=one), PerformanceMonitor(history=other)
    first.record_metric("first", 1, "s")
    one.close()
    first.record_metric("first", 1, "s")
    second.record_metric("second", 1, "s")
    assert other.flush()
    assert counts(path) == {"first": 1, "second": 1}


def test_what_a_dropped_or_cleared_monitor_recorded_is_not_lost(path: Path) -> None:
    history = History(path)
    monitor = PerformanceMonitor(history=history)
    monitor.record_metric("cleared", 1, "s")
    monitor.clear_metrics()
    monitor.record_metric("dropped", 1, "s")
    gone = weakref.ref(monitor)
    del monitor
    gc.collect()
    assert gone() is None
    assert history.flush()
    assert counts(path) == {"cleared": 1, "dropped": 1}


def test_a_monitor_keeps_its_history_alive(path: Path) -> None:
    monitor = PerformanceMonitor(history=History(path))
    gc.collect()
    monitor.record_metric("op", 1, "s")
    assert History(path).flush()
    assert counts(path) == {"op": 1}


def test_a_subclass_may_bring_its_own_history(path: Path) -> None:
    class Own(PerformanceMonitor):
        def __init__(self, folder: Path) -> None:
            super().__init__(history=folder / "history.db")

    Own(path.parent).record_metric("op", 1, "s")
    assert History(path).flush()
    assert counts(path) == {"op": 1}

    class Uninitialised(History):
        def __init__(self) -> None:
            pass

    with pytest.raises(RuntimeError, match="__init__"):
        Uninitialised().flush()
    with pytest.raises(RuntimeError, match="__init__"):
        PerformanceMonitor(history=Uninitialised())


def test_a_history_is_initialised_once(path: Path) -> None:
    history = History(path)
    with pytest.raises(RuntimeError, match="in use"):
        history.__init__(path)  # type: ignore[misc]


def test_a_history_shows_its_path(path: Path) -> None:
    history = History(os.path.relpath(path))
    assert history.path == path.resolve()
    assert repr(history) == f"History({str(path.resolve())!r})"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"path": 3}, TypeError, "path must be a str or os.PathLike, got 3"),
        ({"path": "a\0b"}, ValueError, "path must be a path without null"),
        ({"path": ""}, ValueError, "path must be the path of a file, got ''"),
        ({"path": "", "record": False}, ValueError, "path must be the path of a file, got ''"),
        ({"flush_interval": 0}, ValueError, "flush_interval must be .* above 0 .* got 0.0"),
        ({"flush_interval": float("nan")}, ValueError, "flush_interval"),
        ({"flush_interval": 1e9}, ValueError, "flush_interval"),
        ({"flush_interval": "1"}, TypeError, "flush_interval must be a number"),
        ({"retention_days": 0}, ValueError, "retention_days must be from 1 to 4294967295, got 0"),
        ({"retention_days": 2**32}, ValueError, "from 1 to 4294967295, got 4294967296"),
        ({"retention_days": 2**64}, ValueError, "from 1 to 4294967295, got 18446744073709551616"),
        ({"retention_days": 1.5}, TypeError, "retention_days must be an int"),
        ({"clock": 1}, TypeError, "clock must be a ManualClock"),
    ],
)
def test_a_bad_argument_is_named_and_nothing_is_made(
    path: Path, arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        History(**{"path": path, **arguments})
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("kind", [PerformanceMonitor, APIPerformanceTracker, ResourceMonitor])
def test_an_empty_path_is_no_history(kind: Any) -> None:
    with pytest.raises(ValueError, match="history must be the path of a file, got ''"):
        kind(history="")


def test_names_that_mean_more_to_a_database_are_those_of_files(tmp_path: Path) -> None:
    script = """
    import os, sys
    from ptpd_monitoring import History, PerformanceMonitor

    os.chdir(sys.argv[1])
    for name in sys.argv[2:]:
        with History(name) as history:
            PerformanceMonitor(history=history).record_metric("op", 1, "s")
            assert history.flush(), name
        (row,) = History(name, record=False).rows()
        assert row["count"] == 1, name
    """
    names = [":memory:", "file:a.db", "file::memory:", "file:b.db?mode=memory", "c.db?mode=ro", " "]
    assert run(script, tmp_path, *names) == ""
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)


@pytest.mark.skipif(os.name != "posix", reason="folders in use cannot be removed here")
@pytest.mark.parametrize("name", ["history.db", ":memory:", "file::memory:", "file:a?mode=memory"])
def test_in_a_folder_that_is_gone_nothing_is_said_to_be_written(name: str, tmp_path: Path) -> None:
    script = """
    import logging, os, sys
    from ptpd_monitoring import History, PerformanceMonitor

    logging.disable()
    os.chdir(sys.argv[1])
    os.rmdir(sys.argv[1])
    history = History(sys.argv[2])
    PerformanceMonitor(history=history).record_metric("op", 1, "s")
    assert history.flush() is False
    assert "The history" in history.problem
    """
    folder = tmp_path / "gone"
    folder.mkdir()
    assert run(script, folder, name) == ""


@pytest.mark.parametrize("interval", [0.05, 0, -1, 1e9, float("nan")])
def test_a_bad_sample_interval_is_named(path: Path, interval: float) -> None:
    with pytest.raises(ValueError, match=r"sample_interval must be a number of seconds from 0\.1"):
        ResourceMonitor(history=path, sample_interval=interval)


def test_the_file_tells_what_it_holds(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    assert history.info()["oldest"] is None
    monitor.record_metric("op", 1, "s")
    clock.advance(90)
    monitor.record_metric("op", 1, "s")
    info = history.info()
    assert info["path"] == path
    assert (info["schema"], info["minutes"], info["hours"]) == (2, 2, 1)
    assert (info["series"], info["writers"]) == (1, 1)
    assert info["oldest"] == datetime.fromtimestamp(NOON)
    assert info["newest"] == datetime.fromtimestamp(NOON + 90)
    assert info["minutes_from"] == datetime.fromtimestamp(NOON - 2 * DAY)
    assert (info["waiting"], info["dropped"], info["problem"]) == (0, 0, None)
    assert (info["overflowed"], info["retention_days"]) == (0, 30)
    assert info["bytes"] % 4096 == 0
    assert info["free_bytes"] == 0


def test_rows_are_those_of_the_file(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    tracker = APIPerformanceTracker(history=history, clock=clock)
    values = np.random.default_rng(1).lognormal(size=1_000)
    with monitor.session("job"):
        monitor.record_many("op", values, "s")
    clock.advance(61)
    tracker.track_request("/a", 0.5, 404, "PUT")
    rows = list(history.rows())
    start = datetime.fromtimestamp(NOON, timezone.utc)
    assert [(row["start"], row["kind"], row["name"]) for row in rows] == [
        (start, "operation", "op"),
        (start, "session", "op"),
        (start + timedelta(minutes=1), "endpoint", "/a"),
    ]
    assert [row["session"] for row in rows] == [None, "job", None]
    assert [(row["method"], row["status_class"]) for row in rows] == [(None, None)] * 2 + [
        ("PUT", 4)
    ]
    row = rows[0]
    assert row["count"] == 1_000
    assert row["sum"] == pytest.approx(values.sum(), rel=1e-12)
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert row["std"] == pytest.approx(values.std(), rel=1e-9)
    assert (row["min"], row["max"]) == (values.min(), values.max())
    for name in ("p50", "p90", "p95", "p99"):
        exact = np.percentile(values, float(name[1:]))
        assert row[name] == pytest.approx(exact, rel=0.011)
    assert (row["first"], row["last"]) == (start, start)
    assert (row["pid"], row["unit"]) == (os.getpid(), "s")
    assert rows[2]["max"] == 500.0
    assert rows[2]["last"] == start + timedelta(seconds=61)

    assert [row["count"] for row in history.rows("hours")] == [1_000, 1_000, 1]
    local = datetime.fromtimestamp(NOON + 60)
    later = (local, local + timedelta(hours=1))
    assert [row["name"] for row in history.rows("minutes", later)] == ["/a"]
    with pytest.raises(ValueError, match="resolution must be 'minutes' or 'hours', got 'days'"):
        history.rows("days")  # type: ignore[arg-type]


def test_thousands_of_rows_come_one_at_a_time(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    for number in range(2_345):
        monitor.record_metric(f"op {number:04}", number, "s")
    names = [row["name"] for row in history.rows()]
    assert sorted(names) == [f"op {number:04}" for number in range(2_345)]


def test_threads_that_share_rows_end_when_there_are_none_left(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    for number in range(4_321):
        monitor.record_metric(f"op {number}", number, "s")
    rows = history.rows()
    left_over: list[Any] = []
    taken: list[int] = []

    def take() -> None:
        taken.append(sum(1 for _ in rows))
        left_over.extend(rows)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(taken), left_over) == (4_321, [])


def test_a_look_at_no_file_says_that_there_is_none(path: Path) -> None:
    with pytest.raises(OSError, match="does not exist"):
        History(path, record=False).info()


def test_numbers_that_a_database_does_not_have_are_told(path: Path) -> None:
    with History(path) as history:
        monitor = PerformanceMonitor(history=history)
        monitor.record_many("infinite", [float("inf"), float("-inf"), float("nan"), 1], "s")
        monitor.record_many("not a number", [float("nan")], "s")
        assert history.flush()
        infinite, nan = sorted(history.rows("hours"), key=lambda row: row["name"])
        assert history.check() == []
    assert (infinite["count"], infinite["min"], infinite["max"]) == (3, -np.inf, np.inf)
    assert np.isnan(infinite["sum"])
    assert (nan["count"], nan["mean"], nan["min"], nan["p50"]) == (0, None, None, None)


def test_minutes_go_after_two_days_and_hours_after_the_retention(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, retention_days=4, clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    for _ in range(10):
        monitor.record_metric("op", 1, "s")
        assert history.flush()
        clock.advance(DAY)
    history.fold()
    assert query(path, "SELECT count(*) FROM minutes") == [(2,)]
    assert query(path, "SELECT count(*) FROM hours") == [(4,)]
    history.vacuum()
    assert history.info()["free_bytes"] == 0
    assert history.check() == []


def test_wrong_rows_are_found_by_a_check(path: Path) -> None:
    with History(path) as history:
        PerformanceMonitor(history=history).record_metric("op", 1, "s")
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE minutes SET count = 9")
    database.close()
    (fault,) = History(path).check()
    assert "minutes" in fault
    assert "count 9" in fault


@pytest.fixture
def _no_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_instances, "_instances", {})


@pytest.mark.usefixtures("_no_instances")
def test_the_global_instances_share_the_history_of_the_variable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTPD_MONITORING_HISTORY", str(path))
    get_monitor().record_metric("op", 1, "s")
    get_profiler().profile_operation(sorted, [3, 1])
    get_api_tracker().track_request("/", 0.1, 200)
    resources = get_resource_monitor()
    resources.get_cpu_usage()
    history = History(path)
    assert history.flush()
    assert counts(path) == {"op": 1, "sorted_wall_time": 1, "sorted_memory": 1}
    assert counts(path, kind="endpoint") == {"/": 1}
    assert _instances._history() is not None


@pytest.mark.usefixtures("_no_instances")
@pytest.mark.parametrize("blank", [None, "", " "])
def test_without_the_variable_the_global_instances_have_no_history(
    blank: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PTPD_MONITORING_HISTORY", raising=False)
    if blank is not None:
        monkeypatch.setenv("PTPD_MONITORING_HISTORY", blank)
    monkeypatch.chdir(tmp_path)
    get_monitor().record_metric("op", 1, "s")
    assert _instances._history() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_no_instances")
def test_the_variable_of_the_retention_is_that_of_the_global_history(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTPD_MONITORING_HISTORY", str(path))
    monkeypatch.setenv("PTPD_MONITORING_RETENTION_DAYS", "1")
    history = _instances._history()
    assert history is not None
    assert history.flush()
    names = dict(query(path, "SELECT name, value FROM state"))
    now = datetime.now().timestamp()
    assert names["hours_from"] == pytest.approx(now - DAY, abs=600)


@pytest.mark.thread_unsafe(reason="the logger is the whole process's")
def test_the_thread_writes_without_being_asked(path: Path) -> None:
    import threading

    written = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "written again" in record.getMessage():
                written.set()

    handler = Handler()
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        folder = path.parent / "later"
        history = History(folder / "history.db", flush_interval=0.02)
        PerformanceMonitor(history=history).record_metric("op", 1, "s")
        assert not history.flush()
        folder.mkdir()
        # It says so by itself when it has written what waited.
        assert written.wait(60)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert counts(folder / "history.db") == {"op": 1}
    assert history.problem is None


def test_a_file_is_closed_when_close_returns(tmp_path: Path) -> None:
    # The thread that writes may be at it just then, so by chance alone it would be closed mostly.
    for number in range(100):
        path = tmp_path / f"{number}.db"
        with History(path) as history:
            monitor = PerformanceMonitor(history=history)
            for operation in range(100):
                monitor.record_metric(f"op {operation}", 1, "s")
        assert list(tmp_path.iterdir()) == [path]
        path.unlink()
