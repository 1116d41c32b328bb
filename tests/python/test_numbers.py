"""Every numeric argument with every kind of number there is: the right value, or a clean error that
names the argument and changes nothing."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from number_table import DTYPES, HOSTILE, LARGEST, OPTIONAL, SATURATING, Float, arguments, shown
from ptpd_monitoring import ImageProcessingProfiler, PerformanceMonitor, _native
from ptpd_monitoring.testing import ManualClock


def identical(ours: Any, right: Any) -> bool:
    return type(ours) is type(right) and (
        repr(ours) == repr(right) if isinstance(right, float) else ours == right
    )


@pytest.mark.thread_unsafe(
    reason="a conversion keeps nothing, and the objects are new for each value"
)
@pytest.mark.parametrize("which", arguments())
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_every_kind_of_number_is_right_or_refused_by_name_and_changes_nothing(which: str) -> None:
    refusals = 0
    for value in HOSTILE:
        if value is None and which in OPTIONAL:
            continue
        argument = arguments()[which]
        right = argument.expected(value)
        if not isinstance(right, type):
            given = argument.give(value)
            expected = min(right, 2**63 - 1) if which in SATURATING else right
            assert given is None or identical(given, expected), (shown(value), given, expected)
            continue
        refusals += 1
        before = argument.state()
        with pytest.raises(BaseException) as caught:
            argument.give(value)
        error = caught.value
        assert isinstance(error, right), (shown(value), right, error)
        if issubclass(right, (TypeError, ValueError)):
            assert argument.name in str(error), (shown(value), error)
        assert argument.state() == before, shown(value)
    assert refusals > 20


def places_of_numbers(stub: ast.Module) -> set[str]:
    """The class, the method and the name of all that takes numbers; of constructors without the method."""
    found = set()
    for kind in (node for node in stub.body if isinstance(node, ast.ClassDef)):
        taken: list[tuple[str, ast.expr | None]] = []
        for node in kind.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                taken.append((node.target.id, node.annotation))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                method = "" if node.name in {"__init__", "__new__"} else f"{node.name}."
                all_of_it = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                taken += [
                    (f"{method}{argument.arg}", argument.annotation) for argument in all_of_it
                ]
        for name, annotation in taken:
            text = ast.unparse(annotation) if annotation else ""
            # What the clocks of tests take is given by the plugin alone.
            if kind.name != "StagedClock" and re.search(
                r"\b(_Numbers?|_Size|int|float|SupportsIndex|SupportsFloat)\b", text
            ):
                found.add(f"{kind.name}.{name}")
    return found


@pytest.mark.thread_unsafe(reason="the parser of CPython 3.11 counts its depth for all threads")
def test_no_numeric_argument_of_the_public_api_is_left_out() -> None:
    stub = Path(_native.__file__).with_name("_native.pyi").read_text()
    listed = {which.removesuffix(" at first") for which in arguments()}
    assert listed == places_of_numbers(ast.parse(stub))


@pytest.mark.parametrize("code", DTYPES)
def test_arrays_of_every_type_are_recorded_as_their_numbers_or_refused(code: str) -> None:
    monitor = PerformanceMonitor()
    array = np.ones(3, dtype=np.dtype(code)) if code != "M8[s]" else np.zeros(3, dtype=code)
    if array.dtype.kind in "fiubO":
        monitor.record_many("op", array, "u")
        assert monitor.values("op").tolist() == array.astype(float).tolist() == [1.0] * 3
        assert monitor.get_percentiles("op", array) == {"p1": 1.0}
        return
    refused = "an array of real numbers|a timedelta only in a unit of time"
    with pytest.raises(TypeError, match=f"^values (must|can) be ({refused})"):
        monitor.record_many("op", array, "u")
    assert monitor.operations() == []


def test_what_lies_under_a_mask_is_not_a_number() -> None:
    monitor = PerformanceMonitor()
    for masked in (
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.ma.masked_array([1, 2], [True, False]),
    ):
        monitor.record_many("op", masked, "u")
    assert np.array_equal(monitor.values("op"), [np.nan, 2, np.nan, 2], equal_nan=True)


def test_the_values_own_error_is_the_cause_of_ours() -> None:
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="value must be a number") as caught:
        PerformanceMonitor().record_metric("op", Float(mine), "u")
    assert caught.value.__cause__ is mine


def test_extreme_samples_have_the_figures_that_numpy_gives() -> None:
    monitor = PerformanceMonitor()
    for values in ([5e-324, 0.0, -0.0], [1e308, 1e308, 1.0], [LARGEST, -LARGEST], [math.inf, 1.0]):
        monitor.clear_metrics()
        monitor.record_many("op", values, "u")
        ours = monitor.get_statistics("op")
        with np.errstate(all="ignore"):
            right = {
                "min": np.min(values), "max": np.max(values), "mean": np.mean(values),
                "median": np.median(values), "std": np.std(values),
                "p90": np.percentile(values, 90), "p99": np.percentile(values, 99),
            }  # fmt: skip
        for name, figure in right.items():
            assert ours[name] == figure or (math.isnan(ours[name]) and math.isnan(figure)), (
                values,
                name,
            )


def test_a_clock_at_its_end_stays_there() -> None:
    clock = ManualClock(wall=9.2e9)
    for _ in range(5):
        clock.advance(9.2e9)
    assert clock.wall == pytest.approx(2**63 / 1e9)
    assert clock.monotonic == pytest.approx(2**64 / 1e9)


@pytest.mark.parametrize("value", ["endless", "endless pair"])
def test_endless_iterables_where_a_pair_is_wanted_are_refused_at_once(value: str) -> None:
    def endless() -> Any:
        while True:
            yield 1

    profiler = ImageProcessingProfiler()
    with pytest.raises(TypeError, match="image_size"):
        profiler.get_processing_speed(endless(), "op")
    with pytest.raises(TypeError, match="time_range"):
        profiler.monitor.get_metrics("op", endless())
