"""How exports write times: local, with offsets or in UTC, against Python's own zone data."""

from __future__ import annotations

import csv
import io
import json
import zoneinfo
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceUsage,
)
from ptpd_monitoring.testing import ManualClock

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
]
# Berlin's clocks are set back from 3 to 2.
CHANGE = datetime(2024, 10, 27, 1, tzinfo=timezone.utc)
# Beyond leap seconds and before the end of the calendar's rules.
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=timezone.utc)
)


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, set_zone: Callable[[str], None]) -> zoneinfo.ZoneInfo:
    """The local zone."""
    try:
        found = zoneinfo.ZoneInfo(request.param)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this machine has no data on the zone")
    set_zone(request.param)
    return found


def nights(zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """Moments around which clocks are set back, in UTC, between 2015 and 2026."""
    found = []
    moment = datetime(2015, 1, 1, tzinfo=timezone.utc)
    while moment.year < 2026:
        following = moment + timedelta(days=1)
        before, after = (it.astimezone(zone).utcoffset() for it in (moment, following))
        assert before is not None
        assert after is not None
        if after < before:
            found.append(moment)
        moment = following
    return found


def is_ambiguous(moment: datetime, zone: zoneinfo.ZoneInfo) -> bool:
    reading = moment.astimezone(zone)
    return reading.replace(fold=0).utcoffset() != reading.replace(fold=1).utcoffset()


def instant(text: str) -> datetime:
    """The moment that Python takes a text for, in UTC."""
    return datetime.fromisoformat(text).astimezone(timezone.utc)


def exported(moments: list[datetime], **arguments: Any) -> list[str]:
    """The timestamps of an export of samples of these moments."""
    clock = ManualClock()
    monitor = PerformanceMonitor(clock=clock)
    for moment in moments:
        clock.set_wall(moment.timestamp())
        monitor.record_metric("op", 1, "u")
    rows = csv.DictReader(io.StringIO(monitor.export_metrics("csv", **arguments)))
    of_csv = [row["timestamp"] for row in rows]
    of_json = [row["timestamp"] for row in json.loads(monitor.export_metrics(**arguments))]
    assert of_csv == of_json
    return of_json


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_an_export_tells_the_instant_of_every_sample(
    zone: zoneinfo.ZoneInfo, data: st.DataObject
) -> None:
    around = [
        night + step * timedelta(minutes=20) for night in nights(zone) for step in range(24 * 3)
    ]
    one = MOMENTS if not around else MOMENTS | st.sampled_from(around)
    moments = sorted(data.draw(st.lists(one, min_size=1, max_size=5)))
    local = [moment.astimezone(zone) for moment in moments]
    assert exported(moments, times="offset") == [moment.isoformat() for moment in local]
    assert exported(moments, times="utc") == [moment.isoformat() for moment in moments]
    texts = exported(moments)
    assert [instant(text) for text in texts] == moments
    if any(is_ambiguous(moment, zone) for moment in moments):
        assert texts == [moment.isoformat() for moment in local]
    else:
        assert texts == [moment.replace(tzinfo=None).isoformat() for moment in local]


def models(moment: datetime, zone: zoneinfo.ZoneInfo) -> list[Any]:
    """A model of each kind that has a time, of that moment, naive and local."""
    at = moment.astimezone(zone).replace(tzinfo=None)
    usage = dict.fromkeys(
        (
            "cpu_percent",
            "memory_percent",
            "memory_used_mb",
            "memory_available_mb",
            "disk_percent",
            "disk_used_gb",
            "disk_free_gb",
        ),
        1.0,
    )
    return [
        PerformanceMetric(metric_name="op", value=1, unit="u", timestamp=at),
        APIMetric(endpoint="/", duration_ms=1, status_code=200, timestamp=at),
        ResourceUsage(timestamp=at, **usage),  # type: ignore[arg-type]
    ]


def test_a_model_comes_back_from_its_own_json_at_the_same_instant(
    zone: zoneinfo.ZoneInfo,
) -> None:
    for night in [*nights(zone), datetime(2024, 7, 1, tzinfo=timezone.utc)]:
        for step in range(24 * 2 + 1):
            moment = night + step * timedelta(minutes=30)
            for model in models(moment, zone):
                for fields in (json.loads(model.model_dump_json()), model.model_dump(mode="json")):
                    text = fields["timestamp"]
                    assert instant(text) == moment
                    assert (datetime.fromisoformat(text).tzinfo is not None) == is_ambiguous(
                        moment, zone
                    )
                    back = type(model).model_validate(fields)
                    assert back == model
                    # Naive readings are equal whatever pass they are of.
                    assert back.timestamp.tzinfo is None
                    assert back.timestamp.fold == model.timestamp.fold
                    assert back.timestamp.astimezone(timezone.utc) == moment


def test_a_sample_recorded_in_either_pass_of_the_hour_comes_back_by_its_json(
    set_zone: Callable[[str], None],
) -> None:
    set_zone("Europe/Berlin")
    clock = ManualClock()
    monitor = PerformanceMonitor(clock=clock)
    for away in (-1800, 1800):
        clock.set_wall(CHANGE.timestamp() + away)
        monitor.record_metric("op", 1, "u")
    texts = [
        json.loads(metric.model_dump_json())["timestamp"] for metric in monitor.get_metrics("op")
    ]
    assert texts == ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"]


def test_a_time_with_an_offset_of_somewhere_else_stays_what_it_is(
    set_zone: Callable[[str], None],
) -> None:
    set_zone("Europe/Berlin")
    fields = {"metric_name": "op", "value": 1, "unit": "u"}
    for text in ("2024-10-27T02:30:00+05:00", "2024-07-01T12:00:00+02:00"):
        metric = PerformanceMetric.model_validate({**fields, "timestamp": text})
        assert metric.timestamp.isoformat() == text


def test_a_users_own_time_in_metadata_keeps_its_instant(set_zone: Callable[[str], None]) -> None:
    set_zone("Europe/Berlin")
    monitor = PerformanceMonitor()
    twice = datetime(2024, 10, 27, 2, 30, fold=1)
    monitor.record_metric("op", 1, "u", {"taken": twice, "once": datetime(2024, 7, 1)})
    (row,) = json.loads(monitor.export_metrics())
    assert row["metadata"] == {"taken": "2024-10-27T02:30:00+01:00", "once": "2024-07-01T00:00:00"}


@pytest.fixture
def report(tmp_path: Path, set_zone: Callable[[str], None]) -> dict[str, Any]:
    """The report of a summer's day, with all kinds of times in it."""
    set_zone("Europe/Berlin")
    noon = datetime(2024, 7, 1, 10, tzinfo=timezone.utc)
    clock = ManualClock(noon.timestamp())
    monitor = PerformanceMonitor(2, clock=clock)
    tracker = APIPerformanceTracker(clock=clock)
    for value in (1, 2, 3):
        monitor.record_metric("op", value, "u")
    tracker.track_request("/", 0.1, 200)
    found = PerformanceReport(monitor, tracker).generate_daily_report()
    found["resources"] = {"cpu_percent": 1.0, "timestamp": "2024-07-01T12:00:00"}
    found["session_note"] = "2024-07-01T12:00:00"
    found["taken"] = datetime(2024, 7, 1, 12)
    return found


def test_a_report_is_exported_with_its_times_as_they_are_asked_for(report: dict[str, Any]) -> None:
    export = PerformanceReport.export_report
    local = json.loads(export(report))
    assert local["generated_at"] == "2024-07-01T12:00:00"
    assert local["period"]["start"] == "2024-07-01T00:00:00+02:00"
    assert local == json.loads(export(report, times="local"))
    offset = json.loads(export(report, times="offset"))
    assert offset["generated_at"] == "2024-07-01T12:00:00+02:00"
    assert offset["resources"]["timestamp"] == "2024-07-01T12:00:00+02:00"
    assert offset["taken"] == "2024-07-01T12:00:00+02:00"
    assert offset["period"] == local["period"]
    utc = json.loads(export(report, times="utc"))
    assert utc["generated_at"] == "2024-07-01T10:00:00+00:00"
    assert utc["taken"] == "2024-07-01T10:00:00+00:00"
    assert utc["period"]["start"] == "2024-06-30T22:00:00+00:00"
    assert utc["operations"]["op"]["counted_from"].endswith("+00:00")
    # Texts of other people's are theirs.
    assert utc["session_note"] == offset["session_note"] == "2024-07-01T12:00:00"


@pytest.mark.parametrize("format_", ["html", "md", "csv"])
def test_a_report_to_be_read_is_in_utc_where_that_is_asked_for(
    report: dict[str, Any], format_: str
) -> None:
    text = PerformanceReport.export_report(report, format_, times="utc")
    local = PerformanceReport.export_report(report, format_)
    if format_ == "csv":
        assert "2024-07-01T10:00:00+00:00" in text
    else:
        assert "2024-06-30 22:00:00 +00:00" in text
        assert "2024-07-01 10:00:00 +00:00" in text
        assert "2024-07-01 00:00:00 +02:00" not in text
        assert "2024-07-01 00:00:00 +02:00" in local


def test_a_report_made_in_the_repeated_hour_says_in_which_pass(
    set_zone: Callable[[str], None],
) -> None:
    set_zone("Europe/Berlin")
    clock = ManualClock(CHANGE.timestamp() + 60)
    report = PerformanceReport(PerformanceMonitor(clock=clock)).generate_daily_report()
    assert report["generated_at"] == "2024-10-27T02:01:00+01:00"


@pytest.mark.parametrize("times", ["UTC", "", "Local", "iso"])
def test_another_way_to_write_times_is_refused_by_name_and_value(
    times: str, tmp_path: Path
) -> None:
    target = tmp_path / "out.json"
    expected = f'times must be "local", "offset" or "utc", got "{times}"'
    with pytest.raises(ValueError, match=expected):
        PerformanceMonitor().export_metrics(output_path=target, times=times)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=expected):
        PerformanceReport.export_report({}, path=target, times=times)  # type: ignore[call-overload]
    assert not target.exists()
    with pytest.raises(TypeError, match="times must be a str, got 3"):
        PerformanceMonitor().export_metrics(times=3)  # type: ignore[call-overload]
