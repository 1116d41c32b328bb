"""Periods as they are written at the command line."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import click
import pytest

from ptpd_monitoring.cli.periods import Periods

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=BERLIN)
TICK = timedelta(microseconds=1)


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("today", berlin(2026, 11, 23), berlin(2026, 11, 24) - TICK),
        ("yesterday", berlin(2026, 11, 22), berlin(2026, 11, 23) - TICK),
        ("2026-11-22", berlin(2026, 11, 22), berlin(2026, 11, 23) - TICK),
        ("30m", berlin(2026, 11, 23, 9), NOW),
        ("24h", berlin(2026, 11, 22, 9, 30), NOW),
        ("7d", berlin(2026, 11, 16, 9, 30), NOW),
        ("2w", berlin(2026, 11, 9, 9, 30), NOW),
        ("2026-11-01..2026-11-08", berlin(2026, 11, 1), berlin(2026, 11, 9) - TICK),
        (
            "2026-11-01T08:00..2026-11-01T12:30:15",
            berlin(2026, 11, 1, 8),
            berlin(2026, 11, 1, 12, 30, 15),
        ),
        ("2026-11-01T08:00+00:00..today", berlin(2026, 11, 1, 9), berlin(2026, 11, 24) - TICK),
        ("14d..7d", berlin(2026, 11, 9, 9, 30), berlin(2026, 11, 16, 9, 30)),
        ("2026-11-01..", berlin(2026, 11, 1), NOW),
        ("yesterday..now", berlin(2026, 11, 22), NOW),
    ],
)
def test_each_form_means_what_the_help_says(text: str, start: datetime, end: datetime) -> None:
    assert Periods(BERLIN, NOW).period(text).pair == (start, end)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2028-02-29", 24)]
)
def test_a_day_is_as_long_as_the_zone_has_it(day: str, hours: int) -> None:
    period = Periods(BERLIN, NOW).period(day)
    assert period.end - period.start == timedelta(hours=hours) - TICK
    assert period.day == date.fromisoformat(day)


def test_hours_ago_are_counted_and_not_read_off_a_clock_that_was_set() -> None:
    after = datetime(2026, 10, 25, 12, tzinfo=BERLIN)
    start, end = Periods(BERLIN, after).period("24h").pair
    assert end - start == timedelta(hours=24)
    assert start == datetime(2026, 10, 24, 11, tzinfo=timezone.utc)


def test_a_day_that_has_no_midnight_begins_when_it_begins() -> None:
    zone = ZoneInfo("Africa/Cairo")
    start, end = Periods(zone, NOW).period("2026-04-24").pair
    assert start == datetime(2026, 4, 23, 22, tzinfo=timezone.utc)
    assert end - start == timedelta(hours=23) - TICK


def test_days_are_local_ones_without_a_zone(set_zone) -> None:
    set_zone("Asia/Kolkata")
    start, _ = Periods(None, NOW).period("2026-11-22").pair
    assert start == datetime(2026, 11, 21, 18, 30, tzinfo=timezone.utc)
    set_zone("Pacific/Auckland")
    # Of this moment it is evening there.
    assert Periods(None, berlin(2026, 11, 23, 13)).period("today").day == date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "last week",
        "2026-13-01",
        "2026-02-30",
        "7",
        "7y",
        "-7d",
        "..2026-11-01",
        "1.5h",
        "2026-11-01...2026-11-02",
        "2026-11-01..soon",
        "7d..14d",
        "2026-11-08..2026-11-01",
        "999999w",
        "0001-01-01..9999-12-31",
        "9999-12-31",
        "2262-04-11",
        "2300-01-01T12:00..2300-01-02T12:00",
        "1677-09-21..2026-11-01",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Periods(BERLIN, NOW).period(text)
