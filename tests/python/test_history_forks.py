"""Forks beside a history: no thread of ours is there meanwhile, and all come back."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hammer import run
from history_support import query

if not (hasattr(os, "fork") and sys.platform.startswith("linux")):
    pytest.skip("needs forks and what Linux tells of threads", allow_module_level=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


LOOKING = """
import os, sys, threading, time
seen = []

def look():
    seen.append(len(os.listdir("/proc/self/task")))

# Registered first, so that it runs last before the fork.
os.register_at_fork(before=look)

import hammer
from ptpd_monitoring import History, ImageProcessingProfiler, PerformanceMonitor

history = History(sys.argv[1])
monitor = PerformanceMonitor(history=history)
profiler = ImageProcessingProfiler(monitor)
assert hammer.sampler_is_alive(profiler)

def wait_for_the_writer():
    while not hammer.writer_is_alive():
        time.sleep(0.001)

def child():
    wait_for_the_writer()
    assert hammer.sampler_is_alive(profiler)
"""


def test_no_thread_of_ours_is_there_at_a_fork(path: Path) -> None:
    script = """
for _ in range(20):
    monitor.record_metric("op", 1, "s")
    assert hammer.sampler_is_alive(profiler)
    wait_for_the_writer()
    hammer.reap(hammer.fork(child))
assert seen == [1] * 20, seen
wait_for_the_writer()
names = [name for name in hammer.of_each_thread("comm").values() if "ptpd-history" in name]
assert len(names) == 1, names
assert hammer.sampler_is_alive(profiler)
"""
    assert run(LOOKING + script, path) == ""


def test_a_history_that_was_closed_leaves_no_thread_to_a_fork(path: Path) -> None:
    script = """
for _ in range(20):
    History(sys.argv[1] + "2").close()
    history.close()
    hammer.reap(hammer.fork(lambda: None))
    history = History(sys.argv[1])
assert seen == [1] * 20, seen
"""
    assert run(LOOKING + script, path) == ""


def test_threads_come_back_once_after_a_fork_that_failed(path: Path) -> None:
    script = """
import logging, resource
logging.disable()
wait_for_the_writer()
hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
if os.getuid() == 0:
    os.setuid(65534)
for _ in range(5):
    try:
        os.fork()
    except OSError:
        pass
    else:
        raise AssertionError("the fork did not fail")
# Nor could a thread be started.
resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
hammer.reap(hammer.fork(wait_for_the_writer))
wait_for_the_writer()
names = [name for name in hammer.of_each_thread("comm").values() if "ptpd-history" in name]
assert len(names) == 1, names
"""
    assert run(LOOKING + script, path) == ""


def test_threads_come_back_once_after_forks_of_several_threads(path: Path) -> None:
    script = """
import warnings
# Of the threads that fork, of which there are several.
warnings.simplefilter("ignore", DeprecationWarning)
failures = []

def fork_often():
    try:
        for _ in range(20):
            hammer.reap(hammer.fork(child))
    except BaseException as error:
        failures.append(error)

threads = [threading.Thread(target=fork_often) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(hammer.DEADLINE)
assert not failures, failures
# The three that fork, and the main one.
assert max(seen) <= 4, seen
wait_for_the_writer()
monitor.record_metric("op", 1, "s")
assert history.flush()
names = [name for name in hammer.of_each_thread("comm").values() if "ptpd-history" in name]
assert len(names) == 1, names
"""
    assert run(LOOKING + script, path) == ""


def test_a_measurement_goes_on_after_a_fork_in_its_middle(path: Path) -> None:
    script = """
def forks():
    hammer.reap(hammer.fork(lambda: None))
    while "ptpd-rss-peak" not in hammer.threads_of_this_process():
        time.sleep(0.001)

profiler.profile_operation(forks)
assert seen == [1], seen
"""
    assert run(LOOKING + script, path) == ""


def test_forks_do_not_have_the_history_be_written_more_often(path: Path) -> None:
    script = """
history.close()
history = History(sys.argv[1], flush_interval=3_600)
monitor = PerformanceMonitor(history=history)
hammer.wait_until_others_sleep()
for _ in range(60):
    monitor.record_metric("op", 1, "s")
    hammer.reap(hammer.fork(lambda: None))
    wait_for_the_writer()
    hammer.wait_until_others_sleep()
os._exit(0)
"""
    assert run(LOOKING + script, path) == ""
    # At once, and then after pauses of which each is twice as long, by which no test takes longer.
    ((writes,),) = query(path, "SELECT max(flushes) FROM writers")
    assert writes <= 20
