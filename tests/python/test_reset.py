"""``ptpd_monitoring.testing.reset`` and the fixture of the pytest plugin."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hammer import run
from ptpd_monitoring import (
    History,
    PerformanceMonitor,
    PerformanceReport,
    _instances,
    get_api_tracker,
    get_cache,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)
from ptpd_monitoring.testing import reset

GETTERS = [get_monitor, get_profiler, get_api_tracker, get_cache, get_resource_monitor]


@pytest.fixture(autouse=True)
def _own_instances(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_instances, "_instances", {})
    yield
    reset()


def test_each_getter_gives_another_instance_after_it() -> None:
    former = [getter() for getter in GETTERS]
    reset()
    new = [getter() for getter in GETTERS]
    assert not {id(one) for one in former} & {id(one) for one in new}
    assert [getter() for getter in GETTERS] == new
    assert get_profiler().monitor is get_monitor()
    reset()
    reset()  # twice, and of nothing
    assert get_cache() is get_cache()


def test_new_instances_take_the_environment_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_cache().get_stats().max_size == 1_000
    monkeypatch.setenv("PTPD_MONITORING_CACHE_SIZE", "7")
    assert get_cache().get_stats().max_size == 1_000
    reset()
    assert get_cache().get_stats().max_size == 7


def test_what_is_held_goes_on_in_memory_and_its_history_is_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "history.db"
    monkeypatch.setenv("PTPD_MONITORING_HISTORY", str(path))
    held, history = get_monitor(), get_monitor().history
    assert history is not None

    @held.timer("decorated")
    def decorated() -> None:
        pass

    held.record_metric("before", 1, "s")
    decorated()
    reset()
    assert history.closed
    held.record_metric("after", 1, "s")
    decorated()
    assert held.get_statistics("decorated")["count"] == 2
    assert held.history is history
    assert get_monitor() is not held
    assert get_monitor().history is not history
    get_monitor().record_metric("new", 1, "s")
    reset()
    with History(path, record=False) as read:
        report = PerformanceReport(PerformanceMonitor(history=read)).generate_daily_report()
        assert read.check() == []
    counts = {name: figures["count"] for name, figures in report["operations"].items()}
    assert counts == {"before": 1, "decorated": 1, "new": 1}


@pytest.mark.parametrize("with_history", [False, True])
def test_threads_that_ask_meanwhile_get_instances_that_work(
    with_history: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if with_history:
        monkeypatch.setenv("PTPD_MONITORING_HISTORY", str(tmp_path / "history.db"))
    interval = sys.getswitchinterval()
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                get_monitor().record_metric("op", 1, "s")
                with get_api_tracker().track("/"):
                    get_cache().set("k", 1)
                assert get_profiler().monitor.get_statistics("op") is not None
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for _ in range(60):
            reset()
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert failures == []
    assert get_monitor() is get_monitor()
    get_monitor().record_metric("last", 1, "s")
    assert get_monitor().operations()[-1] == "last"


def test_a_wrong_value_is_still_told_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTPD_MONITORING_CACHE_SIZE", "none")
    for _ in range(2):
        with pytest.raises(ValueError, match="PTPD_MONITORING_CACHE_SIZE"):
            get_cache()
        reset()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_instances_of_its_own_after_it(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    script = """
    import os
    from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport, get_monitor
    from ptpd_monitoring.testing import reset

    former = get_monitor()
    former.record_metric("of the parent", 1, "s")
    pid = os.fork()
    if pid == 0:
        reset()
        assert former.history.closed and get_monitor() is not former
        get_monitor().record_metric("of the child", 1, "s")
        reset()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert get_monitor() is former and not former.history.closed
    former.record_metric("of the parent", 1, "s")
    reset()
    history = History(os.environ["PTPD_MONITORING_HISTORY"], record=False)
    report = PerformanceReport(PerformanceMonitor(history=history)).generate_daily_report()
    print({name: figures["count"] for name, figures in sorted(report["operations"].items())})
    """
    said = run(script, PTPD_MONITORING_HISTORY=str(path))
    assert said == "{'of the child': 1, 'of the parent': 2}\n"


def test_the_plugin_has_a_fixture_of_fresh_instances(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import pytest
from ptpd_calibration.monitoring import get_cache, get_monitor

seen = [get_monitor()]

@pytest.mark.parametrize("number", range(3))
def test_fresh(fresh_monitoring, number):
    assert get_monitor() not in seen
    assert get_monitor().operations() == [] and get_cache().get_size() == 0
    seen.append(get_monitor())
    get_monitor().record_metric("op", 1, "s")
    get_cache().set("k", 1)

def test_after():
    assert get_monitor() not in seen
""",
        encoding="utf-8",
    )
    command = ["-m", "pytest", "-p", "ptpd_monitoring.swap", "-p", "no:cacheprovider", "-q", "."]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "4 passed" in done.stdout, done.stdout
