"""Everything may be used from inside its own operations: nothing hangs, nothing is lost.

Each case runs in an interpreter of its own, since a lock that is held while Python code runs would
take the test's with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import reentry_cases
from hammer import DEADLINE
from ptpd_monitoring import _instances

ROUNDS = 50


def run(case: str, rounds: int, limit: int = 120) -> None:
    script = str(Path(reentry_cases.__file__))
    environment = {**os.environ, "PTPD_MONITORING_NVML_LIBRARY": "/no/such/library"}
    done = subprocess.run(
        [sys.executable, script, case, str(rounds), str(limit)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=2 * limit,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert done.stdout.startswith("done"), done.stdout


@pytest.mark.parametrize("case", reentry_cases.BY_ROUND)
def test_every_object_may_be_used_from_what_its_own_operations_call(case: str) -> None:
    run(case, ROUNDS)


@pytest.mark.parametrize("case", reentry_cases.ALL_AT_ONCE)
def test_every_object_may_be_used_at_any_moment_of_its_own_operations(case: str) -> None:
    run(case, ROUNDS)


def test_the_broken_driver_is_told_once_although_the_log_handler_asks_again() -> None:
    script = (
        "import logging\n"
        "from ptpd_monitoring import ResourceMonitor\n"
        "told = []\n"
        "class Handler(logging.Handler):\n"
        "    def emit(self, record):\n"
        "        told.append(record.getMessage())\n"
        "        assert ResourceMonitor().get_gpu_usage() is None\n"
        "logging.getLogger('ptpd_calibration.monitoring').addHandler(Handler())\n"
        "assert ResourceMonitor().get_gpu_usage() is None\n"
        "assert len(told) == 1, told\n"
        "assert 'NVML_LIBRARY=/no/such/library' in told[0], told\n"
    )
    environment = {**os.environ, "PTPD_MONITORING_NVML_LIBRARY": "/no/such/library"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=240)


def test_a_getter_called_while_it_makes_its_instance_still_makes_only_one() -> None:
    # As a signal handler or a destructor may, in the thread that has the lock already.
    inner: list[object] = []

    def get_something() -> object:
        if not inner:
            inner.append(None)
            inner[0] = get()
        return object()

    get = _instances._once(get_something)
    try:
        assert get() is inner[0] is get()
    finally:
        del _instances._instances["get_something"]


def test_threads_that_all_re_enter_one_cache_do_not_wait_for_each_other_for_ever() -> None:
    cache = reentry_cases.CacheManager(max_size=4)
    errors: list[BaseException] = []

    class Value:
        def __del__(self) -> None:
            cache.set("from a destructor", 1)
            cache.get("from a destructor")

    def work() -> None:
        try:
            for number in range(2000):
                cache.set(number % 8, Value())
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
    finally:
        sys.setswitchinterval(interval)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []
    assert cache.get_size() <= 4
