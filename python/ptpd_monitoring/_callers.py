"""The methods that call a function of the user's, or import what takes its time.

They become methods of the native classes.

CPython before 3.14 ends a daemon thread, when the interpreter exits, by unwinding its stack at the
point where it next takes the interpreter's lock. That passes through Python's own frames, and
aborts the process where it meets a native one of ours below them. So there must be none while a
function runs that may take its time.
"""

from __future__ import annotations

# Imported with the native module, so it imports nothing heavy, not even `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from ._native import CacheManager, ImageProcessingProfiler, PerformanceMonitor

_ABSENT: Any = object()

# What `inspect.CO_COROUTINE` is; `inspect` takes longer to import than all of this.
_IS_COROUTINE_FUNCTION = 0x80


def profile_operation(
    self: ImageProcessingProfiler, func: Any = None, /, *args: Any, **kwargs: Any
) -> tuple[Any, dict[str, Any]]:
    """Call ``func(*args, **kwargs)`` and return ``(result, profile)``.

    The profile: ``operation`` (the name of the function, or of the function or class behind a
    partial or an instance), ``success``, ``wall_time_s``, ``cpu_time_s`` (of the whole
    process), ``memory_delta_mb`` and ``memory_after_mb`` (RSS), and ``memory_peak_mb``, the
    highest RSS seen during the call: the process's own high-water mark where the call raised
    it, which is exact; else the highest of the readings before, after and, every 1 to 10 ms,
    in between, which may miss a shorter spike. Figures that the system does not tell are None.

    If an argument, or else the result, is an image (a NumPy array of height x width, or x
    up to four channels, or a Pillow image) there are ``pixels`` and ``pixels_per_s`` too.

    Records ``<operation>_wall_time`` in seconds and ``<operation>_memory``, the delta in MB,
    with the profile as metadata. If ``func`` raises, ``success`` is False and ``error`` holds
    the exception's text, and the exception goes on.
    """
    # By position, the name `func` is left to the profiled function's own arguments; without, `func`
    # is looked for among those by name.
    given = args if func is None else (func, *args)
    func, args, call = self._begin(given, kwargs)
    try:
        result = func(*args, **kwargs)
    except BaseException as error:
        call.failed(error)
        raise
    return result, call.finished(result)


def get_or_set(
    self: CacheManager, key: Hashable, factory: Callable[[], Any], ttl: float | None = None
) -> Any:
    """Return the value of ``key``, or what ``factory()`` returns, set for ``ttl`` seconds.

    Whoever asks for a key whose value is being computed waits for that one, so that it is computed
    once. Only where nobody could ever get on that way, as two factories need each other's keys, or
    one its own, does the caller's factory run as well. An exception goes through, nothing is set,
    and the next one who waits tries. What is set or deleted meanwhile, by others than the factory,
    is newer than the factory's result, which is returned then and not set.

    With an ``async def`` as factory, it is ``aget_or_set``. Any other factory that returns a
    coroutine, of which there is only one value to be had, is refused with a ``TypeError``.
    """
    if getattr(getattr(factory, "__code__", None), "co_flags", 0) & _IS_COROUTINE_FUNCTION:
        return aget_or_set(self, key, factory, ttl)
    while (value := self.get(key, _ABSENT)) is _ABSENT:
        if (joined := self._join(key, is_async=False)) is None:
            continue
        computation, is_own = joined
        if is_own:
            with computation:
                return computation.keep(factory(), ttl)
        try:
            with computation.lock:
                pass
        finally:
            computation.waited()
        if computation.has_value:
            return computation.value
    return value


async def aget_or_set(
    self: CacheManager,
    key: Hashable,
    factory: Callable[[], Awaitable[Any]],
    ttl: float | None = None,
) -> Any:
    """Return the value of ``key``, or what ``await factory()`` returns, set for ``ttl`` seconds.

    As ``get_or_set``, for tasks of asyncio and trio: other tasks get on while one of them computes.
    """
    while (value := self.get(key, _ABSENT)) is _ABSENT:
        if (joined := self._join(key, is_async=True)) is None:
            continue
        computation, is_own = joined
        if is_own:
            with computation:
                value = factory()
                if hasattr(value, "__await__"):
                    value = await value
                return computation.keep(value, ttl)
        try:
            from ._waiting import wait_for

            await wait_for(computation)
        finally:
            computation.waited()
        if computation.has_value:
            return computation.value
    return value


def values(self: PerformanceMonitor, operation_name: str) -> npt.NDArray[np.float64]:
    """Return the operation's values, oldest first, as a new float64 array; empty if unknown."""
    import numpy  # noqa: ICN001 - as everything of this module, in no more than it needs

    return numpy.frombuffer(self._values(operation_name), "f8")


def timestamps(self: PerformanceMonitor, operation_name: str) -> npt.NDArray[np.datetime64]:
    """Return the times of the operation's samples, oldest first.

    As a new datetime64[ns] array in UTC; empty if unknown.
    """
    import numpy  # noqa: ICN001 - as above

    return numpy.frombuffer(self._timestamps(operation_name), "M8[ns]")
