"""Recording a value."""

from collections.abc import Callable

from .harness import Contender, Names
from .rows import Comparison, Target

OURS = 'monitor.record_metric("op", 0.5, "s")'


def _filled(max_history: int) -> Callable[[], Names]:
    def setup() -> Names:
        from ptpd_monitoring import PerformanceMonitor

        monitor = PerformanceMonitor(max_history)
        monitor.record_many("op", [0.5] * (max_history + 1), "s")
        return {"monitor": monitor}

    return setup


def _empty(max_history: int) -> Callable[[], Names]:
    def setup() -> Names:
        from ptpd_monitoring import PerformanceMonitor

        monitor = PerformanceMonitor(max_history)
        # The name is known and its history empty but for one sample, so that no call adds a name.
        monitor.record_metric("op", 0.5, "s")
        return {"monitor": monitor}

    return setup


def _prometheus() -> Names:
    # Without labels: the cheapest form there is, no look-up by name included.
    from prometheus_client import CollectorRegistry, Histogram

    return {"histogram": Histogram("op", "An op", registry=CollectorRegistry())}


def _reference() -> Names:
    from .reference import PerformanceMonitor

    return {"monitor": PerformanceMonitor()}


def _full_against_empty(max_history: int) -> Comparison:
    # The empty one starts empty again before it is full, and so pays for its growth.
    return Comparison(
        area="record",
        name=f"record_metric, history full of {max_history:,}",
        ours=Contender(name="ours", statement=OURS, setup=_filled(max_history)),
        against=[
            (
                Contender(
                    name="history empty at first",
                    statement=OURS,
                    setup=_empty(max_history),
                    fresh_after=min(max_history - 20, 100_000),
                ),
                Target("1.1"),
            )
        ],
    )


WORKS = [
    Comparison(
        area="record",
        name="record_metric(name, value, unit)",
        ours=Contender(name="ours", statement=OURS, setup=_filled(10_000)),
        against=[
            (
                Contender(
                    name="prometheus_client observe",
                    statement="histogram.observe(0.5)",
                    setup=_prometheus,
                ),
                Target("1/10", stretch="1/15"),
            ),
            (
                Contender(name="plain-Python reference", statement=OURS, setup=_reference),
                Target("1"),
            ),
        ],
    ),
    *(_full_against_empty(10**power) for power in (3, 4, 5, 6)),
]
