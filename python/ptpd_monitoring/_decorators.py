"""What a context manager does to the thing that it decorates: each run of it is a block of its own.

The thing stays what it was: a coroutine function one, a property a property, what `lru_cache` made
still has its `cache_info`.
"""

from __future__ import annotations

import contextlib
import copy
import enum
import functools
import inspect
import sys
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ._native import APIPerformanceTracker, PerformanceMonitor

    _Begin = Callable[[], AbstractContextManager[Any]]

# All functions that `contextmanager` makes have the same code.
_CONTEXT_MANAGER = contextlib.contextmanager(lambda: iter(())).__code__
_ASYNC_CONTEXT_MANAGER = contextlib.asynccontextmanager(
    lambda: iter(())  # type: ignore[arg-type, return-value]
).__code__

_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    functools.partial,
)


def timed(
    monitor: PerformanceMonitor,
    name: str,
    metadata: dict[str, Any] | None,
    function: Any,
) -> Any:
    """Wrap ``function`` so that each run is timed by a timer of its own."""
    return decorated(functools.partial(monitor.timer, name, metadata), function, "timer")


def tracked(
    tracker: APIPerformanceTracker, endpoint: str, method: str | None, function: Any
) -> Any:
    """Wrap ``function`` so that each run is tracked as a request of its own."""
    return decorated(functools.partial(tracker.track, endpoint, method), function, "track")


def decorated(begin: _Begin, function: Any, decorator: str) -> Any:
    """Wrap ``function`` so that each run of it is a block of what ``begin()`` returns.

    Raises TypeError, which names the ``decorator``, where there is no run that could be one.
    """
    for kind, decorate in _KINDS.items():
        if isinstance(function, kind):
            return decorate(begin, function, decorator)
    if not callable(function):
        raise TypeError(f"{decorator} can only decorate a callable, got {function!r}")
    wrap = _wrapper_of(function)
    if wrap is None and not isinstance(function, _FUNCTIONS):
        return _object(begin, function, decorator)
    return functools.update_wrapper((wrap or _plain)(begin, function), function)


def _wrapper_of(function: Any) -> Callable[[_Begin, Any], Any] | None:
    """What wraps functions of that kind; None of those whose call is all of the run."""
    if inspect.isasyncgenfunction(function):
        return _async_generator
    if inspect.iscoroutinefunction(function):
        return _coroutine
    if inspect.isgeneratorfunction(function):
        return _generator_coroutine if _is_coroutine(function.__code__) else _generator
    # The one with the code may be below other decorators.
    below = function
    while below is not None:
        code = getattr(below, "__code__", None)
        if code is _CONTEXT_MANAGER:
            return _context_manager
        if code is _ASYNC_CONTEXT_MANAGER:
            return _async_context_manager
        below = getattr(below, "__wrapped__", None)
    return None


def _is_coroutine(code: types.CodeType) -> bool:
    """Whether a generator with that code can be awaited, as `types.coroutine` makes it."""
    return bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _plain(begin: _Begin, function: Callable[..., Any]) -> Callable[..., Any]:
    # The class of what it returned last, which is mostly that of what it returns next.
    usual: type = type(None)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal usual
        block = begin()
        block.__enter__()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
        if type(result) is not usual:
            if (later := _later(begin, block, result)) is not None:
                return later
            usual = type(result)
        block.__exit__(None, None, None)
        return result

    return wrapper


def _later(begin: _Begin, block: AbstractContextManager[Any], result: Any) -> Any:
    """The result of a call whose run has only begun, with the run as a block; else None.

    Other decorators hide that a function is a coroutine function or a generator function.
    """
    is_generator = isinstance(result, (types.GeneratorType, types.AsyncGeneratorType))
    # What the object itself says of its attributes may be anything, and is not asked.
    kind = type(result)
    if not is_generator and not hasattr(kind, "__await__"):
        return None
    if inspect.iscoroutine(result):
        # Not begun at all, as when a coroutine function is called.
        return _coroutine(begin, lambda: result)()
    if isinstance(result, types.GeneratorType):
        wrap = _generator_coroutine if _is_coroutine(result.gi_code) else _generator
        return wrap(begin, lambda: result)()
    if isinstance(result, types.AsyncGeneratorType):
        return _async_generator(begin, lambda: result)()
    if hasattr(kind, "add_done_callback"):
        # A future goes on whether it is awaited or not.
        result.add_done_callback(functools.partial(_ended, block))
        return result
    stand_in = _AwaitableManager if hasattr(kind, "__aenter__") else _Awaitable
    return stand_in(begin, result)


def _ended(block: AbstractContextManager[Any], future: Any) -> None:
    if future.cancelled():
        error: BaseException | None = _cancelled(future)
    else:
        # Asking by `exception()` would tell asyncio that somebody has taken care of it.
        error = getattr(future, "_exception", None)
    block.__exit__(None if error is None else type(error), error, None)


def _cancelled(future: Any) -> BaseException:
    try:
        future.result()
    except BaseException as error:  # noqa: BLE001 - the exception of its kind of future
        return error
    raise AssertionError(f"{future!r} was cancelled")


class _Awaitable:
    """An awaitable that is a block while it is awaited, and else is what it was."""

    def __init__(self, begin: _Begin, awaitable: Any) -> None:
        self._begin = begin
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, Any]:
        with self._begin():
            return (yield from self._awaitable.__await__())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._awaitable, name)

    def __repr__(self) -> str:
        return repr(self._awaitable)


class _AwaitableManager(_Awaitable):
    """One that can be entered instead, as requests of HTTP clients can be."""

    async def __aenter__(self) -> Any:
        self._entered = self._begin()
        self._entered.__enter__()
        try:
            return await self._awaitable.__aenter__()
        except BaseException as error:
            self._entered.__exit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(self, *error: object) -> Any:
        with contextlib.ExitStack() as stack:
            stack.push(self._entered)
            return await self._awaitable.__aexit__(*error)


def _coroutine(begin: _Begin, function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with begin():
            return await function(*args, **kwargs)

    return wrapper


def _generator(
    begin: _Begin, function: Callable[..., Generator[Any, Any, Any]]
) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with begin():
            return (yield from function(*args, **kwargs))

    return wrapper


def _generator_coroutine(
    begin: _Begin, function: Callable[..., Generator[Any, Any, Any]]
) -> Callable[..., Any]:
    return types.coroutine(_generator(begin, function))


def _async_generator(
    begin: _Begin, function: Callable[..., AsyncGenerator[Any, Any]]
) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with begin():
            inner = function(*args, **kwargs)
            try:
                # ``yield from`` by hand, which async generators do not have.
                step: Awaitable[Any] = inner.asend(None)
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


def _context_manager(begin: _Begin, function: Callable[..., Any]) -> Callable[..., Any]:
    @contextlib.contextmanager
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, None, None]:
        with begin(), function(*args, **kwargs) as value:
            yield value

    return wrapper


def _async_context_manager(begin: _Begin, function: Callable[..., Any]) -> Callable[..., Any]:
    @contextlib.asynccontextmanager
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        with begin():
            async with function(*args, **kwargs) as value:
                yield value

    return wrapper


def _method(begin: _Begin, function: Any, decorator: str) -> Any:
    return type(function)(decorated(begin, function.__func__, decorator))


def _partial_method(
    begin: _Begin, function: functools.partialmethod[Any], decorator: str
) -> functools.partialmethod[Any]:
    inner = decorated(begin, function.func, decorator)
    return type(function)(inner, *function.args, **function.keywords)


def _property(begin: _Begin, function: property, decorator: str) -> property:
    if function.fget is None:
        raise TypeError(f"{decorator} cannot decorate a property that cannot be read")
    return function.getter(decorated(begin, function.fget, decorator))


def _cached_property(
    begin: _Begin, function: functools.cached_property[Any], decorator: str
) -> functools.cached_property[Any]:
    inner = decorated(begin, function.func, decorator)
    new = type(function)(inner)
    new.__dict__.update({**function.__dict__, "func": inner})
    return new


def _class(begin: _Begin, cls: type, decorator: str) -> type:
    """The class itself, whose instances' making is a block from now on."""
    init = cls.__init__  # type: ignore[misc]
    # An enumeration's members are made, and calls of it find them.
    if init is object.__init__ or isinstance(cls, enum.EnumMeta):
        raise TypeError(
            f"{decorator} cannot decorate {cls!r}: no __init__ runs where an instance is made"
        )
    try:
        cls.__init__ = decorated(begin, init, decorator)  # type: ignore[misc]
    except TypeError as error:
        raise TypeError(f"{decorator} cannot decorate {cls!r}: {error}") from error
    return cls


_KINDS: dict[type, Callable[[_Begin, Any, str], Any]] = {
    staticmethod: _method,
    classmethod: _method,
    functools.partialmethod: _partial_method,
    property: _property,
    functools.cached_property: _cached_property,
    type: _class,
}


def _object(begin: _Begin, function: Any, decorator: str) -> Any:
    """A stand-in for a callable object that is no function, with all of its attributes."""
    call = _wrapper_of(function.__call__) or _plain
    # Some look at the function behind `__call__` for what kind of function the object is.
    wrapper = functools.update_wrapper(call(begin, function), function.__call__, updated=())
    kind = type(function)
    base = _Binding if hasattr(kind, "__get__") else _Callable
    special = {name for name in dir(kind) if name.startswith("__")} - {*dir(base), "__slots__"}
    namespace = {name: _forwarded(name) for name in special if callable(getattr(kind, name))}
    namespace.update(__call__=staticmethod(wrapper), __doc__=function.__doc__)
    # Where a pickle looks for it by its name.
    namespace["__module__"] = getattr(function, "__module__", None)
    stand_in = types.new_class(kind.__name__, (base,), exec_body=lambda it: it.update(namespace))
    return stand_in(begin, function, decorator)


def _forwarded(name: str) -> Any:
    """A special method, which Python looks for in the class alone."""

    def method(self: _Callable, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.__wrapped__, name)(*args, **kwargs)

    return method


class _Callable:
    """Stands for a callable object, and calls it in a block."""

    def __init__(self, begin: _Begin, function: Any, decorator: str) -> None:
        vars(self).update(_begin=begin, __wrapped__=function, _decorator=decorator)

    def __getattr__(self, name: str) -> Any:
        # Not while a copy is being made.
        if "__wrapped__" not in vars(self):
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__wrapped__, name)

    def __dir__(self) -> list[str]:
        return dir(self.__wrapped__)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.__wrapped__)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if isinstance(self.__reduce__(), str):
            return self
        return decorated(self._begin, copy.deepcopy(self.__wrapped__, memo), self._decorator)

    def __reduce__(self) -> Any:
        name = getattr(self, "__qualname__", None)
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        for part in str(name).split("."):
            found = getattr(found, part, None)
        if found is self and self.__module__ != "__main__":
            return name
        return (decorated, (self._begin, self.__wrapped__, self._decorator))

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return self.__reduce__()


class _Binding(_Callable):
    """One that becomes a method, as what `lru_cache` makes does."""

    __call__: Callable[..., Any]

    def __get__(self, instance: Any, _owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)
