"""How a task waits for something that ends in another task or thread."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._native import _Computation as Computation


async def wait_for(computation: Computation) -> None:
    """Return once ``computation`` has ended; in a task of asyncio or trio."""
    token = _trio_token()
    if token is None:
        await _in_asyncio(computation)
    else:
        await _in_trio(token, computation)


def _trio_token() -> Any:
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        return trio.lowlevel.current_trio_token()
    except RuntimeError:  # the caller is in no task of trio's
        return None


async def _in_asyncio(computation: Computation) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def settle() -> None:
        if not ended.done():
            ended.set_result(None)

    def wake() -> None:
        # A loop that has been closed has no task that waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    computation.when_ended(wake)
    await ended


async def _in_trio(token: Any, computation: Computation) -> None:
    import trio

    ended = trio.Event()

    def wake() -> None:
        with contextlib.suppress(trio.RunFinishedError):
            token.run_sync_soon(ended.set)

    computation.when_ended(wake)
    await ended.wait()
