"""Load leaves memory flat: the short form of ``make soak``."""

from __future__ import annotations

from pathlib import Path

import pytest

import load

# Minutes of simulated time are as long as the machine takes for them.
pytestmark = pytest.mark.timeout(900)


def test_minutes_of_load_leave_memory_flat(tmp_path: Path) -> None:
    # In the warm-up all histories fill, and 10,000 timers are left running.
    load.memory_stays_flat(seconds=100, warm_up=300, history=tmp_path / "history.db")
