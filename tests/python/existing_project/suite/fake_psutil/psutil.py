"""As much of psutil as the suite patches; the figures are impossible, to be told from real ones."""

from types import SimpleNamespace


def cpu_percent(interval: float | None = None) -> float:
    """Return what no machine reports."""
    return -1.0


def virtual_memory() -> SimpleNamespace:
    """Return what no machine reports."""
    return SimpleNamespace(percent=-1.0, used=-1, available=-1, total=-1)


def disk_usage(path: str) -> SimpleNamespace:
    """Return what no machine reports."""
    return SimpleNamespace(percent=-1.0, used=-1, free=-1, total=-1)
