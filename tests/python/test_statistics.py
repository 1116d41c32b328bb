"""Statistics of samples in memory, against NumPy to the last bit."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import NumpyVersion

from ptpd_monitoring import PerformanceMonitor

LIMIT = 200_000

# NumPy before 2.3 adds up the sums of consecutive buffers, later ones sum the whole array pairwise.
BUFFER = 8_192
NUMPY_SUMS_BY_BUFFERS = NumpyVersion(np.__version__) < "2.3.0"

Array = np.ndarray


def bits(value: float) -> str:
    """Text that is the same for the same double.

    Two things are left out. NumPy does not define the payload of a NaN. And the sign of a zero
    among equal zeros depends on the instruction set that NumPy's minimum, maximum and partition
    were compiled for.
    """
    if math.isnan(value):
        return "nan"
    if value == 0.0:
        return "zero"
    return struct.pack(">d", value).hex()


def recorded(values: Array) -> PerformanceMonitor:
    monitor = PerformanceMonitor(max_history=LIMIT)
    monitor.record_many("op", values, "u")
    return monitor


def assert_equal_to_numpy(values: Array) -> None:
    statistics = recorded(values).get_statistics("op")
    with warnings.catch_warnings():
        # NumPy warns of overflow and of infinity minus infinity; its answers still count.
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = {
            "min": np.min(values),
            "max": np.max(values),
            "mean": np.mean(values),
            "median": np.median(values),
            "std": np.std(values),
            "p50": np.percentile(values, 50),
            "p90": np.percentile(values, 90),
            "p95": np.percentile(values, 95),
            "p99": np.percentile(values, 99),
        }
    if len(values) > BUFFER and NUMPY_SUMS_BY_BUFFERS:
        for name in ["mean", "std"]:
            value = float(expected.pop(name))
            assert statistics[name] == pytest.approx(value, rel=1e-12, nan_ok=True)
    figures = {name: bits(statistics[name]) for name in expected}
    assert figures == {name: bits(float(value)) for name, value in expected.items()}
    assert statistics["count"] == len(values)


KINDS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "uniform": lambda rng, n: rng.random(n),
    "normal": lambda rng, n: rng.normal(0.0, 1e3, n),
    "lognormal": lambda rng, n: rng.lognormal(-3.0, 2.0, n),
    "constant": lambda rng, n: np.full(n, 0.1),
    "few values": lambda rng, n: rng.integers(0, 3, n) * 0.1,
    "subnormal": lambda rng, n: rng.random(n) * 1e-310,
    "huge": lambda rng, n: rng.uniform(-1.7, 1.7, n) * 1e308,
    "all magnitudes": lambda rng, n: 10.0 ** rng.uniform(-300, 300, n),
    "zeros of both signs": lambda rng, n: np.where(rng.random(n) < 0.5, -0.0, 0.0),
    "sorted": lambda rng, n: np.sort(rng.random(n)),
    "reversed": lambda rng, n: np.sort(rng.random(n))[::-1],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_equals_numpy_for_any_small_count(kind: str) -> None:
    rng = np.random.default_rng(20_240_229)
    for count in range(1, 301):
        assert_equal_to_numpy(KINDS[kind](rng, count))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1_000, 4_095, 4_096, 4_097, 10_000, 100_003])
def test_every_figure_equals_numpy_for_large_counts(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    assert_equal_to_numpy(KINDS[kind](rng, count))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 127, 128, 129, 1_000, 5_000])
@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf, -0.0])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_one_special_value_has_numpys_effect_wherever_it_stands(
    count: int, special: float, place: float
) -> None:
    values = np.random.default_rng(count).normal(size=count)
    values[int(place * (count - 1))] = special
    assert_equal_to_numpy(values)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(width=64), min_size=1, max_size=40))
def test_any_doubles_give_numpys_figures(values: list[float]) -> None:
    assert_equal_to_numpy(np.array(values))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(width=64), min_size=1, max_size=40),
    st.lists(
        st.one_of(st.floats(0, 100), st.integers(0, 100), st.sampled_from([0, 100, 99.9])),
        min_size=1,
        max_size=6,
        unique_by=float,
    ),
)
def test_any_percentile_equals_numpys(values: list[float], asked: list[float]) -> None:
    found = recorded(np.array(values)).get_percentiles("op", asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = [float(np.percentile(values, q)) for q in asked]
    assert [bits(value) for value in found.values()] == [bits(value) for value in expected]


@pytest.mark.parametrize("count", [1, 2, 10, 1_000, 50_001])
def test_many_percentiles_at_once_equal_numpys(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.lognormal(size=count)
    asked = np.unique(np.concatenate([[0.0, 100.0], rng.uniform(0, 100, 200)]))
    found = recorded(values).get_percentiles("op", asked)
    assert list(found.values()) == np.percentile(values, asked).tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=64), min_size=1, max_size=300))
def test_the_average_equals_numpys_mean(values: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = float(np.mean(np.array(values)))
    average = recorded(np.array(values)).get_average("op")
    assert average is not None
    assert bits(average) == bits(expected)


def test_figures_hold_after_the_history_has_wrapped_around() -> None:
    values = np.random.default_rng(5).lognormal(size=2_500)
    monitor = PerformanceMonitor(max_history=1_000)
    for value in values:
        monitor.record_metric("op", value, "u")
    kept = values[-1_000:]
    statistics = monitor.get_statistics("op")
    assert statistics["std"] == np.std(kept)
    assert statistics["p99"] == np.percentile(kept, 99)
    assert monitor.get_average("op") == np.mean(kept)


def test_figures_are_plain_python_numbers() -> None:
    monitor = recorded(np.array([1.0, 2.0, 4.0], dtype=np.float32))
    statistics = monitor.get_statistics("op")
    assert list(statistics) == [
        "count",
        "min",
        "max",
        "mean",
        "median",
        "std",
        "unit",
        "p50",
        "p90",
        "p95",
        "p99",
    ]
    kinds = {name: type(value) for name, value in statistics.items()}
    assert kinds.pop("count") is int
    assert kinds.pop("unit") is str
    assert set(kinds.values()) == {float}
    assert type(monitor.get_average("op")) is float
    assert {type(value) for value in monitor.get_percentiles("op").values()} == {float}


def test_percentiles_are_named_by_their_shortest_decimal() -> None:
    monitor = recorded(np.arange(10.0))
    assert list(monitor.get_percentiles("op")) == ["p50", "p90", "p95", "p99"]
    assert list(monitor.get_percentiles("op", [99.9, 0, 100, 25.0])) == [
        "p99.9",
        "p0",
        "p100",
        "p25",
    ]
    assert monitor.get_percentiles("op", []) == {}


def test_an_unknown_operation_has_no_figures() -> None:
    monitor = PerformanceMonitor()
    assert monitor.get_statistics("no") == {"count": 0}
    assert monitor.get_percentiles("no") == {}
    assert monitor.get_percentiles("no", [50]) == {}
    assert monitor.get_average("no") is None


def test_a_nan_sample_does_not_poison_another_operation() -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("bad", math.nan, "u")
    monitor.record_metric("good", 2.0, "u")
    assert math.isnan(monitor.get_statistics("bad")["mean"])
    assert monitor.get_statistics("good")["mean"] == 2.0
    assert monitor.get_percentiles("good") == {"p50": 2.0, "p90": 2.0, "p95": 2.0, "p99": 2.0}


def test_the_unit_is_that_of_the_oldest_sample_kept() -> None:
    monitor = PerformanceMonitor(max_history=2)
    for value, unit in enumerate(["s", "ms", "us"]):
        monitor.record_metric("op", value, unit)
    assert monitor.get_statistics("op")["unit"] == "ms"


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [(-0.5, "-0.5"), (100.001, "100.001"), (math.nan, "NaN"), (math.inf, "inf"), (101, "101")],
)
@pytest.mark.parametrize("operation", ["op", "unknown"])
def test_a_percentile_out_of_range_is_refused_by_name_and_value(
    wrong: float, shown: str, operation: str
) -> None:
    monitor = recorded(np.arange(3.0))
    with pytest.raises(ValueError, match=f"percentiles must be numbers from 0 to 100, got {shown}"):
        monitor.get_percentiles(operation, [50, wrong])


@pytest.mark.parametrize("wrong", ["50", ["50"], 50, [None], [[50]], b"2"])
def test_percentiles_of_the_wrong_type_are_refused_by_name(wrong: object) -> None:
    with pytest.raises(TypeError, match="percentiles"):
        recorded(np.arange(3.0)).get_percentiles("op", wrong)
