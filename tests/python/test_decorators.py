"""What a timer decorates: the run is timed, and the thing stays what it was."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import enum
import functools
import inspect
import types
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from ptpd_monitoring import PerformanceMonitor
from ptpd_monitoring.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


def seconds(monitor: PerformanceMonitor) -> list[float]:
    return [metric.value for metric in monitor.get_metrics("op")]


def failures(monitor: PerformanceMonitor) -> list[object]:
    return [metric.metadata.get("error") for metric in monitor.get_metrics("op")]


def hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a decorator for retries or permissions does it."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


# Awaitables of functions that are no coroutine functions


def test_a_coroutine_function_below_another_decorator_is_timed_until_it_ends(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    @hidden
    async def fetch(number: int) -> int:
        await asyncio.sleep(0)
        clock.advance(number)
        if number == 3:
            raise LookupError
        return number

    async def main() -> None:
        waiting = fetch(2)
        assert inspect.iscoroutine(waiting)
        clock.advance(100)
        assert await waiting == 2
        with pytest.raises(LookupError):
            await fetch(3)

    asyncio.run(main())
    assert seconds(monitor) == [2, 3]
    assert failures(monitor) == [None, "LookupError"]


def test_a_task_is_handed_on_and_timed_until_it_is_done(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    async def expose(error: type[Exception] | None) -> str:
        await asyncio.sleep(0)
        clock.advance(5)
        if error is not None:
            raise error
        return "exposed"

    @monitor.timer("op")
    def begin(error: type[Exception] | None) -> asyncio.Task[str]:
        return asyncio.ensure_future(expose(error))

    async def main() -> None:
        task = begin(None)
        assert isinstance(task, asyncio.Task)
        assert await task == "exposed"
        with pytest.raises(OSError):
            await begin(OSError)
        cancelled = begin(None)
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    asyncio.run(main())
    assert seconds(monitor) == [5, 5, 0]
    assert failures(monitor) == [None, "OSError", "CancelledError"]


def test_asyncio_still_tells_of_an_exception_of_a_timed_task_that_nobody_took(
    monitor: PerformanceMonitor,
) -> None:
    told: list[dict[str, Any]] = []

    async def fail() -> None:
        raise OSError

    @monitor.timer("op")
    def begin() -> asyncio.Task[None]:
        return asyncio.ensure_future(fail())

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        begin()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [type(context["exception"]) for context in told] == [OSError]


def test_an_object_with_async_call_stays_one_with_all_that_it_has(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    class Client:
        """Fetches."""

        retries = 3

        def __len__(self) -> int:
            return 7

        async def __call__(self, number: int) -> int:
            await asyncio.sleep(0)
            clock.advance(number)
            return number

    plain = Client()
    client = monitor.timer("op")(plain)
    assert asyncio.run(client(2)) == 2
    assert seconds(monitor) == [2]
    assert isinstance(client, Client)
    assert inspect.iscoroutinefunction(client.__call__)
    assert (client.retries, len(client), client.__doc__) == (3, 7, "Fetches.")
    client.retries = 4
    assert plain.retries == 4
    assert client.__wrapped__ is plain
    with pytest.raises(AttributeError):
        _ = client.missing


def test_a_function_that_is_marked_as_a_coroutine_function_is_timed_until_it_ends(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    async def expose() -> None:
        await asyncio.sleep(0)
        clock.advance(3)

    def lazy() -> asyncio.Future[None]:
        return asyncio.ensure_future(expose())

    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(lazy)
    timed = monitor.timer("op")(lazy)
    assert inspect.iscoroutinefunction(timed) == inspect.iscoroutinefunction(lazy)

    async def main() -> None:
        await timed()

    asyncio.run(main())
    assert seconds(monitor) == [3]


class Request:
    """One that can be awaited or entered, as those of HTTP clients."""

    url = "/prints"

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    def __await__(self) -> Generator[Any, Any, str]:
        yield from asyncio.sleep(0).__await__()
        self.clock.advance(4)
        return "awaited"

    async def __aenter__(self) -> str:
        return await self

    async def __aexit__(self, *_: object) -> None:
        self.clock.advance(1)


def test_an_awaitable_that_can_be_entered_as_well_is_timed_in_either_way(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    get = monitor.timer("op")(Request)
    assert get is Request

    monitor = PerformanceMonitor(clock=clock)
    get = monitor.timer("op")(lambda: Request(clock))

    async def main() -> None:
        request = get()
        assert request.url == "/prints"
        assert await request == "awaited"
        async with get() as answer:
            assert answer == "awaited"
            clock.advance(10)

    asyncio.run(main())
    assert seconds(monitor) == [4, 15]


def test_a_result_is_not_asked_for_attributes_of_its_own(monitor: PerformanceMonitor) -> None:
    class Proxy:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    proxy = Proxy()
    assert monitor.timer("op")(lambda: proxy)() is proxy
    assert len(seconds(monitor)) == 1


def test_a_generator_below_another_decorator_is_timed_until_it_ends(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    @hidden
    def rows() -> Iterator[int]:
        yield 1
        clock.advance(2)

    @monitor.timer("op")
    @hidden
    async def pages() -> AsyncIterator[int]:
        yield 1
        clock.advance(3)

    async def main() -> list[int]:
        return [page async for page in pages()]

    assert list(rows()) == asyncio.run(main()) == [1]
    assert seconds(monitor) == [2, 3]


def test_a_generator_that_can_be_awaited_still_can(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    def bare() -> Generator[Any, Any, int]:
        yield from asyncio.sleep(0).__await__()
        clock.advance(2)
        return 5

    awaited = types.coroutine(bare)

    async def main() -> None:
        assert await monitor.timer("op")(awaited)() == 5
        assert await monitor.timer("op")(hidden(awaited))() == 5

    asyncio.run(main())
    assert seconds(monitor) == [2, 2]


# Context managers


@pytest.mark.parametrize("between", [lambda function: function, hidden])
def test_the_block_of_a_context_manager_is_timed(
    monitor: PerformanceMonitor, clock: ManualClock, between: Callable[..., Any]
) -> None:
    @monitor.timer("op")
    @between
    @contextlib.contextmanager
    def lamp(warmth: int) -> Iterator[str]:
        clock.advance(warmth)
        with contextlib.suppress(KeyError):
            yield "on"
        clock.advance(1)

    manager = lamp(2)
    clock.advance(100)
    with manager as state:
        assert state == "on"
        clock.advance(10)
    with lamp(3):
        raise KeyError
    with pytest.raises(OSError), lamp(4):
        raise OSError

    @lamp(5)
    def exposed() -> str:
        return "exposed"

    assert exposed() == "exposed"
    assert seconds(monitor) == [13, 4, 4, 6]
    assert failures(monitor) == [None, None, "OSError", None]


@pytest.mark.parametrize("between", [lambda function: function, hidden])
def test_the_block_of_an_async_context_manager_is_timed(
    monitor: PerformanceMonitor, clock: ManualClock, between: Callable[..., Any]
) -> None:
    @monitor.timer("op")
    @between
    @contextlib.asynccontextmanager
    async def lamp() -> AsyncIterator[str]:
        clock.advance(2)
        yield "on"
        clock.advance(1)

    async def main() -> None:
        async with lamp() as state:
            assert state == "on"
            clock.advance(10)
        with pytest.raises(OSError):
            async with lamp():
                raise OSError

    asyncio.run(main())
    assert seconds(monitor) == [13, 2]
    assert failures(monitor) == [None, "OSError"]


# Descriptors, classes and what the standard library makes of functions


def test_a_property_is_timed_where_it_is_read_and_can_still_be_set(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    class Curve:
        def __init__(self) -> None:
            self._density = 1.0

        @monitor.timer("op")
        @property
        def density(self) -> float:
            """Of the darkest step."""
            clock.advance(2)
            return self._density

        @density.setter
        def density(self, density: float) -> None:
            self._density = density

    curve = Curve()
    curve.density = 1.4
    assert curve.density == 1.4
    assert isinstance(vars(Curve)["density"], property)
    assert Curve.density.__doc__ == "Of the darkest step."
    assert seconds(monitor) == [2]


def test_a_cached_property_is_timed_where_it_is_computed(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    class Curve:
        @monitor.timer("op")
        @functools.cached_property
        def steps(self) -> tuple[int, ...]:
            clock.advance(2)
            return (1, 2)

        later = functools.cached_property(lambda self: clock.advance(3))

    curve = Curve()
    assert curve.steps == curve.steps == (1, 2)
    assert isinstance(vars(Curve)["steps"], functools.cached_property)
    Curve.later = monitor.timer("op")(vars(Curve)["later"])  # type: ignore[method-assign]
    _ = (curve.later, curve.later)
    assert seconds(monitor) == [2, 3]


def test_a_partial_method_stays_one(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    class Printer:
        def make(self, size: int, *, copies: int = 1) -> tuple[object, int, int]:
            clock.advance(size)
            return (self, size, copies)

        make_small = monitor.timer("op")(functools.partialmethod(make, 2, copies=3))

    printer = Printer()
    assert printer.make_small() == (printer, 2, 3)
    assert seconds(monitor) == [2]


def test_what_lru_cache_made_keeps_what_it_has(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    @functools.lru_cache(maxsize=2)
    def square(number: int) -> int:
        """Squares."""
        clock.advance(number)
        return number**2

    assert (square(2), square(2)) == (4, 4)
    assert seconds(monitor) == [2, 0]
    assert (square.cache_info().hits, square.cache_parameters()["maxsize"]) == (1, 2)
    square.cache_clear()
    assert square.cache_info().hits == 0
    assert (square.__name__, square.__doc__) == ("square", "Squares.")
    assert str(inspect.signature(square)) == "(number: 'int') -> 'int'"

    class Curve:
        @monitor.timer("op")
        @functools.cache  # noqa: B019 - a method as any other
        def at(self, number: int) -> tuple[object, int]:
            return (self, number)

    curve = Curve()
    assert curve.at(1) == (curve, 1)
    assert Curve.at.cache_info().currsize == 1


def test_a_single_dispatch_function_keeps_its_registry(monitor: PerformanceMonitor) -> None:
    @monitor.timer("op")
    @functools.singledispatch
    def show(value: object) -> str:
        return "object"

    show.register(int, lambda value: "int")
    assert (show(1), show("1")) == ("int", "object")
    assert len(seconds(monitor)) == 2


def test_the_making_of_a_class_s_instances_is_timed_and_it_stays_a_class(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    @monitor.timer("op")
    @dataclasses.dataclass
    class Print:
        size: int

        def __post_init__(self) -> None:
            clock.advance(self.size)
            if self.size > 5:
                raise ValueError(self.size)

    class Proof(Print):
        pass

    assert isinstance(Print, type)
    assert Print(2) == Print(2)
    assert isinstance(Proof(3), Print)
    with pytest.raises(ValueError, match="6"):
        Print(6)
    assert seconds(monitor) == [2, 2, 3, 6]
    assert failures(monitor) == [None, None, None, "ValueError"]


class Plain:
    pass


class Colour(enum.Enum):
    SEPIA = 1

    def __init__(self, number: int) -> None:
        self.number = number


@pytest.mark.parametrize(
    "cls", [Plain, Colour, namedtuple("Point", "x y"), int, OSError], ids=lambda cls: cls.__name__
)
def test_a_class_whose_making_cannot_be_timed_is_refused_with_the_reason(
    monitor: PerformanceMonitor, cls: type
) -> None:
    with pytest.raises(TypeError, match=f"timer cannot decorate <.*{cls.__name__}"):
        monitor.timer("op")(cls)


def test_a_property_that_cannot_be_read_is_refused(monitor: PerformanceMonitor) -> None:
    with pytest.raises(TypeError, match="timer cannot decorate a property that cannot be read"):
        monitor.timer("op")(property(None, lambda self, value: None))


# Failures, and the seconds of a run


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("full"), "OSError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(1), "SystemExit"),
        (SystemExit("no paper"), "SystemExit"),
        (SystemExit(0), None),
        (SystemExit(), None),
        (GeneratorExit(), None),
    ],
    ids=repr,
)
def test_a_block_that_raises_is_a_failure_unless_that_means_that_all_is_well(
    monitor: PerformanceMonitor, error: BaseException, expected: str | None
) -> None:
    with pytest.raises(type(error)), monitor.timer("op"):
        raise error
    assert failures(monitor) == [expected]
    with pytest.raises(type(error)), monitor.timer("op", {"paper": "Arches"}):
        raise error
    metadata = monitor.get_metrics("op")[-1].metadata
    assert metadata["paper"] == "Arches"
    assert metadata.get("error") == expected
    assert metadata.get("success") == (None if expected is None else False)
    statistics = monitor.get_statistics("op")
    assert (statistics["failures"], statistics["failure_rate"]) == (
        (0, 0.0) if expected is None else (2, 1.0)
    )


def test_metadata_of_the_users_own_is_not_overwritten_by_a_failure(
    monitor: PerformanceMonitor,
) -> None:
    with pytest.raises(OSError), monitor.timer("op", {"error": "mine", "success": True}):
        raise OSError
    assert monitor.get_metrics("op")[0].metadata == {
        "error": "mine",
        "success": True,
        "type": "timer",
    }
    assert monitor.get_statistics("op")["failures"] == 1


def test_what_was_recorded_as_a_success_or_a_failure_counts_and_plain_metrics_have_no_failures(
    monitor: PerformanceMonitor,
) -> None:
    monitor.record_metric("op", 1, "s", {"success": False})
    monitor.record_metric("op", 1, "s", {"success": True})
    monitor.record_metric("op", 1, "s", {"success": "perhaps"})
    assert monitor.get_statistics("op")["failures"] == 1
    monitor.record_metric("plain", 1, "s")
    assert "failures" not in monitor.get_statistics("plain")


def test_a_generator_that_is_closed_has_not_failed(monitor: PerformanceMonitor) -> None:
    @monitor.timer("op")
    def rows() -> Iterator[int]:
        yield 1

    generator = rows()
    next(generator)
    generator.close()  # type: ignore[attr-defined]
    assert failures(monitor) == [None]


def test_a_timer_tells_its_seconds_inside_of_the_block_and_after_it(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    timer = monitor.timer("op")
    assert timer.elapsed != timer.elapsed
    with timer as entered:
        clock.advance(2)
        assert entered.elapsed == 2
        with timer:
            clock.advance(3)
            assert timer.elapsed == 3
        assert timer.elapsed == 5
    clock.advance(9)
    assert timer.elapsed == 5
    with pytest.raises(OSError), timer:
        clock.advance(7)
        raise OSError
    assert timer.elapsed == 7

    async def main() -> None:
        async def expose(duration: int) -> tuple[float, float]:
            async with monitor.timer("op") as own:
                await asyncio.sleep(0)
                clock.advance(duration)
                inside = own.elapsed
            return inside, own.elapsed

        assert await expose(4) == (4, 4)

    asyncio.run(main())


def test_tasks_that_share_a_timer_read_the_seconds_of_their_own_block(clock: ManualClock) -> None:
    timer = PerformanceMonitor(clock=clock).timer("op")

    async def expose(wait: int) -> float:
        for _ in range(wait):
            await asyncio.sleep(0)
        with timer:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return timer.elapsed

    async def main() -> None:
        tasks = [asyncio.ensure_future(expose(wait)) for wait in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
            clock.advance(1)
        assert await asyncio.gather(*tasks) == [2, 2, 2]

    asyncio.run(main())
