"""Killed in the middle of writing: the short form of ``make soak``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import history_crash

if os.name != "posix":
    pytest.skip("this system kills in another way", allow_module_level=True)


def test_a_killed_writer_loses_nothing_that_is_older_than_the_flush_interval(
    tmp_path: Path,
) -> None:
    history_crash.kill_repeatedly(tmp_path / "history.db", 10)


def test_a_killed_writer_loses_by_its_own_interval_and_not_by_the_default(tmp_path: Path) -> None:
    assert history_crash.lost_by_the_interval(tmp_path / "history.db", enough=0.5) < 0.5
