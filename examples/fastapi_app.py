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
from starlette.routing import Mount

CURVES = {1: "Arches Platine, warm", 2: "Hahnemühle Platinum Rag, neutral"}
CURVE_TTL_S = 300

app = FastAPI(title="Curves")


def endpoint_of(request: Request, status: int) -> str:
    """Name the endpoint by the template of its route, so that all curves are one endpoint.

    The prefixes of routers and mounts belong to it. What no route matches comes from outside, in
    any number, and is one endpoint, too.
    """
    scope = request.scope
    route = scope.get("route")
    # From FastAPI 0.137 on, a route lacks the prefixes of the routers that include it.
    effective = scope.get("fastapi", {}).get("effective_route_context")
    if route is not None and getattr(effective, "original_route", None) is route:
        route = effective
    if route is None and "endpoint" in scope:
        # Before that, it is not told which route led to a page such as /docs.
        known = (one for one in request.app.routes if hasattr(one, "endpoint"))
        route = next((one for one in known if one.endpoint == scope["endpoint"]), None)
    is_route = route is not None and not isinstance(route, Mount)
    if status == 405 or (status == 404 and not is_route):
        return "(unmatched)"
    # The path of a mount, with the names of what it is filled in with.
    root = scope.get("root_path", "")
    mount = root[len(scope.get("app_root_path", root)) :].split("/")
    names = {str(value): f"{{{name}}}" for name, value in reversed(request.path_params.items())}
    mounted = "/".join(names.get(part, part) for part in mount)
    return mounted + route.path if is_route else mounted or "(unmatched)"


@app.middleware("http")
async def track_performance(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Track every request, also one that ends in an exception: the client gets a 500 for it."""
    start = time.perf_counter()
    # What it stays at if the request is cancelled, as nobody waits for an answer then.
    status, error = 499, None
    try:
        response = await call_next(request)
    except Exception as raised:
        status, error = 500, str(raised) or type(raised).__name__
        raise
    else:
        status = response.status_code
        return response
    finally:
        get_api_tracker().track_request(
            endpoint=endpoint_of(request, status),
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
