"""The programs in ``examples/`` do what they say, the service behind a real server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("PTPD_")}
ENVIRONMENT["PYTHONUTF8"] = "1"
# What takes longer hangs.
PATIENCE_S = 120


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


def test_every_example_is_tested_here():
    examples = sorted(path.name for path in EXAMPLES.glob("*.py"))
    assert len(examples) >= 3
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in examples if Path(name).stem not in source] == []


def test_the_tour_shows_every_component_and_leaves_its_files(tmp_path: Path):
    script = EXAMPLES / "performance_monitoring_example.py"
    done = run(str(script), "--output", str(tmp_path / "out"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for line in (
        r"PerformanceMonitor\n-+",
        r"sort +50 samples  mean [\d.]+  p50 [\d.]+  p99 [\d.]+  seconds",
        r"fetch +5 samples .* seconds",
        r"640 x 480: [\d.]+ s, [\d,]+ pixels/s, [+-][\d.]+ MB, peak [\d.]+ MB",
        r"the exception goes on: no such paper",
        r"5 requests, 40% errors, p95 [\d.]+ ms",
        r"b was not used for longest: None, and a is still here: 1",
        r"a minute later 2 entries have expired",
        r"CPU [\d.]+ %, memory [\d.]+ %, disk [\d.]+ %, \d+ GPUs",
        r"\[(WARNING|CRITICAL)\] Memory usage at [\d.]+%",
        r"print_17: sort +total [\d.]+ seconds",
    ):
        assert re.search(line, done.stdout), f"no line {line!r} in\n{done.stdout}"
    daily = json.loads((tmp_path / "out" / "daily.json").read_text(encoding="utf-8"))
    assert daily["operations"]["sort"]["count"] == 50
    assert (tmp_path / "out" / "daily.csv").read_text().startswith("operation,count,")
    assert (tmp_path / "out" / "metrics.csv").read_text().count("sort,") == 50


def test_the_background_threads_work_and_end(tmp_path: Path):
    script = EXAMPLES / "background_monitoring.py"
    # Many periods, for a busy machine may leave out most of them.
    done = run(str(script), "--seconds", "3", "--period", "0.05", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "step: 20 samples" in done.stdout
    samples = re.search(r"^cpu: (\d+) samples, mean [\d.]+ percent$", done.stdout, re.MULTILINE)
    assert samples is not None
    assert int(samples[1]) >= 2
    expired = re.search(r"^cache: (\d+) entries expired$", done.stdout, re.MULTILINE)
    assert expired is not None
    cleaned = re.findall(r"INFO Cleaned up (\d+) expired cache entries", done.stderr)
    assert sum(map(int, cleaned)) == int(expired[1]) > 0


class Service:
    """A running service, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path: str, content: object = None, method: str | None = None) -> tuple[int, Any]:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            self.address + path,
            data=body,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextlib.contextmanager
def served(app: str, folder: Path) -> Iterator[Service]:
    """Serve on a port of the system's choice, whose socket the server inherits."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # From here on connections wait for the server instead of being refused.
        listening.listen()
        command = ["uvicorn", app, "--fd", str(listening.fileno()), "--log-level", "warning"]
        with subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=ENVIRONMENT,
            pass_fds=[listening.fileno()],
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as server:
            errors: list[str] = []
            assert server.stderr is not None
            # Read all the time, or a full pipe would stop the server.
            reader = threading.Thread(target=lambda: errors.extend(server.stderr or ()))
            reader.start()
            try:
                yield Service(listening.getsockname()[1])
            finally:
                server.terminate()
                server.wait(PATIENCE_S)
                reader.join()
                sys.stderr.writelines(errors)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            pytest.skip(f"the service needs {package}, which is not installed")
    if sys.platform == "win32":
        pytest.skip("a listening socket is inherited by its number, which Windows has not")
    with served("fastapi_app:app", EXAMPLES) as service:
        yield service


def test_the_service_reports_what_it_was_asked(service: Service):
    for _ in range(3):
        assert service.ask("/curves/1")[1]["paper"] == "Arches Platine, warm"
    assert service.ask("/curves/7")[0] == 404
    assert service.ask("/curves/nonsense")[0] == 422
    assert service.ask("/linearize", [1, 2, 3]) == (200, [0.0, 0.5, 1.0])
    assert service.ask("/linearize", [2, 2])[0] == 500
    assert service.ask("/linearize", "text")[0] == 422
    for number in range(3):
        assert service.ask(f"/wp-admin/{number}")[0] == 404
    assert service.ask("/curves/1", method="DELETE")[0] == 405
    metric = {"metric_name": "dmax", "value": 1.4, "unit": "density", "metadata": {"id": 1}}
    status, kept = service.ask("/metrics", metric)
    assert status == 200
    assert {name: kept[name] for name in metric} == metric
    assert service.ask("/metrics", {"metric_name": "dmax"})[0] == 422

    status, health = service.ask("/monitoring/health")
    assert status == 200
    assert 0 <= health["resources"]["memory_percent"] <= 100
    cache = health["cache"]
    assert (cache["hits"], cache["misses"], cache["size"]) == (2, 1, 1)

    status, report = service.ask("/monitoring/report")
    assert status == 200
    assert report["operations"]["compute_curve"]["count"] == 1
    assert report["operations"]["dmax"]["mean"] == 1.4
    api = report["api"]
    counts = {name: (e["count"], e["error_count"]) for name, e in api["endpoints"].items()}
    partial = counts.pop("/curves/{curve_id}")
    # A method that a route does not have is no request to it.
    stray = counts.pop("(unmatched)")
    assert (partial, stray) == ((5, 2), (4, 4))
    assert counts == {"/linearize": (3, 2), "/metrics": (2, 1), "/monitoring/health": (1, 0)}
    assert api["total_requests"] == 15
    assert api["total_errors"] == 9
    assert api["highest_error_endpoints"][0] == {"endpoint": "(unmatched)", "error_rate": 1.0}
    slowest = api["endpoints"]["/linearize"]
    assert 0 < slowest["min_ms"] <= slowest["p99_ms"] <= slowest["max_ms"]


def test_the_services_schema_names_our_models(service: Service):
    status, schema = service.ask("/openapi.json")
    assert status == 200
    components = schema["components"]["schemas"]
    assert {"CacheStats", "PerformanceMetric", "ResourceUsage"} <= set(components)
