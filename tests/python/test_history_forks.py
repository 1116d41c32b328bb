"""Forks beside a history: no thread of ours is there meanwhile, and all come back."""

from __future__ import annotations

import os
import sys
import tempfile
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


def test_threads_come_back_once_after_a_fork_that_failed() -> None:
    script = """
import logging, resource
logging.disable()
wait_for_the_writer()
assert history.flush()
hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
hammer.become_nobody(history.path.parent)
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
    # Where others may look, too: the thread that tells of a file that it cannot use any more may still be
    # there at a fork.
    with tempfile.TemporaryDirectory() as folder:
        assert run(LOOKING + script, Path(folder) / "history.db") == ""


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


REFUSED = """
import os, resource, shutil, sys, tempfile, time

limit = resource.getrlimit(resource.RLIMIT_NPROC)

def allow(number):
    resource.setrlimit(resource.RLIMIT_NPROC, (number, limit[1]))

# Registered first, so that it runs first after the fork: as if the child were the last process that
# there may be.
os.register_at_fork(after_in_parent=lambda: allow(0))
import logging
import hammer
from ptpd_monitoring import History, ImageProcessingProfiler, PerformanceMonitor

lines = []

class Keep(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())

logger = logging.getLogger("ptpd_calibration.monitoring")
logger.addHandler(Keep())
logger.propagate = False
# Whom the limit does not hold for becomes somebody else, who needs a folder of his own, and may not read
# the modules that are still to be imported.
folder = tempfile.mkdtemp()
with History(folder + "/first.db") as first:
    PerformanceMonitor(history=first).record_metric("op", 1, "s")
    first.info()
hammer.become_nobody(first.path.parent)
history = History(folder + "/history.db", flush_interval=0.01)
monitor = PerformanceMonitor(history=history)
profiler = ImageProcessingProfiler(monitor)

def threads():
    return [name for name in hammer.threads_of_this_process() if name.startswith("ptpd-")]

def fork():
    allow(limit[0])
    hammer.reap(hammer.fork(lambda: None))
    assert threads() == [], threads()
    return True
"""


def test_a_thread_that_was_refused_after_a_fork_is_told_of_and_comes_back(path: Path) -> None:
    script = """
monitor.record_metric("op", 1, "s")
assert history.flush()
for _ in range(2):
    fork()
    assert len(lines) == 1 and "thread" in lines[0], lines
allow(limit[0])
if sys.argv[2] == "flush":
    time.sleep(1)
    assert history.flush()
while "ptpd-history" not in threads():
    if sys.argv[2] == "record":
        monitor.record_metric(f"op {time.monotonic()}", 1, "s")
    time.sleep(0.01)
shutil.rmtree(folder)
os._exit(0)
"""
    for way in ("record", "flush"):
        assert run(REFUSED + script, path, way) == ""


def test_peaks_are_sampled_again_after_a_fork_that_left_no_thread_for_it(path: Path) -> None:
    script = """
assert profiler.profile_operation(fork)[0]
allow(limit[0])
assert hammer.sampler_is_alive(profiler)
history.close()
shutil.rmtree(folder)
"""
    assert run(REFUSED + script, path) == ""
