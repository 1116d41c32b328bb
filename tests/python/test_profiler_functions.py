"""Profiles of functions of every kind: asynchronous ones, generators, decorated ones."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import types
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from ptpd_monitoring import ImageProcessingProfiler, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock

PHOTO = np.zeros((40, 60), np.uint8)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def profiler(clock: ManualClock) -> ImageProcessingProfiler:
    return ImageProcessingProfiler(PerformanceMonitor(clock=clock))


def recorded(profiler: ImageProcessingProfiler, name: str) -> list[dict[str, Any]]:
    return [metric.metadata for metric in profiler.monitor.get_metrics(f"{name}_wall_time")]


class Uploader:
    """Asynchronous functions of all the kinds that there are."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    async def upload(self, image: Any, *, fail: bool = False) -> Any:
        self.clock.advance(2)
        await asyncio.sleep(0)
        self.clock.advance(3)
        if fail:
            raise ConnectionError("lost")
        return image

    async def __call__(self, image: Any, *, fail: bool = False) -> Any:
        return await self.upload(image, fail=fail)

    def hidden(self, image: Any, *, fail: bool = False) -> Awaitable[Any]:
        return self.upload(image, fail=fail)

    def task(self, image: Any, *, fail: bool = False) -> Awaitable[Any]:
        return asyncio.ensure_future(self.upload(image, fail=fail))

    def awaitable(self, image: Any, *, fail: bool = False) -> Awaitable[Any]:
        upload = self.upload

        class Later:
            def __await__(self) -> Generator[Any, Any, Any]:
                return upload(image, fail=fail).__await__()

        return Later()

    @types.coroutine
    def old(self, image: Any, *, fail: bool = False) -> Generator[Any, Any, Any]:
        return (yield from self.upload(image, fail=fail).__await__())


KINDS: dict[str, tuple[Callable[[Uploader], Callable[..., Any]], str]] = {
    "method": (lambda uploader: uploader.upload, "Uploader.upload"),
    "object": (lambda uploader: uploader, "Uploader"),
    "partial": (lambda uploader: functools.partial(uploader.upload), "Uploader.upload"),
    "partial of an object": (lambda uploader: functools.partial(uploader), "Uploader"),
    "hidden": (lambda uploader: uploader.hidden, "Uploader.hidden"),
    "task": (lambda uploader: uploader.task, "Uploader.task"),
    "awaitable": (lambda uploader: uploader.awaitable, "Uploader.awaitable"),
    "old": (lambda uploader: uploader.old, "Uploader.old"),
}


@pytest.mark.parametrize(("kind", "name"), KINDS.values(), ids=KINDS)
def test_the_run_of_an_asynchronous_function_is_profiled(
    profiler: ImageProcessingProfiler, clock: ManualClock, kind: Any, name: str
) -> None:
    async def main() -> None:
        waiting = profiler.profile_operation(kind(Uploader(clock)), PHOTO)
        clock.advance(100)
        result, profile = await waiting
        assert result is PHOTO
        assert (profile["operation"], profile["success"]) == (name, True)
        assert profile["wall_time_s"] == 5
        assert profile["pixels"] == PHOTO.size
        assert profile["pixels_per_s"] == PHOTO.size / 5

    asyncio.run(main())
    assert len(recorded(profiler, name)) == 1
    assert profiler.estimate_batch_time([(60, 40)] * 100, name) == pytest.approx(550)


@pytest.mark.parametrize(("kind", "name"), KINDS.values(), ids=KINDS)
def test_an_asynchronous_function_that_raises_has_failed(
    profiler: ImageProcessingProfiler, clock: ManualClock, kind: Any, name: str
) -> None:
    async def main() -> None:
        with pytest.raises(ConnectionError, match="lost"):
            await profiler.profile_operation(kind(Uploader(clock)), PHOTO, fail=True)

    asyncio.run(main())
    (profile,) = recorded(profiler, name)
    assert (profile["success"], profile["error"], profile["wall_time_s"]) == (False, "lost", 5)


def test_a_cancelled_run_has_failed_and_stays_cancelled(
    profiler: ImageProcessingProfiler,
) -> None:
    async def wait() -> None:
        await asyncio.sleep(3_600)

    async def main() -> None:
        task = asyncio.create_task(profiler.profile_operation(wait))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (profile,) = recorded(profiler, "wait")
    assert profile["success"] is False


def test_a_profile_of_a_coroutine_runs_wherever_a_coroutine_does(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    uploader = Uploader(clock)
    result, profile = asyncio.run(profiler.profile_operation(uploader.upload, PHOTO))
    assert (result is PHOTO, profile["wall_time_s"]) == (True, 5)

    async def many() -> list[Any]:
        return await asyncio.gather(
            *(profiler.profile_operation(uploader.upload, PHOTO) for _ in range(20))
        )

    assert len(asyncio.run(many())) == 20
    assert len(recorded(profiler, "Uploader.upload")) == 21


@pytest.mark.thread_unsafe(reason="sees the warnings of the whole process")
def test_a_coroutine_that_is_not_awaited_is_no_success(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(TypeError, match="coroutine"):
            _, _ = profiler.profile_operation(Uploader(clock).upload, PHOTO)
        gc.collect()
    assert profiler.monitor.operations() == []


def test_what_runs_by_itself_is_returned_as_it_is(profiler: ImageProcessingProfiler) -> None:
    class Submitted:
        """As the futures of dask.distributed, which can be awaited and need not be."""

        def done(self) -> bool:
            return True

        def __await__(self) -> Iterator[Any]:
            raise AssertionError("nobody awaits it")

    with ThreadPoolExecutor(1) as pool:
        future, profile = profiler.profile_operation(pool.submit, lambda: 5)
        assert (future.result(), profile["success"]) == (5, True)
    submitted, _ = profiler.profile_operation(Submitted)
    assert isinstance(submitted, Submitted)
    _, profile = profiler.profile_operation(iter, [1, 2])
    assert profile["operation"] == "iter"


# Generators


class Scanner:
    """Generators of pages."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    def pages(self, count: int) -> Iterator[Any]:
        for page in range(count):
            self.clock.advance(1)
            if page == 5:
                raise OSError("jammed")
            yield PHOTO

    def expression(self, count: int) -> Iterator[Any]:
        return (page for page in self.pages(count))

    async def stream(self, count: int) -> AsyncIterator[Any]:
        for page in self.pages(count):
            await asyncio.sleep(0)
            yield page


@pytest.mark.parametrize("name", ["pages", "expression"])
def test_a_generator_is_run_to_its_end(
    profiler: ImageProcessingProfiler, clock: ManualClock, name: str
) -> None:
    function = getattr(Scanner(clock), name)
    items, profile = profiler.profile_operation(function, 3)
    assert isinstance(items, list)
    assert len(items) == 3
    assert (profile["wall_time_s"], profile["pixels"]) == (3, 3 * PHOTO.size)
    with pytest.raises(OSError, match="jammed"):
        profiler.profile_operation(function, 9)
    first, second = recorded(profiler, f"Scanner.{name}")
    assert (first["success"], second["success"]) == (True, False)
    assert (second["error"], second["wall_time_s"]) == ("jammed", 6)


def test_an_asynchronous_generator_is_run_to_its_end(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    items, profile = asyncio.run(profiler.profile_operation(Scanner(clock).stream, 3))
    assert len(items) == 3
    assert (profile["wall_time_s"], profile["pixels"]) == (3, 3 * PHOTO.size)
    with pytest.raises(OSError, match="jammed"):
        asyncio.run(profiler.profile_operation(Scanner(clock).stream, 9))
    assert recorded(profiler, "Scanner.stream")[1]["success"] is False


# Decorated functions


def test_a_decorated_function_returns_what_it_did_and_each_call_is_profiled(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    @profiler.profile
    def blur(image: Any, radius: int = 1) -> Any:
        """Blurs."""
        clock.advance(radius)
        return image

    assert blur(PHOTO) is PHOTO
    assert blur(PHOTO, radius=3) is PHOTO
    assert (blur.__name__, blur.__doc__) == ("blur", "Blurs.")
    assert list(inspect.signature(blur).parameters) == ["image", "radius"]
    first, second = recorded(profiler, "blur")
    assert (first["wall_time_s"], second["wall_time_s"]) == (1, 3)
    assert (first["pixels"], first["success"]) == (PHOTO.size, True)
    with pytest.raises(TypeError, match="argument"):
        blur()
    assert recorded(profiler, "blur")[2]["success"] is False


def test_a_decorator_may_be_called_and_names_the_operation(
    profiler: ImageProcessingProfiler,
) -> None:
    @profiler.profile()
    def first() -> None: ...

    @profiler.profile(operation="other")
    def second() -> None: ...

    first()
    second()
    assert [name for name in profiler.monitor.operations() if name.endswith("_time")] == [
        "first_wall_time",
        "other_wall_time",
    ]


@pytest.mark.parametrize(("kind", "name"), KINDS.values(), ids=KINDS)
def test_a_decorated_asynchronous_function_is_awaited_as_before(
    profiler: ImageProcessingProfiler, clock: ManualClock, kind: Any, name: str
) -> None:
    upload = profiler.profile(kind(Uploader(clock)))

    async def main() -> None:
        assert await upload(PHOTO) is PHOTO
        with pytest.raises(ConnectionError):
            await upload(PHOTO, fail=True)

    asyncio.run(main())
    first, second = recorded(profiler, name)
    assert (first["success"], first["wall_time_s"], first["pixels"]) == (True, 5, PHOTO.size)
    assert (second["success"], second["wall_time_s"]) == (False, 5)


def test_frameworks_see_what_a_decorated_function_is(profiler: ImageProcessingProfiler) -> None:
    scanner = Scanner(ManualClock())
    assert inspect.iscoroutinefunction(profiler.profile(Uploader(ManualClock()).upload))
    assert inspect.iscoroutinefunction(profiler.profile(Uploader(ManualClock())))
    assert inspect.isgeneratorfunction(profiler.profile(scanner.pages))
    assert inspect.isasyncgenfunction(profiler.profile(scanner.stream))
    assert not inspect.iscoroutinefunction(profiler.profile(len))


def test_a_decorated_generator_is_profiled_from_its_first_step_to_its_end(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    @profiler.profile
    def accumulate(start: int) -> Generator[int, int, str]:
        total = start
        while (given := (yield total)) is not None:
            clock.advance(1)
            total += given
        return "done"

    def consume() -> Generator[int, int, None]:
        assert (yield from accumulate(1)) == "done"

    steps = consume()
    clock.advance(50)
    assert [next(steps), steps.send(2), steps.send(3)] == [1, 3, 6]
    assert profiler.monitor.operations() == []
    assert list(steps) == []
    (profile,) = recorded(profiler, "accumulate")
    assert (profile["success"], profile["wall_time_s"]) == (True, 2)


def test_a_decorated_asynchronous_generator_is_profiled_to_its_end(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    caught = []

    @profiler.profile
    async def accumulate() -> AsyncIterator[int]:
        total = 0
        while True:
            try:
                given = yield total
            except ValueError as error:
                caught.append(error)
                return
            clock.advance(1)
            total += given

    async def main() -> None:
        steps: Any = accumulate()
        clock.advance(50)
        assert [await steps.asend(None), await steps.asend(2), await steps.asend(3)] == [0, 2, 5]
        with pytest.raises(StopAsyncIteration):
            await steps.athrow(ValueError("enough"))

    asyncio.run(main())
    assert len(caught) == 1
    (profile,) = recorded(profiler, "accumulate")
    assert (profile["success"], profile["wall_time_s"]) == (True, 2)


def test_a_generator_that_is_closed_early_tells_no_speed(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    pages = profiler.profile(Scanner(clock).pages)
    stream = profiler.profile(Scanner(clock).stream)
    steps = pages(4)
    next(steps)
    steps.close()
    with pytest.raises(OSError, match="jammed"):
        list(pages(9))

    async def main() -> None:
        steps: Any = stream(4)
        await steps.asend(None)
        await steps.aclose()
        with pytest.raises(OSError, match="jammed"):
            async for _ in stream(9):
                pass

    asyncio.run(main())
    for name in ("Scanner.pages", "Scanner.stream"):
        closed, jammed = recorded(profiler, name)
        assert (closed["success"], closed["wall_time_s"]) == (False, 1)
        assert "closed before its end" in closed["error"]
        assert (jammed["success"], jammed["error"]) == (False, "jammed")
        assert profiler.estimate_batch_time([(10, 10)], name) is None


def test_methods_of_every_kind_can_be_decorated(profiler: ImageProcessingProfiler) -> None:
    class Print:
        @profiler.profile
        def plain(self, value: int) -> tuple[object, int]:
            return self, value

        @profiler.profile
        @classmethod
        def of_class(cls, value: int) -> tuple[object, int]:
            return cls, value

        @classmethod
        @profiler.profile
        def inner(cls, value: int) -> tuple[object, int]:
            return cls, value

        @profiler.profile
        @staticmethod
        def static(value: int) -> int:
            return value

    made = Print()
    assert made.plain(1) == (made, 1)
    assert made.of_class(2) == Print.of_class(2) == (Print, 2)
    assert made.inner(3) == (Print, 3)
    assert made.static(4) == Print.static(4) == 4
    names = [name for name in profiler.monitor.operations() if name.endswith("_time")]
    assert [name.rpartition("Print.")[2] for name in names] == [
        "plain_wall_time",
        "of_class_wall_time",
        "inner_wall_time",
        "static_wall_time",
    ]


def test_a_decorated_cache_can_be_emptied(profiler: ImageProcessingProfiler) -> None:
    @profiler.profile
    @functools.lru_cache
    def square(value: int) -> int:
        return value * value

    assert [square(3), square(3)] == [9, 9]
    assert square.cache_info().hits == 1
    square.cache_clear()
    assert square.cache_info().hits == 0
    assert len(recorded(profiler, "square")) == 2


@pytest.mark.parametrize("wrong", [5, "text", int, property(lambda _: None), Scanner], ids=repr)
def test_what_is_no_function_is_not_decorated(
    profiler: ImageProcessingProfiler, wrong: Any
) -> None:
    with pytest.raises(TypeError, match="profile can only decorate a function or a method"):
        profiler.profile(wrong)
    with pytest.raises(TypeError, match="profile can only decorate a function or a method"):
        profiler.profile(operation="x")(wrong)
