"""A small service that watches itself: response times, a cache, resources, and a report on all.

Run it with `uvicorn fastapi_app:app` in this folder, and look at http://127.0.0.1:8000/docs.
Needs FastAPI and uvicorn.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Request, Response
from ptpd_calibration.monitoring import (
    CacheStats,
    PerformanceMetric,
    PerformanceReport,
    ResourceUsage,
    get_api_tracker,
    get_cache,
    get_monitor,
    get_resource_monitor,
)
from pydantic import BaseModel

CURVES = {1: "Arches Platine, warm", 2: "Hahnemühle Platinum Rag, neutral"}
CURVE_TTL_S = 300

app = FastAPI(title="Curves")


@app.middleware("http")
async def track_performance(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Track every request, those that end in an exception too: the client gets a 500 for them."""
    start = time.perf_counter()
    status, error = 500, None
    try:
        response = await call_next(request)
    except Exception as raised:
        error = str(raised) or type(raised).__name__
        raise
    else:
        status = response.status_code
        return response
    finally:
        # The route's template rather than the path, so that all curves are one endpoint. Paths
        # that no route matches come from outside, in any number, and are one endpoint, too.
        route = request.scope.get("route")
        get_api_tracker().track_request(
            endpoint=getattr(route, "path", "(no route)"),
            duration=time.perf_counter() - start,
            status=status,
            method=request.method,
            error=error,
        )


class Curve(BaseModel):
    """A calibration curve."""

    id: int
    paper: str
    densities: list[float]


class Health(BaseModel):
    """How the service is."""

    resources: ResourceUsage
    cache: CacheStats
    alerts: list[dict[str, Any]]


@get_monitor().timer("compute_curve")
def compute_curve(curve_id: int) -> Curve:
    """Stand for something that is worth caching."""
    densities = [round(0.05 + 1.4 * (step / 20) ** 0.8, 4) for step in range(21)]
    return Curve(id=curve_id, paper=CURVES[curve_id], densities=densities)


@app.get("/curves/{curve_id}")
def read_curve(curve_id: int) -> Curve:
    """Return the curve, computed at most once in five minutes."""
    if curve_id not in CURVES:
        raise HTTPException(404, f"there is no curve {curve_id}")
    curve: Curve = get_cache().get_or_set(
        f"curve:{curve_id}", lambda: compute_curve(curve_id), ttl=CURVE_TTL_S
    )
    return curve


@app.post("/linearize")
def linearize(densities: Annotated[list[float], Body()]) -> list[float]:
    """Scale densities to 0..1. All of them equal is an error that nobody has caught."""
    low, high = min(densities), max(densities)
    return [(density - low) / (high - low) for density in densities]


@app.post("/metrics", response_model=PerformanceMetric)
def record_metric(metric: Annotated[PerformanceMetric, Body()]) -> PerformanceMetric:
    """Record a metric that a client measured, and return it as kept."""
    monitor = get_monitor()
    monitor.record_metric(metric.metric_name, metric.value, metric.unit, metric.metadata)
    return monitor.get_metrics(metric.metric_name)[-1]


@app.get("/monitoring/health")
def health() -> Health:
    """Tell how busy the machine is and how well the cache works."""
    resources = get_resource_monitor()
    return Health(
        resources=resources.check_resources(),
        cache=get_cache().get_stats(),
        alerts=resources.get_alerts_for_high_usage(),
    )


@app.get("/monitoring/report")
def report() -> dict[str, Any]:
    """Return today's report."""
    reports = PerformanceReport(get_monitor(), get_api_tracker(), get_resource_monitor())
    return reports.generate_daily_report()
