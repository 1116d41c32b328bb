"""The integrations that the published documentation shows: a middleware and two background loops.

What runs for ever in the documentation is ended from its sleep.
"""

from __future__ import annotations

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


def test_the_guides_middleware_counts_the_requests_that_raise():
    pytest.importorskip("fastapi", reason="the middleware is FastAPI's")
    guide = Path(__file__).resolve().parents[2] / "docs" / "guide.md"
    (code,) = (
        block
        for block in re.findall(
            r"^```python\n(.*?)^```$", guide.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        if "@app.middleware" in block
    )
    namespace: dict[str, Any] = {}
    exec(compile(code, guide.name, "exec"), namespace)
    app = namespace["app"]

    @app.get("/broken/{item}")
    def broken(item: int) -> None:
        raise LookupError(f"nothing at {item}")

    tracker = APIPerformanceTracker()
    namespace["get_api_tracker"] = lambda: tracker
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
        "/nothing": (1, 1),
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
