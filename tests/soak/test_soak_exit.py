"""Long form of the tests of exits."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_exit import CALLED, DAEMONS, REPORTERS, exit_repeatedly, exit_whole

WHOLE = 500
FORKED = 3_000


@pytest.mark.timeout(3_600)
def test_five_hundred_exits_with_daemon_threads_inside_of_every_call_are_quiet(
    tmp_path: Path,
) -> None:
    exit_whole(tmp_path, WHOLE)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("daemons", [DAEMONS, REPORTERS, CALLED])
def test_thousands_of_exits_with_daemon_threads_inside_of_our_calls_are_quiet(
    daemons: str, tmp_path: Path
) -> None:
    exit_repeatedly(daemons, tmp_path, FORKED, timeout=1_800)
