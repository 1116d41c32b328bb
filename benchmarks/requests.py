"""Recording requests, and the report on them."""

import random

from . import timers
from .harness import Contender, Names
from .rows import Comparison, Target

RECORD = 'tracker.track_request("/api/process", 0.125, 200, "POST")'
TRACK = 'with tracker.track("/api/process", "POST"): pass'
# One more request first, so that no report can be the former one kept.
REPORT = f"{RECORD}; tracker.generate_api_report()"


def _tracker() -> Names:
    from ptpd_monitoring import APIPerformanceTracker

    return {"tracker": APIPerformanceTracker()}


def _prometheus() -> Names:
    # What its users call for a request: the child by its two labels, then observe.
    from prometheus_client import CollectorRegistry, Histogram

    registry = CollectorRegistry()
    return {"histogram": Histogram("r", "A request", ["endpoint", "method"], registry=registry)}


def _requests() -> list[tuple[str, float, int]]:
    chance = random.Random(7)  # noqa: S311 - the same durations on each run, not a secret
    return [
        (f"/api/{i % 50}", chance.lognormvariate(-4, 1), 500 if chance.random() < 0.05 else 200)  # noqa: PLR2004
        for i in range(10_000)
    ]


def _filled() -> Names:
    from ptpd_monitoring import APIPerformanceTracker

    tracker = APIPerformanceTracker()
    for endpoint, duration, status in _requests():
        tracker.track_request(endpoint, duration, status)
    return {"tracker": tracker}


def _filled_reference() -> Names:
    from .reference import APIPerformanceTracker

    tracker = APIPerformanceTracker()
    for endpoint, duration, status in _requests():
        tracker.track_request(endpoint, duration, status)
    return {"tracker": tracker}


def _one(name: str, statement: str) -> Comparison:
    return Comparison(
        area="requests",
        name=name,
        ours=Contender(name="ours", statement=statement, setup=_tracker),
        against=[
            (
                Contender(
                    name="prometheus_client observe, two labels",
                    statement='histogram.labels("/api/process", "POST").observe(0.125)',
                    setup=_prometheus,
                ),
                Target("1/8"),
            ),
            (
                Contender(name="our timer", statement=timers.OURS, setup=timers.ours),
                Target("1.3"),
            ),
        ],
    )


WORKS = [
    _one("track_request", RECORD),
    _one("with tracker.track(endpoint)", TRACK),
    Comparison(
        area="requests",
        name="API report, 10,000 requests on 50 endpoints",
        ours=Contender(name="ours", statement=REPORT, setup=_filled, unroll=1),
        against=[
            (
                Contender(
                    name="plain-Python reference",
                    statement=REPORT,
                    setup=_filled_reference,
                    unroll=1,
                ),
                Target("1/50"),
            ),
            (
                Contender(
                    name="reference, grouping in one pass",
                    statement=f"{RECORD}; tracker.generate_api_report_in_one_pass()",
                    setup=_filled_reference,
                    unroll=1,
                ),
                Target("1"),
            ),
        ],
    ),
]
