"""A day at 100,000 samples a second, as ``make soak`` runs it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import load


@pytest.mark.timeout(7_200)
def test_a_day_of_load_leaves_memory_flat(say: Callable[[str], None]) -> None:
    load.memory_stays_flat(seconds=24 * 3_600 - 400, warm_up=400, say=say)
