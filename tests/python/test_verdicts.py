"""What compare_performance says of a change, against scipy."""

from __future__ import annotations

import inspect
import json
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock
from verdict_simulation import (
    DAY,
    HEAVY,
    HOUR,
    NOON,
    SIZES,
    change,
    compare,
    false_verdicts,
    found,
    usual,
    with_slow,
)

ENDS = ["low", "high", "low_percentage", "high_percentage"]


def samples(kind: str, size: int, shift: float, chance: np.random.Generator) -> np.ndarray:
    values = {
        "normal": lambda: chance.normal(10 + shift, 2, size),
        "lognormal": lambda: chance.lognormal(shift, 1, size),
        "heavy-tailed": lambda: chance.pareto(1.5, size) + 1 + shift,
        "ties": lambda: chance.integers(0, 5, size) + round(shift * 2),
        "mostly zero": lambda: chance.poisson(0.05 + shift / 10, size),
        "negative": lambda: -chance.lognormal(shift, 0.5, size),
        "bimodal": lambda: (
            np.where(chance.random(size) < 0.9, 1.0, 50.0 + shift) * chance.lognormal(0, 0.1, size)
        ),
    }[kind]()
    return np.asarray(values, dtype=float)


KINDS = ["normal", "lognormal", "heavy-tailed", "ties", "mostly zero", "negative", "bimodal"]


def rank_test(before: Any, after: Any) -> tuple[float, float]:
    """The p-value and the statistic of scipy, of which some releases have no p of equal values."""
    found = stats.mannwhitneyu(after, before, method="asymptotic")
    is_constant = np.ptp(np.concatenate([before, after])) == 0
    return 1.0 if is_constant else float(found.pvalue), float(found.statistic)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "sizes", [(2, 3), (5, 8), (30, 7), (100, 100), (2_000, 50), (3_000, 5_000)]
)
@pytest.mark.parametrize("shift", [0, 0.1, 1.0])
def test_figures_of_a_change_are_scipys(kind: str, sizes: tuple[int, int], shift: float) -> None:
    chance = np.random.default_rng([len(kind), *sizes])
    before, after = samples(kind, sizes[0], 0, chance), samples(kind, sizes[1], shift, chance)
    for confidence in (0.5, 0.95, 0.9999):
        found = change(before, after, confidence=confidence)
        p_value, statistic = rank_test(before, after)
        assert found["p_value"] == pytest.approx(p_value, rel=1e-9, abs=1e-300)
        pairs = before.size * after.size
        assert found["effect_size"] == pytest.approx(2 * statistic / pairs - 1, abs=1e-12)
        if before.std() == after.std() == 0:
            expected = [after.mean() - before.mean()] * 2
        else:
            welch = stats.ttest_ind(after, before, equal_var=False)
            expected = list(welch.confidence_interval(confidence))
        interval = found["confidence_interval"]
        width = expected[1] - expected[0]
        assert list(interval) == ENDS
        assert [interval["low"], interval["high"]] == pytest.approx(expected, abs=1e-9 * width)
        base = abs(before.mean())
        if base > 0:
            assert [interval["low_percentage"], interval["high_percentage"]] == pytest.approx(
                [interval["low"] / base * 100, interval["high"] / base * 100]
            )


def test_a_tiny_p_value_is_scipys_too() -> None:
    before, after = np.arange(600.0), np.arange(600.0) + 700
    right = float(stats.mannwhitneyu(before, after, method="asymptotic").pvalue)
    assert 0 < right < 1e-190
    assert change(before, after)["p_value"] == pytest.approx(right, rel=1e-9)


def test_welchs_interval_is_scipys_where_nearly_all_of_the_error_is_one_samples() -> None:
    chance = np.random.default_rng(2)
    before, after = chance.normal(1, 100, 2), chance.normal(1, 1e-6, 50_000)
    right = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    found = change(before, after)["confidence_interval"]
    assert [found["low"], found["high"]] == pytest.approx(list(right), rel=1e-9)


numbers = st.integers(-20, 20).map(float)
values = st.lists(numbers, min_size=2, max_size=30)


@settings(deadline=None)
@given(before=values, after=values)
def test_any_small_samples_agree_with_scipy_and_turn_round(
    before: list[float], after: list[float]
) -> None:
    there, back = change(before, after), change(after, before)
    assert there["p_value"] == pytest.approx(rank_test(before, after)[0], rel=1e-9)
    assert there["p_value"] == back["p_value"]
    assert there["effect_size"] == -back["effect_size"]
    low, high = (there["confidence_interval"][end] for end in ("low", "high"))
    assert low <= there["absolute"] <= high
    other = back["confidence_interval"]
    assert [low, high] == pytest.approx([-other["high"], -other["low"]], abs=1e-9)
    if len(set(before + after)) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about samples that do not vary
            right = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
        if np.std(before) + np.std(after) > 0:
            assert [low, high] == pytest.approx(list(right), rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(before=values, after=values, exponent=st.integers(-60, 60))
def test_the_unit_of_the_samples_does_not_matter(
    before: list[float], after: list[float], exponent: int
) -> None:
    scale = 2.0**exponent
    found = change(before, after, min_samples=1)
    scaled = change([x * scale for x in before], [x * scale for x in after], min_samples=1)
    for figure in ("percentage", "p_value", "effect_size", "verdict"):
        assert scaled[figure] == found[figure]
    ends = [dict(entry["confidence_interval"]) for entry in (found, scaled)]
    assert ends[1]["low"] == pytest.approx(ends[0]["low"] * scale)
    assert ends[1]["high_percentage"] == pytest.approx(ends[0]["high_percentage"])


def test_a_slow_tail_beside_a_long_baseline_is_not_called_unchanged() -> None:
    chance = np.random.default_rng(9)
    comparison = compare(usual(chance, 60_000), with_slow(0.04, 60)(chance, 5_000))
    changed = comparison["changes"]["op"]
    assert changed["confidence_interval"]["low_percentage"] > 100
    assert (changed["verdict"], changed["reason"]) == ("degraded", "mean")
    before, after = (comparison[period]["op"]["p99"] for period in ("period1", "period2"))
    assert before == pytest.approx(0.01, rel=0.1)
    assert after > 0.2


@pytest.mark.thread_unsafe(reason="computes from samples of its own what the others compute, too")
@pytest.mark.parametrize("share", [0.02, 0.05])
@pytest.mark.parametrize("factor", [25, 100])
def test_slow_tails_are_found_in_nearly_all_comparisons(share: float, factor: float) -> None:
    chance = np.random.default_rng(10)
    assert found(share, factor, (30_000, 2_000), 20, chance) >= 19
    assert found(share, factor, (200_000, 6_000), 2, chance) == 2


@pytest.mark.thread_unsafe(reason="computes from samples of its own what the others compute, too")
@pytest.mark.parametrize("kind", HEAVY)
def test_heavy_tails_of_periods_of_any_sizes_seldom_make_a_verdict(kind: str) -> None:
    chance = np.random.default_rng(11)
    short = [sizes for sizes in SIZES if max(sizes) < 10_000]
    mistaken = sum(false_verdicts(HEAVY[kind], sizes, 100, chance) for sizes in short)
    mistaken += sum(false_verdicts(HEAVY[kind], sizes, 10, chance) for sizes in SIZES[len(short) :])
    # 5 % of 420 are 21, and three deviations more 34. The long form has a closer bound.
    assert mistaken <= 34


@pytest.mark.parametrize("sizes", [(40, 25), (1_000, 200), (20_000, 2_000)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.1])
def test_a_tail_is_judged_as_fishers_exact_test_does(sizes: tuple[int, int], share: float) -> None:
    chance = np.random.default_rng([*sizes, int(share * 100)])
    before, after = usual(chance, sizes[0]), with_slow(share, 30)(chance, sizes[1])
    directions = set()
    for percentile in (95, 99):
        bound = np.percentile(before, percentile)
        first = int((before > bound).sum())
        for factor, alternative, direction in (
            (1.05, "greater", "degraded"),
            (0.95, "less", "improved"),
        ):
            second = int((after > bound * factor).sum())
            table = [[second, sizes[1] - second], [first, sizes[0] - first]]
            if 2 * stats.fisher_exact(table, alternative=alternative).pvalue < 0.05 / 100:
                directions.add(direction)
    # No interval holds that much, so the mean has no say.
    changed = change(before, after, confidence=1 - 1e-12)
    if changed["p_value"] > 0.05 and len(directions) == 1:
        assert (changed["verdict"], changed["reason"]) == (directions.pop(), "tail")
    elif changed["p_value"] > 0.05:
        assert (changed["verdict"], changed["reason"]) == ("unchanged", None)


@pytest.mark.thread_unsafe(reason="computes from samples of its own what the others compute, too")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [(10, 10), (20, 1_000), (300, 300)])
def test_chance_alone_hardly_ever_makes_a_verdict(kind: str, sizes: tuple[int, int]) -> None:
    chance = np.random.default_rng(3)
    verdicts = [
        change(samples(kind, sizes[0], 0, chance), samples(kind, sizes[1], 0, chance))["verdict"]
        for _ in range(600)
    ]
    assert set(verdicts) <= {"improved", "degraded", "unchanged"}
    # 5 % are due, as the p-value has it; the mean's interval may hardly add to them.
    assert sum(verdict != "unchanged" for verdict in verdicts) < 600 * 0.075


def compare_all(pairs: list[tuple[Any, Any]], **thresholds: Any) -> list[dict[str, Any]]:
    """The changes of as many operations."""
    clock = ManualClock()
    monitor = PerformanceMonitor(1_000_000, clock=clock)
    for day in range(2):
        clock.set_wall((NOON + day * DAY).timestamp())
        for number, pair in enumerate(pairs):
            monitor.record_many(f"op{number}", pair[day], "s")
    periods = [(NOON + day * DAY - HOUR, NOON + day * DAY + HOUR) for day in range(2)]
    comparison = PerformanceReport(monitor).compare_performance(*periods, **thresholds)
    return list(comparison["changes"].values())


def test_chance_hardly_ever_degrades_any_of_twenty_operations() -> None:
    chance = np.random.default_rng(6)
    degraded = {True: 0, False: 0}
    for _ in range(100):
        pairs = [tuple(chance.lognormal(0, 0.7, (2, 30))) for _ in range(20)]
        for adjust in degraded:
            changes = compare_all(pairs, adjust=adjust)
            degraded[adjust] += any(change["verdict"] == "degraded" for change in changes)
            # Each by itself, as ever.
            right = stats.mannwhitneyu(*pairs[0][::-1], method="asymptotic").pvalue
            assert changes[0]["p_value"] == pytest.approx(float(right))
    # Half of 5 % are due: an operation may improve by chance, too.
    assert degraded[True] <= 6
    assert degraded[False] > 30


def test_a_change_in_another_unit_is_none() -> None:
    clock = ManualClock(wall=NOON.timestamp())
    monitor = PerformanceMonitor(clock=clock)
    values = np.random.default_rng(7).lognormal(5, 0.2, 40)
    monitor.record_many("op", values.tolist(), "ms")
    monitor.record_many("same", (values / 1e3).tolist(), "s")
    clock.advance(86_400)
    monitor.record_many("op", (values / 1e3).tolist(), "seconds")
    monitor.record_many("same", (values / 1e3).tolist(), "seconds")
    periods = [(NOON + day * DAY - HOUR, NOON + day * DAY + HOUR) for day in range(2)]
    report = PerformanceReport(monitor).compare_performance(periods[0], periods[1])
    found = report["changes"]["op"]
    assert (found["verdict"], found["direction"]) == ("not enough data", "unknown")
    assert math.isnan(found["absolute"])
    assert math.isnan(found["percentage"])
    assert found["p_value"] is found["effect_size"] is None
    assert found["confidence_interval"] == dict.fromkeys(ENDS)
    assert report["changes"]["same"]["verdict"] == "unchanged"
    for format_ in ("html", "md"):
        text = str(PerformanceReport.export_report(report, format_))
        assert "units differ: ms before, seconds after" in text


def test_periods_that_overlap_find_less_by_chance_and_not_more() -> None:
    chance = np.random.default_rng(8)
    verdicts = []
    for _ in range(400):
        clock = ManualClock(wall=NOON.timestamp())
        monitor = PerformanceMonitor(clock=clock)
        for _ in range(3):
            monitor.record_many("op", chance.lognormal(0, 0.7, 30).tolist(), "s")
            clock.advance(3600)
        # The middle one of three hours lies in both.
        periods = [(NOON, NOON + HOUR), (NOON + HOUR, NOON + 2 * HOUR)]
        found = PerformanceReport(monitor).compare_performance(periods[0], periods[1])
        assert found["period1"]["op"]["count"] == found["period2"]["op"]["count"] == 60
        verdicts.append(found["changes"]["op"]["verdict"])
    # Of 5 %, which 20 of 400 are.
    assert sum(verdict != "unchanged" for verdict in verdicts) < 10


@pytest.mark.parametrize("kind", ["normal", "lognormal", "bimodal"])
def test_a_change_by_a_third_is_found(kind: str) -> None:
    chance = np.random.default_rng(4)
    before = samples(kind, 3_000, 0, chance)
    after = samples(kind, 3_000, 0, chance) * 4 / 3
    assert change(before, after)["verdict"] == "degraded"
    assert change(after, before)["verdict"] == "improved"


def test_a_change_has_these_figures_in_this_order() -> None:
    comparison = compare([1.0] * 20, [1.5] * 20)
    assert list(comparison) == ["period1", "period2", "changes", "thresholds"]
    period = ["mean", "count", "median", "p95", "p99", "nan_count", "unit"]
    assert list(comparison["period1"]["op"]) == list(comparison["period2"]["op"]) == period
    assert comparison["changes"]["op"] == {
        "absolute": 0.5,
        "percentage": 50.0,
        "direction": "degraded",
        "confidence_interval": dict(zip(ENDS, [0.5, 0.5, 50.0, 50.0], strict=True)),
        "p_value": pytest.approx(0, abs=1e-9),
        "effect_size": 1.0,
        "verdict": "degraded",
        "reason": "typical",
    }
    assert list(comparison["changes"]["op"]) == [
        "absolute", "percentage", "direction", "confidence_interval", "p_value", "effect_size",
        "verdict", "reason",
    ]  # fmt: skip
    assert json.loads(PerformanceReport.export_report(comparison)) == comparison


def test_what_samples_cannot_tell_is_none() -> None:
    unknown = dict.fromkeys(ENDS)
    one = change([1.0], [2.0])
    assert one["confidence_interval"] == unknown
    assert (one["p_value"], one["effect_size"]) == (1.0, 1.0)
    nothing = change([math.nan], [2.0])
    assert nothing["confidence_interval"] == unknown
    assert nothing["p_value"] is nothing["effect_size"] is None
    assert one["verdict"] == nothing["verdict"] == "not enough data"


def test_samples_that_are_not_numbers_are_counted_and_left_out_of_ranks_and_percentiles() -> None:
    before, after = np.arange(1.0, 31), np.arange(1.0, 31) * 2
    found = compare([*before, math.nan, math.nan], after)
    period, changed = found["period1"]["op"], found["changes"]["op"]
    assert (period["count"], period["nan_count"]) == (32, 2)
    assert (period["median"], period["p95"]) == (np.median(before), np.percentile(before, 95))
    assert math.isnan(period["mean"])
    assert changed["direction"] == "unknown"
    ranks = stats.mannwhitneyu(before, after, method="asymptotic")
    assert changed["p_value"] == pytest.approx(float(ranks.pvalue))
    assert changed["confidence_interval"] == dict.fromkeys(ENDS)
    assert changed["verdict"] == "degraded"


def test_infinite_samples_take_part_in_the_ranks_alone() -> None:
    before, after = [*range(1, 30), math.inf], [*range(11, 40), math.inf]
    found = change(before, after)
    ranks = stats.mannwhitneyu(before, after, method="asymptotic")
    assert found["p_value"] == pytest.approx(float(ranks.pvalue))
    assert found["direction"] == "unchanged"
    assert found["confidence_interval"] == dict.fromkeys(ENDS)
    assert found["verdict"] == "degraded"


def test_thresholds_decide_and_are_in_the_result() -> None:
    chance = np.random.default_rng(5)
    before = chance.normal(10, 1, 200)
    after = before * 1.1
    given = {
        "confidence": 0.8,
        "significance": 0.2,
        "min_change": 9.5,
        "min_samples": 200,
        "adjust": False,
    }
    found = compare(before, after, **given)
    assert found["thresholds"] == given
    assert found["changes"]["op"]["verdict"] == "degraded"
    for stricter, verdict in [
        ({"significance": 1e-60}, "unchanged"),
        ({"min_change": 10.5}, "unchanged"),
        ({"min_samples": 201}, "not enough data"),
    ]:
        # The interval of the mean would still decide, were it not that wide.
        changed = change(before, after, **{**given, "confidence": 0.999999999, **stricter})
        assert changed["verdict"] == verdict, stricter


@pytest.mark.thread_unsafe(reason="the parser of CPython 3.11 counts its depth for all threads")
def test_defaults_are_those_of_the_signature() -> None:
    parameters = inspect.signature(PerformanceReport.compare_performance).parameters
    shown = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert compare([1.0], [1.0])["thresholds"] == shown


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(
            (name, value)
            for name in ("confidence", "significance")
            for value in (0, 1, 95, math.nan)
        ),
        ("min_change", -1),
        ("min_change", math.inf),
        ("min_samples", 0),
        ("min_samples", -1),
    ],
)
def test_thresholds_out_of_their_range_are_refused_by_name(name: str, wrong: float) -> None:
    with pytest.raises(ValueError, match=f"(?i)^{name} must be .*, got {wrong}"):
        compare([1.0], [1.0], **{name: wrong})


@pytest.mark.parametrize(
    "name", ["confidence", "significance", "min_change", "min_samples", "adjust"]
)
def test_thresholds_of_another_type_are_refused_by_name(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be"):
        compare([1.0], [1.0], **{name: "5"})


def test_thresholds_are_keywords() -> None:
    report = PerformanceReport(PerformanceMonitor())
    compare_at: Callable[..., Any] = report.compare_performance
    with pytest.raises(TypeError):
        compare_at((NOON, NOON), (NOON, NOON), 0.9)
