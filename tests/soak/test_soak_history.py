"""The long forms of the tests of the history: a hundred kills, a minute of eight processes, a million
samples of each shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import history_accuracy
import history_crash
import history_processes


@pytest.mark.timeout(3_600)
def test_a_hundred_killed_writers_lose_nothing_that_is_older_than_the_flush_interval(
    tmp_path: Path, say: Callable[[str], None]
) -> None:
    history_crash.kill_repeatedly(tmp_path / "history.db", 100, seed=2, say=say)


@pytest.mark.timeout(3_600)
def test_eight_processes_write_one_file_for_a_minute(tmp_path: Path) -> None:
    history_processes.write_together(tmp_path / "history.db", processes=8, seconds=60)


@pytest.mark.timeout(3_600)
def test_a_thousand_forks_while_the_writer_is_at_work(tmp_path: Path) -> None:
    history_processes.fork_while_writing(tmp_path / "history.db", forks=1_000)


@pytest.mark.timeout(3_600)
def test_a_thousand_exits_lose_nothing(tmp_path: Path, say: Callable[[str], None]) -> None:
    history_processes.exit_repeatedly(tmp_path / "history.db", exits=1_000, say=say)


@pytest.mark.timeout(3_600)
def test_percentiles_of_a_million_samples_of_each_shape_lie_within_the_stated_error(
    tmp_path: Path,
) -> None:
    history_accuracy.check_a_day(tmp_path / "history.db", 1_000_000)
