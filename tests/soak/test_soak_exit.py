"""Long form of the tests of exits."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_exit import CALLED, DAEMONS, REPORTERS, exit_repeatedly, exit_whole

# In parts, each of which says that it is done: in all 500 whole ones, and of each kind as many as take
# minutes; drawing reports takes longest.
WHOLE_PARTS = 5
WHOLE = 100
PARTS = {
    **{("everything", part): (DAEMONS, 300) for part in range(5)},
    **{("reports", part): (REPORTERS, 200) for part in range(5)},
    **{("calls", part): (CALLED, 600) for part in range(5)},
}


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("_part", range(WHOLE_PARTS))
def test_a_hundred_exits_with_daemon_threads_inside_of_every_call_are_quiet(
    _part: int, tmp_path: Path
) -> None:
    exit_whole(tmp_path, WHOLE)


@pytest.mark.timeout(1_900)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: "-".join(map(str, part)))
def test_hundreds_of_exits_with_daemon_threads_inside_of_our_calls_are_quiet(
    part: tuple[str, int], tmp_path: Path
) -> None:
    daemons, exits = PARTS[part]
    exit_repeatedly(daemons, tmp_path, exits, timeout=1_800)
