"""Blocks that are entered and not left: bounded, counted, and no trouble to the others."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ptpd_monitoring import APIPerformanceTracker, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock

LOGGER = "ptpd_calibration.monitoring"
MAX_ENTERED = 10_000


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.monitor = PerformanceMonitor(3 * MAX_ENTERED, clock=self.clock)
        self.tracker = APIPerformanceTracker(3 * MAX_ENTERED, clock=self.clock)


# What makes a context manager, and what counts its forgotten blocks.
KINDS: dict[str, tuple[Callable[[World], Any], Callable[[World], int]]] = {
    "timers_forgotten": (lambda w: w.monitor.timer("op"), lambda w: w.monitor.timers_forgotten),
    "sessions_forgotten": (
        lambda w: w.monitor.session("op"),
        lambda w: w.monitor.sessions_forgotten,
    ),
    "requests_forgotten": (lambda w: w.tracker.track("op"), lambda w: w.tracker.requests_forgotten),
}


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_that_nobody_leaves_are_forgotten_counted_and_warned_of_once(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    make, count = KINDS[kind]

    def enter() -> None:
        first, second = make(world), make(world)
        for _ in range(MAX_ENTERED):
            first.__enter__()
            second.__enter__()
        assert caplog.records == []
        for _ in range(3):
            first.__enter__()
            second.__enter__()

    with caplog.at_level(logging.WARNING, LOGGER):
        # Sessions are this context's, which lives on.
        contextvars.copy_context().run(enter)
    assert count(world) == 6
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert kind in caplog.records[0].message
    assert "'op'" in caplog.records[0].message


def test_each_of_thousands_of_nested_blocks_of_one_timer_is_timed_right() -> None:
    world = World()
    timer = world.monitor.timer("op")
    for _ in range(MAX_ENTERED):
        timer.__enter__()
        world.clock.advance(1)
    for _ in range(MAX_ENTERED):
        timer.__exit__(None, None, None)
    found = [metric.value for metric in world.monitor.get_metrics("op")]
    assert found == [float(number) for number in range(1, MAX_ENTERED + 1)]
    assert world.monitor.timers_forgotten == 0


@pytest.mark.thread_unsafe(reason="sets the stacks of threads and the limit of recursion")
def test_a_recursion_of_a_decorated_function_is_timed_on_each_level_however_deep() -> None:
    world = World()
    deepest = 4_000
    depth = sys.getrecursionlimit()

    @world.monitor.timer("op")
    def descend(levels: int) -> None:
        world.clock.advance(1)
        if levels > 1:
            descend(levels - 1)

    def run() -> None:
        sys.setrecursionlimit(10 * deepest)
        try:
            descend(deepest)
        finally:
            sys.setrecursionlimit(depth)

    in_thread_with_a_large_stack(run)
    found = [metric.value for metric in world.monitor.get_metrics("op")]
    assert found == [float(number) for number in range(1, deepest + 1)]


def in_thread_with_a_large_stack(run: Callable[[], None]) -> None:
    import threading

    size = threading.stack_size(256 * 1024 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(size)
    thread.join()


@pytest.mark.parametrize("kind", ["timers_forgotten", "requests_forgotten"])
def test_blocks_beyond_the_bound_are_not_recorded_and_all_others_right(kind: str) -> None:
    world = World()
    make, count = KINDS[kind]
    block = make(world)
    for _ in range(MAX_ENTERED + 2):
        block.__enter__()
        world.clock.advance(1)
    for _ in range(MAX_ENTERED + 2):
        block.__exit__(None, None, None)
    if kind == "timers_forgotten":
        found = [metric.value for metric in world.monitor.get_metrics("op")]
    else:
        found = [round(ms / 1_000) for ms in world.tracker.get_response_times()["op"]]
    assert found == list(range(1, MAX_ENTERED + 1))
    assert count(world) == 2
    with block:
        world.clock.advance(0.5)
    assert count(world) == 2


def test_tasks_beyond_the_bound_take_no_start_of_each_other() -> None:
    world = World()
    timer = world.monitor.timer("op")

    async def task(go_on: asyncio.Event) -> None:
        async with timer:
            await go_on.wait()

    async def main() -> None:
        go_on = asyncio.Event()
        tasks = []
        for _ in range(MAX_ENTERED + 5):
            tasks.append(asyncio.ensure_future(task(go_on)))
            await asyncio.sleep(0)
            world.clock.advance(1)
        go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    found = sorted(metric.value for metric in world.monitor.get_metrics("op"))
    assert found == [float(number) for number in range(1, MAX_ENTERED + 1)]
    assert world.monitor.timers_forgotten == 5


def test_a_generator_that_nobody_closes_is_forgotten_and_others_are_timed() -> None:
    world = World()
    timer = world.monitor.timer("op")

    def steps() -> Any:
        with timer:
            yield

    kept = []
    for _ in range(MAX_ENTERED + 5):
        kept.append(steps())
        next(kept[-1])
    world.clock.advance(7)
    with timer:
        world.clock.advance(3)
    assert [metric.value for metric in world.monitor.get_metrics("op")] == [3.0]
    assert world.monitor.timers_forgotten == 6


def test_a_session_whose_outermost_block_was_forgotten_does_not_stay() -> None:
    monitor = PerformanceMonitor()

    def use() -> None:
        session = monitor.session("inner")
        for _ in range(MAX_ENTERED + 1):
            session.__enter__()
        for _ in range(MAX_ENTERED):
            session.__exit__(None, None, None)
        monitor.record_metric("op", 1, "u")
        session.__exit__(None, None, None)
        monitor.record_metric("op", 2, "u")
        with session:
            monitor.record_metric("op", 3, "u")
        monitor.record_metric("op", 4, "u")

    contextvars.copy_context().run(use)
    found = [metric.metadata.get("session_id") for metric in monitor.get_metrics("op")]
    assert found == ["inner", None, "inner", None]
    assert monitor.sessions_forgotten == 1


def test_sessions_forgotten_by_one_task_are_nothing_to_another_one() -> None:
    monitor = PerformanceMonitor()
    session = monitor.session("ours")

    def leave_open() -> None:
        for _ in range(MAX_ENTERED + 1):
            session.__enter__()

    contextvars.copy_context().run(leave_open)
    with monitor.session("outer"):
        with session:
            monitor.record_metric("op", 1, "u")
        monitor.record_metric("op", 2, "u")
    found = [metric.metadata.get("session_id") for metric in monitor.get_metrics("op")]
    assert found == ["ours", "outer"]
