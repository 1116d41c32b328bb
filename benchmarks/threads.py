"""Two threads against one, on one object and on an object each, for the same number of calls.

Calibration has started the threads; to be woken costs both forms the same few microseconds, a
hundredth of what they then work at most. On an interpreter with a global lock no throughput above 1
is to be had; what is looked for is that our own locks take nothing away.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat

from .harness import Contender, Names
from .rows import Comparison, Target

CALLS = 200_000
Run = Callable[[int], None]
Make = Callable[[], Run]


def _monitor() -> Run:
    from ptpd_monitoring import PerformanceMonitor

    record = PerformanceMonitor().record_metric

    def run(calls: int) -> None:
        for _ in repeat(None, calls):
            record("op", 0.5, "s")

    return run


def _tracker() -> Run:
    from ptpd_monitoring import APIPerformanceTracker

    record = APIPerformanceTracker().track_request

    def run(calls: int) -> None:
        for _ in repeat(None, calls):
            record("/api/process", 0.125, 200)

    return run


def _cache() -> Run:
    from ptpd_monitoring import CacheManager

    cache = CacheManager()
    cache.set("key", "value")
    get = cache.get

    def run(calls: int) -> None:
        for _ in repeat(None, calls):
            get("key")

    return run


def _pool(*runs: Run) -> Names:
    pool = ThreadPoolExecutor(2)

    def work() -> None:
        futures: list[Future[None]] = [pool.submit(run, CALLS // len(runs)) for run in runs]
        for future in futures:
            future.result()

    return {"work": work}


def _one(make: Make) -> Names:
    return _pool(make())


def _shared(make: Make) -> Names:
    run = make()
    return _pool(run, run)


def _apart(make: Make) -> Names:
    return _pool(make(), make())


def _compare(name: str, make: Make, setup: Callable[[Make], Names], target: Target) -> Comparison:
    return Comparison(
        area="threads",
        name=name,
        ours=Contender(name="ours", statement="work()", setup=lambda: setup(make), unroll=1),
        against=[
            (
                Contender(
                    name="one thread",
                    statement="work()",
                    setup=lambda: _one(make),
                    unroll=1,
                ),
                target,
            )
        ],
    )


WORKS = [
    _compare(f"two threads, {name}", make, setup, target)
    for make, setup, name, target in [
        (_monitor, _shared, "one monitor", Target("0.95", at_least=True)),
        (_tracker, _shared, "one tracker", Target("0.95", at_least=True)),
        (_cache, _shared, "one cache", Target("0.95", at_least=True)),
        (_monitor, _apart, "two monitors", Target("1", at_least=True)),
        (_tracker, _apart, "two trackers", Target("1", at_least=True)),
        (_cache, _apart, "two caches", Target("1", at_least=True)),
    ]
]
