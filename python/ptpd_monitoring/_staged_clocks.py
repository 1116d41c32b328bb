"""Clocks that a test suite freezes or patches.

Suites written for the pure-Python module freeze the time with freezegun or time-machine, or patch
``time.time`` and ``datetime.now``, in their own modules or as the ``time`` and ``datetime`` of
``ptpd_calibration.monitoring.performance``. The native module reads the system's clocks itself, so
the pytest plugin, and nothing else, looks at Python's before each call that depends on the time. As
long as they tell another time than the system does, that one counts: for stamps and days what
``datetime.now`` says, for durations and lifetimes what ``time.time`` does; where only one of the
two is patched, it is for both.
"""

from __future__ import annotations

import datetime as dt
import functools
import time
import types
from collections.abc import Callable
from typing import Any

from ptpd_monitoring import _native, performance

__all__ = ["honour_staged_clocks"]

# The system's clock may be read a moment before or after Python's.
_SLACK = 0.005

# What only makes a context manager reads no clock, and may not take a reading of a patched one.
_TIMELESS = {"timer", "track", "session", "profile"}
_SPECIAL = {"__enter__", "__exit__", "__aenter__", "__aexit__", "__contains__"}
_NATIVE = (types.MethodDescriptorType, types.WrapperDescriptorType)

_ABSENT = object()


def honour_staged_clocks() -> Callable[[], None]:
    """Let the classes look at Python's clocks; return the undoing."""
    clock = _native.StagedClock()
    look = _Look(clock).look
    undo = [
        _replace(performance, "time", time),
        _replace(performance, "datetime", dt.datetime),
    ]
    for owner in (
        _native.PerformanceMonitor,
        _native.ImageProcessingProfiler,
        _native.APIPerformanceTracker,
        _native.CacheManager,
        _native.ResourceMonitor,
        _native.PerformanceReport,
        _native.History,
        _native.Timer,
        _native.RequestTimer,
    ):
        for name, method in list(vars(owner).items()):
            is_called = name in _SPECIAL or not name.startswith("_")
            if isinstance(method, _NATIVE) and is_called and name not in _TIMELESS:
                undo.append(_replace(owner, name, _looking(look, method)))
    clock.begin(look)
    undo.append(clock.end)

    def restore() -> None:
        for step in reversed(undo):
            step()

    return restore


def _replace(owner: Any, name: str, value: object) -> Callable[[], None]:
    before = vars(owner).get(name, _ABSENT)
    setattr(owner, name, value)
    if before is _ABSENT:
        return lambda: delattr(owner, name)
    return lambda: setattr(owner, name, before)


def _looking(look: Callable[[], None], method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def looking(*args: Any, **kwargs: Any) -> Any:
        look()
        return method(*args, **kwargs)

    return looking


class _Look:
    """Sets the staged clock by what Python's clocks say."""

    def __init__(self, clock: _native.StagedClock) -> None:
        self._clock = clock
        # Not in the module, where freezegun would find and replace them.
        self._real_time = time
        self._real_datetime = dt.datetime
        self._perf_counter = time.perf_counter
        self._staged_by: object = None
        self._shown: float | None = None
        self._since = 0.0

    def look(self) -> None:
        try:
            moment, shown = self._moment(), self._shown_by_datetime()
        except Exception:  # noqa: BLE001 - of the patch
            # A list of times that has come to its end: the last one holds.
            if self._function() is not self._staged_by:
                self._clock.go()
            return
        self._staged_by = None if moment is None else self._function()
        if moment is not None:
            self._clock.stand(moment if shown is None else shown, moment)
        elif shown is not None:
            self._clock.stand(shown, self._going_on_from(shown))
        else:
            self._clock.go()

    def _function(self) -> Callable[[], Any]:
        function: Callable[[], Any] = vars(performance).get("time", self._real_time).time
        return function

    def _moment(self) -> float | None:
        """Return what ``time.time`` says, if that is not the system's time."""
        function = self._function()
        before = self._clock.system_wall()
        told = function()
        after = self._clock.system_wall()
        if not isinstance(told, (int, float)):
            return None
        return told if _is_staged(told, before, after) else None

    def _shown_by_datetime(self) -> float | None:
        """Return the same of ``datetime.now``, unless it is the system's own function.

        That one is told by the time alone, as time-machine replaces the functions in their place.
        """
        kind = vars(performance).get("datetime", self._real_datetime)
        if kind is self._real_datetime:
            kind = dt.datetime
        if kind is self._real_datetime:
            return None
        before = self._clock.system_wall()
        now = kind.now()
        after = self._clock.system_wall()
        if not isinstance(now, self._real_datetime):
            return None
        # By the system's zone, in which it is shown again, whatever zone a patched class is in.
        told = self._real_datetime.timestamp(now)
        return told if _is_staged(told, before, after) else None

    def _going_on_from(self, shown: float) -> float:
        """Return the time for durations where only the date is patched: it goes on from there."""
        now = self._perf_counter()
        if shown != self._shown:
            self._shown, self._since = shown, now
        return shown + (now - self._since)


def _is_staged(told: float, before: float, after: float) -> bool:
    return not before - _SLACK <= told <= after + _SLACK
