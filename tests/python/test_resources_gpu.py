"""GPU usage through a library that stands in for the driver's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hammer import nvml_stub

PRELUDE = """
import logging
from ptpd_monitoring._native import ResourceMonitor
logging.basicConfig(format="%(levelname)s %(name)s", force=True)
monitor = ResourceMonitor()
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nvml_stub(tmp_path_factory)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "nvml.log"


@pytest.fixture
def run(library: Path, log: Path) -> Run:
    """Runs a script in an interpreter of its own, whose driver is the stand-in."""

    def run_script(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CUDA_")},
            "PTPD_MONITORING_NVML_LIBRARY": str(library),
            "NVML_STUB_LOG": str(log),
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run_script


def events(log: Path) -> list[str]:
    return [line.split()[0] for line in log.read_text().splitlines()]


def test_an_unsupported_figure_hides_only_itself(run: Run) -> None:
    run("""
assert monitor.get_gpu_usage() == {
    "gpu_percent": None, "memory_percent": 25.0,
    "memory_used_mb": 2048.0, "memory_total_mb": 8192.0,
}, monitor.get_gpu_usage()
usage = monitor.check_resources()
assert (usage.gpu_percent, usage.gpu_memory_mb) == (None, 2048.0)
""")


def test_a_failing_call_hides_only_its_own_figures(run: Run) -> None:
    run("""
assert monitor.get_gpu_usage(1) == {
    "gpu_percent": 73.0, "memory_percent": None,
    "memory_used_mb": None, "memory_total_mb": None,
}, monitor.get_gpu_usage(1)
""")


def test_a_lost_gpu_shows_no_figures_and_leaves_the_other_alone(run: Run) -> None:
    script = """
assert monitor.gpu_count() == 2
assert set(monitor.get_gpu_usage(1).values()) == {None}
assert monitor.get_gpu_usage(0)["memory_used_mb"] == 2048.0
"""
    run(script, NVML_STUB_HANDLE="15")


def test_gpus_beyond_the_last_do_not_exist(run: Run) -> None:
    run("""
assert monitor.gpu_count() == 2
assert monitor.get_gpu_usage(2) is None
assert monitor.get_gpu_usage(10**30) is None
""")


# What the two GPUs show, and the two parts of the second.
FIRST = (None, 2048.0)
SECOND = (73.0, None)
PARTS = ((None, 1024.0), (None, 3072.0))

GPU_A = "GPU-1a1a1a1a-0000-0000-0000-000000000000"
GPU_B = "GPU-1b1b1b1b-0000-0000-0000-000000000000"
MIG_A = "MIG-2a2a2a2a-0000-0000-0000-000000000000"
MIG_B = "MIG-2b2b2b2b-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, FIRST),
        ({"CUDA_VISIBLE_DEVICES": "0"}, FIRST),
        ({"CUDA_VISIBLE_DEVICES": "1"}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": "1,0"}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": " 1 , 0"}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,0"}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": ""}, None),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, None),
        ({"CUDA_VISIBLE_DEVICES": "-1,0"}, None),
        ({"CUDA_VISIBLE_DEVICES": "2,0"}, None),
        ({"CUDA_VISIBLE_DEVICES": "none"}, None),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, None),
        ({"CUDA_VISIBLE_DEVICES": "1,1"}, None),
        ({"CUDA_VISIBLE_DEVICES": GPU_B}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": f"{GPU_B},{GPU_A}"}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1b"}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1"}, None),
        ({"CUDA_VISIBLE_DEVICES": "GPU-9"}, None),
        ({"CUDA_VISIBLE_DEVICES": GPU_B, "NVML_STUB_DIVIDED": "1"}, PARTS[0]),
        ({"CUDA_VISIBLE_DEVICES": "1", "NVML_STUB_DIVIDED": "1"}, PARTS[0]),
        ({"CUDA_VISIBLE_DEVICES": MIG_B, "NVML_STUB_DIVIDED": "1"}, PARTS[1]),
        ({"CUDA_VISIBLE_DEVICES": MIG_A}, None),
        ({"NVML_STUB_CORES": "100 200"}, SECOND),
        ({"NVML_STUB_CORES": "200 100"}, FIRST),
        ({"NVML_STUB_CORES": "100 200", "CUDA_VISIBLE_DEVICES": "1"}, FIRST),
        ({"NVML_STUB_CORES": "100 200", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, SECOND),
        ({"NVML_STUB_CORES": "100 200", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, FIRST),
    ],
    ids=str,
)
def test_the_gpu_is_the_one_that_the_process_works_on(
    run: Run, tmp_path: Path, variables: dict[str, str], shown: object
) -> None:
    run(
        f"""
from ptpd_monitoring import History
from ptpd_monitoring.testing import ManualClock
shown = {shown!r}
usage = monitor.get_gpu_usage()
assert (usage and (usage["gpu_percent"], usage["memory_used_mb"])) == shown, usage
usage = monitor.check_resources()
assert (usage.gpu_percent, usage.gpu_memory_mb) == (shown or (None, None)), usage
assert monitor.gpu_count() == 2
assert monitor.get_gpu_usage(0)["memory_used_mb"] == 2048.0

clock = ManualClock(wall=1_700_000_000)
history = History({str(tmp_path / "history.db")!r}, flush_interval=3600, clock=clock)
watched = ResourceMonitor(history=history, clock=clock)
for _ in range(3):
    clock.advance(60)
    history.flush()
figures = {{row["name"]: row["mean"] for row in history.rows() if "gpu" in row["name"]}}
expected = dict(zip(("gpu_percent", "gpu_memory_mb"), shown or ()))
assert figures == {{name: value for name, value in expected.items() if value}}, figures
""",
        **variables,
    )


def test_a_gpu_that_is_chosen_later_is_the_one_and_is_looked_for_once(
    run: Run, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    script = """
import os
assert monitor.get_gpu_usage()["gpu_percent"] is None
# As programs do by an argument, before they first use CUDA.
os.environ["CUDA_VISIBLE_DEVICES"] = "1"
for _ in range(100):
    assert monitor.get_gpu_usage()["gpu_percent"] == 73.0
del os.environ["CUDA_VISIBLE_DEVICES"]
assert monitor.check_resources().gpu_memory_mb == 2048.0
"""
    run(script, NVML_STUB_ASKED=str(asked))
    assert len(asked.read_text().splitlines()) == 3 * 2


def test_the_driver_is_initialised_once_a_process(run: Run, log: Path) -> None:
    run("""
import threading
monitors = [ResourceMonitor() for _ in range(4)]
threads = [threading.Thread(target=m.get_gpu_usage, args=(1,)) for m in monitors]
for thread in threads: thread.start()
for thread in threads: thread.join()
for _ in range(100):
    assert monitor.get_gpu_usage(1)["gpu_percent"] == 73.0
    monitor.gpu_count()
""")
    assert events(log) == ["init"]


def test_a_failed_initialisation_is_not_tried_again(run: Run, log: Path) -> None:
    script = """
for _ in range(100):
    assert monitor.get_gpu_usage() is None
    assert monitor.gpu_count() == 0
"""
    done = run(script, NVML_STUB_INIT="999")
    assert events(log) == ["init"]
    assert done.stderr.splitlines() == ["WARNING ptpd_calibration.monitoring"]


def test_a_forked_child_initialises_the_driver_itself(run: Run, log: Path) -> None:
    run("""
import os
monitor.get_gpu_usage()
pid = os.fork()
if pid == 0:
    fine = monitor.get_gpu_usage(1)["gpu_percent"] == 73.0 and monitor.gpu_count() == 2
    os._exit(0 if fine else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert monitor.get_gpu_usage(1)["gpu_percent"] == 73.0
""")
    lines = log.read_text().splitlines()
    # Two processes, and no shutdown that could free what the parent still uses.
    assert events(log) == ["init", "init"]
    assert len(set(lines)) == 2


def test_a_library_that_cannot_be_loaded_is_one_warning_and_no_gpu(run: Run) -> None:
    script = """
assert [monitor.get_gpu_usage() for _ in range(3)] == [None] * 3
assert monitor.check_resources().gpu_percent is None
"""
    done = run(script, PTPD_MONITORING_NVML_LIBRARY="/no/such/library.so")
    assert done.stderr.splitlines() == ["WARNING ptpd_calibration.monitoring"]


def test_a_machine_without_a_driver_warns_about_nothing(run: Run) -> None:
    if any((Path(folder) / "libnvidia-ml.so.1").exists() for folder in ("/usr/lib", "/usr/lib64")):
        pytest.skip("this machine has a driver")
    done = run("assert monitor.gpu_count() >= 0", PTPD_MONITORING_NVML_LIBRARY="")
    assert done.stderr == ""
