"""Settings and lifetimes: what is accepted, what is refused, what stays."""

from __future__ import annotations

import weakref
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cache_support import counters
from ptpd_monitoring._native import CacheManager, ManualClock


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"max_size": 0}, ValueError, "max_size .* 0"),
        ({"max_size": -5}, ValueError, "max_size .* -5"),
        ({"max_size": 10**30}, ValueError, "max_size .* 1000000"),
        ({"max_size": -(10**5000)}, ValueError, "max_size .* int"),
        ({"max_size": True}, TypeError, "max_size .* True"),
        ({"max_size": 10.0}, TypeError, "max_size .* 10.0"),
        ({"max_size": "10"}, TypeError, "max_size .* '10'"),
        ({"max_size": None}, TypeError, "max_size .* None"),
        ({"default_ttl": float("nan")}, ValueError, "default_ttl .* nan"),
        ({"default_ttl": True}, TypeError, "default_ttl .* True"),
        ({"default_ttl": "60"}, TypeError, "default_ttl .* '60'"),
        ({"default_ttl": None}, TypeError, "default_ttl .* None"),
        ({"max_bytes": 0}, ValueError, "max_bytes .* 0"),
        ({"max_bytes": -(10**30)}, ValueError, "max_bytes .* -"),
        ({"max_bytes": True}, TypeError, "max_bytes .* True"),
        ({"max_bytes": 1.5}, TypeError, "max_bytes .* 1.5"),
        ({"max_bytes": "1"}, TypeError, "max_bytes .* '1'"),
        ({"weigher": 5}, TypeError, "weigher .* 5"),
        ({"clock": 5}, TypeError, "ManualClock"),
        ({"size": 5}, TypeError, "size"),
    ],
)
def test_bad_settings_name_the_argument_and_leave_the_cache_as_it_was(
    arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        CacheManager(**arguments)
    cache = CacheManager(5, 60)
    cache.set("key", 1)
    good = {"max_size": 1, "default_ttl": 1}
    with pytest.raises(error, match=match):
        cache.__init__(**(good | arguments))  # type: ignore[misc]
    assert (cache._max_size, cache._default_ttl, cache._keys()) == (5, 60, ["key"])


@pytest.mark.parametrize(
    ("ttl", "error", "match"),
    [
        (float("nan"), ValueError, "ttl .* nan"),
        (True, TypeError, "ttl .* True"),
        ("60", TypeError, "ttl .* '60'"),
        ([], TypeError, r"ttl .* \[\]"),
        (1j, TypeError, "ttl .* 1j"),
    ],
)
def test_a_bad_lifetime_names_itself_and_sets_nothing(
    ttl: Any, error: type[Exception], match: str
) -> None:
    cache = CacheManager(1)
    cache.set("old", 1)
    for key in ("old", "new"):
        with pytest.raises(error, match=match):
            cache.set(key, 2, ttl)
    assert cache.get("old") == 1
    assert counters(cache) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "ttl",
    [0, -1, -0.0, float("inf"), float("-inf"), 1e308, 10**5000, -(10**5000), 2**63, 2**62],
    ids=lambda ttl: ascii(ttl)[:8] if abs(ttl) < 10**400 else "integer beyond any float",
)
def test_lifetimes_beyond_any_clock_never_end(ttl: float) -> None:
    clock = ManualClock()
    given, default = CacheManager(clock=clock), CacheManager(default_ttl=ttl, clock=clock)
    given.set("key", 1, ttl)
    default.set("key", 1)
    clock.advance(9e9)
    assert (given.get("key"), default.get("key")) == (1, 1)


@pytest.mark.parametrize("ttl", [np.int64(2), np.float32(2), Decimal(2), Fraction(2)])
def test_any_real_number_is_a_lifetime(ttl: Any) -> None:
    clock = ManualClock()
    cache = CacheManager(clock=clock)
    cache.set("key", 1, ttl)
    clock.advance(1.999)
    assert "key" in cache
    clock.advance(0.001)
    assert "key" not in cache


def test_a_second_init_evicts_what_no_longer_fits_and_keeps_the_rest() -> None:
    clock = ManualClock()
    cache = CacheManager(5, 10, clock=clock)
    for i in range(5):
        cache.set(i, i)
    clock.advance(4)
    other = ManualClock()
    other.advance(1000)
    cache.__init__(2, 99, clock=other)  # type: ignore[misc]
    assert (cache._keys(), counters(cache)) == ([3, 4], (0, 0, 3, 0))
    assert (cache._max_size, cache._default_ttl) == (2, 99)
    other.advance(5.5)
    assert 3 in cache
    other.advance(0.5)
    assert 3 not in cache


def test_a_subclass_overrides_init_alone_with_other_arguments() -> None:
    class Thumbnails(CacheManager):
        def __init__(self, folder: str, *, size: int) -> None:
            self.folder = folder
            super().__init__(max_size=size, default_ttl=5)

    cache = Thumbnails("here", size=3)
    assert (cache.folder, cache._max_size, cache._default_ttl) == ("here", 3, 5)
    cache.set("key", 1)
    assert cache.get("key") == 1
    assert "Thumbnails" in repr(cache)


def test_a_subclass_that_forgets_super_init_has_the_defaults() -> None:
    class Lazy(CacheManager):
        def __init__(self, anything: object) -> None:
            pass

    cache = Lazy(object())
    cache.set("key", 1)
    assert (cache.get("key"), cache._max_size, cache._default_ttl) == (1, 1000, 3600)


def test_instances_are_true_take_attributes_weak_references_and_patches() -> None:
    cache = CacheManager(7, 1.5)
    assert cache
    assert not hasattr(cache, "__len__")
    assert weakref.ref(cache)() is cache
    cache.get = lambda key: "patched"  # type: ignore[method-assign]
    assert cache.get("key") == "patched"
    assert repr(cache) == "<CacheManager size=0 max_size=7 default_ttl=1.5>"
