"""test_leaks.py and test_garbage.py with up to a hundred times the calls."""

from __future__ import annotations

import gc
import logging
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

import leak_table
import test_leaks
from cycles import CYCLES, Node

# As many calls as fit the seconds, which those on files and reports take longer for, within these.
SECONDS = 1.0
LEAST, MOST = 500, 20_000
# A leak in one call of so many would be seen.
SHARE = 20


@pytest.fixture(autouse=True, scope="module")
def _only_our_objects() -> Iterator[None]:
    log = logging.getLogger("ptpd_calibration.monitoring")
    level = log.level
    log.setLevel(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    try:
        yield
        leak_table.clean_up()
    finally:
        log.setLevel(level)
        gc.unfreeze()


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("case", [case for case in test_leaks.CASES if "install" not in case])
def test_thousands_of_calls_leave_nothing_behind(case: str) -> None:
    call, world = test_leaks.CASES[case], leak_table.World()
    began = time.process_time()
    for _ in range(50):
        call(world)
    calls = int(50 * SECONDS / max(time.process_time() - began, 1e-9))
    calls = min(max(calls, LEAST), MOST)
    assert test_leaks.growth(call, calls, SHARE, warm_up=min(calls, 1_000)) == {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cycle", CYCLES)
def test_cycles_are_collected_by_the_collector_itself(cycle: str) -> None:
    """Without being asked: what is left of very many is what the last collections left."""
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    most = 0
    for number in range(200_000):
        node = Node()
        CYCLES[cycle](node)
        alive.add(node)
        if number % 10_000 == 0:
            most = max(most, len(alive))
    del node
    gc.collect()
    assert len(alive) == 0
    assert most < 100_000 or sys.version_info >= (3, 13)
