"""The end of worker processes.

``multiprocessing`` ends a worker by ``os._exit``, which calls no ``atexit`` function, but runs its
own finalizers before. So does ``billiard``, which is Celery's, except for the workers of its pools:
these end in a method of theirs.
"""

from __future__ import annotations

import sys

# Whoever imports monitoring waits for this module, so it imports nothing heavy, not even `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# After the program's own finalizers, whose samples are to be written, too.
_LAST = -100


class _Token:
    """What ``multiprocessing`` remembers a hook by."""


_token = _Token()


def _finalize(shut_down: Callable[[], None]) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, shut_down, exitpriority=_LAST)


def _finalize_in_pools(shut_down: Callable[[], None]) -> None:
    """Have the workers of ``billiard``'s pools call a function at their end, if there are any."""
    pool = sys.modules.get("billiard.pool")
    worker = getattr(pool, "Worker", None)
    end = getattr(worker, "_do_exit", None)
    if worker is None or end is None or hasattr(end, "ptpd_monitoring"):
        return

    def do_exit(self: Any, *args: Any, **kwargs: Any) -> Any:
        program = getattr(self, "on_exit", None)

        def on_exit(*args: Any, **kwargs: Any) -> None:
            # What the program does at this point comes first, to be written as well.
            try:
                if program is not None:
                    program(*args, **kwargs)
            finally:
                shut_down()

        self.on_exit = on_exit
        return end(self, *args, **kwargs)

    do_exit.ptpd_monitoring = True  # type: ignore[attr-defined]
    worker._do_exit = do_exit  # noqa: SLF001


def flush_at_exit_of_child(shut_down: Callable[[], None]) -> None:
    """In a forked child, which becomes a worker of ``multiprocessing`` or does not."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        # Called when it has become one, after its parent's finalizers were forgotten.
        util.register_after_fork(_token, lambda _: _finalize(shut_down))
    _finalize_in_pools(shut_down)


def flush_at_exit_of_this(shut_down: Callable[[], None]) -> None:
    """In the process that makes its first history, which may be a worker."""
    _finalize_in_pools(shut_down)
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return
    if process.parent_process() is not None:
        _finalize(shut_down)
    elif getattr(process.current_process(), "_inheriting", False):
        # It imports the program's main module and becomes a worker after that.
        flush_at_exit_of_child(shut_down)
