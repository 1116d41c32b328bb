"""Single keys of a terminal."""

from __future__ import annotations

import os
import select
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

try:
    import termios
    import tty
except ImportError:  # Windows: Ctrl-C ends it there.
    termios = None  # type: ignore[assignment]


class Keys:
    """The keys that are pressed while it is entered, without waiting for the end of a line."""

    def __init__(self, terminal: IO[str]) -> None:
        """Listen to a terminal, or to nothing if it is none."""
        self._terminal = terminal
        self._before: Any = None

    def __enter__(self) -> Self:
        """Change the terminal's mode."""
        if termios is not None and self._terminal.isatty():
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Change it back."""
        if self._before is not None:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str | None:
        """Return the next key that is pressed within so many seconds, or None."""
        if self._before is None:
            time.sleep(max(seconds, 0))
            return None
        if not select.select([self._terminal], [], [], max(seconds, 0))[0]:
            return None
        # Past Python's buffer, which `select` knows nothing of. Nothing at all: it is gone.
        pressed = os.read(self._terminal.fileno(), 1)
        return pressed.decode("ascii", "replace").lower() if pressed else "q"
