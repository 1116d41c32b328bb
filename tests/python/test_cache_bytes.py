"""A cache bounded by what its entries weigh."""

from __future__ import annotations

import dataclasses
import gc
import sys
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_support import Named, Trouble, counters, fail
from ptpd_monitoring._native import CacheManager, ManualClock


def by_value(_key: object, value: Any) -> int:
    return int(value)


class Model:
    """Entries as key: (value, weight), least recently used first."""

    def __init__(self, max_size: int, max_bytes: int) -> None:
        self.max_size, self.max_bytes = max_size, max_bytes
        self.entries: OrderedDict[Any, int] = OrderedDict()
        self.evictions = self.rejections = 0

    def set(self, key: Any, weight: int) -> None:
        if weight > self.max_bytes:
            self.entries.pop(key, None)
            self.rejections += 1
            return
        self.entries[key] = weight
        self.entries.move_to_end(key)
        while len(self.entries) > self.max_size or sum(self.entries.values()) > self.max_bytes:
            self.entries.popitem(last=False)
            self.evictions += 1

    def get(self, key: Any) -> int | None:
        if key in self.entries:
            self.entries.move_to_end(key)
        return self.entries.get(key)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from("sssggdc"), st.integers(0, 9), st.integers(0, 40)), max_size=150
)


@pytest.mark.parametrize("kind", [str, Named], ids=["built in", "with an __eq__ of its own"])
@given(operations=OPERATIONS, max_size=st.integers(1, 8), max_bytes=st.integers(1, 60))
def test_any_run_of_operations_agrees_with_an_ordered_dict(
    kind: type, operations: list[tuple[str, int, int]], max_size: int, max_bytes: int
) -> None:
    cache = CacheManager(max_size, max_bytes=max_bytes, weigher=by_value)
    model = Model(max_size, max_bytes)
    for operation, number, weight in operations:
        key, name = kind(str(number)), str(number)
        if operation == "s":
            cache.set(key, weight)
            model.set(name, weight)
        elif operation == "g":
            assert cache.get(key) == model.get(name)
        elif operation == "d":
            assert cache.delete(key) == (model.entries.pop(name, None) is not None)
        elif weight == 0:
            cache.clear()
            model.entries.clear()
        kept = [getattr(key, "name", key) for key in cache._keys()]
        assert kept == list(model.entries)
        assert cache.total_bytes == sum(model.entries.values()) <= max_bytes
        assert (cache.get_stats().evictions, cache.rejections) == (
            model.evictions,
            model.rejections,
        )


def kept_alive(*objects: object) -> int:
    """The sizes of nested built-in objects, each once, as the documentation says it."""
    seen: dict[int, int] = {}

    def visit(thing: Any) -> None:
        if id(thing) in seen:
            return
        seen[id(thing)] = sys.getsizeof(thing)
        if isinstance(thing, dict):
            for pair in thing.items():
                list(map(visit, pair))
        elif isinstance(thing, (list, tuple, set, frozenset, deque)):
            list(map(visit, thing))

    list(map(visit, objects))
    return sum(seen.values())


def weight_of(value: object) -> int:
    cache = CacheManager(max_bytes=10**12)
    cache.set(0, value)
    assert cache.total_bytes is not None
    return cache.total_bytes - sys.getsizeof(0)


NESTED = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.lists(inner, max_size=5).map(deque)
        | st.dictionaries(st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(value=NESTED)
def test_unless_told_otherwise_values_weigh_what_they_are_made_of(value: object) -> None:
    assert weight_of(value) == kept_alive(value)
    assert weight_of([value, value]) == kept_alive([value, value])


def test_unless_told_otherwise_keys_weigh_as_values_do() -> None:
    cache = CacheManager(max_bytes=100_000)
    entries = {"text": "x" * 1_000, ("a", 1): b"y" * 5_000, 7: list(range(100)), None: None}
    for key, value in entries.items():
        cache.set(key, value)
    expected = sum(kept_alive(key) + kept_alive(value) for key, value in entries.items())
    assert cache.total_bytes == expected
    cache.set("text", "")
    assert cache.total_bytes == expected - 1_000
    cache.delete(7)
    cache.clear()
    assert cache.total_bytes == 0


PIXELS = 300 * 200


def image(mode: str) -> object:
    return pytest.importorskip("PIL.Image").new(mode, (300, 200))


@dataclasses.dataclass
class Print:
    paper: str
    scan: object


@dataclasses.dataclass(slots=True)
class SlottedPrint:
    paper: str
    scan: object


SCAN = np.ones((300, 200, 3), np.uint8)
BUFFER = bytes(PIXELS)
HEAVY: dict[str, tuple[Callable[[], object], int]] = {
    "an array": (lambda: SCAN, 3 * PIXELS),
    "a view of an array": (lambda: SCAN[::2, 5:10][1], 3 * PIXELS),
    "a reshaped, transposed view": (lambda: SCAN.reshape(-1).T[:7], 3 * PIXELS),
    "an array in somebody's bytes": (lambda: np.frombuffer(BUFFER, "u1")[:9], PIXELS),
    "a memoryview": (lambda: memoryview(BUFFER)[:10], PIXELS),
    "a memoryview of an array": (lambda: memoryview(SCAN)[:1], 3 * PIXELS),
    "a grey Pillow image": (lambda: image("L"), PIXELS),
    "an RGB Pillow image": (lambda: image("RGB"), 4 * PIXELS),
    "a CMYK Pillow image": (lambda: image("CMYK"), 4 * PIXELS),
    "a Pillow image of 16 bits": (lambda: image("I;16"), 2 * PIXELS),
    "a Pillow image of floats": (lambda: image("F"), 4 * PIXELS),
    "a list of arrays": (lambda: [SCAN.copy(), SCAN.copy()], 6 * PIXELS),
    "views of one array": (lambda: {"top": SCAN[:9], "left": SCAN[:, :9]}, 3 * PIXELS),
    "a result of several parts": (lambda: (1, {"x": [SCAN]}), 3 * PIXELS),
    "a data class": (lambda: Print("Arches", SCAN), 3 * PIXELS),
    "a data class with slots": (lambda: [SlottedPrint("Arches", SCAN)], 3 * PIXELS),
    "a pydantic model": (lambda: pydantic_print(SCAN), 3 * PIXELS),
}


def pydantic_print(scan: object) -> object:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Print", paper=(str, ...), scan=(Any, ...))
    return model(paper="Arches", scan=scan)


@pytest.mark.parametrize("kind", HEAVY)
def test_unless_told_otherwise_images_weigh_the_memory_that_they_keep(kind: str) -> None:
    make, expected = HEAVY[kind]
    # The objects around it take a little.
    assert expected <= weight_of(make()) <= expected + 4_000


def test_a_memory_mapped_array_weighs_what_is_mapped(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "scan", "u1", "w+", shape=(300, 200, 3))
    assert 3 * PIXELS <= weight_of(mapped[10:12]) <= 3 * PIXELS + 1_000


def test_a_long_container_is_estimated_by_its_first_items() -> None:
    value = [f"{number:06}" * 10 for number in range(100_000)]
    assert weight_of(value) == pytest.approx(kept_alive(value), rel=0.001)


def test_containers_in_themselves_and_very_deep_ones_can_be_weighed() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert weight_of(ring) == sys.getsizeof(ring)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert 0 < weight_of(deep) < 2_000


def test_classes_and_what_is_only_a_recipe_weigh_little() -> None:
    class Lazy:
        nbytes = 10**9

        def __dask_graph__(self) -> None:
            raise AssertionError

    for light in (Lazy, Lazy(), np.ndarray, len, Print):
        assert weight_of(light) < 10_000


def test_without_a_bound_nothing_is_weighed() -> None:
    def refuse(key: object, value: object) -> int:
        raise AssertionError

    class Weightless:
        def __sizeof__(self) -> int:
            raise AssertionError

    for cache in (CacheManager(2), CacheManager(2, weigher=refuse)):
        for key in range(5):
            cache.set(key, Weightless())
        assert (cache.max_bytes, cache.total_bytes, cache.rejections) == (None, None, 0)
        assert cache.get_size() == 2


def test_expired_entries_give_their_weight_back_when_they_go() -> None:
    clock = ManualClock()
    cache = CacheManager(max_bytes=100, weigher=by_value, clock=clock)
    for key, weight in {"met": 10, "deleted": 20, "cleaned": 30, "kept": 40}.items():
        cache.set(key, weight, ttl=None if key == "kept" else 5)
    clock.advance(5)
    assert cache.total_bytes == 100
    assert cache.get("met") is None
    assert not cache.delete("deleted")
    assert cache.total_bytes == 70
    assert cache.cleanup_expired() == 1
    assert cache.total_bytes == 40


def test_what_is_too_heavy_is_not_kept_and_takes_the_former_value_with_it() -> None:
    cache = CacheManager(max_bytes=10, weigher=by_value)
    cache.set("key", 4)
    cache.set("other", 6)
    assert cache.get_or_set("key", lambda: 11) == 4
    cache.set("key", 11)
    assert ("key" in cache, "other" in cache) == (False, True)
    assert cache.get_or_set("key", lambda: 12) == 12
    assert (cache.rejections, cache.total_bytes) == (2, 6)
    assert cache.get_stats().evictions == 0
    cache.set("key", 10)
    assert cache._keys() == ["key"]


@pytest.mark.parametrize(
    ("weight", "error", "match"),
    [
        (-1, ValueError, "weigher.* -1"),
        (-(10**30), ValueError, "weigher.* -1000"),
        (1.5, TypeError, "weigher.* 1.5"),
        ("7", TypeError, "weigher.* '7'"),
        (True, TypeError, "weigher.* True"),
        (None, TypeError, "weigher.* None"),
    ],
)
def test_a_weight_that_is_none_is_refused_and_nothing_is_set(
    weight: Any, error: type[Exception], match: str
) -> None:
    weights: list[Any] = [5]
    cache = CacheManager(max_bytes=10, weigher=lambda key, value: weights[-1])
    cache.set("key", "old")
    weights.append(weight)
    for key in ("key", "new"):
        with pytest.raises(error, match=match):
            cache.set(key, "new")
    assert (cache.get("key"), cache._keys(), cache.total_bytes) == ("old", ["key"], 5)


def test_an_error_of_the_weigher_goes_through_and_nothing_is_set() -> None:
    cache = CacheManager(max_bytes=10, weigher=lambda key, value: value or fail())
    cache.set("key", 5)
    with pytest.raises(Trouble):
        cache.set("key", None)
    with pytest.raises(Trouble):
        cache.get_or_set("new", lambda: None)
    assert (cache.get("key"), cache._keys(), cache.total_bytes) == (5, ["key"], 5)

    class Weightless:
        def __sizeof__(self) -> int:
            raise Trouble

    default = CacheManager(max_bytes=10**6)
    with pytest.raises(Trouble):
        default.set("key", Weightless())
    assert default.get_size() == 0


def test_weights_beyond_any_machine_are_too_heavy() -> None:
    cache = CacheManager(max_bytes=10**40, weigher=by_value)
    cache.set("just", 2**63 - 1)
    assert cache.total_bytes == cache.max_bytes == 2**63 - 1
    bounded = CacheManager(max_bytes=10**9, weigher=by_value)
    bounded.set("huge", 10**40)
    assert bounded.rejections == 1


def test_the_weigher_may_use_the_cache() -> None:
    def weigh(key: Any, value: int) -> int:
        if value > 1:
            cache.set(key + "'", value - 1)
        cache.get("a")
        cache.cleanup_expired()
        return value

    cache = CacheManager(max_bytes=8, weigher=weigh)
    worker = threading.Thread(target=cache.set, args=("a", 4), daemon=True)
    worker.start()
    worker.join(120)
    assert not worker.is_alive()
    assert cache._keys() == ["a'", "a"]
    assert cache.total_bytes == 7


def test_a_second_init_weighs_what_is_there_and_evicts_what_no_longer_fits() -> None:
    cache = CacheManager(10)
    for weight in (1, 2, 30, 4, 5):
        cache.set(weight, weight)
    cache.__init__(10, max_bytes=10, weigher=by_value)  # type: ignore[misc]
    assert (cache._keys(), cache.total_bytes) == ([4, 5], 9)
    assert counters(cache) == (0, 0, 3, 0)
    with pytest.raises(Trouble):
        cache.__init__(1, max_bytes=5, weigher=lambda key, value: fail())  # type: ignore[misc]
    assert (cache._max_size, cache.max_bytes, cache._keys()) == (10, 10, [4, 5])
    cache.__init__(10)  # type: ignore[misc]
    cache.set(99, 99)
    assert (cache._keys(), cache.total_bytes) == ([4, 5, 99], None)


def test_what_changes_while_a_second_init_weighs_it_does_not_break_the_bound() -> None:
    def weigh(key: Any, value: int) -> int:
        if key == "first":
            cache.set("first", 50)  # not bounded yet
            cache.set("late", 60)
        return value

    cache = CacheManager(10)
    cache.set("first", 1)
    cache.set("second", 2)
    cache.__init__(10, max_bytes=10, weigher=weigh)  # type: ignore[misc]
    assert (cache._keys(), cache.total_bytes) == (["second"], 2)


def test_evicted_values_die_with_the_cache_unlocked() -> None:
    class Value:
        def __init__(self, cache: CacheManager) -> None:
            self.cache = cache

        def __del__(self) -> None:
            seen.append(self.cache.total_bytes)

    seen: list[int | None] = []
    cache = CacheManager(max_bytes=2, weigher=lambda key, value: 1)
    for key in range(6):
        cache.set(key, Value(cache))
    assert len(seen) == 4
    cache.clear()
    assert len(seen) == 6


def test_a_weigher_that_holds_its_cache_is_collected_with_it() -> None:
    class Thumbnails(CacheManager):
        def __init__(self) -> None:
            super().__init__(max_bytes=100, weigher=self.weigh)

        def weigh(self, key: object, value: Any) -> int:
            return len(value)

    references = []
    for _ in range(100):
        cache = Thumbnails()
        cache.set("key", "value")
        references.append(weakref.ref(cache))
    del cache
    gc.collect()
    assert [reference for reference in references if reference() is not None] == []


def test_threads_never_see_more_bytes_than_the_bound() -> None:
    cache = CacheManager(1_000, max_bytes=100, weigher=by_value)
    stop = threading.Event()
    excesses: list[int] = []

    def watch() -> None:
        while not stop.is_set():
            if (total := cache.total_bytes or 0) > 100:
                excesses.append(total)

    def churn(seed: int) -> None:
        for step in range(3_000):
            cache.set((seed * step) % 50, (seed + step) % 40)

    watcher = threading.Thread(target=watch)
    workers = [threading.Thread(target=churn, args=(seed,)) for seed in (1, 3, 7, 11)]
    for thread in [watcher, *workers]:
        thread.start()
    for thread in workers:
        thread.join()
    stop.set()
    watcher.join()
    assert excesses == []
    assert cache.total_bytes == sum(cache.get(key) for key in cache._keys())
