"""What a timer does to the function that it decorates."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._native import PerformanceMonitor


def timed(
    monitor: PerformanceMonitor,
    name: str,
    metadata: dict[str, Any] | None,
    function: Any,
) -> Any:
    """Wrap ``function`` so that each call is timed by a timer of its own."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(timed(monitor, name, metadata, function.__func__))
    if not callable(function):
        raise TypeError(f"timer can only decorate a callable, got {function!r}")
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator
    elif inspect.iscoroutinefunction(function):
        wrapper = _coroutine
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator
    else:
        wrapper = _plain
    return functools.update_wrapper(wrapper(monitor, name, metadata, function), function)


def _plain(
    monitor: PerformanceMonitor,
    name: str,
    metadata: dict[str, Any] | None,
    function: Callable[..., Any],
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with monitor.timer(name, metadata):
            return function(*args, **kwargs)

    return wrapper


def _coroutine(
    monitor: PerformanceMonitor,
    name: str,
    metadata: dict[str, Any] | None,
    function: Callable[..., Any],
) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with monitor.timer(name, metadata):
            return await function(*args, **kwargs)

    return wrapper


def _generator(
    monitor: PerformanceMonitor,
    name: str,
    metadata: dict[str, Any] | None,
    function: Callable[..., Any],
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with monitor.timer(name, metadata):
            return (yield from function(*args, **kwargs))

    return wrapper


def _async_generator(
    monitor: PerformanceMonitor,
    name: str,
    metadata: dict[str, Any] | None,
    function: Callable[..., Any],
) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with monitor.timer(name, metadata):
            inner = function(*args, **kwargs)
            try:
                # ``yield from`` by hand, which async generators do not have.
                step = inner.asend(None)
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 - thrown on, into the generator
                        step = inner.athrow(error)
                    else:
                        step = inner.asend(sent)
            finally:
                await inner.aclose()

    return wrapper
