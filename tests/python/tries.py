"""Checks of what other programs and threads may change from one look at it to the next."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

TRIES = 20
# Long enough for others to be done with what was in the way.
PAUSE_S = 0.05


def passes_in_one_of_several(check: Callable[[], None], tries: int = TRIES) -> None:
    """Run a check until it passes; the last of its failures is that of the test.

    Chance is in the way of one try or two, while what is wrong is wrong in all of them.
    """
    for _ in range(tries - 1):
        with contextlib.suppress(AssertionError):
            check()
            return
        time.sleep(PAUSE_S)
    check()
