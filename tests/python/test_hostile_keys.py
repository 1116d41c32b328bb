"""Keys that do their worst: a CacheManager against a dict where a dict says what is right."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cache_support import Trouble
from ptpd_monitoring import CacheManager

MAX_SIZE = 6


def check(cache: CacheManager, gets: int) -> None:
    """What holds after any operation, whatever the keys did."""
    stats = cache.get_stats()
    keys = cache._keys()
    assert len(keys) == cache.get_size() == stats.size <= stats.max_size == cache._max_size
    assert len({id(key) for key in keys}) == len(keys)
    assert stats.hits + stats.misses == gets
    cache.cleanup_expired()
    assert cache.get_size() == len(keys)


class Text(str):
    """A str whose ``==`` is Python code."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)

    __hash__ = str.__hash__


class Number(int):
    """An int whose ``==`` is Python code."""

    def __eq__(self, other: object) -> bool:
        return int.__eq__(self, other)

    __hash__ = int.__hash__


class Twin:
    """Equal to its number and to other twins of it: hashes as the number does."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        # Of all kinds of numbers: only where equality is transitive does a dict say what is right.
        return (other.number if isinstance(other, Twin) else other) == self.number


# Equal values of different types, and different values of one hash, many times over.
numbers = st.integers(-3, 3)
keys = st.one_of(
    numbers,
    numbers.map(float),
    numbers.map(Number),
    numbers.map(Twin),
    numbers.map(lambda n: n + (2**61 - 1)),
    numbers.map(lambda n: n * 2**64),
    st.sampled_from(["", "a", "b", "\ud800", "\udfff", "\U0001f600", "a\0"]),
    st.sampled_from(["", "a", "b", "\ud800", "\udfff"]).map(Text),
    st.sampled_from([b"", b"a", b"\0", None, True, False, (), ("a",), (1.0,)]),
    st.sampled_from([("a",), ("\ud800",), frozenset(), frozenset(["a"]), ..., int]),
    st.tuples(numbers.map(Twin)),
)


class AgainstADict(RuleBasedStateMachine):
    """Well-behaved equality, in every disguise: the cache is an OrderedDict."""

    @initialize()
    def start(self) -> None:
        self.cache = CacheManager(MAX_SIZE, 0)
        self.model: OrderedDict[Any, int] = OrderedDict()
        self.gets = 0

    @rule(key=keys, value=st.integers())
    def put(self, key: Any, value: int) -> None:
        self.cache.set(key, value)
        if key not in self.model and len(self.model) == MAX_SIZE:
            self.model.popitem(last=False)
        self.model[key] = value
        self.model.move_to_end(key)

    @rule(key=keys)
    def get(self, key: Any) -> None:
        self.gets += 1
        assert self.cache.get(key, "none") == self.model.get(key, "none")
        if key in self.model:
            self.model.move_to_end(key)

    @rule(key=keys)
    def get_or_set(self, key: Any) -> None:
        self.gets += 1
        if key in self.model:
            assert self.cache.get_or_set(key, Trouble) == self.model[key]
            self.model.move_to_end(key)
        else:
            with pytest.raises(ZeroDivisionError):
                self.cache.get_or_set(key, lambda: 1 // 0)

    @rule(key=keys)
    def delete(self, key: Any) -> None:
        assert self.cache.delete(key) is (self.model.pop(key, None) is not None)

    @rule(key=keys)
    def contains(self, key: Any) -> None:
        assert (key in self.cache) is (key in self.model)

    @rule(wrong=st.sampled_from([[], {}, set(), bytearray(), ([],)]))
    def unhashable(self, wrong: Any) -> None:
        for operation in (
            self.cache.get,
            self.cache.delete,
            self.cache.__contains__,
            lambda key: self.cache.set(key, 1),
            lambda key: self.cache.get_or_set(key, int),
        ):
            with pytest.raises(TypeError, match="unhashable"):
                operation(wrong)

    @precondition(lambda self: len(self.model) > 3)
    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.model.clear()

    @invariant()
    def same(self) -> None:
        listed = self.cache._keys()
        assert listed == list(self.model)
        # The first of equal keys stays, as in a dict: its very object.
        assert [type(key) for key in listed] == [type(key) for key in self.model]
        check(self.cache, self.gets)


class Hostile:
    """A key that changes the cache, or raises, whenever it is hashed or compared."""

    world: HostileKeys

    def __init__(self, number: int, on_hash: str, on_eq: str, answer: bool) -> None:
        self.number, self.on_hash, self.on_eq, self.answer = number, on_hash, on_eq, answer

    def __hash__(self) -> int:
        self.world.act(self.on_hash, self)
        return self.number

    def __eq__(self, other: object) -> bool:
        self.world.act(self.on_eq, self)
        return self.answer


ACTIONS = ["nothing"] * 3 + [
    "raise", "delete me", "clear", "set me", "set others", "evict", "get", "shrink", "grow",
]  # fmt: skip


class HostileKeys(RuleBasedStateMachine):
    """No dict says what is right here; the cache has to stay whole and keep counting."""

    @initialize()
    def start(self) -> None:
        self.cache = CacheManager(MAX_SIZE, 0)
        self.depth = self.gets = 0
        Hostile.world = self

    def act(self, action: str, key: Hostile) -> None:
        if self.depth or action == "nothing":
            return
        self.depth += 1
        try:
            if action == "raise":
                raise Trouble
            self.actions()[action](key)
        finally:
            self.depth -= 1

    def actions(self) -> dict[str, Callable[[Hostile], object]]:
        cache = self.cache
        return {
            "delete me": cache.delete,
            "clear": lambda _: cache.clear(),
            "set me": lambda key: cache.set(key, "mine"),
            "set others": lambda key: [cache.set(key.number, n) for n in range(3)],
            "evict": lambda _: [cache.set(("x", n), n) for n in range(MAX_SIZE)],
            "get": self.count,
            "shrink": lambda _: cache.__init__(2, 0),  # type: ignore[misc]
            "grow": lambda _: cache.__init__(MAX_SIZE, 0),  # type: ignore[misc]
        }

    def count(self, key: Any) -> None:
        before = self.cache.get_stats()
        self.cache.get(key, None)
        self.gets += 1
        after = self.cache.get_stats()
        assert after.hits + after.misses == before.hits + before.misses + 1

    hostile = st.builds(
        Hostile,
        st.integers(0, 2),
        st.sampled_from(["nothing"] * 5 + ACTIONS),
        st.sampled_from(ACTIONS),
        st.booleans(),
    )

    @rule(key=hostile | numbers, operation=st.sampled_from(["set", "delete", "in"]))
    def change(self, key: Any, operation: str) -> None:
        try:
            if operation == "set":
                self.cache.set(key, operation)
            elif operation == "delete":
                assert self.cache.delete(key) in (True, False)
            else:
                assert (key in self.cache) in (True, False)
        except Trouble:
            pass

    @rule(key=hostile | numbers)
    def look_up(self, key: Any) -> None:
        before = sum((self.cache.get_stats().hits, self.cache.get_stats().misses))
        inner = self.gets
        try:
            self.cache.get(key)
        except Trouble:
            pass
        else:
            self.gets += 1
        stats = self.cache.get_stats()
        assert stats.hits + stats.misses == before + self.gets - inner

    @invariant()
    def whole(self) -> None:
        check(self.cache, self.gets)


limits = settings(
    max_examples=100,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
alone = pytest.mark.thread_unsafe(reason="the keys act on one world, and Hypothesis parses code")
TestEqualKeysInEveryDisguise = alone(AgainstADict.TestCase)
TestEqualKeysInEveryDisguise.settings = limits
TestHostileKeysLeaveTheCacheWhole = alone(HostileKeys.TestCase)
TestHostileKeysLeaveTheCacheWhole.settings = limits


def test_a_key_whose_eq_returns_no_bool_is_judged_by_its_truth() -> None:
    class Odd:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> Any:
            return self.answer

    class Truthless:
        def __bool__(self) -> bool:
            raise Trouble

    for answer, found in (("yes", True), ([], False), (NotImplemented, False), (None, False)):
        cache = CacheManager()
        cache.set(Odd(answer), 1)
        assert (Odd(NotImplemented) in cache) is found
    cache = CacheManager()
    cache.set(Odd(Truthless()), 1)
    with pytest.raises(Trouble):
        cache.get(Odd(NotImplemented))
    check(cache, 0)


def test_a_key_whose_hash_changes_is_lost_but_nothing_else_is() -> None:
    class Moving:
        number = 1

        def __hash__(self) -> int:
            return self.number

    cache, dictionary = CacheManager(3), {}
    key = Moving()
    cache.set(key, 1)
    dictionary[key] = 1
    key.number = 2
    assert (key in cache) is (key in dictionary) is False
    cache.set(key, 2)
    dictionary[key] = 2
    assert cache.get_size() == len(dictionary) == 2
    for number in range(3):
        cache.set(number, number)
    assert cache._keys() == [0, 1, 2]
    assert cache.get_stats().evictions == 2


def test_hashes_at_the_ends_of_their_range_are_found() -> None:
    class Hash:
        def __init__(self, value: int) -> None:
            self.value = value

        def __hash__(self) -> int:
            return self.value

    ends = [0, 1, -2, sys.maxsize, -sys.maxsize - 1, 2**61 - 2, -(2**61)]
    cache = CacheManager()
    held = [Hash(end) for end in ends]
    for key in held:
        cache.set(key, key.value)
    assert [cache.get(key) for key in held] == ends


def test_a_hash_that_is_no_int_is_a_type_error() -> None:
    class Wrong:
        def __hash__(self) -> Any:
            return "1"  # noqa: PLE0309 - the mistake that is tested

    cache = CacheManager()
    for operation in (cache.get, cache.delete, cache.__contains__, lambda key: cache.set(key, 1)):
        with pytest.raises(TypeError, match="__hash__"):
            operation(Wrong())
    check(cache, 0)


def test_an_interrupt_in_eq_goes_through_every_operation() -> None:
    class Interrupted:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            raise KeyboardInterrupt

    cache = CacheManager()
    cache.set(Interrupted(), 1)
    for operation in (
        cache.get,
        cache.delete,
        cache.__contains__,
        lambda key: cache.set(key, 1),
        lambda key: cache.get_or_set(key, int),
    ):
        with pytest.raises(KeyboardInterrupt):
            operation(Interrupted())
    check(cache, 0)
    assert cache.get_size() == 1


@pytest.mark.timeout(240, method="thread")
def test_threads_with_keys_that_compare_slowly_agree_in_the_end() -> None:
    class Slow:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return self.number % 2

        def __eq__(self, other: object) -> bool:
            barrier.acquire(blocking=False)
            return isinstance(other, Slow) and self.number == other.number

    barrier = threading.Semaphore(0)
    cache = CacheManager(8)
    errors: list[BaseException] = []
    gets = [0] * 4

    def work(me: int) -> None:
        try:
            for step in range(400):
                number = (step * 7 + me) % 12
                cache.set(Slow(number), number)
                assert cache.get(Slow(number)) in (number, None)
                gets[me] += 1
                if step % 5 == me:
                    cache.delete(Slow(number))
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    check(cache, sum(gets))
    listed = [key.number for key in cache._keys()]
    assert len(set(listed)) == len(listed)
