"""``get_or_set`` and ``aget_or_set`` where several ask for the same missing key."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import hammer
from cache_support import Named, Trouble, fail
from ptpd_monitoring._native import CacheManager

PATIENCE_S = 30


class Threads:
    """Runs functions in threads, and gives their results once all have ended."""

    def __init__(self, *functions: Callable[[], Any]) -> None:
        self.results: list[Any] = [None] * len(functions)
        self.threads = [
            threading.Thread(target=self._run, args=each, daemon=True)
            for each in enumerate(functions)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int, function: Callable[[], Any]) -> None:
        try:
            self.results[number] = function()
        except Exception as error:
            self.results[number] = error

    def end(self) -> list[Any]:
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "a thread waits for ever"
        return self.results


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def misses(cache: CacheManager) -> int:
    return cache.get_stats().misses


@pytest.mark.parametrize("key", ["key", Named("key")], ids=["text", "with an __eq__ of its own"])
def test_however_many_threads_ask_a_missing_key_is_computed_once(key: Any) -> None:
    cache = CacheManager()
    calls = []

    def factory() -> object:
        calls.append(1)
        wait_until(lambda: misses(cache) >= 20)
        return calls

    asked = Threads(*[functools.partial(cache.get_or_set, key, factory)] * 20)
    assert all(result is calls for result in asked.end())
    assert len(calls) == 1
    assert cache.get(key) is calls


def test_other_keys_are_computed_at_the_same_time() -> None:
    cache = CacheManager()
    both = threading.Barrier(2, timeout=PATIENCE_S)
    asked = Threads(
        lambda: cache.get_or_set("a", lambda: both.wait() * 0 + 1),
        lambda: cache.get_or_set("b", lambda: both.wait() * 0 + 2),
    )
    assert asked.end() == [1, 2]


def test_where_the_factory_fails_the_next_one_tries() -> None:
    cache = CacheManager()
    calls: list[int] = []

    def factory() -> int:
        calls.append(1)
        wait_until(lambda: misses(cache) >= 4)
        if len(calls) == 1:
            raise Trouble
        return len(calls)

    asked = Threads(*[functools.partial(cache.get_or_set, "key", factory)] * 4)
    results = asked.end()
    assert sum(isinstance(result, Trouble) for result in results) == 1
    assert results.count(2) == 3
    assert len(calls) == 2


def test_a_factory_may_ask_for_its_own_key() -> None:
    cache = CacheManager()

    def factory() -> str:
        assert cache.get_or_set("key", lambda: "inner") == "inner"
        return "outer"

    assert cache.get_or_set("key", factory) == "outer"
    assert cache.get("key") == "outer"


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("caches", [1, 3])
def test_factories_that_need_each_others_keys_all_end(count: int, caches: int) -> None:
    all_caches = [CacheManager() for _ in range(caches)]
    begun = threading.Barrier(count, timeout=PATIENCE_S)

    def ask(number: int) -> Any:
        first, second = number, (number + 1) % count

        def factory() -> str:
            begun.wait()
            other = all_caches[second % caches]
            return f"{first} of {other.get_or_set(second, lambda: 'computed beside')}"

        return all_caches[first % caches].get_or_set(first, factory)

    results = Threads(*[functools.partial(ask, number) for number in range(count)]).end()
    assert all(result.startswith(f"{number} of ") for number, result in enumerate(results))
    assert any("computed beside" in result for result in results)


def test_a_factory_waits_for_another_key_that_needs_none_of_its_own() -> None:
    cache = CacheManager()
    inner_runs, may_end = threading.Event(), threading.Event()

    def inner() -> str:
        inner_runs.set()
        assert may_end.wait(PATIENCE_S)
        return "inner"

    first = Threads(lambda: cache.get_or_set("inner", inner))
    assert inner_runs.wait(PATIENCE_S)
    second = Threads(lambda: cache.get_or_set("outer", lambda: cache.get_or_set("inner", fail)))
    wait_until(lambda: misses(cache) >= 3)
    may_end.set()
    assert first.end() == second.end() == ["inner"]


CHANGES: dict[str, Callable[[CacheManager, Any], object]] = {
    "delete": lambda cache, key: cache.delete(key),
    "clear": lambda cache, _key: cache.clear(),
    "set": lambda cache, key: cache.set(key, "set meanwhile"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("key", ["key", Named("key")], ids=["text", "with an __eq__ of its own"])
def test_what_is_computed_does_not_undo_what_was_done_meanwhile(change: str, key: Any) -> None:
    cache = CacheManager()
    runs, may_end = threading.Event(), threading.Event()

    def old() -> str:
        runs.set()
        assert may_end.wait(PATIENCE_S)
        return "old"

    asked = Threads(lambda: cache.get_or_set(key, old))
    assert runs.wait(PATIENCE_S)
    CHANGES[change](cache, key)
    there = cache.get(key)
    # Whoever asks from now on gets something newer, and not what is still being computed.
    assert cache.get_or_set(key, lambda: "new") == (there or "new")
    may_end.set()
    assert asked.end() == ["old"]
    assert cache.get(key) == (there or "new")


def test_what_is_computed_beside_another_is_not_kept_either_after_a_deletion() -> None:
    cache = CacheManager()

    def outer() -> str:
        def inner() -> str:
            deleting = Threads(lambda: cache.delete("key"))
            deleting.end()
            return "inner"

        cache.get_or_set("key", inner)
        assert "key" not in cache
        return "outer"

    assert cache.get_or_set("key", outer) == "outer"
    assert "key" not in cache


@pytest.mark.parametrize("change", CHANGES)
def test_a_factory_may_change_its_own_key_and_its_result_stays(change: str) -> None:
    cache = CacheManager()

    def factory() -> str:
        CHANGES[change](cache, "key")
        return "computed"

    assert cache.get_or_set("key", factory) == "computed"
    assert cache.get("key") == "computed"


def test_those_who_wait_get_a_value_that_is_too_heavy_to_be_kept() -> None:
    cache = CacheManager(max_bytes=100)
    calls = []

    def factory() -> bytes:
        calls.append(1)
        wait_until(lambda: misses(cache) >= 5)
        return bytes(1_000)

    results = Threads(*[functools.partial(cache.get_or_set, "key", factory)] * 5).end()
    assert all(len(result) == 1_000 for result in results)
    # One may have come to wait only after the others were done.
    assert len(calls) <= 2
    assert cache.rejections == len(calls)


async def load() -> dict[str, int]:
    await asyncio.sleep(0)
    return {"id": 7}


def test_an_async_factory_is_awaited_and_its_value_kept() -> None:
    async def main() -> None:
        cache = CacheManager()
        for _ in range(2):
            assert await cache.aget_or_set("key", load) == {"id": 7}
            # With the same factory it can be awaited every time, whether the key is there or not.
            assert await cache.get_or_set("other", load) == {"id": 7}
        assert cache.get("key") == cache.get("other") == {"id": 7}
        assert await cache.aget_or_set("plain", lambda: 1) == 1  # type: ignore[arg-type, return-value]

    asyncio.run(main())


def test_a_coroutine_is_not_kept_but_refused_and_closed(recwarn: pytest.WarningsRecorder) -> None:
    cache = CacheManager()
    hidden: list[Callable[[], Any]] = [lambda: load(), functools.partial(load)]
    for factory in hidden:
        with pytest.raises(TypeError, match=r"factory must be .*await aget_or_set.*coroutine"):
            cache.get_or_set("key", factory)
        assert "key" not in cache
    gc.collect()
    assert not recwarn.list

    async def returns_a_coroutine() -> Any:
        return load()

    with pytest.raises(TypeError, match="factory must be"):
        asyncio.run(cache.aget_or_set("key", returns_a_coroutine))
    assert "key" not in cache


def test_however_many_tasks_ask_a_missing_key_is_computed_once() -> None:
    cache = CacheManager()
    calls = []

    async def factory() -> object:
        calls.append(1)
        while misses(cache) < 20:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return calls

    async def main() -> list[object]:
        return await asyncio.gather(*[cache.aget_or_set("key", factory) for _ in range(20)])

    assert all(result is calls for result in asyncio.run(main()))
    assert len(calls) == 1


def test_tasks_of_trio_compute_a_missing_key_once() -> None:
    trio = pytest.importorskip("trio")
    cache = CacheManager()
    calls, results = [], []

    async def factory() -> int:
        calls.append(1)
        while misses(cache) < 5:
            await trio.sleep(0)
        await trio.sleep(0)
        return 7

    async def ask() -> None:
        results.append(await cache.aget_or_set("key", factory))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)

    trio.run(main)
    assert (results, calls) == ([7] * 5, [1])


def test_a_task_that_is_cancelled_leaves_the_computation_to_the_next_one() -> None:
    cache = CacheManager()

    async def main() -> None:
        runs = asyncio.Event()

        async def endless() -> None:
            runs.set()
            await asyncio.Event().wait()

        first = asyncio.create_task(cache.aget_or_set("key", endless))
        await runs.wait()
        second = asyncio.create_task(cache.aget_or_set("key", load))
        given_up = asyncio.create_task(cache.aget_or_set("key", load))
        while misses(cache) < 3:
            await asyncio.sleep(0)
        given_up.cancel()
        first.cancel()
        assert await second == {"id": 7}
        for task in (first, given_up):
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


def test_tasks_whose_factories_need_each_others_keys_all_end() -> None:
    cache = CacheManager()

    async def main() -> list[str]:
        begun = [asyncio.Event(), asyncio.Event()]

        async def beside() -> str:
            return "computed beside"

        async def ask(number: int) -> str:
            async def factory() -> str:
                begun[number].set()
                await begun[1 - number].wait()
                # In tasks of its own, as somebody who needs several things at once.
                needs = [cache.aget_or_set(key, beside) for key in (1 - number, f"own {number}")]
                return " and ".join(await asyncio.gather(*needs))

            return await cache.aget_or_set(number, factory)

        return await asyncio.gather(ask(0), ask(1))

    results = asyncio.run(asyncio.wait_for(main(), PATIENCE_S))
    assert all("computed beside" in result for result in results)


def test_threads_and_tasks_wait_for_each_other() -> None:
    cache = CacheManager()
    in_thread, may_end = threading.Event(), threading.Event()

    def slow() -> str:
        in_thread.set()
        assert may_end.wait(PATIENCE_S)
        return "by a thread"

    asked = Threads(lambda: cache.get_or_set("first", slow))
    assert in_thread.wait(PATIENCE_S)

    async def main() -> None:
        task = asyncio.create_task(cache.aget_or_set("first", load))
        await asyncio.sleep(0)
        may_end.set()
        assert await task == "by a thread"
        runs = asyncio.Event()
        waits = misses(cache)

        async def factory() -> str:
            runs.set()
            while misses(cache) == waits + 1:
                await asyncio.sleep(0.001)
            return "by a task"

        task = asyncio.create_task(cache.aget_or_set("second", factory))
        await runs.wait()
        assert await asyncio.to_thread(cache.get_or_set, "second", fail) == "by a task"
        assert await task == "by a task"

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))
    assert asked.end() == ["by a thread"]


def test_code_that_blocks_its_event_loop_does_not_wait_for_a_task_of_it() -> None:
    cache = CacheManager()

    async def main() -> None:
        runs, may_end = asyncio.Event(), asyncio.Event()

        async def factory() -> str:
            runs.set()
            await may_end.wait()
            return "by the task"

        task = asyncio.create_task(cache.aget_or_set("key", factory))
        await runs.wait()
        assert cache.get_or_set("key", lambda: "at once") == "at once"
        may_end.set()
        assert await task == "by the task"

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


def test_code_in_a_fresh_context_of_the_same_thread_does_not_wait_for_it() -> None:
    cache = CacheManager()

    def factory() -> str:
        fresh = contextvars.Context()
        return str(fresh.run(cache.get_or_set, "key", lambda: "inner"))

    assert Threads(lambda: cache.get_or_set("key", factory)).end() == ["inner"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_does_not_wait_for_a_thread_that_it_lacks() -> None:
    cache = CacheManager()
    runs, may_end = threading.Event(), threading.Event()

    def factory() -> str:
        runs.set()
        assert may_end.wait(PATIENCE_S)
        return "by the parent"

    asked = Threads(lambda: cache.get_or_set("key", factory))
    assert runs.wait(PATIENCE_S)
    pid = hammer.fork_beside_threads()
    if pid == 0:
        code = 1
        try:
            code = 0 if cache.get_or_set("key", lambda: "by the child") == "by the child" else 2
        finally:
            os._exit(code)
    may_end.set()
    wait_until(lambda: os.waitpid(pid, os.WNOHANG) == (pid, 0))
    assert asked.end() == ["by the parent"]


def test_a_cache_in_the_middle_of_a_computation_can_be_collected() -> None:
    class Token:
        pass

    cache: Any = CacheManager()
    token: Any = Token()
    token.cache = cache
    gone = weakref.ref(token)
    joined = cache._join(token, False)
    assert joined is not None
    del cache, token, joined
    gc.collect()
    assert gone() is None


@pytest.mark.thread_unsafe(reason="counts the objects of the whole process")
def test_no_computation_stays_when_it_is_over() -> None:
    cache = CacheManager()
    value, key = object(), ("a", "key")
    before = sys.getrefcount(value), sys.getrefcount(key)
    for _ in range(3):
        cache.get_or_set(key, lambda: value)
        with pytest.raises(Trouble):
            cache.get_or_set("other", fail)
        cache.clear()
    assert (sys.getrefcount(value), sys.getrefcount(key)) == before
