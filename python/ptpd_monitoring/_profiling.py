"""What profiles need to know of a function, and what becomes of one that a profiler decorates.

Imported when the first function is profiled that is more than a plain one, since `inspect` takes
longer than all of ours.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from ._native import ProfileOptions

if TYPE_CHECKING:
    from ._native import ImageProcessingProfiler, _ProfiledCall

_ENDED_EARLY = "the generator was closed before its end"


def options(
    function: Any, operation: str | None, size: Any, name: str | None
) -> ProfileOptions | None:
    """Return what is told of an operation, checked; None if that is nothing."""
    if operation is None and size is None and name is None:
        return None
    image = None if name is None else _argument(function, name)
    return ProfileOptions(operation, size, image)


def options_among(function: Any, arguments: dict[str, Any]) -> ProfileOptions | None:
    """Take out of a call's arguments by name those of ours, which the function has no use for."""
    ours: dict[str, Any] = {
        key: arguments[key] for key in ("operation", "size", "name") if key in arguments
    }
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        # As of many functions written in C: whatever is given is the function's.
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    for parameter in parameters:
        if parameter.kind is not parameter.POSITIONAL_ONLY:
            ours.pop(parameter.name, None)
    if not ours:
        return None
    made = options(function, ours.get("operation"), ours.get("size"), ours.get("name"))
    for key in ours:
        del arguments[key]
    return made


def _argument(function: Any, name: str) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """Return what finds the argument of that name among a call's."""
    if not isinstance(name, str):
        raise TypeError(f"name must be the name of an argument, got {name!r}")
    signature: inspect.Signature | None = None
    with contextlib.suppress(TypeError, ValueError):
        signature = inspect.signature(function)
    if signature is not None:
        parameters = signature.parameters
        takes_any = any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
        )
        if name not in parameters and not takes_any:
            names = ", ".join(parameters) or "none"
            raise ValueError(
                f"name must be the name of an argument ({names}), got {name!r}; "
                "operation= names the operation"
            )

    def find(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name in kwargs:
            return kwargs[name]
        if signature is not None:
            try:
                bound = signature.bind_partial(*args, **kwargs)
            except TypeError:
                # The function is about to say so itself.
                bound = None
            if bound is not None:
                bound.apply_defaults()
                if name in bound.arguments:
                    return bound.arguments[name]
        raise LookupError(f"the call has no argument {name!r}")

    return find


def profile_of_run(call: _ProfiledCall, result: Any) -> Coroutine[Any, Any, Any] | None:
    """Return what awaits a result and profiles that; None if it is not to be awaited."""
    if inspect.isasyncgen(result):
        return _of_items(call, result)
    return _of_awaited(call, result) if _is_to_be_awaited(result) else None


def _is_to_be_awaited(result: Any) -> bool:
    if not inspect.isawaitable(result):
        return False
    # A future of another kind than asyncio's runs by itself, and can be had without being awaited.
    return not hasattr(result, "done") or hasattr(result, "_asyncio_future_blocking")


async def _of_awaited(call: _ProfiledCall, awaitable: Any) -> tuple[Any, dict[str, Any]]:
    # It may have waited for long to be awaited.
    call.restart()
    try:
        result = await awaitable
    except BaseException as error:
        call.failed(error)
        raise
    return result, call.finished(result)


async def _of_items(call: _ProfiledCall, steps: Any) -> tuple[list[Any], dict[str, Any]]:
    call.restart()
    try:
        items = [item async for item in steps]
    except BaseException as error:
        call.failed(error)
        raise
    return items, call.finished(items)


def _is_any(function: Any, is_kind: Callable[[Any], bool]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    # An object whose class says what a call of it does.
    call = type(function).__call__
    return is_kind(function) or (inspect.isfunction(call) and is_kind(call))


def _makes_steps(function: Any) -> bool:
    # What `types.coroutine` has made of a generator is to be awaited.
    return (
        inspect.isgeneratorfunction(function)
        and not function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE
    )


def profiled(
    profiler: ImageProcessingProfiler,
    function: Any,
    operation: str | None,
    size: Any,
    name: str | None,
) -> Any:
    """Wrap ``function`` so that each call is profiled."""
    if isinstance(function, (staticmethod, classmethod)):
        inner = profiled(profiler, function.__func__, operation, size, name)
        return type(function)(inner)
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"profile can only decorate a function or a method, got {function!r}")
    told = options(function, operation, size, name)
    if _is_any(function, inspect.isasyncgenfunction):
        wrap = _asynchronous_steps
    elif _is_any(function, inspect.iscoroutinefunction):
        wrap = _asynchronous
    elif _is_any(function, _makes_steps):
        wrap = _steps
    else:
        wrap = _plain
    wrapper = functools.update_wrapper(wrap(profiler, function, told), function)
    # What a cache of results is looked at and emptied by.
    for method in ("cache_info", "cache_clear", "cache_parameters"):
        if hasattr(function, method):
            setattr(wrapper, method, getattr(function, method))
    return wrapper


def _plain(
    profiler: ImageProcessingProfiler, function: Any, told: ProfileOptions | None
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _, given, call = profiler._begin((function, *args), kwargs, told)  # noqa: SLF001
        try:
            result = function(*given, **kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        if _is_to_be_awaited(result):
            return _awaited(call, result)
        if inspect.isgenerator(result):
            return _stepped(call, result)
        call.finished(result)
        return result

    return wrapper


async def _awaited(call: _ProfiledCall, awaitable: Any) -> Any:
    result, _ = await _of_awaited(call, awaitable)
    return result


def _asynchronous(
    profiler: ImageProcessingProfiler, function: Any, told: ProfileOptions | None
) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        _, given, call = profiler._begin((function, *args), kwargs, told)  # noqa: SLF001
        return await _awaited(call, function(*given, **kwargs))

    return wrapper


def _steps(
    profiler: ImageProcessingProfiler, function: Any, told: ProfileOptions | None
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        _, given, call = profiler._begin((function, *args), kwargs, told)  # noqa: SLF001
        return (yield from _stepped(call, function(*given, **kwargs)))

    return wrapper


def _stepped(call: _ProfiledCall, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    call.restart()
    try:
        result = yield from steps
    except GeneratorExit:
        call.failed(RuntimeError(_ENDED_EARLY))
        raise
    except BaseException as error:
        call.failed(error)
        raise
    call.finished(result)
    return result


def _asynchronous_steps(
    profiler: ImageProcessingProfiler, function: Any, told: ProfileOptions | None
) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        _, given, call = profiler._begin((function, *args), kwargs, told)  # noqa: SLF001
        inner = function(*given, **kwargs)
        call.restart()
        try:
            # ``yield from`` by hand, which asynchronous generators do not have.
            step = inner.asend(None)
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    break
                try:
                    sent = yield item
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown on, into the generator
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
        except GeneratorExit:
            call.failed(RuntimeError(_ENDED_EARLY))
            raise
        except BaseException as error:
            call.failed(error)
            raise
        call.finished(None)

    return wrapper
