"""Timers: by name, as context managers, as decorators; across threads and tasks."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import logging
import sys
import threading
import types
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ptpd_monitoring import PerformanceMonitor
from ptpd_monitoring.testing import ManualClock

LOGGER = "ptpd_calibration.monitoring"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


def seconds(monitor: PerformanceMonitor, name: str = "op") -> list[float]:
    return [metric.value for metric in monitor.get_metrics(name)]


# By name


def test_stopping_returns_and_records_the_seconds(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    assert monitor.start_timer("op") is None
    clock.advance(1.5)
    assert monitor.stop_timer("op") == 1.5
    (metric,) = monitor.get_metrics("op")
    assert (metric.metric_name, metric.value, metric.unit) == ("op", 1.5, "seconds")
    assert metric.metadata == {"type": "timer"}
    assert metric.timestamp.timestamp() == 1_700_000_001.5


def test_stopping_what_was_not_started_warns_once_and_records_nothing(
    monitor: PerformanceMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert monitor.stop_timer("op") is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == LOGGER
    assert "op" in record.getMessage()
    assert monitor.get_metrics("op") == []
    assert monitor.operations() == []


def test_a_name_with_percent_signs_is_logged_as_it_is(
    monitor: PerformanceMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.stop_timer("100%s %d")
    assert "100%s %d" in caplog.records[0].getMessage()


def test_stopping_twice_records_once(
    monitor: PerformanceMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.start_timer("op")
    assert monitor.stop_timer("op") == 0
    assert monitor.stop_timer("op") is None
    assert seconds(monitor) == [0]
    assert len(caplog.records) == 1


def test_starting_again_restarts(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    monitor.start_timer("op")
    clock.advance(10)
    monitor.start_timer("op")
    clock.advance(1)
    assert monitor.stop_timer("op") == 1
    assert monitor.stop_timer("op") is None


def test_a_wall_clock_that_is_set_back_does_not_bend_a_duration(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    monitor.start_timer("op")
    clock.advance(2)
    clock.set_wall(0)
    assert monitor.stop_timer("op") == 2


def test_each_thread_stops_its_own_start_first(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        first.submit(monitor.start_timer, "op").result()
        clock.advance(1)
        second.submit(monitor.start_timer, "op").result()
        clock.advance(1)
        assert first.submit(monitor.stop_timer, "op").result() == 2
        assert second.submit(monitor.stop_timer, "op").result() == 1


def test_another_thread_may_stop_what_one_started(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    monitor.start_timer("op")
    clock.advance(3)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(monitor.stop_timer, "op").result() == 3
    assert len(monitor._timers) == 0


def test_each_task_stops_its_own_start_first(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    async def work(started: asyncio.Event, go: asyncio.Event) -> float | None:
        monitor.start_timer("op")
        started.set()
        await go.wait()
        return monitor.stop_timer("op")

    async def main() -> list[float | None]:
        events = [asyncio.Event() for _ in range(4)]
        one = asyncio.create_task(work(events[0], events[1]))
        await events[0].wait()
        clock.advance(1)
        two = asyncio.create_task(work(events[2], events[3]))
        await events[2].wait()
        clock.advance(1)
        events[1].set()
        first = await one
        clock.advance(1)
        events[3].set()
        return [first, await two]

    assert asyncio.run(main()) == [2, 2]


def test_timers_that_nobody_stops_do_not_pile_up_without_bound(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    for number in range(10_050):
        monitor.start_timer(f"op{number}")
        clock.advance(1)
    assert len(monitor._timers) == 10_000
    assert "op49" not in monitor._timers
    assert monitor.stop_timer("op50") == 10_000
    assert monitor.stop_timer("op10049") == 1


# As context managers


def test_a_block_is_recorded_with_unit_and_type(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    with monitor.timer("op"):
        clock.advance(0.25)
    (metric,) = monitor.get_metrics("op")
    assert (metric.value, metric.unit, metric.metadata) == (0.25, "seconds", {"type": "timer"})


def test_making_a_timer_starts_and_records_nothing(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    timer = monitor.timer("op")
    clock.advance(5)
    assert monitor.get_metrics("op") == []
    with timer:
        clock.advance(1)
    assert seconds(monitor) == [1]


def test_leaving_what_was_not_entered_records_nothing(monitor: PerformanceMonitor) -> None:
    monitor.timer("op").__exit__(None, None, None)
    assert monitor.get_metrics("op") == []


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_block_that_raises_is_recorded_and_its_exception_goes_on(
    monitor: PerformanceMonitor, clock: ManualClock, kind: type[BaseException]
) -> None:
    raised = kind("reason")

    def block() -> None:
        with monitor.timer("op"):
            clock.advance(1)
            raise raised

    with pytest.raises(kind) as caught:
        block()
    assert caught.value is raised
    assert seconds(monitor) == [1]


def test_blocks_of_one_name_nest(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    with monitor.timer("op"):
        clock.advance(1)
        with monitor.timer("op"):
            clock.advance(1)
            with monitor.timer("op"):
                clock.advance(1)
        clock.advance(1)
    assert seconds(monitor) == [1, 2, 4]


def test_blocks_may_overlap_without_nesting(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    first, second = monitor.timer("op"), monitor.timer("op")
    first.__enter__()
    clock.advance(1)
    second.__enter__()
    clock.advance(1)
    first.__exit__(None, None, None)
    clock.advance(1)
    second.__exit__(None, None, None)
    assert seconds(monitor) == [2, 2]


def test_a_block_and_a_timer_by_name_do_not_disturb_each_other(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    monitor.start_timer("op")
    clock.advance(1)
    with monitor.timer("op"):
        clock.advance(1)
    assert monitor.stop_timer("op") == 2
    assert seconds(monitor) == [1, 2]


def test_one_timer_object_can_be_used_again_and_nested(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    timer = monitor.timer("op")
    for _ in range(2):
        with timer:
            clock.advance(1)
            with timer:
                clock.advance(1)
                with timer:
                    clock.advance(1)
    assert seconds(monitor) == [1, 2, 3] * 2


def test_one_timer_object_shared_by_threads_times_each_block(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    timer = monitor.timer("op")
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        first.submit(timer.__enter__).result()
        clock.advance(1)
        second.submit(timer.__enter__).result()
        clock.advance(1)
        first.submit(timer.__exit__, None, None, None).result()
        clock.advance(2)
        second.submit(timer.__exit__, None, None, None).result()
    assert seconds(monitor) == [2, 3]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_timer_object_shared_by_tasks_times_each_block(
    monitor: PerformanceMonitor, clock: ManualClock, asynchronous: bool
) -> None:
    timer = monitor.timer("op")

    async def work(gate: asyncio.Event) -> None:
        if asynchronous:
            async with timer:
                await gate.wait()
        else:
            with timer:
                await gate.wait()

    async def main() -> None:
        gates = [asyncio.Event() for _ in range(3)]
        tasks = []
        for gate in gates:
            tasks.append(asyncio.create_task(work(gate)))
            await asyncio.sleep(0)
            clock.advance(1)
        for gate, task in zip(gates, tasks, strict=True):
            gate.set()
            await task
            clock.advance(1)

    asyncio.run(main())
    assert seconds(monitor) == [3, 3, 3]


def test_eight_threads_times_two_hundred_overlapping_blocks_all_count(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    barrier = threading.Barrier(8)

    def work() -> None:
        for _ in range(200):
            barrier.wait()
            with monitor.timer("op"):
                clock.advance(1)
                barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = seconds(monitor)
    assert len(found) == 1_600
    # Each ends when all have advanced the clock, and the first to do so began before all of them.
    assert set(found) <= set(range(1, 9))
    assert found.count(8) >= 200


def test_eight_threads_times_two_hundred_starts_and_stops_all_count(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    barrier = threading.Barrier(8)

    def work() -> None:
        for _ in range(200):
            barrier.wait()
            monitor.start_timer("op")
            clock.advance(1)
            barrier.wait()
            assert monitor.stop_timer("op") in range(1, 9)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(8)]:
            done.result()
    assert len(seconds(monitor)) == 1_600
    assert seconds(monitor).count(8) >= 200


@pytest.mark.parametrize("asynchronous", [False, True])
def test_overlapping_tasks_keep_their_own_starts(
    monitor: PerformanceMonitor, clock: ManualClock, asynchronous: bool
) -> None:
    async def work(gate: asyncio.Event) -> None:
        if asynchronous:
            async with monitor.timer("op"):
                await gate.wait()
        else:
            with monitor.timer("op"):
                await gate.wait()

    async def main() -> None:
        gates = [asyncio.Event() for _ in range(4)]
        tasks = []
        for gate in gates:
            tasks.append(asyncio.create_task(work(gate)))
            await asyncio.sleep(0)
            clock.advance(1)
        for gate, task in zip(gates, tasks, strict=True):
            gate.set()
            await task

    asyncio.run(main())
    assert seconds(monitor) == [4, 3, 2, 1]


def test_async_with_gives_the_timer_and_lets_exceptions_through(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    async def main() -> None:
        timer = monitor.timer("op")
        async with timer as entered:
            assert entered is timer
            clock.advance(1)
        with pytest.raises(ValueError, match="reason"):
            async with timer:
                raise ValueError("reason")

    asyncio.run(main())
    assert seconds(monitor) == [1, 0]


def test_a_cancelled_task_is_recorded(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    async def work() -> None:
        async with monitor.timer("op"):
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        clock.advance(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seconds(monitor) == [2]


def test_exit_stacks_take_timers(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(monitor.timer("op"))
            stack.enter_context(monitor.timer("op"))
            clock.advance(1)

    asyncio.run(main())
    assert seconds(monitor) == [1, 1]


def test_metadata_of_a_timer_is_copied_and_marked(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    metadata: dict[str, Any] = {"page": 3, "type": "mine"}
    timer = monitor.timer("op", metadata)
    metadata["page"] = 4
    with timer:
        pass
    with timer:
        pass
    first, second = monitor.get_metrics("op")
    assert first.metadata == second.metadata == {"page": 3, "type": "timer"}
    assert metadata == {"page": 4, "type": "mine"}


@pytest.mark.parametrize("wrong", [[("a", 1)], "x", 1])
def test_metadata_of_the_wrong_type_is_refused_when_the_timer_is_made(
    monitor: PerformanceMonitor, wrong: object
) -> None:
    with pytest.raises(TypeError, match="metadata"):
        monitor.timer("op", wrong)


def test_a_timer_keeps_its_monitor_alive(clock: ManualClock) -> None:
    timer = PerformanceMonitor(clock=clock).timer("op")
    gc.collect()
    with timer:
        clock.advance(1)


# As decorators


def test_a_decorated_function_is_timed_at_every_call(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op", {"kind": "plain"})
    def double(number: int, *, plus: int = 0) -> int:
        """Doubles."""
        clock.advance(number)
        return 2 * number + plus

    assert double(1) == 2
    assert double(2, plus=1) == 5
    assert [(m.value, m.metadata) for m in monitor.get_metrics("op")] == [
        (1, {"kind": "plain", "type": "timer"}),
        (2, {"kind": "plain", "type": "timer"}),
    ]
    assert double.__name__ == "double"
    assert double.__doc__ == "Doubles."
    assert double.__module__ == __name__
    assert double.__qualname__.endswith("double")
    assert str(inspect.signature(double)) == "(number: 'int', *, plus: 'int' = 0) -> 'int'"
    assert double.__wrapped__(3) == 6


def test_a_decorated_function_that_raises_is_timed(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    def fail() -> None:
        clock.advance(1)
        raise ValueError("reason")

    with pytest.raises(ValueError, match="reason"):
        fail()
    assert seconds(monitor) == [1]


def test_a_recursive_function_is_timed_at_every_level(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    def down(depth: int) -> int:
        clock.advance(1)
        return 0 if depth == 0 else 1 + down(depth - 1)

    assert down(3) == 3
    assert seconds(monitor) == [1, 2, 3, 4]


def test_methods_of_every_kind_can_be_decorated(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    class Image:
        @monitor.timer("method")
        def width(self) -> tuple[object, int]:
            return self, 1

        @monitor.timer("static over")
        @staticmethod
        def a(value: int) -> int:
            return value

        @staticmethod
        @monitor.timer("static under")
        def b(value: int) -> int:
            return value

        @monitor.timer("class over")
        @classmethod
        def c(cls) -> type:
            return cls

        @classmethod
        @monitor.timer("class under")
        def d(cls) -> type:
            return cls

    image = Image()
    assert image.width() == (image, 1)
    assert (image.a(2), Image.a(3), image.b(4), Image.b(5)) == (2, 3, 4, 5)
    assert (image.c(), Image.c(), image.d(), Image.d()) == (Image,) * 4
    assert {name: len(monitor.get_metrics(name)) for name in monitor.operations()} == {
        "method": 1,
        "static over": 2,
        "static under": 2,
        "class over": 2,
        "class under": 2,
    }


def test_a_coroutine_function_stays_one_and_is_timed_while_it_waits(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    async def work(seconds: float) -> float:
        await asyncio.sleep(0)
        clock.advance(seconds)
        return seconds

    assert inspect.iscoroutinefunction(work)

    async def main() -> list[float]:
        return [await work(1), await work(2)]

    assert asyncio.run(main()) == [1, 2]
    assert seconds(monitor) == [1, 2]


def test_calls_of_one_coroutine_function_overlap(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    async def work(gate: asyncio.Event) -> None:
        await gate.wait()

    async def main() -> None:
        gates = [asyncio.Event(), asyncio.Event()]
        tasks = []
        for gate in gates:
            tasks.append(asyncio.create_task(work(gate)))
            await asyncio.sleep(0)
            clock.advance(1)
        gates[0].set()
        await tasks[0]
        clock.advance(5)
        gates[1].set()
        await tasks[1]

    asyncio.run(main())
    assert seconds(monitor) == [2, 6]


def test_a_generator_is_timed_from_its_first_step_to_its_end(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    def count() -> Iterator[int]:
        clock.advance(1)
        yield 1
        clock.advance(1)
        yield 2

    assert inspect.isgeneratorfunction(count)
    numbers = count()
    clock.advance(100)
    assert list(numbers) == [1, 2]
    assert seconds(monitor) == [2]


def test_send_throw_close_and_return_go_through_a_decorated_generator(
    monitor: PerformanceMonitor,
) -> None:
    seen: list[object] = []

    @monitor.timer("op")
    def echo() -> Any:
        received = None
        try:
            while True:
                try:
                    received = yield received
                except KeyError as error:
                    received = error
                if received == "end":
                    return "result"
        finally:
            seen.append("closed")

    talk = echo()
    assert next(talk) is None
    assert talk.send("a") == "a"
    error = KeyError("k")
    assert talk.throw(error) is error
    with pytest.raises(StopIteration) as stop:
        talk.send("end")
    assert stop.value.value == "result"
    assert len(seconds(monitor)) == 1

    talk = echo()
    next(talk)
    talk.close()
    assert seen == ["closed"] * 2
    assert len(seconds(monitor)) == 2

    talk = echo()
    next(talk)
    with pytest.raises(ZeroDivisionError):
        talk.throw(ZeroDivisionError())
    assert len(seconds(monitor)) == 3


def test_an_abandoned_generator_is_recorded_once_when_it_is_collected(
    monitor: PerformanceMonitor,
) -> None:
    @monitor.timer("op")
    def count() -> Iterator[int]:
        yield 1

    numbers = count()
    next(numbers)
    del numbers
    gc.collect()
    assert len(seconds(monitor)) == 1


def test_interleaved_generators_keep_their_own_starts(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    def steps() -> Iterator[None]:
        yield

    one, two = steps(), steps()
    next(one)
    clock.advance(1)
    next(two)
    clock.advance(1)
    assert list(one) == []
    clock.advance(2)
    assert list(two) == []
    assert seconds(monitor) == [2, 3]


def test_an_async_generator_is_timed_from_its_first_step_to_its_end(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    async def count() -> AsyncIterator[int]:
        clock.advance(1)
        yield 1
        await asyncio.sleep(0)
        clock.advance(1)
        yield 2

    assert inspect.isasyncgenfunction(count)

    async def main() -> list[int]:
        numbers = count()
        clock.advance(100)
        return [number async for number in numbers]

    assert asyncio.run(main()) == [1, 2]
    assert seconds(monitor) == [2]


def test_asend_athrow_and_aclose_go_through_a_decorated_async_generator(
    monitor: PerformanceMonitor,
) -> None:
    seen: list[str] = []

    @monitor.timer("op")
    async def echo() -> Any:
        received: object = None
        try:
            while received != "end":
                try:
                    received = yield received
                except KeyError as error:
                    received = error
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    async def main() -> None:
        talk = echo()
        assert await talk.asend(None) is None
        assert await talk.asend("a") == "a"
        error = KeyError("k")
        assert await talk.athrow(error) is error
        with pytest.raises(StopAsyncIteration):
            await talk.asend("end")
        assert len(seconds(monitor)) == 1

        talk = echo()
        await talk.asend(None)
        await talk.aclose()
        assert seen == ["closed"] * 2
        assert len(seconds(monitor)) == 2

        talk = echo()
        await talk.asend(None)
        with pytest.raises(ZeroDivisionError):
            await talk.athrow(ZeroDivisionError())
        assert seen == ["closed"] * 3
        assert len(seconds(monitor)) == 3

    asyncio.run(main())


def test_an_async_generator_that_raises_passes_it_on(monitor: PerformanceMonitor) -> None:
    @monitor.timer("op")
    async def fail() -> AsyncIterator[int]:
        yield 1
        raise ValueError("reason")

    async def main() -> None:
        with pytest.raises(ValueError, match="reason"):
            async for _ in fail():
                pass

    asyncio.run(main())
    assert len(seconds(monitor)) == 1


@pytest.mark.parametrize("wrong", [None, 3, "text", functools.singledispatchmethod(print)])
def test_only_callables_can_be_decorated(monitor: PerformanceMonitor, wrong: object) -> None:
    with pytest.raises(TypeError, match="callable"):
        monitor.timer("op")(wrong)


def test_a_callable_without_a_name_can_be_decorated(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    class Adder:
        def __call__(self, a: int, b: int) -> int:
            clock.advance(1)
            return a + b

    assert monitor.timer("op")(Adder())(1, b=2) == 3
    assert monitor.timer("op")(max)(1, 2) == 2
    assert seconds(monitor) == [1, 0]


@pytest.mark.parametrize("holds", [(), ("_get_running_loop",)])
def test_a_timer_starts_while_another_thread_imports_asyncio(
    holds: tuple[str, ...], monitor: PerformanceMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = types.ModuleType("asyncio")
    for name in holds:
        setattr(begun, name, object)
    monkeypatch.setitem(sys.modules, "asyncio", begun)
    monitor.start_timer("op")
    assert monitor.stop_timer("op") is not None
