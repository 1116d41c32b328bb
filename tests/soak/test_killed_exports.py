"""The long form of the export that is killed: two thousand kills."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))

import test_export_files as short


@pytest.mark.timeout(1_800)
def test_two_thousand_kills_leave_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    short.test_whoever_is_killed_while_exporting_leaves_the_old_file_or_the_new_one(tmp_path, 2_000)
