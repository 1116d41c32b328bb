"""Help for tests of code that is monitored."""

from ._native import ManualClock

__all__ = ["ManualClock"]
