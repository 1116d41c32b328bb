"""Forks in the middle of everything: no child hangs, and both sides go on counting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hammer import nvml_stub, run

if not hasattr(os, "fork"):
    pytest.skip("this system does not fork", allow_module_level=True)

FORKS = 200

STORM = """
import sys, threading
import hammer
from ptpd_monitoring import ImageProcessingProfiler

everything = hammer.Everything(sys.argv[2])
stop, failures = threading.Event(), []
everything.round()
threads = everything.hammer(stop, failures)

def child():
    everything.round()
    everything.check_counting()
    # A thread of the child's own, and a peak and a history, which need threads of the child's own.
    own = threading.Thread(target=everything.record)
    own.start()
    own.join(hammer.DEADLINE)
    assert not own.is_alive()
    assert hammer.sampler_is_alive(everything.profiler)
    assert hammer.writer_is_alive()

children = []
for _ in range(int(sys.argv[1])):
    children.append(hammer.fork(child))
    everything.check_counting()
    if len(children) > 3:
        hammer.reap(children.pop(0))
for pid in children:
    hammer.reap(pid)
stop.set()
for thread in threads:
    thread.join(hammer.DEADLINE)
    assert not thread.is_alive()
assert not failures, failures
everything.round()
print("done")
"""


@pytest.fixture
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables that make a library stand in for the GPU's driver, where one can be built."""
    return {"PTPD_MONITORING_NVML_LIBRARY": str(nvml_stub(tmp_path_factory))}


def test_no_child_hangs_when_eight_threads_hammer_during_the_fork(
    tmp_path: Path, stand_in: dict[str, str]
) -> None:
    assert run(STORM, FORKS, tmp_path, **stand_in) == "done\n"


FIRST_CALLS = """
import fcntl, sys, threading
# What a thread is importing during a fork stays locked in the child: that is Python's own.
import contextvars, datetime, logging, numpy, _strptime, ptpd_monitoring._decorators
import hammer

sys.setswitchinterval(1e-5)
everything = hammer.Everything(sys.argv[1])
failures = []

def round():
    try:
        everything.round()
    except BaseException as failure:
        failures.append(failure)

def child():
    # A few at a time, as what they do to the one file they would otherwise wait for, all of them.
    with open(f"{sys.argv[1]}/turn {len(children) % 4}", "wb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        everything.round()

first = threading.Thread(target=round)
first.start()
children = []
while first.is_alive():
    children.append(hammer.fork(child))
    if len(children) == 40:
        first.join()
assert not failures, failures
assert children
for pid in children:
    hammer.reap(pid)
print("done")
"""


def test_no_child_hangs_when_another_thread_calls_everything_for_the_first_time(
    tmp_path: Path,
) -> None:
    assert run(FIRST_CALLS, tmp_path) == "done\n"


def test_a_child_gets_the_global_instances_while_a_thread_of_its_parent_makes_them() -> None:
    script = """
    import threading
    import hammer
    from ptpd_monitoring import _instances, get_monitor

    making, go_on = threading.Event(), threading.Event()
    read_settings = _instances.read_settings

    def slow(*names):
        making.set()
        go_on.wait(hammer.DEADLINE)
        return read_settings(*names)

    _instances.read_settings = slow
    made = []
    thread = threading.Thread(target=lambda: made.append(get_monitor()))
    thread.start()
    assert making.wait(hammer.DEADLINE)
    _instances.read_settings = read_settings
    hammer.reap(hammer.fork(get_monitor))
    own = get_monitor()
    go_on.set()
    thread.join(hammer.DEADLINE)
    assert made == [own]
    """
    assert run(script) == ""


def test_what_is_made_once_for_the_process_is_made_by_the_import(tmp_path: Path) -> None:
    script = """
    import collections.abc, datetime, pathlib, sys, types
    import numpy
    import ptpd_monitoring
    from ptpd_monitoring import History, ImageProcessingProfiler, PerformanceMonitor

    class Late(types.ModuleType):
        def __getattr__(self, name):
            late.append(f"{self.__name__}.{name}")
            return getattr(there[self.__name__], name)

    # What a first call still looked up, a fork by another thread would leave half-made in the child.
    names = ("collections.abc", "datetime")
    there = {name: sys.modules[name] for name in names}
    late = []
    sys.modules.update({name: Late(name) for name in names})
    history = History(sys.argv[1])
    monitor = PerformanceMonitor(history=history)
    ImageProcessingProfiler(monitor).profile_operation(lambda image: None, numpy.ones((9, 9)))
    monitor.record_metric("op", 1, "s")
    assert history.flush()
    assert next(history.rows("minutes"))["last"].tzinfo is datetime.timezone.utc
    assert history.path == pathlib.Path(sys.argv[1])
    assert monitor.get_metrics("op")[0].timestamp
    assert late == [], late
    """
    assert run(script, tmp_path / "history.db") == ""


def test_a_child_gets_arrays_while_a_thread_of_its_parent_gets_the_first_one() -> None:
    script = """
    import threading
    import numpy, numpy.lib
    import hammer
    from ptpd_monitoring import PerformanceMonitor

    # What binds to NumPy's C interface asks for its version first, in the middle of a once-only
    # initialisation: a child forked there would wait for it for ever.
    asking, go_on = threading.Event(), threading.Event()
    version = numpy.lib.NumpyVersion

    def slow(text):
        asking.set()
        go_on.wait(hammer.DEADLINE)
        return version(text)

    numpy.lib.NumpyVersion = slow
    monitor = PerformanceMonitor()

    def arrays():
        monitor.record_many("op", numpy.ones(3), "u")
        assert monitor.values("op").tolist()[:3] == [1, 1, 1]
        assert len(monitor.timestamps("op")) >= 3

    thread = threading.Thread(target=arrays)
    thread.start()
    while thread.is_alive() and not asking.wait(0.01):
        pass
    hammer.reap(hammer.fork(arrays))
    go_on.set()
    thread.join(hammer.DEADLINE)
    """
    assert run(script) == ""


def test_a_child_initialises_the_driver_that_a_thread_of_its_parent_is_initialising(
    tmp_path: Path, stand_in: dict[str, str]
) -> None:
    script = """
    import os, sys, threading
    import hammer
    from ptpd_monitoring import ResourceMonitor

    monitor = ResourceMonitor()
    readings = []
    # The stand-in opens its log, a pipe that nobody reads yet, and so waits inside of the call.
    os.mkfifo(sys.argv[1])
    ask = lambda: readings.append(monitor.get_gpu_usage(1))
    thread = threading.Thread(target=ask)
    thread.start()
    # A library that is still being loaded is no use to a child.
    while not os.path.exists(os.environ["NVML_STUB_BEGUN"]):
        assert thread.is_alive()

    def child():
        os.environ["NVML_STUB_LOG"] = os.devnull
        assert monitor.get_gpu_usage(1)["gpu_percent"] == 73.0

    hammer.reap(hammer.fork(child))
    with open(sys.argv[1]) as log:
        assert log.read().startswith("init")
    thread.join(hammer.DEADLINE)
    assert readings[0]["gpu_percent"] == 73.0
    """
    log = tmp_path / "log"
    variables = {"NVML_STUB_LOG": str(log), "NVML_STUB_BEGUN": str(tmp_path / "begun")}
    assert run(script, log, **variables, **stand_in) == ""


def test_a_child_reads_resources_for_its_history_without_being_asked(tmp_path: Path) -> None:
    script = """
    import os, sys
    import hammer

    everything = hammer.Everything(sys.argv[1])
    everything.round()

    def child():
        def own():
            return [row for row in everything.history.rows() if row["pid"] == os.getpid()]

        while not any(row["kind"] == "resource" for row in own()):
            pass

    hammer.reap(hammer.fork(child))
    """
    assert run(script, tmp_path) == ""


def test_what_a_child_records_does_not_show_in_its_parent(tmp_path: Path) -> None:
    script = """
    import os, sys
    import hammer

    everything = hammer.Everything(sys.argv[1])
    everything.monitor.record_metric("op", 1, "u")

    def child():
        everything.monitor.record_metric("op", 2, "u")
        assert everything.monitor.values("op").tolist() == [1, 2]

    hammer.reap(hammer.fork(child))
    assert everything.monitor.values("op").tolist() == [1]
    """
    assert run(script, tmp_path) == ""


WORKER = """
from pathlib import Path
import hammer

def work(number):
    everything = hammer.Everything(Path(__file__).parent / "workers")
    for _ in range(3):
        with everything.monitor.timer("op"):
            pass
    everything.profile()
    everything.watch()
    return everything.monitor.get_statistics("op")["count"]
"""

POOL = """
import multiprocessing, sys, threading, warnings
sys.path.insert(0, sys.argv[2])
import hammer, worker

if __name__ == "__main__":
    everything = hammer.Everything(sys.argv[2])
    everything.round()
    stop, failures = threading.Event(), []
    threads = everything.hammer(stop, failures)
    with warnings.catch_warnings():
        # Python 3.12 and newer warn about a fork beside threads. That it works is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
            counts = pool.map_async(worker.work, range(12)).get(hammer.DEADLINE)
            pool.close()
            pool.join()
    stop.set()
    for thread in threads:
        thread.join(hammer.DEADLINE)
    assert not failures, failures
    assert counts == [3] * 12, counts
    print("done")
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_worker_processes_of_multiprocessing_work_however_they_are_started(
    method: str, tmp_path: Path
) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "workers").mkdir()
    program = tmp_path / "program.py"
    program.write_text(POOL)
    script = "import runpy, sys; sys.argv[0] = sys.argv[3]; runpy.run_path(sys.argv[3], run_name='__main__')"
    assert run(script, method, tmp_path, program) == "done\n"
