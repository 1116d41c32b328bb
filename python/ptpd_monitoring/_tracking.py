"""What a tracked request does to the function that it decorates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._decorators import timed

if TYPE_CHECKING:
    from ._native import APIPerformanceTracker, RequestTimer


class _Requests:
    """A tracker as a decorator sees it, to which a request is a timer."""

    def __init__(self, tracker: APIPerformanceTracker) -> None:
        self._tracker = tracker

    def timer(self, endpoint: str, method: str | None) -> RequestTimer:
        return self._tracker.track(endpoint, method)


def tracked(
    tracker: APIPerformanceTracker, endpoint: str, method: str | None, function: Any
) -> Any:
    """Wrap ``function`` so that each call is tracked as a request of its own."""
    if not callable(function) and not isinstance(function, (staticmethod, classmethod)):
        raise TypeError(f"track can only decorate a callable, got {function!r}")
    return timed(_Requests(tracker), endpoint, method, function)  # type: ignore[arg-type]
