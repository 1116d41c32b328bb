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
_IS_ITERABLE_COROUTINE = 0x100

_GENERATOR = type(_ for _ in ())
FUNCTION = type(lambda: None)

# Classes of results that are never a run which has only begun. To ask others costs an exception.
_ORDINARY = frozenset((type(None), bool, int, float, str, bytes, tuple, list, dict))

# The code of a factory that is no coroutine function: that of the last one.
_plain_code: Any = None

# The arguments of `profile_operation` beside those of the function.
_OPTIONS = frozenset(("operation", "size", "name"))


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

    If an argument, or else the result, is an image there are ``pixels`` and ``pixels_per_s`` too;
    if it is one whose size cannot be told, ``pixels_unknown`` says why. An image is a Pillow image
    or anything with the shape of one: height x width, with channels or bands, one or several.
    Of several arguments it is the largest by far. ``size=`` (pixels, (height, width), or a
    function of the call's arguments that returns either) or ``name=``, the argument's name, say
    so where that is wrong, and ``operation=`` names the operation. Where ``func`` has an argument
    of one of these names, it gets that; then decorate it with ``profile``.

    Records ``<operation>_wall_time`` in seconds and ``<operation>_memory``, the delta in MB,
    with the profile as metadata. If ``func`` raises, ``success`` is False and ``error`` holds
    the exception's text, and the exception goes on.

    If ``func`` is asynchronous, so is this: ``result, profile = await profile_operation(...)``. A
    generator is run to its end, and the result is the list of its items.
    """
    # By position, the name `func` is left to the profiled function's own arguments; without, `func`
    # is looked for among those by name.
    given = args if func is None else (func, *args)
    told = None
    if kwargs and not _OPTIONS.isdisjoint(kwargs):
        from ._profiling import options_among

        told = options_among(given[0] if given else kwargs.get("func"), kwargs)
    func, args, call = self._begin(given, kwargs, told)
    try:
        result = func(*args, **kwargs)
        kind = type(result)
        if kind is _GENERATOR and not result.gi_code.co_flags & _IS_ITERABLE_COROUTINE:
            result = list(result)
            return result, call.finished(result)
    except BaseException as error:
        call.failed(error)
        raise
    if kind not in _ORDINARY and (
        kind is _GENERATOR or hasattr(kind, "__await__") or hasattr(kind, "__anext__")
    ):
        from ._profiling import profile_of_run

        run = profile_of_run(call, result)
        if run is not None:
            return run  # type: ignore[return-value]
    return result, call.finished(result)


def profile(
    self: ImageProcessingProfiler,
    function: Any = None,
    /,
    *,
    operation: str | None = None,
    size: Any = None,
    name: str | None = None,
) -> Any:
    """Decorate a function so that each call is profiled, as by ``profile_operation``.

    Works as ``@profiler.profile`` and as ``@profiler.profile(size=...)``, for plain, asynchronous
    and generator functions. The function returns what it returned before, and the profile goes to
    the monitor. ``operation`` names the operation, else the function does; ``size`` and ``name``
    tell the image, see ``profile_operation``. A generator is profiled from its first step to its
    end, its consumer included; one that is closed before counts as failed.
    """
    from ._profiling import profiled

    if function is None:
        return lambda function: profiled(self, function, operation, size, name)
    return profiled(self, function, operation, size, name)


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
    # A hit takes less time than to ask for the flags, so those asked for last are not asked again.
    global _plain_code  # noqa: PLW0603 - what it is for: to be asked once for all calls
    code = factory.__code__ if type(factory) is FUNCTION else getattr(factory, "__code__", None)
    if code is not _plain_code:
        if getattr(code, "co_flags", 0) & _IS_COROUTINE_FUNCTION:
            return aget_or_set(self, key, factory, ttl)
        _plain_code = code
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
