"""CacheManager against an OrderedDict model, its values and its threads."""

from __future__ import annotations

import gc
import random
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import pytest

from cache_support import KINDS, Trouble, counters, fail
from ptpd_monitoring._native import CacheManager, ManualClock

MISSING = object()


class Model:
    """The cache as the OrderedDict it stands for; the time is a plain attribute."""

    def __init__(self, max_size: int, default_ttl: float) -> None:
        self.max_size, self.default_ttl = max_size, default_ttl
        self.entries: OrderedDict[Hashable, tuple[object, float]] = OrderedDict()
        self.now = 0.0
        self.hits = self.misses = self.evictions = self.expirations = 0

    def get(self, key: Hashable) -> object:
        entry = self.entries.get(key)
        if entry is not None and self.now < entry[1]:
            self.entries.move_to_end(key)
            self.hits += 1
            return entry[0]
        if entry is not None:
            del self.entries[key]
            self.expirations += 1
        self.misses += 1
        return None

    def set(self, key: Hashable, value: object, ttl: float | None, left: list[Any]) -> None:
        """As the cache did, which has the keys ``left`` since."""
        ttl = self.default_ttl if ttl is None else ttl
        if key not in self.entries and len(self.entries) == self.max_size:
            expired = {key for key, entry in self.entries.items() if self.now >= entry[1]}
            if expired:
                # Any one of them, and no other.
                (gone,) = self.entries.keys() - set(left)
                assert gone in expired
                del self.entries[gone]
                self.expirations += 1
            else:
                self.entries.popitem(last=False)
                self.evictions += 1
        self.entries[key] = (value, self.now + ttl if ttl > 0 else float("inf"))
        self.entries.move_to_end(key)

    def delete(self, key: Hashable) -> bool:
        entry = self.entries.pop(key, None)
        if entry is not None and self.now >= entry[1]:
            self.expirations += 1
            return False
        return entry is not None

    def cleanup_expired(self) -> int:
        expired = [key for key, entry in self.entries.items() if self.now >= entry[1]]
        for key in expired:
            del self.entries[key]
        self.expirations += len(expired)
        return len(expired)

    def counters(self) -> tuple[int, int, int, int]:
        return self.hits, self.misses, self.evictions, self.expirations


@pytest.mark.parametrize(
    ("max_size", "default_ttl", "steps"), [(1, 3, 100_000), (20, 0, 200_000), (100, 40, 700_000)]
)
def test_a_million_random_operations_agree_with_an_ordered_dict(
    max_size: int, default_ttl: int, steps: int
) -> None:
    rng = random.Random(max_size)
    clock = ManualClock()
    cache = CacheManager(max_size, default_ttl, clock=clock)
    model = Model(max_size, default_ttl)
    count = max(3, max_size * 2)
    # Two equal objects for each key: a match by identity alone would be noticed.
    keys = [tuple(KINDS[i % len(KINDS)](i) for _ in range(2)) for i in range(count)]
    ttls = [None, None, 0, -1, 1, 5, 60, 0.5, 2.5, 1e300, float("inf")]
    for step in range(steps):
        roll = rng.random()
        ours, theirs = keys[int(rng.random() * count)]
        if roll < 0.45:
            assert cache.get(ours) == model.get(theirs)
        elif roll < 0.85:
            ttl = ttls[int(rng.random() * len(ttls))]
            cache.set(ours, step, ttl)
            model.set(theirs, step, ttl, cache._keys())
        elif roll < 0.90:
            assert cache.delete(ours) == model.delete(theirs)
        elif roll < 0.93:
            entry = model.entries.get(theirs)
            assert (ours in cache) == (entry is not None and model.now < entry[1])
        elif roll < 0.995:
            clock.advance(0.5)
            model.now += 0.5
        elif roll < 0.9995:
            assert cache.cleanup_expired() == model.cleanup_expired()
        else:
            cache.clear()
            model.entries.clear()
        if step % 97 == 0:
            assert cache.get_size() == len(model.entries) <= max_size
            assert counters(cache) == model.counters()
            assert cache._keys() == list(model.entries)
    assert counters(cache) == model.counters()
    assert min(model.counters()) > 1000 or max_size == 1


def test_the_documented_example_works() -> None:
    cache = CacheManager(max_size=1000, default_ttl=3600)
    cache.set("user:123", {"name": "John"})
    assert cache.get("user:123") == {"name": "John"}
    cache.set("session:abc", 1, ttl=300)
    assert cache.get("nothing") is None
    stats = cache.get_stats()
    assert (stats.hits, stats.misses, stats.size, stats.max_size) == (1, 1, 2, 1000)
    assert (stats.hit_rate, stats.miss_rate) == (0.5, 0.5)
    assert cache.cleanup_expired() == 0


def test_defaults_are_the_documented_ones() -> None:
    cache = CacheManager()
    assert (cache._max_size, cache._default_ttl) == (1000, 3600)
    assert type(cache._default_ttl) is int
    assert CacheManager(default_ttl=0.5)._default_ttl == 0.5


@pytest.mark.parametrize(("after", "alive"), [(-1e-9, True), (0.0, False), (1e-9, False)])
def test_an_entry_dies_at_its_deadline_to_the_nanosecond(after: float, alive: bool) -> None:
    for ttl in (1, 1.0, 300, 0.25):
        clock = ManualClock()
        cache = CacheManager(clock=clock)
        cache.set("key", "value", ttl)
        clock.advance(ttl + after)
        assert ("key" in cache) is alive
        assert (cache.get("key") == "value") is alive
        assert counters(cache) == ((1, 0, 0, 0) if alive else (0, 1, 0, 1))


def test_steps_of_the_wall_clock_expire_and_revive_nothing() -> None:
    clock = ManualClock(1_000_000.0)
    cache = CacheManager(clock=clock)
    cache.set("key", "value", 10)
    clock.set_wall(9e9)
    assert cache.get("key") == "value"
    clock.advance(10)
    clock.set_wall(0.0)
    assert cache.get("key") is None


def test_the_real_clock_keeps_long_lived_entries_and_drops_short_lived_ones() -> None:
    cache = CacheManager()
    cache.set("long", 1, 3600)
    cache.set("short", 2, 1e-9)
    assert cache.get("long") == 1
    assert cache.get("short") is None
    assert cache.cleanup_expired() == 0


def test_setting_a_key_again_refreshes_lifetime_and_recency_without_an_eviction() -> None:
    clock = ManualClock()
    cache = CacheManager(2, 10, clock=clock)
    cache.set("a", 1)
    cache.set("b", 2)
    clock.advance(9)
    cache.set("a", 3)
    clock.advance(9)
    assert cache.get("a") == 3
    assert cache._keys() == ["b", "a"]
    assert counters(cache) == (1, 0, 0, 0)


def test_what_has_expired_goes_before_what_lives_and_counts_as_an_expiration() -> None:
    clock = ManualClock()
    cache = CacheManager(2, clock=clock)
    cache.set("oldest", 1)
    cache.set("expired", 2, ttl=1)
    clock.advance(5)
    cache.set("new", 3)
    assert cache._keys() == ["oldest", "new"]
    assert counters(cache) == (0, 0, 0, 1)


def test_deleting_an_expired_entry_is_an_expiration_and_not_a_deletion() -> None:
    clock = ManualClock()
    cache = CacheManager(clock=clock)
    cache.set("key", 1, ttl=1)
    clock.advance(1)
    assert cache.get_size() == 1
    assert cache.delete("key") is False
    assert cache.get_size() == 0
    assert counters(cache) == (0, 0, 0, 1)


def test_looking_with_in_counts_refreshes_and_removes_nothing() -> None:
    clock = ManualClock()
    cache = CacheManager(clock=clock)
    cache.set("a", 1, ttl=1)
    cache.set("b", 2)
    assert "a" in cache
    assert cache._keys() == ["a", "b"]
    clock.advance(1)
    assert "a" not in cache
    assert (cache.get_size(), counters(cache)) == (2, (0, 0, 0, 0))


def test_a_capacity_of_one_keeps_the_last_key_only() -> None:
    cache = CacheManager(1)
    for i in range(1000):
        cache.set(i, i)
        assert cache._keys() == [i]
    assert counters(cache) == (0, 0, 999, 0)


def test_a_huge_capacity_takes_no_memory_in_advance() -> None:
    caches = [CacheManager(10**9) for _ in range(100)]
    for cache in caches:
        cache.set("key", 1)
        assert cache.get("key") == 1
    assert CacheManager(sys.maxsize)._max_size == sys.maxsize


def test_a_cached_none_is_a_hit_and_told_apart_by_a_default() -> None:
    cache = CacheManager()
    cache.set("key", None)
    assert cache.get("key", MISSING) is None
    assert cache.get("other", MISSING) is MISSING
    assert cache.get("other", default=MISSING) is MISSING
    assert counters(cache) == (1, 2, 0, 0)


def test_clear_keeps_the_counters() -> None:
    cache = CacheManager()
    cache.set("key", 1)
    cache.get("key")
    cache.get("other")
    cache.clear()
    assert (cache.get_size(), counters(cache)) == (0, (1, 1, 0, 0))


class Reentrant:
    """A value that uses the cache when it goes."""

    def __init__(self, cache: CacheManager, dropped: list[str], name: str) -> None:
        self.cache, self.dropped, self.name = cache, dropped, name

    def __del__(self) -> None:
        self.dropped.append(self.name)
        self.cache.set(f"from {self.name}", 1)
        self.cache.get(f"from {self.name}")
        self.cache.delete(f"from {self.name}")


def test_a_destructor_may_use_the_cache_that_drops_the_value() -> None:
    clock = ManualClock()
    cache = CacheManager(2, 10, clock=clock)
    dropped: list[str] = []

    def put(name: str) -> None:
        cache.set(name, Reentrant(cache, dropped, name))

    put("replaced")
    cache.set("replaced", 1)
    put("deleted")
    cache.delete("deleted")
    cache.clear()
    put("evicted")
    cache.set("b", 1)
    cache.set("c", 1)
    cache.clear()
    put("expired")
    clock.advance(10)
    cache.get("expired")
    put("cleaned")
    clock.advance(10)
    assert cache.cleanup_expired() == 1
    put("cleared")
    cache.clear()
    put("shrunk")
    cache.set("d", 1)
    cache.__init__(1, clock=clock)  # type: ignore[misc]
    assert dropped == [
        "replaced", "deleted", "evicted", "expired", "cleaned", "cleared", "shrunk",
    ]  # fmt: skip


def test_cycles_through_keys_values_and_attributes_are_collected() -> None:
    class Node:
        pass

    class Sub(CacheManager):
        pass

    gc.collect()
    alive: list[weakref.ref[Any]] = []
    for i in range(10_000):
        cache = (CacheManager if i % 2 else Sub)()
        node = Node()
        node.cache = cache  # type: ignore[attr-defined]
        if i % 3 == 0:
            cache.set("value", node)
        elif i % 3 == 1:
            cache.set((node,), 1)
        else:
            cache.node = node
        alive += [weakref.ref(cache), weakref.ref(node)]
    del cache, node
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_reference_counts_return_to_where_they_were() -> None:
    key, value = ("key", object()), object()
    before = sys.getrefcount(key), sys.getrefcount(value)
    cache = CacheManager(2)
    for _ in range(100):
        cache.set(key, value)
        cache.set(("key", key[1]), value)
        cache.get(key)
        assert cache.get(("key", key[1]), value) is value
        cache.get("absent", value)
        cache.get_or_set(key, lambda: value)
        cache._keys()
        assert key in cache
        cache.delete(key)
        cache.set(key, value)
        cache.set(1, value)
        cache.set(2, value)
    cache.clear()
    assert (sys.getrefcount(key), sys.getrefcount(value)) == before


def test_get_or_set_calls_the_factory_for_a_miss_only() -> None:
    clock = ManualClock()
    cache = CacheManager(clock=clock)
    calls: list[int] = []

    def factory() -> None:
        calls.append(1)

    assert cache.get_or_set("key", factory, ttl=5) is None
    assert cache.get_or_set("key", factory) is None
    clock.advance(5)
    assert cache.get_or_set("key", factory, 5) is None
    assert len(calls) == 2
    assert counters(cache) == (1, 2, 0, 1)


def test_a_failing_factory_leaves_nothing_behind() -> None:
    cache = CacheManager()
    with pytest.raises(Trouble):
        cache.get_or_set("key", fail)
    assert "key" not in cache


def test_a_factory_may_use_the_cache_and_the_outer_value_stays() -> None:
    cache = CacheManager()

    def factory() -> str:
        cache.set("key", "inner")
        return "outer"

    assert cache.get_or_set("key", factory) == "outer"
    assert cache.get("key") == "outer"


def test_get_or_set_goes_through_overridden_methods() -> None:
    class Logged(CacheManager):
        def __init__(self) -> None:
            super().__init__()
            self.log: list[str] = []

        def get(self, key: Hashable, default: object = None) -> object:
            self.log.append("get")
            return super().get(key, default)

        def set(self, key: Hashable, value: object, ttl: float | None = None) -> None:
            self.log.append("set")
            super().set(key, value, ttl)

    cache = Logged()
    cache.get_or_set("key", int)
    assert cache.log == ["get", "set"]


@pytest.mark.parametrize("kind", [0, 2, 7])
def test_counters_add_up_when_threads_share_a_cache(kind: int) -> None:
    cache = CacheManager(64)
    threads, rounds = 8, 4000
    found = [0] * threads
    errors: list[BaseException] = []
    barrier = threading.Barrier(threads)

    def work(me: int) -> None:
        rng = random.Random(me)
        try:
            barrier.wait()
            for _ in range(rounds):
                number = rng.randrange(128)
                value = cache.get(KINDS[kind](number))
                assert value in (None, number)
                found[me] += value is not None
                cache.set(KINDS[kind](number), number)
                if number == 0:
                    cache.delete(KINDS[kind](rng.randrange(128)))
                    cache.cleanup_expired()
                    assert cache.get_size() <= 64
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    stats = cache.get_stats()
    assert stats.hits == sum(found)
    assert stats.hits + stats.misses == threads * rounds
    keys = cache._keys()
    assert len(keys) == len(set(keys)) == stats.size <= 64
