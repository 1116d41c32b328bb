"""The cache: hits, and setting with a lifetime of each key's own.

All caches hold at most 1,000 entries. Keys are looked up by strings equal to the stored ones but
not the same objects, as those are that a caller builds for each look-up; their hashes are known.
"""

import functools
import threading
from collections.abc import Callable

from .harness import Contender, Names
from .rows import Comparison, Target

SIZE = 1000
# Seconds; other than the default, so that each key has one of its own.
LIFETIME = 600


@functools.cache
def _asked(count: int) -> list[str]:
    return [f"user:{number}" for number in range(count)]


def _stored(count: int) -> list[str]:
    return [f"user:{number}" for number in range(min(count, SIZE))]


def _ours(keys: int, *, filled: bool, size: int = SIZE) -> Callable[[], Names]:
    def setup() -> Names:
        from ptpd_monitoring import CacheManager

        cache = CacheManager(size, 3600)
        for key in _stored(keys) if filled else []:
            cache.set(key, object(), LIFETIME)
        return {"cache": cache, "value": object(), "keys": _asked(keys)}

    return setup


def _cachebox(keys: int, *, filled: bool, size: int = SIZE) -> Callable[[], Names]:
    # A native cache with a lifetime a key. It evicts what expires first, not what is used least
    # recently, so that its hits need not keep the order of use.
    def setup() -> Names:
        from cachebox import VTTLCache

        cache: VTTLCache[str, object] = VTTLCache(size)
        for key in _stored(keys) if filled else []:
            cache.insert(key, object(), LIFETIME)
        return {"cache": cache, "value": object(), "keys": _asked(keys)}

    return setup


def _cachetools(keys: int) -> Callable[[], Names]:
    # One lifetime for all keys; not safe to share without the lock, which its manual asks for.
    def setup() -> Names:
        from cachetools import TTLCache

        cache: TTLCache[str, object] = TTLCache(SIZE, 3600)
        for key in _stored(keys):
            cache[key] = object()
        return {"cache": cache, "lock": threading.Lock(), "keys": _asked(keys)}

    return setup


def _reference(keys: int) -> Callable[[], Names]:
    def setup() -> Names:
        from .reference import CacheManager

        cache = CacheManager(SIZE, 3600)
        for key in _stored(keys):
            cache.set(key, object(), LIFETIME)
        return {"cache": cache, "value": object(), "keys": _asked(keys)}

    return setup


def _set(name: str, keys: int, *, filled: bool, size: int = SIZE) -> Comparison:
    fresh_after = None if filled else keys
    return Comparison(
        area="cache",
        name=name,
        ours=Contender(
            name="ours",
            statement="cache.set(key, value, 600)",
            setup=_ours(keys, filled=filled, size=size),
            keys="keys",
            fresh_after=fresh_after,
        ),
        against=[
            (
                Contender(
                    name="cachebox VTTLCache insert",
                    statement="cache.insert(key, value, 600)",
                    setup=_cachebox(keys, filled=filled, size=size),
                    keys="keys",
                    fresh_after=fresh_after,
                ),
                Target("0.7", stretch="0.5"),
            )
        ],
    )


WORKS = [
    Comparison(
        area="cache",
        name="cache get, a hit",
        ours=Contender(
            name="ours",
            statement="cache.get(key)",
            setup=_ours(SIZE, filled=True),
            keys="keys",
        ),
        against=[
            (
                Contender(
                    name="cachebox VTTLCache",
                    statement="cache.get(key)",
                    setup=_cachebox(SIZE, filled=True),
                    keys="keys",
                ),
                Target("1", stretch="0.8"),
            ),
            (
                Contender(
                    name="cachetools TTLCache, locked",
                    statement="with lock: cache.get(key)",
                    setup=_cachetools(SIZE),
                    keys="keys",
                ),
                Target("1/12"),
            ),
            (
                Contender(
                    name="plain-Python reference",
                    statement="cache.get(key)",
                    setup=_reference(SIZE),
                    keys="keys",
                ),
                Target("1"),
            ),
        ],
    ),
    _set("cache set, the key is there", SIZE, filled=True),
    _set("cache set, a new key and room", 10_000, filled=False, size=10_000),
    _set("cache set, a new key evicts", 2 * SIZE, filled=True),
]
