"""What a profile says of child processes: programs that an operation runs, and pools of workers."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import ImageProcessingProfiler

pytestmark = [
    pytest.mark.thread_unsafe(reason="counts the children of the whole process"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of children that live"),
]

# A megabyte more or less is the interpreter's own.
INTERPRETER_MB = 40

# Takes so many megabytes and seconds of the processor, then waits for its end.
PROGRAM = """
import sys, time
block = bytearray(int(sys.argv[1]) << 20)
while time.process_time() < float(sys.argv[2]):
    pass
print(flush=True)
sys.stdin.read()
"""


def run(megabytes: int, seconds: float = 0.0) -> None:
    arguments = [sys.executable, "-c", PROGRAM, str(megabytes), str(seconds)]
    subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def run_by_a_shell(megabytes: int, seconds: float = 0.0) -> None:
    command = f'"{sys.executable}" -c "$PROGRAM" {megabytes} {seconds}; true'
    environment = {**os.environ, "PROGRAM": PROGRAM}
    subprocess.run(command, shell=True, check=True, env=environment, stdin=subprocess.DEVNULL)


def profile_of(function: Callable[..., Any], *args: Any) -> dict[str, Any]:
    _, profile = ImageProcessingProfiler().profile_operation(function, *args)
    return profile


@pytest.mark.parametrize("run", [run, run_by_a_shell])
def test_a_program_that_has_ended_counts(run: Callable[..., None]) -> None:
    profile = profile_of(run, 200, 0.3)
    assert profile["children_cpu_s"] >= 0.3
    assert 200 <= profile["children_peak_mb"] < 200 + INTERPRETER_MB
    # What this process took is told as before, by itself.
    assert profile["cpu_time_s"] < profile["children_cpu_s"]


def test_a_smaller_program_has_no_earlier_ones_peak() -> None:
    run(300)
    # Long enough for somebody to look, however busy the machine.
    profile = profile_of(run, 100, 0.5)
    assert 100 <= profile["children_peak_mb"] < 100 + INTERPRETER_MB


def test_without_children_there_is_nothing_to_tell() -> None:
    # In a process of its own: other tests may leave children to this one.
    script = """
    import subprocess, sys
    from ptpd_monitoring import ImageProcessingProfiler

    subprocess.run([sys.executable, "-c", "bytearray(50 << 20)"], check=True)
    _, profile = ImageProcessingProfiler().profile_operation(len, [])
    print(profile["children_cpu_s"], profile["children_peak_mb"])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.split() == ["0.0", "0.0"]


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[str]]:
    """A child that nobody waits for, which has taken 100 MB and half a second already."""
    arguments = [sys.executable, "-c", PROGRAM, "100", "0.5"]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_worker_counts_with_what_it_did_during_the_call(
    worker: subprocess.Popen[str],
) -> None:
    profile = profile_of(len, [])
    assert profile["children_cpu_s"] < 0.5
    assert 100 <= profile["children_peak_mb"] < 100 + INTERPRETER_MB

    def end() -> None:
        worker.communicate()

    # Waited for, it is on the kernel's account with all that it ever took.
    assert profile_of(end)["children_cpu_s"] < 0.5


def spin(seconds: float) -> int:
    deadline = time.process_time() + seconds
    while time.process_time() < deadline:
        pass
    return os.getpid()


def test_the_workers_of_a_pool_count_while_they_live() -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(spin, 0.2).result()

        def work() -> int:
            return pool.submit(spin, 0.4).result()

        busy = profile_of(work)
        idle = profile_of(len, [])
    # By ticks of the processor's clock, of which each worker may miss one at either end.
    assert busy["children_cpu_s"] >= 0.3
    assert idle["children_cpu_s"] < 0.3
    assert busy["children_peak_mb"] > 5


def test_children_of_several_threads_are_seen() -> None:
    def work() -> None:
        threads = [threading.Thread(target=run, args=(size, 0.3)) for size in (60, 120)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    profile = profile_of(work)
    assert profile["children_cpu_s"] >= 0.6
    assert 120 <= profile["children_peak_mb"] < 120 + INTERPRETER_MB


def test_a_forked_child_tells_of_its_own_children() -> None:
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_profiler_children import profile_of, run
run(300)
pid = os.fork()
if pid == 0:
    profile = profile_of(run, 50, 0.3)
    fine = profile["children_cpu_s"] >= 0.3 and profile["children_peak_mb"] >= 50
    os._exit(0 if fine else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


def test_children_are_left_to_those_who_wait_for_them() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    # It has ended and waits to be waited for.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(20):
        profile_of(len, [])
    assert process.wait() == 7
