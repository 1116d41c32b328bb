"""Timing a block, its sample recorded."""

import contextlib

from .harness import Contender, Names
from .rows import Comparison, Target

OURS = 'with monitor.timer("op"): pass'


def ours() -> Names:
    """A monitor with the default history, which is full before the first round is over."""
    from ptpd_monitoring import PerformanceMonitor

    return {"monitor": PerformanceMonitor()}


def _codetiming() -> Names:
    # It appends every duration to a list and would print it too, were there a logger.
    from codetiming import Timer

    Timer.timers.clear()
    return {"Timer": Timer}


def _prometheus() -> Names:
    # Finds the label's child, reads the clock twice, adds to a sum and counts in one of 15 buckets.
    from prometheus_client import CollectorRegistry, Histogram

    registry = CollectorRegistry()
    return {"histogram": Histogram("op_seconds", "Time of an op", ["op"], registry=registry)}


def _opentelemetry() -> Names:
    # Only the record: the two readings of a clock that a timer needs are left out. The attributes
    # are a ready dict. The reader aggregates in memory and exports nothing until asked.
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    provider = MeterProvider(metric_readers=[InMemoryMetricReader()], shutdown_on_exit=False)
    histogram = provider.get_meter("benchmark").create_histogram("op", "s")
    # The provider goes with the names, so that it lives as long as they do.
    return {"histogram": histogram, "attributes": {"operation": "op"}, "provider": provider}


def _reference() -> Names:
    from .reference import PerformanceMonitor

    return {"monitor": PerformanceMonitor()}


WORKS = [
    Comparison(
        area="timers",
        name='with monitor.timer("op")',
        ours=Contender(name="ours", statement=OURS, setup=ours),
        against=[
            (
                Contender(
                    name="contextlib.nullcontext()",
                    statement="with contextlib.nullcontext(): pass",
                    setup=lambda: {"contextlib": contextlib},
                ),
                Target("1.5", stretch="1.2"),
            ),
            (
                Contender(
                    name="codetiming",
                    statement='with Timer(name="op", logger=None): pass',
                    setup=_codetiming,
                ),
                Target("1/3"),
            ),
            (
                Contender(
                    name="prometheus_client, labelled",
                    statement='with histogram.labels("op").time(): pass',
                    setup=_prometheus,
                ),
                Target("1/10"),
            ),
            (
                Contender(
                    name="opentelemetry-sdk record",
                    statement="histogram.record(0.001, attributes)",
                    setup=_opentelemetry,
                ),
                Target("1/20"),
            ),
            (
                Contender(
                    name="plain-Python reference",
                    statement=OURS,
                    setup=_reference,
                ),
                Target("1"),
            ),
        ],
    )
]
