"""Keys of a CacheManager match as those of a dict, whatever their __eq__ does."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from cache_support import Named, Trouble, counters, fail
from ptpd_monitoring._native import CacheManager


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ("".join(["a", "b"]), "ab"),
        ("Größe", "Grö" + chr(0xDF) + "e"),
        ("\ud800x", "\ud800" + "x"),
        ("", ""),
        (Text("ab"), "ab"),
        ("ab", Text("ab")),
        (b"ab", bytes([97, 98])),
        (1, 1.0),
        (1, True),
        (True, 1),
        (1.0, 1),
        (0.0, -0.0),
        (2**80, 2**80 + 0),
        (2**63, float(2**63)),
        (-1, -1.0),
        (("a", 1), ("a", 1.0)),
        (frozenset("ab"), frozenset("ba")),
        (None, None),
        (Decimal(3), Fraction(3)),
        (np.int64(5), 5),
        (Named("x"), Named("x")),
    ],
)
def test_equal_keys_are_one_entry_and_the_first_key_object_stays(
    stored: Hashable, wanted: Hashable
) -> None:
    cache = CacheManager()
    cache.set(stored, "first")
    assert cache.get(wanted) == "first"
    cache.set(wanted, "second")
    assert cache.get_size() == 1
    assert cache._keys()[0] is stored
    assert cache.get(stored) == "second"
    assert wanted in cache
    assert cache.delete(wanted) is True
    assert cache.get_size() == 0


def test_keys_that_differ_only_in_type_or_share_a_hash_stay_apart() -> None:
    nan, other_nan = float("nan"), float("nan")
    keys = [
        "1", b"1", 1, 1.5, ("1",), (1,), frozenset([1]), None, nan, other_nan,
        -1, -2, 2**61 - 1, 0, "\ud800", "\udfff", "", b"", (), Named("x"), Named("y"), "x",
    ]  # fmt: skip
    cache = CacheManager()
    for value, key in enumerate(keys):
        cache.set(key, value)
    assert cache.get_size() == len(keys)
    assert [cache.get(key) for key in keys] == list(range(len(keys)))
    assert cache.get(float("nan")) is None


def test_a_thousand_keys_with_one_hash_are_all_found() -> None:
    cache = CacheManager(500)
    for i in range(1000):
        cache.set(Named(str(i)), i)
    assert [cache.get(Named(str(i))) for i in range(500, 1000)] == list(range(500, 1000))
    assert cache.get(Named("3")) is None
    assert counters(cache) == (500, 1, 500, 0)


def test_unhashable_keys_are_type_errors_and_change_nothing() -> None:
    cache = CacheManager()
    cache.set("key", 1)
    for operation in (
        cache.get,
        cache.delete,
        cache.__contains__,
        lambda key: cache.set(key, 1),
        lambda key: cache.get_or_set(key, int),
    ):
        with pytest.raises(TypeError, match="unhashable"):
            operation([])
    assert (cache._keys(), counters(cache)) == (["key"], (0, 0, 0, 0))


class Hook:
    """A key whose ``__eq__`` first calls ``action``."""

    def __init__(self, action: Callable[[], object], equal: bool = False, hash_: int = 1) -> None:
        self.action, self.equal, self.hash = action, equal, hash_

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        self.action()
        return self.equal


def test_an_exception_from_eq_goes_through_and_leaves_the_cache_intact() -> None:
    cache = CacheManager()
    cache.set(Hook(fail), "value")
    for operation in (cache.get, cache.delete, cache.__contains__, lambda k: cache.set(k, 2)):
        with pytest.raises(Trouble):
            operation(Named("x"))
    assert (cache.get_size(), counters(cache)) == (1, (0, 0, 0, 0))
    cache.set("next", 1)
    assert cache.get("next") == 1


def test_an_exception_from_hash_goes_through() -> None:
    class Bad:
        def __hash__(self) -> int:
            raise Trouble

    with pytest.raises(Trouble):
        CacheManager().get(Bad())


def test_eq_and_hash_may_change_the_cache_under_the_look_up() -> None:
    cache = CacheManager(8)
    rng = random.Random(1)
    keys = [Named(str(i)) for i in range(4)]

    def disturb() -> None:
        action = rng.randrange(5)
        if action == 0:
            cache.clear()
        elif action == 1:
            cache.set(rng.randrange(100), 1)
        elif action == 2:
            cache.delete(hook)
        elif action == 3:
            cache.get(rng.randrange(100))
        else:
            cache.set(hook, 2)

    hook = Hook(disturb)
    for _ in range(20_000):
        cache.set(hook, 1)
        key = rng.choice(keys)
        cache.set(key, key.name)
        assert cache.get(key) in (key.name, None)
        assert cache.get_size() <= 8
    listed = cache._keys()
    assert len(set(map(id, listed))) == len(listed) == cache.get_size()


def test_a_match_that_eq_removed_meanwhile_is_a_miss() -> None:
    cache = CacheManager()
    stored = Hook(cache.clear, equal=True)
    cache.set(stored, "value")
    assert cache.get(Named("x")) is None
    assert counters(cache) == (0, 1, 0, 0)


def test_a_match_replaced_by_a_stranger_in_its_place_is_a_miss() -> None:
    cache = CacheManager()
    stranger = Hook(lambda: None, equal=False)

    def replace() -> None:
        cache.clear()
        cache.set(stranger, "stranger")

    cache.set(Hook(replace, equal=True), "value")
    assert cache.get(Named("x")) is None
    assert cache._keys() == [stranger]


def test_a_key_that_eq_set_meanwhile_is_not_set_twice() -> None:
    cache = CacheManager()
    key = Named("x")
    inner = iter([lambda: cache.set(key, "inner")])
    cache.set(Hook(lambda: next(inner, int)()), "stranger")
    cache.set(key, "outer")
    assert cache.get_size() == 2
    assert cache.get(key) == "outer"


def test_a_cache_that_never_stops_changing_is_an_error_and_no_endless_loop() -> None:
    cache = CacheManager()

    def another() -> None:
        cache.clear()
        cache.set(Hook(another), 1)

    another()
    with pytest.raises(RuntimeError, match="kept changing"):
        cache.get(Named("x"))


def test_comparing_at_the_recursion_limit_neither_hangs_nor_corrupts() -> None:
    cache = CacheManager()
    cache.set("key" * 3, 1)
    cache.set(("key",), 2)
    outcomes = set()

    def descend() -> None:
        with suppress(RecursionError):
            descend()
        with suppress(RecursionError):
            outcomes.add(cache.get("keykey" + "key"))
            outcomes.add(cache.get(("key",)))

    descend()
    assert outcomes == {1, 2}
