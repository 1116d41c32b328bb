"""A module that users put beside ``performance``; the native one has no such thing."""

from .performance import PerformanceMonitor


class VerboseMonitor(PerformanceMonitor):
    """A monitor with a voice."""
