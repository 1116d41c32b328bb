"""Percentiles of a day that only the disk remembers: the short form of ``make soak``."""

from __future__ import annotations

from pathlib import Path

import history_accuracy


def test_percentiles_of_each_shape_from_disk_lie_within_the_stated_error(tmp_path: Path) -> None:
    history_accuracy.check_a_day(tmp_path / "history.db", 10_000)
