"""Every numeric argument of the public API, and every kind of number there is."""

from __future__ import annotations

import contextlib
import math
import operator
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    CacheStats,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
)
from ptpd_monitoring.testing import ManualClock

# Removed at the end of the process.
_folder = tempfile.TemporaryDirectory()
LARGEST = sys.float_info.max


class Returns:
    """Converts to whatever it is given, or raises it."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.result!r})"

    def convert(self) -> Any:
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


class Float(Returns):
    __float__ = Returns.convert


class Index(Returns):
    __index__ = Returns.convert


class FloatSubclass(float):
    pass


class IntSubclass(int):
    pass


DTYPES = [
    *"?bhilqBHILQefdg", "F", "D", "G", "S1", "U1", "V1", "m8[s]", "M8[s]", "O",
]  # fmt: skip
HOSTILE: list[Any] = [
    0, 1, 5, -1, 7.5, 99.9, 100, 100.1, 200, 65535, 65536, 0.0, -0.0, math.nan, math.inf, -math.inf,
    5e-324, -5e-324, 2.2e-308, 1e16, 1e300, 1e305, 1e308, LARGEST, -LARGEST,
    2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**308,
    10**309, 10**5000, -(10**400), True, False,
    Decimal("0.1"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e400"),
    Decimal("1e-400"), Decimal(5), Fraction(1, 3), Fraction(10**400, 1), Fraction(10),
    FloatSubclass(2.5), IntSubclass(7),
    "5", "nan", "", b"5", bytearray(b"5"), 5j, complex(5), None, [], [5], (5,), {}, object(), int,
    Float(2.5), Float(5), Float("5"), Float(None), Float(math.nan),
    Float(ZeroDivisionError("mine")), Float(ValueError("mine")), Float(TypeError("mine")),
    Float(KeyboardInterrupt()), Index(7), Index(7.5), Index(10**400), Index("7"),
    Index(ZeroDivisionError("mine")), Index(ValueError("mine")),
    np.float64(2.5), np.float64("nan"), np.float32(0.1), np.float16(3), np.int8(-3), np.int64(5),
    np.uint64(2**64 - 1), np.uint8(9), np.bool_(True), np.longdouble(2.5), np.complex64(1),
    np.complex128(1 + 2j), np.str_("5"), np.bytes_(b"5"), np.void(b"5"), np.datetime64(5, "s"),
    np.timedelta64(5, "s"), np.array(2.5), np.array(5), np.array([5.0]), np.array([1, 2]),
    np.array("5"), np.array(5j), np.array(Decimal(5), dtype=object), np.zeros((0,)),
    *(np.ones((), dtype=code)[()] for code in DTYPES if code != "M8[s]"),
    *(np.ones((), dtype=code) for code in DTYPES if code != "M8[s]"),
]  # fmt: skip


def is_other_kind(value: Any) -> bool:
    """Whether it is no real number although something would convert it to one."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.dtype.kind not in "fiub" or value.ndim != 0
    return isinstance(value, (str, bytes, bytearray, complex))


def as_float(value: Any, too_large: Any = ValueError) -> Any:
    """What Python makes of it, or the error that it should be."""
    if is_other_kind(value):
        return TypeError
    try:
        return float(value)
    except OverflowError:
        return too_large
    except BaseException as error:
        return type(error)


def as_int(value: Any) -> int | type[BaseException]:
    if isinstance(value, (bool, np.bool_)) or is_other_kind(value):
        return TypeError
    try:
        return operator.index(value)
    except BaseException as error:
        return type(error)


def as_seconds(value: Any, too_large: Any = ValueError) -> Any:
    """A duration, which may be a timedelta as well."""
    if getattr(value, "dtype", None) == np.dtype("m8[s]") and value.ndim == 0:
        return float(value.astype(int))
    return as_float(value, too_large)


def as_written(value: Any) -> str | None:
    """The text that stands for a number, if it is one."""
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else None


def as_model_float(value: Any) -> Any:
    text = as_written(value)
    if text is None:
        return as_float(value)
    try:
        return float(text)
    except ValueError:
        return ValueError


def as_model_int(value: Any) -> Any:
    if isinstance(value, int):
        return int(value)
    text = as_written(value)
    if text is not None:
        return int(text) if text.isdigit() else ValueError
    result = as_int(value)
    if result is not TypeError:
        return result
    number = as_float(value)
    if isinstance(number, type):
        return number
    return int(number) if number.is_integer() else ValueError


@dataclass
class Argument:
    """One numeric argument: how to pass it, and to see what came of it."""

    name: str
    give: Callable[[Any], Any]
    allowed: Callable[[Any], bool]
    state: Callable[[], Any] = lambda: None
    convert: Callable[[Any], Any] = as_float
    takes_bool: bool = True

    def expected(self, value: Any) -> Any:
        if isinstance(value, bool) and not self.takes_bool:
            return TypeError
        result = self.convert(value)
        if isinstance(result, type) or self.allowed(result):
            return result
        return ValueError


def finite_milliseconds(seconds: float) -> bool:
    """Whether it can be kept in milliseconds, as nothing of a clock that was set back can."""
    return math.isfinite(max(seconds * 1000, 0)) and math.isfinite(seconds)


def nothing_but_nan(seconds: float) -> bool:
    return not math.isnan(seconds)


def percent(number: float) -> bool:
    return 0 <= number <= 100


def within_0_and_1(number: float) -> bool:
    return 0 < number < 1


def nanoseconds(seconds: float) -> bool:
    return abs(seconds * 1e9) < 2**63


def anything(_: object) -> bool:
    return True


def positive(number: float) -> bool:
    return number > 0 and math.isfinite(number)


def a_day_at_most(seconds: float) -> bool:
    return 0 < seconds <= 86_400


def int64(number: int) -> bool:
    return -(2**63) <= number < 2**63


def as_ttl(value: Any) -> Any:
    """Beyond every float is beyond every clock too, and means for ever."""
    return as_seconds(value, too_large=math.inf)


def shown(value: Any) -> str:
    try:
        return repr(value)[:60]
    except ValueError:
        return "an int with too many digits"


def arguments() -> dict[str, Argument]:
    """All numeric arguments of the public API by their place in the stub, on new objects."""
    clock = ManualClock(wall=5)
    monitor, tracker = PerformanceMonitor(5, clock=clock), APIPerformanceTracker(5, clock=clock)
    profiler, cache = ImageProcessingProfiler(monitor), CacheManager(5, 50, clock=clock)
    resources = ResourceMonitor(10, 20, 30, clock=clock)
    heavy = CacheManager(max_bytes=9)
    with monitor.session("s"):
        for second in (1.0, 2.0, 9.0):
            monitor.record_metric("op_wall_time", second, "seconds")
    tracker.track_request("/a", 1, 200)
    cache.set("key", 1)
    metric = PerformanceMetric(metric_name="m", value=3, unit="u")
    request = APIMetric(endpoint="/a", duration_ms=3, status_code=200)
    stats = CacheStats(max_size=3)
    usage = ResourceUsage(**dict.fromkeys(ResourceUsage.__match_args__[:7], 3))

    def versioned() -> PerformanceMonitor:
        """A monitor whose history a release has written."""
        path = Path(_folder.name) / "versions.db"
        if not path.exists():
            with History(path, version="1.0") as history:
                PerformanceMonitor(history=history).record_metric("op", 1.0, "s")
        return PerformanceMonitor(history=History(path, record=False))

    def samples() -> Any:
        return [
            (m.value, m.unit) for name in monitor.operations() for m in monitor.get_metrics(name)
        ]

    def requests() -> Any:
        return [(r.duration_ms, r.status_code) for r in tracker._requests], tracker._max_history

    def cached() -> Any:
        return cache._keys(), cache._max_size, cache._default_ttl, repr(cache.get_stats())

    def thresholds() -> Any:
        return resources.cpu_threshold, resources.memory_threshold, resources.disk_threshold

    def record(value: Any) -> float:
        monitor.record_metric("op", value, "u")
        return monitor.get_metrics("op")[-1].value

    def record_one_of_many(value: Any) -> float:
        monitor.record_many("op", [1.0, value], "u")
        return monitor.get_metrics("op")[-1].value

    def track(value: Any) -> float:
        tracker.track_request("/a", value, 200)
        seconds = as_seconds(value)
        # A clock that was set back is no error of the request's.
        assert tracker._requests[-1].duration_ms == max(seconds * 1000, 0)
        return float(seconds)

    def track_status(value: Any) -> int:
        tracker.track_request("/a", 1, value)
        return tracker._requests[-1].status_code

    def set_status(value: Any) -> int:
        request = tracker.track("/a")
        request.status = value
        with request:
            pass
        return tracker._requests[-1].status_code

    def speed(value: Any) -> None:
        assert profiler.get_processing_speed((value, 1), "op") == float(value) / 4

    def compared(method: str, both: Any, threshold: str) -> Callable[[Any], Any]:
        def give(value: Any) -> Any:
            of = versioned() if method == "compare_versions" else monitor
            compare = getattr(PerformanceReport(of), method)
            comparison = compare(both, both, **{threshold: value})
            assert len(comparison["changes"]) == 1
            return comparison["thresholds"][threshold]

        return give

    def weighed(value: Any) -> int | None:
        heavy.__init__(max_bytes=2**63 - 1, weigher=lambda *_: value)  # type: ignore[misc]
        heavy.set("key", 1)
        return heavy.total_bytes

    def configured(make: Callable[[], Any], read: Callable[[], Any]) -> Any:
        make()
        return read()

    def history_of_others() -> History:
        return History(f"{_folder.name}/none.db", record=False)

    def history(**arguments: Any) -> None:
        History(f"{_folder.name}/history.db", **arguments).close()

    def field(model: Any, name: str) -> Callable[[Any], Any]:
        def give(value: Any) -> Any:
            setattr(model, name, value)
            made = type(model).model_validate({**model.model_dump(), name: value})
            assert repr(getattr(made, name)) == repr(getattr(model, name))
            return getattr(model, name)

        return give

    def threshold(name: str) -> Callable[[Any], float]:
        def give(value: Any) -> float:
            setattr(resources, name, value)
            return getattr(resources, name)

        return give

    async def one() -> int:
        return 1

    def at_once(coroutine: Any) -> None:
        with contextlib.suppress(StopIteration):
            coroutine.send(None)

    def ttl(give: Callable[[Any], object]) -> Callable[[Any], None]:
        def set_it(value: Any) -> None:
            give(value)
            seconds = as_ttl(value)
            if 1e-9 <= seconds < 1e9:
                clock.advance(float(seconds) * 1.0001)
                assert cache.get("ttl") is None
            else:
                clock.advance(1e8 if seconds <= 0 or seconds >= 1e9 else 0)
                assert cache.get("ttl") == (
                    1 if seconds <= 0 or seconds >= 1e9 else cache.get("ttl")
                )

        return set_it

    whole = {"convert": as_int}
    table = {
        "PerformanceMonitor.record_metric.value": Argument("value", record, anything, samples),
        "PerformanceMonitor.record_many.values": Argument(
            "values[1]", record_one_of_many, anything, samples
        ),
        "PerformanceMonitor.get_percentiles.percentiles": Argument(
            "percentiles",
            lambda v: monitor.get_percentiles("op_wall_time", [v]) and None,
            percent,
            samples,
        ),
        "PerformanceMonitor.max_history": Argument(
            "max_history",
            lambda v: configured(lambda: monitor.__init__(v), lambda: monitor._max_history),  # type: ignore[misc]
            lambda n: n >= 1,
            samples,
            **whole,
        ),
        "APIPerformanceTracker.max_history": Argument(
            "max_history",
            lambda v: configured(lambda: tracker.__init__(v), lambda: tracker._max_history),  # type: ignore[misc]
            lambda n: n >= 1,
            requests,
            **whole,
        ),
        "PerformanceMonitor.max_operations": Argument(
            "max_operations",
            lambda v: configured(
                lambda: monitor.__init__(max_operations=v),  # type: ignore[misc]
                lambda: monitor.max_operations,
            ),
            lambda n: n >= 1,
            samples,
            **whole,
        ),
        "APIPerformanceTracker.max_endpoints": Argument(
            "max_endpoints",
            lambda v: configured(
                lambda: tracker.__init__(max_endpoints=v),  # type: ignore[misc]
                lambda: tracker.max_endpoints,
            ),
            lambda n: n >= 1,
            requests,
            **whole,
        ),
        "APIPerformanceTracker.track_request.duration": Argument(
            "duration", track, finite_milliseconds, requests, as_seconds
        ),
        "APIPerformanceTracker.track_request.status": Argument(
            "status", track_status, lambda n: 0 <= n < 65536, requests, **whole
        ),
        "RequestTimer.status": Argument(
            "status", set_status, lambda n: 100 <= n < 600, requests, as_int
        ),
        "ImageProcessingProfiler.get_processing_speed.image_size": Argument(
            "image_size", speed, positive, samples
        ),
        "ImageProcessingProfiler.estimate_batch_time.images": Argument(
            "images",
            lambda v: profiler.estimate_batch_time([(1, 1), (1, v)], "op") and None,
            positive,
            samples,
        ),
        "ImageProcessingProfiler.identify_bottlenecks.threshold_percentile": Argument(
            "threshold_percentile",
            lambda v: (profiler.identify_bottlenecks(["op"], v), None)[1],
            percent,
            samples,
        ),
        "CacheManager.max_size": Argument(
            "max_size",
            lambda v: configured(
                lambda: cache.__init__(v, 50, clock=clock), lambda: cache._max_size
            ),  # type: ignore[misc]
            lambda n: 1 <= n < 2**64,
            cached,
            **whole,
        ),
        "CacheManager.max_bytes": Argument(
            "max_bytes",
            lambda v: configured(lambda: heavy.__init__(max_bytes=v), lambda: heavy.max_bytes),  # type: ignore[misc]
            lambda n: n >= 1,
            lambda: heavy.max_bytes,
            **whole,
        ),
        "CacheManager.weigher": Argument(
            "the weigher's result", weighed, lambda n: n >= 0, heavy.get_size, **whole
        ),
        "CacheManager.default_ttl": Argument(
            "default_ttl",
            ttl(lambda v: (cache.__init__(5, v, clock=clock), cache.set("ttl", 1))),  # type: ignore[misc, func-returns-value]
            nothing_but_nan,
            cached,
            as_ttl,
            takes_bool=False,
        ),
        "CacheManager.set.ttl": Argument(
            "ttl", ttl(lambda v: cache.set("ttl", 1, v)), nothing_but_nan, cached, as_ttl, False
        ),
        "CacheManager.aget_or_set.ttl": Argument(
            "ttl",
            ttl(lambda v: at_once(cache.aget_or_set("ttl", one, v))),
            nothing_but_nan,
            lambda: cached()[:3],
            as_ttl,
            takes_bool=False,
        ),
        "CacheManager.get_or_set.ttl": Argument(
            "ttl",
            ttl(lambda v: cache.get_or_set("ttl", lambda: 1, v)),
            nothing_but_nan,
            lambda: cached()[:3],
            as_ttl,
            takes_bool=False,
        ),
        "ResourceMonitor.get_gpu_usage.index": Argument(
            "index", lambda v: resources.get_gpu_usage(v) and None, lambda n: n >= 0, **whole
        ),
        "History.flush_interval": Argument(
            "flush_interval", lambda v: history(flush_interval=v), a_day_at_most
        ),
        "History.retention_days": Argument(
            "retention_days",
            lambda v: history(retention_days=v),
            lambda n: 1 <= n < 2**32,
            **whole,
        ),
        "History.recent.minutes": Argument(
            "minutes",
            lambda v: history_of_others().recent(v) and None,
            lambda n: 0 <= n <= 1_440,
            **whole,
        ),
        "ResourceMonitor.sample_interval": Argument(
            "sample_interval",
            lambda v: ResourceMonitor(sample_interval=v) and None,
            lambda n: 0.1 <= n <= 86_400,
        ),
        "ManualClock.wall": Argument("wall", lambda v: ManualClock(v) and None, nanoseconds),
        "ManualClock.set_wall.wall": Argument(
            "wall", lambda v: clock.set_wall(v), nanoseconds, lambda: (clock.wall, clock.monotonic)
        ),
        "ManualClock.advance.seconds": Argument(
            "seconds",
            lambda v: clock.advance(v),
            lambda n: n * 1e9 >= -0.5 and nanoseconds(n),
            lambda: (clock.wall, clock.monotonic),
        ),
        "Model.model_dump_json.indent": Argument(
            "indent",
            lambda v: metric.model_dump_json(indent=v) and None,
            lambda n: 0 <= n <= 255,
            **whole,
        ),
        "APIMetric.status_code": Argument(
            "status_code",
            field(request, "status_code"),
            int64,
            lambda: repr(request),
            as_model_int,
        ),
    }
    for name in ("cpu_threshold", "memory_threshold", "disk_threshold"):
        place = f"ResourceMonitor.{name}"
        table[place] = Argument(name, threshold(name), percent, thresholds, takes_bool=False)
        table[f"{place} at first"] = Argument(
            name,
            lambda v, name=name: getattr(ResourceMonitor(**{name: v}), name),
            percent,
            takes_bool=False,
        )
    for name in CacheStats.__match_args__:
        table[f"CacheStats.{name}"] = Argument(
            name, field(stats, name), int64, lambda: repr(stats), as_model_int
        )
    for model, name in [
        (metric, "value"),
        (request, "duration_ms"),
        *((usage, name) for name in ResourceUsage.__match_args__ if name != "timestamp"),
    ]:
        table[f"{type(model).__name__}.{name}"] = Argument(
            name, field(model, name), anything, lambda model=model: repr(model), as_model_float
        )
    period = (datetime.fromtimestamp(0), datetime.fromtimestamp(10))
    for method, both in (
        ("compare_performance", period),
        ("compare_sessions", "s"),
        ("compare_versions", "1.0"),
    ):
        for name, allowed, more in (
            ("confidence", within_0_and_1, {}),
            ("significance", within_0_and_1, {}),
            ("min_change", lambda n: n >= 0 and math.isfinite(n), {}),
            ("min_samples", lambda n: n >= 1, whole),
        ):
            table[f"PerformanceReport.{method}.{name}"] = Argument(
                name, compared(method, both, name), allowed, samples, **more
            )
    return table


# What may be left out, or means that it was.
OPTIONAL = {
    "CacheManager.set.ttl",
    "CacheManager.aget_or_set.ttl",
    "CacheManager.get_or_set.ttl",
    "CacheManager.max_bytes",
    "History.retention_days",
    "ResourceUsage.gpu_percent",
    "ResourceUsage.gpu_memory_mb",
    "Model.model_dump_json.indent",
}
# Bounds that no machine can reach mean the same.
SATURATING = {
    "APIPerformanceTracker.max_endpoints",
    "APIPerformanceTracker.max_history",
    "CacheManager.max_bytes",
    "CacheManager.weigher",
    "PerformanceMonitor.max_history",
    "PerformanceMonitor.max_operations",
    "PerformanceReport.compare_performance.min_samples",
    "PerformanceReport.compare_sessions.min_samples",
    "PerformanceReport.compare_versions.min_samples",
}
