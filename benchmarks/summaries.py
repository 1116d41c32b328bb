"""The statistics of 10,000 samples, and the samples as objects."""

import datetime as dt
import random

from .harness import Contender, Names
from .rows import Comparison, Target

COUNT = 10_000
# One more sample first, so that no result can be the former one kept; the oldest makes room.
OURS = 'monitor.record_metric("op", 0.5, "s"); monitor.get_statistics("op")'
OBJECTS = 'monitor.record_metric("op", 0.5, "s"); monitor.get_metrics("op")'
# All eight figures by one call each where NumPy has one; the percentiles share a partition.
NUMPY = (
    "values.min(); values.max(); values.mean(); numpy.median(values); values.std(); "
    "numpy.percentile(values, [90, 95, 99])"
)


def values() -> list[float]:
    """The same durations on each run."""
    chance = random.Random(7)  # noqa: S311 - not a secret
    return [chance.lognormvariate(-4, 1) for _ in range(COUNT)]


def filled() -> Names:
    """A monitor whose history is full."""
    from ptpd_monitoring import PerformanceMonitor

    monitor = PerformanceMonitor(COUNT)
    for value in values():
        monitor.record_metric("op", value, "s")
    return {"monitor": monitor}


def _reference() -> Names:
    from .reference import PerformanceMonitor

    monitor = PerformanceMonitor(COUNT)
    for value in values():
        monitor.record_metric("op", value, "s")
    return {"monitor": monitor}


def _numpy() -> Names:
    import numpy as np

    return {"numpy": np, "values": np.array(values())}


def _pydantic() -> Names:
    from .reference import PerformanceMetric

    return {"Metric": PerformanceMetric, "values": values(), "now": dt.datetime.now()}


WORKS = [
    Comparison(
        area="summaries",
        name="get_statistics of 10,000",
        ours=Contender(name="ours", statement=OURS, setup=filled, unroll=1),
        against=[
            (
                Contender(
                    name="NumPy, eight figures of a ready array",
                    statement=NUMPY,
                    setup=_numpy,
                    unroll=1,
                ),
                Target("0.5", stretch="0.3"),
            ),
            (
                Contender(
                    name="plain-Python reference", statement=OURS, setup=_reference, unroll=1
                ),
                Target("1"),
            ),
        ],
    ),
    Comparison(
        area="summaries",
        name="get_metrics of 10,000, as objects",
        ours=Contender(name="ours", statement=OBJECTS, setup=filled, unroll=1),
        against=[
            (
                Contender(
                    name="building as many pydantic models",
                    statement=(
                        '[Metric(metric_name="op", value=value, unit="s", timestamp=now, '
                        "metadata={}) for value in values]"
                    ),
                    setup=_pydantic,
                    unroll=1,
                ),
                Target("1/10"),
            )
        ],
    ),
]
