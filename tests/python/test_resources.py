"""ResourceMonitor against psutil, and against itself where psutil has no say."""

from __future__ import annotations

import datetime
import gc
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import psutil
import pytest

from ptpd_monitoring import ImageProcessingProfiler, ResourceMonitor, ResourceUsage
from ptpd_monitoring.testing import ManualClock
from tries import passes_in_one_of_several

MB = 1024.0**2
GB = 1024.0**3

CALM: dict[str, Any] = {
    "get_cpu_usage": 12.5,
    "get_memory_usage": {"percent": 25.0, "used_mb": 1.0, "available_mb": 3.0, "total_mb": 4.0},
    "get_disk_usage": {"percent": 50.0, "used_gb": 5.0, "free_gb": 5.0, "total_gb": 10.0},
    "get_gpu_usage": None,
}


def patched(monitor: ResourceMonitor, **readings: Any) -> ResourceMonitor:
    for name, value in {**CALM, **readings}.items():
        setattr(monitor, name, mock.Mock(return_value=value))
    return monitor


def run(script: str, **environment: str) -> str:
    """The output of a script in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment or None,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def limited_by_cgroup() -> bool:
    names = ["cpu.max", "memory.max", "cpu/cpu.cfs_quota_us", "memory/memory.limit_in_bytes"]
    files = [path for name in names if (path := Path("/sys/fs/cgroup", name)).exists()]
    limits = [path.read_text().split()[0] for path in files]
    return any(limit not in ("max", "-1") and int(limit) < 2**60 for limit in limits)


# Agreement with psutil


def test_cpu_usage_agrees_with_psutil_over_the_same_interval() -> None:
    if limited_by_cgroup():
        pytest.skip("psutil knows the host only, and this container has limits of its own")

    def spent() -> tuple[float, float]:
        """Processor time at work and altogether, as psutil counts it."""
        times = psutil.cpu_times()
        # Guests' time is in the user's as well.
        total = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
        return total - times.idle - getattr(times, "iowait", 0), total

    # Ours begins between the first two readings, and ends between the last two.
    readings = [spent()]
    monitor = ResourceMonitor()
    readings.append(spent())
    while (now := spent())[1] < readings[1][1] + 1:
        pass
    readings.append(now)
    ours = monitor.get_cpu_usage()
    readings.append(spent())
    (longest, shortest) = (
        [end - begin for begin, end in zip(readings[first], readings[last], strict=True)]
        for first, last in ((0, 3), (1, 2))
    )
    # The counter of waiting for disks may go back by some ticks.
    assert 100 * shortest[0] / longest[1] - 1 <= ours <= 100 * longest[0] / shortest[1] + 1
    assert ours > 1


def test_memory_usage_agrees_with_psutil() -> None:
    if limited_by_cgroup():
        pytest.skip("psutil knows the host only, and this container has limits of its own")

    def check() -> None:
        ours, theirs = ResourceMonitor().get_memory_usage(), psutil.virtual_memory()
        assert list(ours) == ["percent", "used_mb", "available_mb", "total_mb"]
        assert ours["total_mb"] == theirs.total / MB
        assert ours["used_mb"] == pytest.approx(theirs.used / MB, abs=10)
        assert ours["available_mb"] == pytest.approx(theirs.available / MB, abs=10)
        assert ours["percent"] == pytest.approx(theirs.percent, abs=1)

    passes_in_one_of_several(check)


@pytest.mark.parametrize("path", ["/", "/proc", Path("/tmp"), "."])
def test_disk_usage_agrees_with_psutil(path: str | Path) -> None:
    def check() -> None:
        ours, theirs = ResourceMonitor().get_disk_usage(path), psutil.disk_usage(str(path))
        assert list(ours) == ["percent", "used_gb", "free_gb", "total_gb"]
        assert ours["total_gb"] == theirs.total / GB
        assert ours["used_gb"] == pytest.approx(theirs.used / GB, abs=0.1)
        assert ours["free_gb"] == pytest.approx(theirs.free / GB, abs=0.1)
        assert ours["percent"] == pytest.approx(theirs.percent, abs=1)

    passes_in_one_of_several(check)


def test_disk_usage_is_of_the_root_unless_told_otherwise() -> None:
    monitor = ResourceMonitor()
    assert monitor.get_disk_usage()["total_gb"] == monitor.get_disk_usage("/")["total_gb"]
    assert monitor.get_disk_usage(path="/proc")["total_gb"] == 0.0


@pytest.mark.thread_unsafe(reason="measures the whole process")
def test_process_memory_agrees_with_psutil() -> None:
    block = b"x" * (32 << 20)

    def check() -> None:
        ours = ImageProcessingProfiler().get_memory_stats()
        theirs = psutil.Process().memory_info()
        assert ours["rss_mb"] == pytest.approx(theirs.rss / MB, abs=5)
        assert ours["vms_mb"] == pytest.approx(theirs.vms / MB, abs=5)
        assert ours["rss_mb"] * MB > len(block)

    passes_in_one_of_several(check)


def test_forked_child_reads_its_own_memory() -> None:
    script = """
import os, psutil
from ptpd_monitoring import ImageProcessingProfiler
stats = ImageProcessingProfiler().get_memory_stats
parent = stats()["rss_mb"]
pid = os.fork()
if pid == 0:
    block = b"x" * (64 << 20)
    ours, theirs = stats()["rss_mb"], psutil.Process().memory_info().rss / 2**20
    os._exit(0 if abs(ours - theirs) < 5 and ours > parent + 48 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    run(script)


def test_files_closed_behind_its_back_do_not_change_the_readings() -> None:
    script = """
import os, psutil
from ptpd_monitoring import ImageProcessingProfiler, ResourceMonitor
monitor, stats = ResourceMonitor(), ImageProcessingProfiler().get_memory_stats
before = monitor.get_memory_usage()
monitor.check_resources(), stats()
os.closerange(3, 256)
# Other files now have the numbers.
decoys = [os.open("/dev/zero", os.O_RDONLY) for _ in range(16)]
assert abs(stats()["rss_mb"] - psutil.Process().memory_info().rss / 2**20) < 5
after = monitor.get_memory_usage()
assert after["total_mb"] == before["total_mb"]
assert 0 < after["used_mb"] < after["total_mb"]
assert 0 <= ResourceMonitor().get_cpu_usage() <= 100
for decoy in decoys:
    os.fstat(decoy)
"""
    run(script)


# CPU intervals


def test_first_cpu_usage_lets_other_threads_run_while_it_waits() -> None:
    def check() -> None:
        begun = ended = 0.0

        def measure() -> None:
            nonlocal begun, ended
            monitor = ResourceMonitor()
            begun = time.monotonic()
            monitor.get_cpu_usage()
            ended = time.monotonic()

        thread = threading.Thread(target=measure)
        thread.start()
        ran_at = []
        while thread.is_alive():
            ran_at.append(time.monotonic())
            time.sleep(0.001)
        # Near both ends of it, this thread may also run just before and after the wait.
        quarter = (ended - begun) / 4
        meanwhile = [moment for moment in ran_at if begun + quarter < moment < ended - quarter]
        # Of fifty; where this thread has to wait, it is none.
        assert len(meanwhile) >= 10

    # A busy machine may leave this thread alone for as long as the other one waits.
    passes_in_one_of_several(check)


def test_cpu_usage_repeats_until_an_interval_has_passed_on_its_own_clock() -> None:
    clock = ManualClock()
    monitor = ResourceMonitor(clock=clock)
    clock.advance(0.1)
    first = monitor.get_cpu_usage()
    assert 0.0 <= first <= 100.0
    clock.advance(0.05)
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    assert monitor.get_cpu_usage() == first


def test_threads_share_one_monitor() -> None:
    monitor = ResourceMonitor()
    usages: list[float] = []

    def check() -> None:
        usages.extend(monitor.check_resources().cpu_percent for _ in range(50))

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(usages) == 200
    assert all(0.0 <= usage <= 100.0 for usage in usages)


# Building on one another


def test_check_resources_gathers_all_readings() -> None:
    before = datetime.datetime.now()
    monitor = ResourceMonitor()
    usage = monitor.check_resources()
    assert isinstance(usage, ResourceUsage)
    assert before <= usage.timestamp <= datetime.datetime.now()
    assert usage.timestamp.tzinfo is None

    def check() -> None:
        usage, memory = monitor.check_resources(), monitor.get_memory_usage()
        assert usage.memory_used_mb == pytest.approx(memory["used_mb"], rel=0.5)
        assert usage.disk_free_gb == pytest.approx(psutil.disk_usage("/").free / GB, abs=0.1)

    passes_in_one_of_several(check)


def test_check_resources_stamps_with_the_clock_it_was_given() -> None:
    monitor = ResourceMonitor(clock=ManualClock(1_000_000.5))
    stamp = datetime.datetime.fromtimestamp(1_000_000.5)
    assert patched(monitor).check_resources().timestamp == stamp


def test_check_resources_honours_patched_methods() -> None:
    gpu = {
        "gpu_percent": 40.0,
        "memory_percent": 30.0,
        "memory_used_mb": 3.0,
        "memory_total_mb": 10.0,
    }
    usage = patched(ResourceMonitor(), get_gpu_usage=gpu).check_resources()
    assert usage.cpu_percent == 12.5
    assert (usage.memory_percent, usage.memory_used_mb, usage.memory_available_mb) == (25, 1, 3)
    assert (usage.disk_percent, usage.disk_used_gb, usage.disk_free_gb) == (50, 5, 5)
    assert (usage.gpu_percent, usage.gpu_memory_mb) == (40, 3)


@pytest.mark.parametrize("gpu", [None, {}])
def test_check_resources_without_a_gpu_has_no_gpu_figures(gpu: Any) -> None:
    usage = patched(ResourceMonitor(), get_gpu_usage=gpu).check_resources()
    assert (usage.gpu_percent, usage.gpu_memory_mb) == (None, None)


def test_gpu_figures_that_are_missing_stay_none() -> None:
    gpu = dict.fromkeys(["gpu_percent", "memory_percent", "memory_used_mb", "memory_total_mb"])
    usage = patched(ResourceMonitor(), get_gpu_usage=gpu).check_resources()
    assert (usage.gpu_percent, usage.gpu_memory_mb) == (None, None)


def test_subclass_overrides_are_honoured() -> None:
    class Quiet(ResourceMonitor):
        def get_cpu_usage(self) -> float:
            return 99.0

    alerts = Quiet(memory_threshold=100, disk_threshold=100).get_alerts_for_high_usage()
    assert [alert["resource"] for alert in alerts] == ["cpu"]


def test_alerts_need_no_more_than_three_attributes() -> None:
    monitor = ResourceMonitor()
    usage = SimpleNamespace(cpu_percent=97.34, memory_percent=80.0, disk_percent=90.5)
    monitor.check_resources = mock.Mock(return_value=usage)  # type: ignore[method-assign]
    assert monitor.get_alerts_for_high_usage() == [
        {
            "resource": "cpu",
            "usage": 97.34,
            "threshold": 80.0,
            "severity": "critical",
            "message": "CPU usage at 97.3%",
        },
        {
            "resource": "disk",
            "usage": 90.5,
            "threshold": 90.0,
            "severity": "warning",
            "message": "Disk usage at 90.5%",
        },
    ]


def test_no_alert_at_exactly_the_threshold() -> None:
    monitor = ResourceMonitor(cpu_threshold=12.5, memory_threshold=25, disk_threshold=50)
    assert patched(monitor).get_alerts_for_high_usage() == []
    monitor.cpu_threshold = 12.4
    assert [alert["threshold"] for alert in monitor.get_alerts_for_high_usage()] == [12.4]


def test_an_error_in_an_overridden_reading_reaches_the_caller() -> None:
    monitor = patched(ResourceMonitor())
    monitor.get_memory_usage = mock.Mock(  # type: ignore[method-assign]
        side_effect=RuntimeError("boom")
    )
    with pytest.raises(RuntimeError, match="boom"):
        monitor.get_alerts_for_high_usage()


# Arguments and thresholds

THRESHOLDS = ["cpu_threshold", "memory_threshold", "disk_threshold"]


def test_thresholds_have_the_documented_defaults_and_can_be_set() -> None:
    monitor = ResourceMonitor()
    assert [getattr(monitor, name) for name in THRESHOLDS] == [80.0, 80.0, 90.0]
    positional = ResourceMonitor(1, 2.5, np.float32(3))  # type: ignore[arg-type]
    assert [getattr(positional, name) for name in THRESHOLDS] == [1.0, 2.5, 3.0]
    for name in THRESHOLDS:
        setattr(monitor, name, 0)
        assert getattr(monitor, name) == 0.0
        assert isinstance(getattr(monitor, name), float)


def test_a_patched_threshold_is_put_back() -> None:
    monitor = ResourceMonitor(cpu_threshold=70.0)
    with mock.patch.object(monitor, "cpu_threshold", 55.0):
        assert monitor.cpu_threshold == 55.0
    assert monitor.cpu_threshold == 70.0
    monitor.cpu_threshold = 60.0
    with pytest.raises(ValueError, match="cpu_threshold"):
        monitor.cpu_threshold = 101.0
    assert vars(monitor)["cpu_threshold"] == monitor.cpu_threshold == 60.0


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("value", [-1, 100.5, float("nan"), float("inf"), 10**400, -(10**400)])
def test_thresholds_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be .*, got "):
        ResourceMonitor(**{name: value})
    monitor = ResourceMonitor(11, 12, 13)
    with pytest.raises(ValueError, match=rf"{name} must be .*, got "):
        setattr(monitor, name, value)
    assert [getattr(monitor, name) for name in THRESHOLDS] == [11, 12, 13]


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("value", ["80", True, None, [80]])
def test_thresholds_of_the_wrong_type_are_refused(name: str, value: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"{name} must be a number, got {value!r}".replace("[", r"\[")
    ):
        ResourceMonitor(**{name: value})
    monitor = ResourceMonitor(11, 12, 13)
    with pytest.raises(TypeError, match=rf"{name} must be a number"):
        setattr(monitor, name, value)
    assert [getattr(monitor, name) for name in THRESHOLDS] == [11, 12, 13]


def test_a_refused_reconfiguration_changes_nothing() -> None:
    monitor = ResourceMonitor(11, 12, 13)
    with pytest.raises(ValueError, match="disk_threshold"):
        monitor.__init__(1, 2, 300)  # type: ignore[misc]
    assert [getattr(monitor, name) for name in THRESHOLDS] == [11, 12, 13]


def test_the_clock_must_be_a_clock() -> None:
    with pytest.raises(TypeError, match="clock must be a ManualClock or None, got 3"):
        ResourceMonitor(clock=3)  # type: ignore[arg-type]


def test_a_missing_path_is_file_not_found_and_names_it() -> None:
    with pytest.raises(FileNotFoundError, match="/no/such/place") as caught:
        ResourceMonitor().get_disk_usage("/no/such/place")
    assert caught.value.filename == "/no/such/place"


@pytest.mark.parametrize("path", [None, 3, b"/"])
def test_a_path_of_the_wrong_type_is_refused(path: Any) -> None:
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike, got "):
        ResourceMonitor().get_disk_usage(path)


def test_a_path_with_a_null_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="path must be a path without null characters"):
        ResourceMonitor().get_disk_usage("/\0")


@pytest.mark.parametrize("index", [-1, -(10**30)])
def test_a_negative_gpu_index_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match=f"index must be 0 or more, got {index}"):
        ResourceMonitor().get_gpu_usage(index)


@pytest.mark.parametrize("index", [True, "0", 1.5, None])
def test_a_gpu_index_of_the_wrong_type_is_refused(index: Any) -> None:
    with pytest.raises(TypeError, match=f"index must be an int, got {index!r}"):
        ResourceMonitor().get_gpu_usage(index)


# The class itself


def test_subclasses_can_override_init_alone() -> None:
    class Named(ResourceMonitor):
        def __init__(self, name: str, *, strict: bool) -> None:
            super().__init__(cpu_threshold=50.0 if strict else 90.0)
            self.name = name

    monitor = Named("host", strict=True)
    assert (monitor.name, monitor.cpu_threshold) == ("host", 50.0)
    assert repr(monitor) == "Named(cpu_threshold=50.0, memory_threshold=80.0, disk_threshold=90.0)"


def test_instances_are_true_and_take_weak_references() -> None:
    monitor = ResourceMonitor()
    reference = weakref.ref(monitor)
    assert monitor
    assert reference() is monitor
    del monitor
    gc.collect()
    assert reference() is None
