"""The integrations that the published documentation shows: a middleware and two background loops.

What runs for ever in the documentation is ended from its sleep.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ptpd_calibration.monitoring import APIPerformanceTracker, get_cache, get_resource_monitor

from asgi import Client


def test_fastapi_middleware_as_shown():
    fastapi = pytest.importorskip("fastapi", reason="the middleware is FastAPI's")
    app = fastapi.FastAPI()
    tracker = APIPerformanceTracker()

    @app.middleware("http")
    async def track_performance(request, call_next):
        start_time = time.perf_counter()
        response = await call_next(request)
        duration = time.perf_counter() - start_time

        tracker.track_request(
            endpoint=request.url.path,
            duration=duration,
            status=response.status_code,
            method=request.method,
        )

        return response

    @app.post("/curves")
    def curves() -> list[int]:
        return [1, 2]

    client = Client(app)
    assert client.post("/curves", None).content == [1, 2]
    assert client.get("/nothing").status == 404
    assert tracker.get_error_rate("/curves") == 0.0
    assert tracker.get_error_rate("/nothing") == 1.0
    assert [request.method for request in tracker._requests] == ["POST", "GET"]


def guides_service() -> dict[str, Any]:
    """The program that the guide shows, with a tracker of its own."""
    pytest.importorskip("fastapi", reason="the middleware is FastAPI's")
    guide = Path(__file__).resolve().parents[2] / "docs" / "guide" / "fastapi.md"
    (code,) = (
        block
        for block in re.findall(
            r"^```python\n(.*?)^```$", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        if "@app.middleware" in block
    )
    namespace: dict[str, Any] = {}
    exec(compile(code, guide.name, "exec"), namespace)
    tracker = namespace["tracker"] = APIPerformanceTracker(max_endpoints=50)
    namespace["get_api_tracker"] = lambda: tracker
    return namespace


def test_the_guides_middleware_names_endpoints_by_their_whole_template():
    from fastapi import APIRouter, FastAPI
    from starlette.responses import JSONResponse

    namespace = guides_service()
    app, tracker = namespace["app"], namespace["tracker"]
    first, second, inner, mounted = APIRouter(), APIRouter(prefix="/own"), APIRouter(), FastAPI()
    for router in (first, second, inner, mounted):
        router.get("/prints/{number}")(lambda number: number)
    first.include_router(inner, prefix="/inner")
    mounted.include_router(inner, prefix="/routed")
    app.include_router(first, prefix="/api/v1")
    app.include_router(second, prefix="/api/v2")
    app.mount("/admin", mounted)
    app.mount("/shops/{shop}", mounted)
    app.mount("/files", JSONResponse("a file"))
    client = Client(app)
    for number in range(2):
        for path in (
            "/api/v1/prints",
            "/api/v2/own/prints",
            "/api/v1/inner/prints",
            "/admin/prints",
            "/admin/routed/prints",
            "/shops/7/prints",
        ):
            # Also where a mount and a route are filled in with the same.
            assert client.get(f"{path}/{7 + number}").status == 200
    for path in ("/openapi.json", "/files/a.txt", "/files/b.txt"):
        client.get(path)
    counts = {name: len(times) for name, times in tracker.get_response_times().items()}
    assert counts == {
        "/api/v1/prints/{number}": 2,
        "/api/v2/own/prints/{number}": 2,
        "/api/v1/inner/prints/{number}": 2,
        "/admin/prints/{number}": 2,
        "/admin/routed/prints/{number}": 2,
        "/shops/{shop}/prints/{number}": 2,
        "/openapi.json": 1,
        "/files": 2,
    }


def test_paths_that_no_route_matches_are_one_endpoint_of_the_guides_middleware():
    from fastapi import FastAPI, HTTPException

    namespace = guides_service()
    app, tracker = namespace["app"], namespace["tracker"]

    @app.get("/films/{film}")
    def film(film: int) -> None:
        raise HTTPException(404, "no such film")

    app.mount("/admin", FastAPI())
    client = Client(app)
    for number in range(60):
        assert client.get(f"/wp-admin/{number}.php").status == 404
    assert client.get("/admin/nothing").status == 404
    assert client.post("/curves/1", None).status == 405
    assert client.get("/films/1").status == 404
    assert client.get("/curves/1").status == 200
    counts = {name: len(times) for name, times in tracker.get_response_times().items()}
    assert counts == {"(unmatched)": 62, "/films/{film}": 1, "/curves/{curve_id}": 1}


def test_a_request_that_is_cancelled_is_no_error_of_the_guides_service():
    namespace = guides_service()
    tracker = namespace["tracker"]

    async def main() -> None:
        started = asyncio.Event()

        async def call_next(request: object) -> None:
            started.set()
            await asyncio.Event().wait()

        from fastapi import Request

        scope = {"type": "http", "method": "GET", "path": "/", "app": namespace["app"]}
        task = asyncio.create_task(namespace["track_performance"](Request(scope), call_next))
        await started.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [request.status_code for request in tracker._requests] == [499]


def test_the_guides_middleware_counts_the_requests_that_raise():
    namespace = guides_service()
    app, tracker = namespace["app"], namespace["tracker"]

    @app.get("/broken/{item}")
    def broken(item: int) -> None:
        raise LookupError(f"nothing at {item}")

    client = Client(app)
    for item in range(3):
        assert client.get(f"/curves/{item}").content == {"id": item}
        assert client.get(f"/broken/{item}").status == 500
    assert client.get("/curves/x").status == 422
    assert client.get("/nothing").status == 404
    assert client.get("/monitoring/cache").content["max_size"] > 0
    assert client.get("/monitoring/example").content["method"] == "GET"

    report = client.get("/monitoring/api").content
    counts = {name: (e["count"], e["error_count"]) for name, e in report["endpoints"].items()}
    assert counts == {
        "/curves/{curve_id}": (4, 1),
        "/broken/{item}": (3, 3),
        "(unmatched)": (1, 1),
        "/monitoring/cache": (1, 0),
        "/monitoring/example": (1, 0),
    }
    failed = [request for request in tracker._requests if request.status_code == 500]
    assert [request.error for request in failed] == [f"nothing at {item}" for item in range(3)]


class Stopped(Exception):
    """Ends an endless loop of an example, from its sleep."""


def sleeps(times: int) -> mock.Mock:
    return mock.Mock(side_effect=[None] * times + [Stopped])


def run_in_thread(function) -> None:
    def until_stopped() -> None:
        with pytest.raises(Stopped):
            function()
        ended.set()

    ended = threading.Event()
    thread = threading.Thread(target=until_stopped, daemon=True)
    thread.start()
    thread.join(60)
    assert ended.is_set()


def test_background_monitoring_as_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    logger = logging.getLogger("example")
    sleep = sleeps(2)

    def background_resource_monitor():
        monitor = get_resource_monitor()
        while True:
            alerts = monitor.get_alerts_for_high_usage()
            for alert in alerts:
                logger.warning(f"Resource alert: {alert['message']}")  # noqa: G004, as documented
            sleep(60)

    monkeypatch.setattr(get_resource_monitor(), "memory_threshold", 0.0)
    run_in_thread(background_resource_monitor)
    told = [text for text in caplog.messages if text.startswith("Resource alert: Memory usage at")]
    assert len(told) == 3


def test_cache_cleanup_as_shown(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "example")
    logger = logging.getLogger("example")
    sleep = sleeps(1)
    cache = get_cache()
    cache.cleanup_expired()
    cache.set("short", 1, ttl=1e-9)
    cache.set("long", 1, ttl=300)

    def cleanup_cache_periodically():
        cache = get_cache()
        while True:
            sleep(300)
            removed = cache.cleanup_expired()
            if removed > 0:
                logger.info(f"Cleaned up {removed} expired cache entries")  # noqa: G004, as documented

    run_in_thread(cleanup_cache_periodically)
    told = [record.getMessage() for record in caplog.records if record.name == logger.name]
    assert told == ["Cleaned up 1 expired cache entries"]
    assert cache.get("long") == 1
