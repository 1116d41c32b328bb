"""Samples that were measured elsewhere: with times of their own, and in the types that people have."""

from __future__ import annotations

import collections
import types
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock

UTC = timezone.utc
NOW = 1_700_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOW)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


def times(monitor: PerformanceMonitor) -> list[datetime]:
    return [metric.timestamp for metric in monitor.get_metrics("op")]


# Times


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([None, UTC]))
)
def test_a_sample_keeps_the_time_that_it_is_recorded_with(time: datetime) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "s", timestamp=time)
    monitor.record_many("op", [2], "s", timestamps=[time])
    as_utc = np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
    assert list(monitor.timestamps("op").astype("datetime64[us]")) == [as_utc] * 2


def test_samples_of_many_times_are_found_by_them(monitor: PerformanceMonitor) -> None:
    start = datetime(2024, 3, 1, tzinfo=UTC)
    stamps = [start + timedelta(hours=number) for number in (5, 1, 3)]
    monitor.record_many("op", [5, 1, 3], "s", timestamps=stamps, metadata={"from": "a log"})
    monitor.record_metric("op", 9, "s")
    found = monitor.get_metrics("op", (start, start + timedelta(hours=3)))
    assert [metric.value for metric in found] == [1, 3]
    assert [metric.metadata for metric in found] == [{"from": "a log"}] * 2
    assert times(monitor)[-1] == datetime.fromtimestamp(NOW)


@pytest.mark.parametrize("make", [np.array, pd.Series, pd.DatetimeIndex, list])
def test_timestamps_of_numpy_and_pandas_are_in_utc_as_those_that_are_given_out(
    monitor: PerformanceMonitor, make: Any
) -> None:
    stamps = np.array(["2024-03-01T12:00:00.000001", "2024-03-01T11:00"], dtype="datetime64[ns]")
    monitor.record_many("op", [1, 2], "s", timestamps=make(stamps))
    assert list(monitor.timestamps("op")) == list(stamps)
    other = PerformanceMonitor()
    other.record_many("op", [1, 2], "s", timestamps=monitor.timestamps("op"))
    assert list(other.timestamps("op")) == list(stamps)


def test_timestamps_of_pandas_with_a_zone_mean_that_zone(monitor: PerformanceMonitor) -> None:
    stamps = pd.Series(pd.to_datetime(["2024-03-01 12:00"])).dt.tz_localize("Europe/Berlin")
    for given_as in (stamps, pd.DatetimeIndex(stamps), list(stamps)):
        monitor.record_many("op", [1], "s", timestamps=given_as)
    assert set(monitor.timestamps("op")) == {np.datetime64("2024-03-01T11:00", "ns")}


@pytest.mark.parametrize(
    ("timestamps", "message"),
    [
        ([datetime(2024, 1, 1)], r"timestamps must be as many .* got fewer than 2"),
        ([datetime(2024, 1, 1)] * 3, r"timestamps must be as many .* got more than 2"),
        ([datetime(2024, 1, 1), 5], r"timestamps\[1\] must be a datetime, got 5"),
        (np.array(["2024-01-01", "NaT"], "datetime64[s]"), r"timestamps\[1\] must be a datetime"),
        (pd.Series([pd.NaT, pd.Timestamp(2024, 1, 1)]), r"timestamps\[0\] must be a datetime"),
        (datetime(2024, 1, 1), "timestamps must be a sequence of datetimes"),
        (
            [datetime(2024, 1, 1), datetime(2300, 1, 1)],
            r"timestamps\[1\] must be between the years",
        ),
    ],
)
def test_timestamps_that_are_none_are_refused_and_nothing_is_recorded(
    monitor: PerformanceMonitor, timestamps: Any, message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        monitor.record_many("op", [1, 2], "s", timestamps=timestamps)
    assert monitor.operations() == []


@pytest.mark.parametrize("wrong", [5, "2024-01-01", date(2024, 1, 1), np.float64(5), pd.NaT])
def test_a_timestamp_that_is_none_is_refused(monitor: PerformanceMonitor, wrong: Any) -> None:
    with pytest.raises(TypeError, match="timestamp must be a datetime"):
        monitor.record_metric("op", 1, "s", timestamp=wrong)
    assert monitor.operations() == []


def test_late_samples_land_in_their_minute_of_the_history_and_old_ones_in_their_hour(
    tmp_path: Path, clock: ManualClock
) -> None:
    with History(tmp_path / "history.db", clock=clock) as history:
        monitor = PerformanceMonitor(history=history, clock=clock)
        now = datetime.fromtimestamp(NOW, UTC).replace(second=30, microsecond=0)
        late = now - timedelta(minutes=7)
        old = now - timedelta(days=5)
        monitor.record_metric("op", 1, "s", timestamp=late)
        monitor.record_many("op", [2, 4], "s", timestamps=[old, now - timedelta(minutes=7)])
        monitor.record_metric("op", 8, "s")
        assert history.flush()
        minutes = {row["start"]: row["sum"] for row in history.rows("minutes")}
        assert minutes[late.replace(second=0)] == 5
        hours = {row["start"]: row["sum"] for row in history.rows("hours")}
        assert hours[old.replace(minute=0, second=0)] == 2
        report = PerformanceReport(monitor).generate_daily_report(old.date(), tz="UTC")
        assert report["operations"]["op"]["count"] == 1


# Values


def test_missing_values_of_pandas_are_not_numbers(monitor: PerformanceMonitor) -> None:
    for values in (
        pd.Series([1, pd.NA], dtype="Int64"),
        pd.Series([1, None], dtype="Float64"),
        pd.Series([1, None], dtype=object),
        pd.array([1, None], dtype="Int64"),
        [1, pd.NA],
        np.array([Decimal(1), None]),
    ):
        monitor.clear_metrics()
        monitor.record_many("op", values, "s")
        np.testing.assert_array_equal(monitor.values("op"), [1, np.nan])
    with pytest.raises(TypeError, match=r"values\[1\] must be a number, got None"):
        monitor.record_many("op", [1, None], "s")


def test_an_array_of_objects_is_taken_as_a_list_of_them(monitor: PerformanceMonitor) -> None:
    monitor.record_many("op", np.array([Decimal("1.5"), 2]), "s")
    assert list(monitor.values("op")) == [1.5, 2]
    with pytest.raises(TypeError, match=r"values\[1\] must be a number, got 'x'"):
        monitor.record_many("op", np.array([1, "x"], dtype=object), "s")


@pytest.mark.parametrize(
    ("unit", "factor"), [("seconds", 1), ("s", 1), ("ms", 1_000), ("minutes", 1 / 60)]
)
def test_a_timedelta_is_a_number_in_a_unit_of_time(
    monitor: PerformanceMonitor, unit: str, factor: float
) -> None:
    deltas = [timedelta(seconds=1.5), timedelta(milliseconds=20)]
    expected = [1.5 * factor, 0.02 * factor]
    for values in (
        deltas,
        pd.Series(deltas),
        pd.TimedeltaIndex(deltas),
        np.array(deltas, "timedelta64[ms]"),
        np.array(deltas),
    ):
        monitor.clear_metrics()
        monitor.record_many("op", values, unit)
        np.testing.assert_allclose(monitor.values("op"), expected, rtol=1e-12)
    for value in (deltas[0], pd.Timedelta(deltas[0]), np.timedelta64(1_500, "ms")):
        monitor.record_metric("one", value, unit)
    np.testing.assert_allclose(monitor.values("one"), [1.5 * factor] * 3, rtol=1e-12)
    monitor.record_many("missing", pd.Series([pd.NaT, deltas[0]]), unit)
    np.testing.assert_allclose(monitor.values("missing"), [np.nan, 1.5 * factor])


def test_a_timedelta_in_another_unit_is_refused(monitor: PerformanceMonitor) -> None:
    with pytest.raises(
        TypeError, match="value can be a timedelta only in a unit of time, got 'MB'"
    ):
        monitor.record_metric("op", timedelta(seconds=1), "MB")
    with pytest.raises(TypeError, match=r"values\[0\] can be a timedelta only.*'MB'"):
        monitor.record_many("op", [timedelta(seconds=1)], "MB")
    with pytest.raises(TypeError, match=r"values can be a timedelta only.*'MB'"):
        monitor.record_many("op", np.array([1], "timedelta64[s]"), "MB")
    with pytest.raises(TypeError, match=r"percentiles\[0\] must be a number"):
        monitor.get_percentiles("op", [timedelta(seconds=1)])
    assert monitor.operations() == []


def test_durations_can_be_timedeltas(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker()
    tracker.track_request("/", timedelta(milliseconds=250), 200)
    assert tracker.get_response_times() == {"/": [250]}
    cache: CacheManager = CacheManager(default_ttl=timedelta(minutes=1), clock=clock)
    cache.set("default", 1)
    cache.set("own", 1, timedelta(hours=1))
    clock.advance(100)
    assert (cache.get("default"), cache.get("own")) == (None, 1)


# Zones and metadata


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (UTC, "UTC"),
        (timezone(timedelta(hours=2)), "Etc/GMT-2"),
        (timezone(timedelta(hours=-5)), "Etc/GMT+5"),
        (ZoneInfo("UTC"), "UTC"),
    ],
)
def test_a_timezone_of_whole_hours_is_a_zone(
    monitor: PerformanceMonitor, zone: Any, name: str
) -> None:
    report = PerformanceReport(monitor).generate_daily_report(date(2024, 1, 1), tz=zone)
    assert report["period"]["timezone"] == name
    midnight = datetime(2024, 1, 1, tzinfo=zone)
    assert datetime.fromisoformat(report["period"]["start"]) == midnight


def test_a_timezone_of_half_hours_is_refused(monitor: PerformanceMonitor) -> None:
    with pytest.raises(TypeError, match=r"tz must be .* timezone of whole hours"):
        PerformanceReport(monitor).generate_daily_report(
            tz=timezone(timedelta(hours=5, minutes=30))  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    "metadata",
    [
        types.MappingProxyType({"k": 1}),
        collections.ChainMap({"k": 1}, {"k": 2}),
        collections.OrderedDict(k=1),
        collections.UserDict(k=1),
    ],
    ids=lambda metadata: type(metadata).__name__,
)
def test_metadata_can_be_any_mapping(monitor: PerformanceMonitor, metadata: Any) -> None:
    monitor.record_metric("op", 1, "u", metadata)
    monitor.record_many("op", [1], "u", metadata=metadata)
    with monitor.timer("op", metadata):
        pass
    found = [metric.metadata for metric in monitor.get_metrics("op")]
    assert found == [{"k": 1}, {"k": 1}, {"k": 1, "type": "timer"}]
    assert all(type(one) is dict for one in found)


@pytest.mark.parametrize("wrong", [7, "k", [("k", 1)], {"k"}])
def test_metadata_that_is_no_mapping_is_refused(monitor: PerformanceMonitor, wrong: Any) -> None:
    with pytest.raises(TypeError, match="metadata must be a mapping or None"):
        monitor.record_metric("op", 1, "u", wrong)
