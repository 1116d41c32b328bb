"""Histories for the command line to read, and ways to run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock

VARIABLE = "PTPD_MONITORING_HISTORY"

Recorded = Mapping[datetime, Mapping[str, Sequence[float]]]


def write_history(
    path: Path, recorded: Recorded, *, session: str | None = None, errors: int = 0
) -> Path:
    """Write seconds of operations, at moments, and as many requests: the first ones fail."""
    clock = ManualClock(wall=next(iter(recorded)).timestamp())
    with History(path, retention_days=36_500, clock=clock) as history:
        monitor = PerformanceMonitor(history=history, clock=clock)
        tracker = APIPerformanceTracker(history=history, clock=clock)
        for moment, operations in recorded.items():
            clock.set_wall(moment.timestamp())
            for name, values in operations.items():
                metadata = None if session is None else {"session_id": session}
                for place, value in enumerate(values):
                    monitor.record_metric(name, value, "seconds", metadata)
                    status = 500 if place < errors else 200
                    tracker.track_request(f"/{name}", value, status)
        assert history.flush()
    return path


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PTPD_", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "_PTPD"))
    }
    return {**kept, "PYTHONUTF8": "1", **more}


def run(
    *arguments: object, stdout: IO[bytes] | int = subprocess.PIPE, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own, with pipes."""
    return subprocess.run(
        [sys.executable, "-m", "ptpd_monitoring.cli", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(**more),
        timeout=120,
        check=False,
    )
