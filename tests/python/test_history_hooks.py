"""Hooks of forks that were there before a history's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hammer import run
from history_support import counts, is_sound

if not hasattr(os, "fork"):
    pytest.skip("this system does not fork", allow_module_level=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


HOOKS = """
import os, sys

history = None

def hook():
    # Of somebody who was here first: it runs inside of the fork as far as histories know.
    if history is not None:
        history.flush()
        monitor.record_metric("hook", 1, "s")
        told.append((history.flush(), "fork" in str(history.problem), reads()))

def reads():
    try:
        return history.info()["problem"]
    except OSError as error:
        return "in the middle of a fork" in str(error)

os.register_at_fork(**{sys.argv[2]: hook})

import hammer
from ptpd_monitoring import History, PerformanceMonitor

told = []
monitor = PerformanceMonitor(history=sys.argv[1])
history = History(sys.argv[1])
monitor.record_metric("parent", 1, "s")
assert history.flush()

def child():
    monitor.record_metric("child", 1, "s")
    assert history.flush(), history.problem
    assert history.problem is None
    if sys.argv[2] == "after_in_child":
        assert told == [(True, False, None)], told

hammer.reap(hammer.fork(child))
assert history.flush()
if sys.argv[2] != "after_in_child":
    assert told == [(False, False, True)], told
print("done")
"""


@pytest.mark.parametrize("when", ["before", "after_in_parent", "after_in_child"])
def test_a_hook_that_came_first_and_uses_a_history_stops_no_fork(when: str, path: Path) -> None:
    assert run(HOOKS, path, when) == "done\n"
    assert counts(path) == {"parent": 1, "child": 1, "hook": 1}
    assert is_sound(path)


def test_a_history_that_is_closed_by_a_hook_is_let_go(path: Path) -> None:
    script = """
    import os, sys

    def hook():
        if history is not None:
            history.close()

    history = None
    os.register_at_fork(before=hook)

    import hammer
    from ptpd_monitoring import History, PerformanceMonitor

    monitor = PerformanceMonitor(history=sys.argv[1])
    monitor.record_metric("op", 1, "s")
    history = History(sys.argv[1])
    hammer.reap(hammer.fork(lambda: None))
    assert history.closed
    """
    assert run(script, path) == ""
    assert counts(path) == {"op": 1}


WAITING = """
import os, sys, threading
import hammer
from history_support import locked
from pathlib import Path
from ptpd_monitoring import History, PerformanceMonitor

history = History(sys.argv[1], flush_interval=3_600)
PerformanceMonitor(history=history).record_metric("op", 1, "s")
assert history.flush()
failures = []

ways = {
    "fold": history.fold,
    "vacuum": history.vacuum,
    "info": history.info,
    "check": history.check,
    "rows": lambda: list(history.rows("hours")),
    "recent": history.recent,
}

def use():
    try:
        result = ways[sys.argv[2]]()
        assert not isinstance(result, dict) or result["problem"] is None, result
    except Exception as error:
        failures.append(error)

# It leaves no connection open that the other process would have to wait for.
hammer.reap(hammer.fork(lambda: None))
with locked(Path(sys.argv[1]), readers=sys.argv[2] not in ("fold", "vacuum")):
    thread = threading.Thread(target=use)
    thread.start()
    # By one of them it waits for the lock.
    for _ in range(30):
        hammer.reap(hammer.fork(lambda: None))
thread.join()
assert not failures, failures
"""


@pytest.mark.parametrize("way", ["fold", "vacuum", "info", "check", "rows", "recent"])
def test_a_fork_does_not_send_away_who_waits_for_another_process(way: str, path: Path) -> None:
    assert run(WAITING, path, way) == ""
    assert is_sound(path)
