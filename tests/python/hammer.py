"""Threads that call everything there is, for programs that fork or exit in the middle of it.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

import contextlib
import operator
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    get_cache,
    get_monitor,
    get_profiler,
)

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).resolve().parent
# What a machine that is busy with something else may take for what is done at once otherwise.
DEADLINE = 200.0


class Exits:
    """How interpreters end beside daemon threads: with status 0, and saying nothing.

    CPython 3.10 lets a daemon thread that waits for the interpreter's lock look at an interpreter that is
    gone by then, whatever the thread runs; nothing of ours needs to be in the process. That is a few exits
    of a hundred, and more than one in five would be something else.
    """

    CRASH = -signal.SIGSEGV if sys.version_info < (3, 11) else None
    SHARE = 1 / 5
    # How often a single exit is tried until one does not crash: the last one has to end as it may.
    TRIES = 5

    def __init__(self) -> None:
        self.ended = self.crashed = 0

    def add(self, status: int, said: str) -> None:
        """Count one, which has to have ended as it may."""
        self.ended += 1
        if status == self.CRASH:
            self.crashed += 1
            status = 0
        assert (status, said) == (0, ""), f"exit {self.ended}: {status} {said[-2_000:]}"

    def check(self) -> None:
        """Check that not too many have crashed."""
        assert self.crashed <= self.SHARE * self.ended, f"{self.crashed} of {self.ended} crashed"


def run(script: str, *arguments: object, timeout: float = 240, **variables: str) -> str:
    """Run ``script`` in an interpreter of its own; what it printed.

    It has to exit with status 0 and to say nothing on its standard error.
    """
    return printed(ended(script, *arguments, timeout=timeout, **variables))


def printed(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed, which has to have exited with status 0 and to have said nothing else."""
    said = f"{done.returncode}: {done.stderr[-4000:]}"
    assert (done.returncode, done.stderr) == (0, ""), said
    return done.stdout


def ended(
    script: str, *arguments: object, timeout: float = 240, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``script`` in an interpreter of its own, to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE), **variables},
    )


def ended_beside_daemons(
    end: Callable[[int], subprocess.CompletedProcess[str]],
    is_said: Callable[[str], bool] = operator.not_,
) -> subprocess.CompletedProcess[str]:
    """How a program ends beside daemon threads, apart from an old interpreter's own crashes.

    ``end`` runs it, and is called again where it crashed like that, and what it said on its standard
    error ``is_said`` by every such program. It gets the number of the try, so as to begin anew.
    """
    for number in range(Exits.TRIES):
        done = end(number)
        if done.returncode != Exits.CRASH or not is_said(done.stderr):
            break
    return done


class Everything:
    """One object of each class, and what can be done with it."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(folder)
        # Written all the time, and closed and opened again around each fork.
        self.history = History(f"{self.folder}/history.db", flush_interval=0.01)
        # Just long enough to be exported and summed up without the interpreter.
        self.monitor = PerformanceMonitor(max_history=5_000, history=self.history)
        self.profiler = ImageProcessingProfiler(self.monitor)
        self.tracker = APIPerformanceTracker(max_history=5_000, history=self.history)
        self.cache = CacheManager(max_size=100)
        self.resources = ResourceMonitor(history=self.history, sample_interval=0.1)
        self.report = PerformanceReport(
            self.monitor, self.tracker, self.resources, cache=self.cache
        )
        self.tasks: list[Callable[[], object]] = [
            self.time,
            self.record,
            self.track,
            self.remember,
            self.profile,
            self.watch,
            self.tell,
            self.compare,
            self.draw,
            self.export,
            self.keep,
            self.look_after,
        ]

    def time(self) -> None:
        monitor = self.monitor
        with monitor.session("a session"), monitor.timer("timed"), monitor.timer("timed"):
            monitor.start_timer("by name")
            monitor.stop_timer("by name")
        # Another thread may just have cleared them.
        for metric in monitor.get_metrics("by name")[-1:]:
            metric.timestamp.isoformat()
        now = datetime.now()
        monitor.get_metrics("timed", (now - timedelta(seconds=1), now))
        monitor.clear_metrics("by name")

    def record(self) -> None:
        self.monitor.record_metric("recorded", 1, "u", metadata={"key": object()})
        self.monitor.record_many("many", [0.5] * 5_000, "u")
        # Long enough to be summed up without the interpreter.
        assert self.monitor.get_statistics("many")["mean"] == 0.5
        assert self.monitor.get_average("many") == 0.5
        self.monitor.get_percentiles("many", [99.9])
        self.monitor.values("many")

    def track(self) -> None:
        with self.tracker.track("/path", "POST"):
            self.tracker.track_request("/other", 0.001, 404, error="not found")
        self.tracker.get_endpoint_stats("/path")
        self.tracker.get_error_rate("/other")
        self.tracker.get_response_times()
        self.tracker.generate_api_report()
        _ = self.tracker._requests[-1].timestamp

    def remember(self) -> None:
        for key in range(120):
            self.cache.set(key, str(key), ttl=60)
        assert self.cache.get(119) in (None, "119")
        self.cache.get_or_set(("made", 1), lambda: "value")
        self.cache.delete(118)
        self.cache.cleanup_expired()
        assert self.cache.get_stats().max_size == 100
        get_cache().set("key", "value")
        get_monitor().record_metric("global", 1, "u")
        assert get_profiler().monitor is get_monitor()

    def profile(self) -> None:
        def work() -> int:
            return sum(range(2_000))

        _, profile = self.profiler.profile_operation(work)
        assert profile["memory_peak_mb"] > 0
        self.profiler.track_memory_usage("work")
        self.profiler.get_memory_stats()
        self.profiler.identify_bottlenecks(["work"])
        self.profiler.get_processing_speed((640, 480), "work")
        self.profiler.estimate_batch_time([(640, 480)], "work")

    def watch(self) -> None:
        self.resources.check_resources()
        self.resources.get_alerts_for_high_usage()
        self.resources.get_disk_usage("/")
        if "PTPD_MONITORING_NVML_LIBRARY" in os.environ:
            gpu = self.resources.get_gpu_usage(1)
            assert gpu is not None
            assert gpu["gpu_percent"] == 73.0

    def tell(self) -> None:
        self.monitor.record_metric("told", 1, "u")
        # Of a day that has a sample, as midnight may just have passed.
        day = self.monitor._metrics["told"][-1].timestamp.date()
        daily = self.report.generate_daily_report(day)
        self.report.export_report(daily, path=f"{self.folder}/{os.getpid()}.json")
        assert PerformanceReport.export_report(daily, "csv")
        self.report.generate_session_report("a session")

    def compare(self) -> None:
        now = datetime.now()
        period = (now - timedelta(hours=1), now)
        self.report.generate_period_report(period, tz="Europe/Berlin")
        self.report.compare_performance(period, period)
        self.report.compare_sessions("a session", "a session")

    def draw(self) -> None:
        daily = self.report.generate_daily_report()
        page = f"{self.folder}/{os.getpid()}.html"
        self.report.export_report(daily, "html", page)
        assert self.report.export_report(daily, "md")
        assert daily._repr_html_()

    def export(self) -> None:
        assert self.monitor.export_metrics("json")
        self.monitor.export_metrics("csv", f"{self.folder}/{os.getpid()}.csv")

    def keep(self) -> None:
        assert self.history.flush(), self.history.problem
        assert self.history.info()["problem"] is None
        with History(f"{self.folder}/history.db") as same:
            assert PerformanceMonitor(history=same).get_statistics("op") == {"count": 0}
        for _, _row in zip(range(10), self.history.rows("hours"), strict=False):
            pass

    def look_after(self) -> None:
        assert self.history.recent()["problem"] is None
        assert self.history.check() == []
        self.history.fold()
        self.history.vacuum()

    def round(self) -> None:
        """Do all of it once."""
        for task in self.tasks:
            task()

    def check_counting(self) -> None:
        """Check that what is done is also counted."""
        own = PerformanceMonitor()
        for _ in range(3):
            own.record_metric("op", 1, "u")
        assert own.get_statistics("op")["count"] == 3
        before = len(self.monitor.get_metrics("counted"))
        self.monitor.record_metric("counted", 1, "u")
        assert len(self.monitor.get_metrics("counted")) == before + 1
        stats = self.cache.get_stats()
        self.cache.get("no such key")
        assert self.cache.get_stats().misses >= stats.misses + 1

    def hammer(
        self, stop: threading.Event, failures: list[BaseException]
    ) -> list[threading.Thread]:
        """Start eight threads that do each task over and over."""

        def repeat(first: int) -> None:
            try:
                while not stop.is_set():
                    for at in range(len(self.tasks)):
                        self.tasks[(first + at) % len(self.tasks)]()
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=repeat, args=(at,), daemon=True) for at in range(8)]
        for thread in threads:
            thread.start()
        return threads


def fork_beside_threads() -> int:
    """``os.fork()``, of which Python 3.12 and newer warn beside threads, whosever these are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
        return os.fork()


def fork(child: Callable[[], object]) -> int:
    """Fork; the child calls ``child`` and exits with 0, or with 1 and a traceback."""
    pid = fork_beside_threads()
    if pid:
        return pid
    try:
        child()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def reap(pid: int, deadline: float = DEADLINE) -> None:
    """Wait for a child, which has to end with status 0 before the deadline."""
    end = time.monotonic() + deadline
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0, f"a child ended with {status}"
            return
        if time.monotonic() > end:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            raise AssertionError("a forked child hung")
        time.sleep(0.002)


def nvml_stub(factory: pytest.TempPathFactory) -> Path:
    """Build the library that stands in for the GPU's driver."""
    compiler = shutil.which("cc")
    if compiler is None:
        import pytest

        pytest.skip("there is no C compiler to build the stand-in with")
    path = factory.mktemp("nvml") / "libnvml_stub.so"
    subprocess.run(
        [compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", path, HERE / "nvml_stub.c"],
        check=True,
    )
    return path


def of_each_thread(name: str) -> dict[int, str]:
    """What a file of Linux's procfs says of each thread of this process."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        # Another thread may just have ended.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[int(task.name)] = (task / name).read_text()
    return found


def threads_of_this_process() -> set[str]:
    return {name.strip() for name in of_each_thread("comm").values()}


def become_nobody(folder: Path | None = None) -> None:
    """Become a user whom permissions and limits hold for; who owns ``folder`` and what lies in it."""
    if os.geteuid() == 0:
        for place in (folder, *folder.iterdir()) if folder else ():
            os.chown(place, 65_534, 65_534)
        os.setresgid(65_534, 65_534, 65_534)
        os.setresuid(65_534, 65_534, 65_534)


def wait_until_others_sleep() -> None:
    """Wait until no other thread of this process is at work, so that none holds a lock.

    A fork behind Python's back waits for none of them. Which of them are ours cannot be told: a thread
    that has just been started does not have its name yet.
    """
    looks = 0
    # They are looked at one after the other: one that was asleep may have been woken by the next.
    while looks < 5:
        looks = 0 if any_other_is_at_work() else looks + 1
        time.sleep(0.001)


def any_other_is_at_work() -> bool:
    stats = of_each_thread("stat")
    stats.pop(threading.get_native_id(), None)
    # The state comes after the name, which may hold parentheses.
    states = {stat.rpartition(")")[2].split()[0] for stat in stats.values()}
    return not states <= {"S", "X", "Z"}


def sampler_is_alive(profiler: ImageProcessingProfiler) -> bool:
    """Whether this process has the thread that samples peaks, while something is profiled."""
    if not Path("/proc/self/task").exists():
        return True

    def comes() -> bool:
        # One that has just been started does not have its name yet.
        end = time.monotonic() + DEADLINE
        while "ptpd-rss-peak" not in threads_of_this_process():
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
        return True

    found, _ = profiler.profile_operation(comes)
    return bool(found)


def writer_is_alive() -> bool:
    """Whether this process has the thread that writes histories."""
    return not Path("/proc/self/task").exists() or "ptpd-history" in threads_of_this_process()
