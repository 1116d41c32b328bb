"""Help for tests of code that is monitored."""

from ._instances import forget
from ._native import ManualClock

__all__ = ["ManualClock", "reset"]


def reset() -> None:
    """Forget the global instances: ``get_monitor()`` and the others make new ones when next asked.

    The environment is read again then. The history of the former ones is written and closed.
    Whoever holds one of them, such as a function that its timer decorates, goes on with it, in
    memory alone.
    """
    forget()
