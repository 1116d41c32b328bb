"""What the tests of the cache share."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ptpd_monitoring._native import CacheManager


def counters(cache: CacheManager) -> tuple[int, int, int, int]:
    stats = cache.get_stats()
    return stats.hits, stats.misses, stats.evictions, stats.expirations


KINDS: list[Callable[[int], Hashable]] = [
    lambda i: f"user:{i}",
    lambda i: f"Größe {i}",
    lambda i: f"\ud800{i}",
    lambda i: i,
    lambda i: i << 70,
    lambda i: i + 0.5,
    lambda i: b"%d" % i,
    lambda i: ("user", i),
    lambda i: frozenset([i, "x"]),
]


class Named:
    """Equal by name, so that a match needs its ``__eq__``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.name == other.name


class Trouble(Exception):
    pass


def fail() -> None:
    raise Trouble
