"""The native module: everything that records, computes and exports."""

import datetime as dt
import os
import pathlib
from _thread import LockType
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime, timedelta
from types import TracebackType
from typing import (
    Any,
    ClassVar,
    Literal,
    ParamSpec,
    Protocol,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
)
from uuid import UUID

import numpy as np
import numpy.typing as npt
from typing_extensions import Self, disjoint_base

from ._models import FieldInfo
from ._report import Report

__all__ = [
    "APIMetric",
    "APIPerformanceTracker",
    "CacheManager",
    "CacheStats",
    "History",
    "ImageProcessingProfiler",
    "ManualClock",
    "Model",
    "MonitoringSettings",
    "PerformanceMetric",
    "PerformanceMonitor",
    "PerformanceReport",
    "ProfileOptions",
    "Replacement",
    "RequestTimer",
    "ResourceMonitor",
    "ResourceUsage",
    "Session",
    "StagedClock",
    "Timer",
    "few_samples",
    "iso_text",
    "misspelt_settings",
    "quantity_text",
    "read_settings",
    "report_changed",
    "report_fragment",
    "report_order",
    "spreadsheet_text",
    "time_text",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_D = TypeVar("_D")
_F = TypeVar("_F", bound=Callable[..., Any])

_Number: TypeAlias = SupportsFloat | SupportsIndex
_Numbers: TypeAlias = npt.NDArray[Any] | Iterable[_Number | timedelta | None]
_TimeRange: TypeAlias = tuple[datetime, datetime] | Sequence[datetime]
_Times: TypeAlias = Literal["local", "offset", "utc"]
_Path: TypeAlias = str | os.PathLike[str]
_Names: TypeAlias = Iterable[str] | Mapping[str, Any]
_Metadata: TypeAlias = Mapping[str, Any]
_SessionId: TypeAlias = str | int | UUID
_Datetimes: TypeAlias = npt.NDArray[Any] | Iterable[datetime]
_Pixels: TypeAlias = SupportsIndex | tuple[SupportsIndex, SupportsIndex]
_Size: TypeAlias = tuple[_Number, _Number] | Sequence[_Number]

class _ResourceSource(Protocol):
    def check_resources(self) -> ResourceUsage: ...
    def get_alerts_for_high_usage(self) -> list[dict[str, Any]]: ...

@final
class ManualClock:
    def __new__(cls, wall: float = 0.0) -> Self: ...
    def advance(self, seconds: float) -> None: ...
    def set_wall(self, wall: float) -> None: ...
    @property
    def wall(self) -> float: ...
    @property
    def monotonic(self) -> float: ...

@final
class StagedClock:
    def __new__(cls) -> Self: ...
    def begin(self, look: Callable[[], object]) -> None: ...
    def end(self) -> None: ...
    def go(self) -> None: ...
    def stand(self, wall: float, moment: float) -> None: ...
    @staticmethod
    def system_wall() -> float: ...

@disjoint_base
class Model:
    __hash__: ClassVar[None]  # type: ignore[assignment]
    __fields__: ClassVar[dict[str, FieldInfo]]
    model_config: ClassVar[dict[str, Any]]
    model_computed_fields: ClassVar[dict[str, Any]]
    model_fields: ClassVar[dict[str, FieldInfo]]
    @property
    def model_extra(self) -> None: ...
    @property
    def model_fields_set(self) -> set[str]: ...
    @property
    def __fields_set__(self) -> set[str]: ...
    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        include: _Names | None = None,
        exclude: _Names | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        exclude_computed_fields: bool = False,
        round_trip: bool = False,
        warnings: bool | str = True,
        fallback: Callable[[Any], Any] | None = None,
        serialize_as_any: bool = False,
    ) -> dict[str, Any]: ...
    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        include: _Names | None = None,
        exclude: _Names | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        exclude_computed_fields: bool = False,
        round_trip: bool = False,
        warnings: bool | str = True,
        fallback: Callable[[Any], Any] | None = None,
        serialize_as_any: bool = False,
    ) -> str: ...
    @classmethod
    def model_validate(
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        extra: str | None = None,
        from_attributes: bool | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self: ...
    @classmethod
    def model_validate_json(
        cls,
        json_data: str | bytes | bytearray,
        *,
        strict: bool | None = None,
        extra: str | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self: ...
    @classmethod
    def model_validate_strings(
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        extra: str | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self: ...
    @classmethod
    def model_construct(cls, _fields_set: Iterable[str] | None = None, **values: Any) -> Self: ...
    @classmethod
    def model_json_schema(
        cls,
        by_alias: bool = True,
        ref_template: str = "",
        schema_generator: Any = None,
        mode: str = "validation",
        **others: Any,
    ) -> dict[str, Any]: ...
    @classmethod
    def model_rebuild(cls, **options: Any) -> None: ...
    def model_copy(self, *, update: dict[str, Any] | None = None, deep: bool = False) -> Self: ...
    @classmethod
    def construct(cls, _fields_set: Iterable[str] | None = None, **values: Any) -> Self: ...
    def copy(
        self,
        *,
        include: _Names | None = None,
        exclude: _Names | None = None,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,
    ) -> Self: ...
    @classmethod
    def from_orm(cls, obj: Any) -> Self: ...
    def json(
        self,
        *,
        include: _Names | None = None,
        exclude: _Names | None = None,
        by_alias: bool = False,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        encoder: Callable[[Any], Any] | None = None,
        models_as_dict: bool = True,
        **dumps_kwargs: Any,
    ) -> str: ...
    @classmethod
    def parse_file(cls, path: _Path, *, encoding: str = "utf-8") -> Self: ...
    @classmethod
    def parse_obj(
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        extra: str | None = None,
        from_attributes: bool | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
        is_json: bool = False,
    ) -> Self: ...
    @classmethod
    def parse_raw(
        cls,
        b: str | bytes,
        *,
        content_type: str | None = None,
        encoding: str = "utf-8",
        proto: Any = None,
        allow_pickle: bool = False,
    ) -> Self: ...
    @classmethod
    def schema(cls, by_alias: bool = True, ref_template: str = "") -> dict[str, Any]: ...
    @classmethod
    def schema_json(
        cls, *, by_alias: bool = True, ref_template: str = "", **dumps_kwargs: Any
    ) -> str: ...
    @classmethod
    def update_forward_refs(cls, **options: Any) -> None: ...
    @classmethod
    def validate(
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        extra: str | None = None,
        from_attributes: bool | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
        is_json: bool = False,
    ) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: Any) -> Self: ...
    def __replace__(self, **changes: Any) -> Self: ...
    def __setstate__(self, state: set[str]) -> None: ...
    def __iter__(self) -> Iterator[tuple[str, Any]]: ...
    def __rich_repr__(self) -> Iterable[tuple[str, Any]]: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any: ...
    # Last, as it is the name of a type as well.
    def dict(self, **options: Any) -> dict[str, Any]: ...

@disjoint_base
class PerformanceMetric(Model):
    __match_args__ = ("metric_name", "value", "unit", "timestamp", "metadata")
    def __new__(
        cls,
        *,
        metric_name: str,
        value: _Number,
        unit: str,
        timestamp: datetime | str | None = None,
        metadata: _Metadata | None = None,
    ) -> Self: ...
    metric_name: str
    value: float
    unit: str
    timestamp: datetime
    metadata: _Metadata

@disjoint_base
class ResourceUsage(Model):
    __match_args__ = (
        "cpu_percent",
        "memory_percent",
        "memory_used_mb",
        "memory_available_mb",
        "disk_percent",
        "disk_used_gb",
        "disk_free_gb",
        "timestamp",
        "gpu_percent",
        "gpu_memory_mb",
    )
    def __new__(
        cls,
        *,
        cpu_percent: _Number,
        memory_percent: _Number,
        memory_used_mb: _Number,
        memory_available_mb: _Number,
        disk_percent: _Number,
        disk_used_gb: _Number,
        disk_free_gb: _Number,
        timestamp: datetime | str | None = None,
        gpu_percent: _Number | None = None,
        gpu_memory_mb: _Number | None = None,
    ) -> Self: ...
    cpu_percent: float
    memory_percent: float
    memory_used_mb: float
    memory_available_mb: float
    disk_percent: float
    disk_used_gb: float
    disk_free_gb: float
    timestamp: datetime
    gpu_percent: float | None
    gpu_memory_mb: float | None

@disjoint_base
class APIMetric(Model):
    __match_args__ = ("endpoint", "duration_ms", "status_code", "timestamp", "method", "error")
    def __new__(
        cls,
        *,
        endpoint: str,
        duration_ms: _Number,
        status_code: int,
        timestamp: datetime | str | None = None,
        method: str = "GET",
        error: str | None = None,
    ) -> Self: ...
    endpoint: str
    duration_ms: float
    status_code: int
    timestamp: datetime
    method: str
    error: str | None

@disjoint_base
class CacheStats(Model):
    __match_args__ = ("hits", "misses", "evictions", "expirations", "size", "max_size")
    def __new__(
        cls,
        *,
        max_size: int,
        hits: int = 0,
        misses: int = 0,
        evictions: int = 0,
        expirations: int = 0,
        size: int = 0,
    ) -> Self: ...
    hits: int
    misses: int
    evictions: int
    expirations: int
    size: int
    max_size: int
    @property
    def hit_rate(self) -> float: ...
    @property
    def miss_rate(self) -> float: ...

@final
class Timer:
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Literal[False]: ...
    def __aenter__(self) -> Awaitable[Self]: ...
    def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Awaitable[None]: ...
    @property
    def elapsed(self) -> float: ...
    def __call__(self, function: _F) -> _F: ...

@final
class RequestTimer:
    status: int
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Literal[False]: ...
    def __aenter__(self) -> Awaitable[Self]: ...
    def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Awaitable[None]: ...
    def __call__(self, function: _F) -> _F: ...

@final
class Session:
    @property
    def session_id(self) -> str: ...
    def __enter__(self) -> str: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Literal[False]: ...

@disjoint_base
class PerformanceMonitor:
    def __init__(
        self,
        max_history: int = 10000,
        *,
        max_operations: int = 10000,
        history: History | _Path | None = None,
        clock: ManualClock | None = None,
    ) -> None: ...
    def _repr_html_(self) -> str: ...
    @property
    def history(self) -> History | None: ...
    def start_timer(self, operation_name: str) -> None: ...
    def stop_timer(self, operation_name: str) -> float | None: ...
    def timer(self, operation_name: str, metadata: _Metadata | None = None) -> Timer: ...
    def session(self, session_id: _SessionId) -> Session: ...
    def record_metric(
        self,
        name: str,
        value: _Number | timedelta,
        unit: str,
        metadata: _Metadata | None = None,
        *,
        timestamp: datetime | None = None,
    ) -> None: ...
    def record_many(
        self,
        name: str,
        values: _Numbers,
        unit: str,
        *,
        timestamps: _Datetimes | None = None,
        metadata: _Metadata | None = None,
    ) -> None: ...
    def get_metrics(
        self, operation_name: str, time_range: _TimeRange | None = None
    ) -> list[PerformanceMetric]: ...
    def get_average(self, operation_name: str) -> float | None: ...
    def get_percentiles(
        self, operation_name: str, percentiles: _Numbers | None = None
    ) -> dict[str, float]: ...
    def get_statistics(self, operation_name: str) -> dict[str, Any]: ...
    def operations(self) -> list[str]: ...
    def values(self, operation_name: str) -> npt.NDArray[np.float64]: ...
    def timestamps(self, operation_name: str) -> npt.NDArray[np.datetime64]: ...
    def _values(self, operation_name: str) -> bytearray: ...
    def _timestamps(self, operation_name: str) -> bytearray: ...
    @overload
    def export_metrics(
        self,
        format: str = "json",
        output_path: None = None,
        operation_name: str | None = None,
        *,
        neutralize_formulas: bool = True,
        times: _Times = "local",
        encoding: None = None,
    ) -> str: ...
    @overload
    def export_metrics(
        self,
        format: str = "json",
        *,
        output_path: _Path,
        operation_name: str | None = None,
        neutralize_formulas: bool = True,
        times: _Times = "local",
        encoding: str | None = None,
    ) -> None: ...
    @overload
    def export_metrics(
        self,
        format: str,
        output_path: _Path,
        operation_name: str | None = None,
        *,
        neutralize_formulas: bool = True,
        times: _Times = "local",
        encoding: str | None = None,
    ) -> None: ...
    def clear_metrics(self, operation_name: str | None = None) -> None: ...
    @property
    def max_operations(self) -> int: ...
    @property
    def overflowed(self) -> int: ...
    @property
    def timers_forgotten(self) -> int: ...
    @property
    def sessions_forgotten(self) -> int: ...
    @property
    def _max_history(self) -> int: ...
    @property
    def _timers(self) -> _TimersView: ...
    @property
    def _metrics(self) -> _MetricsView: ...

@final
class ProfileOptions:
    def __new__(
        cls,
        operation: str | None = None,
        size: _Pixels | Callable[..., _Pixels | None] | None = None,
        image: Callable[[tuple[Any, ...], dict[str, Any]], Any] | None = None,
    ) -> Self: ...
    def __getnewargs__(self) -> tuple[str | None, Any, Callable[..., Any] | None]: ...

@disjoint_base
class ImageProcessingProfiler:
    def __init__(
        self,
        monitor: PerformanceMonitor | None = None,
        *,
        size_of: Callable[[Any], _Pixels | None] | None = None,
    ) -> None: ...
    def _repr_html_(self) -> str: ...
    @property
    def monitor(self) -> PerformanceMonitor: ...
    @property
    def size_of(self) -> Callable[[Any], _Pixels | None] | None: ...
    @size_of.setter
    def size_of(self, size_of: Callable[[Any], _Pixels | None] | None) -> None: ...
    def _begin(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: ProfileOptions | None = None,
    ) -> tuple[Callable[..., Any], tuple[Any, ...], _ProfiledCall]: ...
    @overload
    def profile_operation(  # type: ignore[overload-overlap]
        self, func: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> Coroutine[Any, Any, tuple[_T, dict[str, Any]]]: ...
    @overload
    def profile_operation(
        self, func: Callable[_P, Generator[_T, Any, Any]], *args: _P.args, **kwargs: _P.kwargs
    ) -> tuple[list[_T], dict[str, Any]]: ...
    @overload
    def profile_operation(  # type: ignore[overload-overlap]
        self, func: Callable[_P, AsyncGenerator[_T, Any]], *args: _P.args, **kwargs: _P.kwargs
    ) -> Coroutine[Any, Any, tuple[list[_T], dict[str, Any]]]: ...
    @overload
    def profile_operation(
        self, func: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> tuple[_T, dict[str, Any]]: ...
    # With arguments of its own beside the function's.
    @overload
    def profile_operation(  # type: ignore[overload-cannot-match]
        self,
        func: Callable[..., _T],
        *args: Any,
        size: _Pixels | Callable[..., _Pixels | None],
        operation: str | None = None,
        name: None = None,
        **kwargs: Any,
    ) -> tuple[_T, dict[str, Any]]: ...
    @overload
    def profile_operation(  # type: ignore[overload-cannot-match]
        self,
        func: Callable[..., _T],
        *args: Any,
        name: str,
        operation: str | None = None,
        **kwargs: Any,
    ) -> tuple[_T, dict[str, Any]]: ...
    @overload
    def profile_operation(  # type: ignore[overload-cannot-match]
        self,
        func: Callable[..., _T],
        *args: Any,
        operation: str,
        **kwargs: Any,
    ) -> tuple[_T, dict[str, Any]]: ...
    @overload
    def profile(self, function: _F, /) -> _F: ...
    @overload
    def profile(
        self,
        function: None = None,
        /,
        *,
        operation: str | None = None,
        size: _Pixels | Callable[..., _Pixels | None] | None = None,
        name: str | None = None,
    ) -> Callable[[_F], _F]: ...
    def get_throughput(self, operation_name: str) -> dict[str, Any]: ...
    def get_processing_speed(self, image_size: _Size, operation_name: str) -> float | None: ...
    def estimate_batch_time(self, images: Iterable[_Size], operation_name: str) -> float | None: ...
    def track_memory_usage(self, operation: str) -> None: ...
    def get_memory_stats(self) -> dict[str, float]: ...
    def identify_bottlenecks(
        self, operations: Iterable[str], threshold_percentile: _Number = 90
    ) -> list[dict[str, Any]]: ...
    @property
    def _memory_tracking(self) -> dict[str, float]: ...

@disjoint_base
class APIPerformanceTracker:
    def __init__(
        self,
        max_history: int = 10000,
        *,
        max_endpoints: int = 10000,
        history: History | _Path | None = None,
        clock: ManualClock | None = None,
    ) -> None: ...
    def _repr_html_(self) -> str: ...
    @property
    def history(self) -> History | None: ...
    def track_request(
        self,
        endpoint: str,
        duration: _Number | timedelta,
        status: int,
        method: str = "GET",
        error: str | None = None,
    ) -> None: ...
    def track(self, endpoint: str, method: str | None = "GET") -> RequestTimer: ...
    def get_endpoint_stats(
        self, endpoint: str, time_range: _TimeRange | None = None, method: str | None = None
    ) -> dict[str, Any]: ...
    def get_error_rate(
        self, endpoint: str, time_range: _TimeRange | None = None, method: str | None = None
    ) -> float: ...
    def get_errors(self, endpoint: str | None = None) -> list[dict[str, Any]]: ...
    def clear(self) -> None: ...
    def get_response_times(self) -> dict[str, list[float]]: ...
    def generate_api_report(self) -> dict[str, Any]: ...
    @property
    def max_endpoints(self) -> int: ...
    @property
    def overflowed(self) -> int: ...
    @property
    def methods_overflowed(self) -> int: ...
    @property
    def requests_forgotten(self) -> int: ...
    @property
    def _max_history(self) -> int: ...
    @property
    def _requests(self) -> Sequence[APIMetric]: ...

@disjoint_base
class CacheManager:
    def __init__(
        self,
        max_size: int = 1000,
        default_ttl: _Number | timedelta = 3600,
        *,
        max_bytes: int | None = None,
        weigher: Callable[[Any, Any], SupportsIndex] | None = None,
        clock: ManualClock | None = None,
    ) -> None: ...
    def _repr_html_(self) -> str: ...
    @overload
    def get(self, key: Hashable) -> Any: ...
    @overload
    def get(self, key: Hashable, default: _D) -> Any | _D: ...
    def set(self, key: Hashable, value: Any, ttl: _Number | timedelta | None = None) -> None: ...
    @overload
    def get_or_set(
        self,
        key: Hashable,
        factory: Callable[[], Coroutine[Any, Any, _T]],
        ttl: _Number | timedelta | None = None,
    ) -> Coroutine[Any, Any, _T]: ...
    @overload
    def get_or_set(
        self, key: Hashable, factory: Callable[[], _T], ttl: _Number | timedelta | None = None
    ) -> _T: ...
    async def aget_or_set(
        self,
        key: Hashable,
        factory: Callable[[], Awaitable[_T]],
        ttl: _Number | timedelta | None = None,
    ) -> _T: ...
    def _join(self, key: Hashable, is_async: bool) -> tuple[_Computation, bool] | None: ...
    def delete(self, key: Hashable) -> bool: ...
    def get_size(self) -> int: ...
    def clear(self) -> None: ...
    def cleanup_expired(self) -> int: ...
    def get_stats(self) -> CacheStats: ...
    @property
    def max_bytes(self) -> int | None: ...
    @property
    def total_bytes(self) -> int | None: ...
    @property
    def rejections(self) -> int: ...
    def __contains__(self, key: Hashable, /) -> bool: ...
    @property
    def _max_size(self) -> int: ...
    @property
    def _default_ttl(self) -> float: ...
    def _keys(self) -> list[Any]: ...

@final
class _Computation:
    @property
    def lock(self) -> LockType: ...
    @property
    def has_value(self) -> bool: ...
    @property
    def value(self) -> Any: ...
    def when_ended(self, callback: Callable[[], object]) -> None: ...
    def waited(self) -> None: ...
    def keep(self, value: _T, ttl: Any) -> _T: ...
    def __enter__(self) -> None: ...
    def __exit__(self, kind: object, error: object, traceback: object, /) -> Literal[False]: ...

@disjoint_base
class ResourceMonitor:
    def __init__(
        self,
        cpu_threshold: _Number = 80.0,
        memory_threshold: _Number = 80.0,
        disk_threshold: _Number = 90.0,
        *,
        history: History | _Path | None = None,
        sample_interval: _Number = 10.0,
        clock: ManualClock | None = None,
    ) -> None: ...
    def _repr_html_(self) -> str: ...
    @property
    def history(self) -> History | None: ...
    cpu_threshold: float
    memory_threshold: float
    disk_threshold: float
    def get_cpu_usage(self) -> float: ...
    def get_memory_usage(self) -> dict[str, float]: ...
    def get_disk_usage(self, path: _Path = "/") -> dict[str, float]: ...
    def get_gpu_usage(self, index: int = ...) -> dict[str, float | None] | None: ...
    def gpu_count(self) -> int: ...
    def check_resources(self) -> ResourceUsage: ...
    def get_alerts_for_high_usage(self) -> list[dict[str, Any]]: ...

@disjoint_base
class PerformanceReport:
    def __init__(
        self,
        monitor: PerformanceMonitor,
        api_tracker: APIPerformanceTracker | None = None,
        resource_monitor: _ResourceSource | None = None,
        *,
        cache: CacheManager | None = None,
    ) -> None: ...
    @property
    def monitor(self) -> PerformanceMonitor: ...
    @property
    def api_tracker(self) -> APIPerformanceTracker | None: ...
    @property
    def resource_monitor(self) -> _ResourceSource | None: ...
    @property
    def cache(self) -> CacheManager | None: ...
    def generate_daily_report(
        self, date: dt.date | None = None, *, tz: str | dt.tzinfo | None = None
    ) -> Report: ...
    def generate_period_report(
        self, period: _TimeRange, *, tz: str | dt.tzinfo | None = None
    ) -> Report: ...
    def generate_session_report(self, session_id: _SessionId) -> Report: ...
    def compare_performance(
        self,
        period1: _TimeRange,
        period2: _TimeRange,
        *,
        confidence: _Number = 0.95,
        significance: _Number = 0.05,
        min_change: _Number = 5.0,
        min_samples: SupportsIndex = 10,
        adjust: bool = True,
    ) -> Report: ...
    def compare_sessions(
        self,
        session1: _SessionId,
        session2: _SessionId,
        *,
        confidence: _Number = 0.95,
        significance: _Number = 0.05,
        min_change: _Number = 5.0,
        min_samples: SupportsIndex = 10,
        adjust: bool = True,
    ) -> Report: ...
    def compare_versions(
        self,
        version1: str,
        version2: str,
        *,
        confidence: _Number = 0.95,
        significance: _Number = 0.05,
        min_change: _Number = 5.0,
        min_samples: SupportsIndex = 10,
        adjust: bool = True,
    ) -> Report: ...
    @overload
    @staticmethod
    def export_report(
        report: Mapping[str, Any],
        format: str = "json",
        path: None = None,
        *,
        neutralize_formulas: bool = True,
        times: _Times = "local",
        encoding: None = None,
    ) -> str: ...
    @overload
    @staticmethod
    def export_report(
        report: Mapping[str, Any],
        format: str = "json",
        *,
        path: _Path,
        neutralize_formulas: bool = True,
        times: _Times = "local",
        encoding: str | None = None,
    ) -> None: ...
    @overload
    @staticmethod
    def export_report(
        report: Mapping[str, Any],
        format: str,
        path: _Path,
        *,
        neutralize_formulas: bool = True,
        times: _Times = "local",
        encoding: str | None = None,
    ) -> None: ...

@final
class MonitoringSettings:
    @property
    def max_history(self) -> int: ...
    @property
    def max_operations(self) -> int: ...
    @property
    def max_endpoints(self) -> int: ...
    @property
    def cpu_threshold(self) -> float: ...
    @property
    def memory_threshold(self) -> float: ...
    @property
    def disk_threshold(self) -> float: ...
    @property
    def cache_size(self) -> int: ...
    @property
    def cache_ttl(self) -> float: ...
    @property
    def cache_max_bytes(self) -> int | None: ...
    @property
    def history(self) -> str | None: ...
    @property
    def retention_days(self) -> int: ...

def misspelt_settings() -> list[tuple[str, str]]: ...
def read_settings(*names: str) -> MonitoringSettings: ...
def report_changed(
    report: dict[str, Any],
) -> tuple[str, str, str, list[tuple[str, str, str, str, str, str, float | None]]] | None: ...
def report_fragment(report: dict[str, Any]) -> str: ...
def spreadsheet_text(text: str) -> str: ...
def quantity_text(value: _Number, unit: str) -> str | None: ...
def iso_text(moment: datetime, times: _Times) -> str: ...
def time_text(text: str, times: _Times) -> str: ...
def report_order(report: dict[str, Any]) -> dict[str, list[str]]: ...
def few_samples(report: dict[str, Any]) -> dict[str, str]: ...

@final
class Replacement:
    def __new__(cls, path: _Path) -> Self: ...
    def __enter__(self) -> pathlib.Path: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> Literal[False]: ...

@disjoint_base
class History:
    def __init__(
        self,
        path: _Path,
        *,
        flush_interval: _Number = 1.0,
        retention_days: int | None = None,
        record: bool = True,
        clock: ManualClock | None = None,
        on_sigterm: bool = True,
        version: str | None = None,
    ) -> None: ...
    def _repr_html_(self) -> str: ...
    def flush(self) -> bool: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None = None,
        _error: BaseException | None = None,
        _traceback: TracebackType | None = None,
    ) -> Literal[False]: ...
    @property
    def path(self) -> pathlib.Path: ...
    @property
    def closed(self) -> bool: ...
    @property
    def problem(self) -> str | None: ...
    def info(self) -> dict[str, Any]: ...
    def check(self) -> list[str]: ...
    def backup(self, path: _Path) -> None: ...
    def fold(self) -> None: ...
    def vacuum(self) -> None: ...
    def rows(
        self,
        resolution: Literal["minutes", "hours"] = "minutes",
        time_range: _TimeRange | None = None,
    ) -> Iterator[dict[str, Any]]: ...
    def recent(self, minutes: int = 5) -> dict[str, Any]: ...

class _ProfiledCall(Protocol):
    def restart(self) -> None: ...
    def finished(self, result: object) -> dict[str, Any]: ...
    def failed(self, error: BaseException) -> None: ...

class _TimersView(Protocol):
    def __len__(self) -> int: ...
    def __contains__(self, name: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...

class _MetricsView(Protocol):
    def __len__(self) -> int: ...
    def __contains__(self, name: object) -> bool: ...
    def __getitem__(self, name: str) -> Sequence[PerformanceMetric]: ...
    def __iter__(self) -> Iterator[str]: ...
    def get(self, name: str, default: _D = ...) -> Sequence[PerformanceMetric] | _D: ...
    def keys(self) -> list[str]: ...
    def values(self) -> list[Sequence[PerformanceMetric]]: ...
    def items(self) -> list[tuple[str, Sequence[PerformanceMetric]]]: ...
