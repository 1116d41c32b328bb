"""test_leaks.py and test_garbage.py with a hundred times the calls."""

from __future__ import annotations

import gc
import logging
import sys
import weakref
from collections.abc import Iterator

import pytest

import leak_table
import test_leaks
from cycles import CYCLES, Node

CALLS = 20_000


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


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", [case for case in test_leaks.CASES if "install" not in case])
def test_twenty_thousand_calls_leave_nothing_behind(case: str) -> None:
    call, world = test_leaks.CASES[case], leak_table.World()
    calls = CALLS // 20 if "export" in case or "report" in case else CALLS
    for _ in range(1000):
        call(world)
    before, heap = test_leaks.counts(), test_leaks.heap_in_use()
    for _ in range(calls):
        call(world)
    after = test_leaks.counts()
    grown = {name: after[name] - before[name] for name in after}
    grown["heap"] = test_leaks.heap_in_use() - heap
    # A leak in one call of twenty would still be seen.
    assert {name: more for name, more in grown.items() if more > calls // 20} == {} or (
        grown["heap"] < 32 * calls // 20
        and max(v for k, v in grown.items() if k != "heap") < calls // 20
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cycle", CYCLES)
def test_cycles_are_collected_by_the_collector_itself(cycle: str) -> None:
    """Without being asked: what is left after a million is what the last collections left."""
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
