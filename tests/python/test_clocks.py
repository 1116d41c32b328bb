"""Clocks that somebody sets, and the zones and days in which that shows."""

from __future__ import annotations

import csv
import io
import itertools
import random
import time
import zoneinfo
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)
from ptpd_monitoring.testing import ManualClock

HOUR = 3600.0
DAY = 24 * HOUR
YEAR = 365 * DAY
# A part of a second that a double holds exactly in any year.
EDGE = 1 / 64
LEAP_DAY = datetime(2024, 2, 29, 12, tzinfo=timezone.utc).timestamp()
# How an operator, NTP or a hypervisor sets the clock.
STEPS = [YEAR, -YEAR, 2 * YEAR, -2 * YEAR, DAY, -DAY, HOUR, -HOUR, EDGE, -EDGE]
# What nobody would notice in the middle of a day shows where a day, a month or a year begins.
DAYS = [
    date(2000, 2, 29),
    date(2023, 2, 28),
    date(2023, 12, 31),
    date(2024, 1, 1),
    date(2024, 2, 28),
    date(2024, 2, 29),
    date(2024, 3, 1),
    date(2038, 1, 19),  # 2^31 seconds
    date(2100, 2, 28),  # not a leap year
    date(2100, 3, 1),
]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=LEAP_DAY)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


@pytest.fixture
def tracker(clock: ManualClock) -> APIPerformanceTracker:
    return APIPerformanceTracker(clock=clock)


def step(clock: ManualClock, seconds: float) -> None:
    clock.set_wall(clock.wall + seconds)


# Days, where they are farthest from UTC's


FARTHEST = {
    "Pacific/Kiritimati": 14,
    "Etc/GMT-14": 14,
    "XXX-14": 14,  # a POSIX rule instead of a name
    "<+1345>-13:45": 13.75,
    "Etc/GMT+12": -12,
    "XXX14": -14,
}


@pytest.fixture(params=FARTHEST)
def farthest(request: pytest.FixtureRequest, set_zone: Callable[[str], None]) -> timezone:
    offset = timedelta(hours=FARTHEST[request.param])
    set_zone(request.param)
    if time.localtime(0).tm_gmtoff == 0:
        pytest.skip("this machine has no data on the zone")
    return timezone(offset)


def test_days_begin_at_midnight_of_the_zones_that_are_farthest_from_utc(
    farthest: timezone,
    clock: ManualClock,
    monitor: PerformanceMonitor,
    tracker: APIPerformanceTracker,
) -> None:
    report = PerformanceReport(monitor, api_tracker=tracker)
    for day in DAYS:
        start = datetime(day.year, day.month, day.day, tzinfo=farthest).timestamp()
        for moment in [start - EDGE, start, start + DAY - EDGE, start + DAY]:
            clock.set_wall(moment)
            monitor.record_metric(f"on {day}", moment, "s")
            tracker.track_request(f"/{day}", 1, 200)
        daily = report.generate_daily_report(day)
        assert daily["operations"][f"on {day}"]["mean"] == start + (DAY - EDGE) / 2, day
        assert daily["operations"][f"on {day}"]["count"] == 2, day
        assert daily["api"]["endpoints"][f"/{day}"]["count"] == 2, day


def test_today_is_the_day_that_the_wall_shows_in_the_farthest_zones(
    farthest: timezone, clock: ManualClock, monitor: PerformanceMonitor
) -> None:
    report = PerformanceReport(monitor)
    for day in DAYS:
        start = datetime(day.year, day.month, day.day, tzinfo=farthest)
        for moment, today in [
            (start - timedelta(seconds=EDGE), day - timedelta(days=1)),
            (start, day),
            (start + timedelta(days=1, seconds=-EDGE), day),
            (start + timedelta(days=1), day + timedelta(days=1)),
        ]:
            clock.set_wall(moment.timestamp())
            daily = report.generate_daily_report()
            shown = moment.astimezone(farthest).replace(tzinfo=None).isoformat()
            assert (daily["date"], daily["generated_at"]) == (today.isoformat(), shown)


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 31), 23),
        ("Europe/Berlin", date(2024, 10, 27), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/Havana", date(2024, 11, 3), 25),  # the hour after midnight is the repeated one
        ("EST5EDT,M3.2.0,M11.1.0", date(2026, 11, 1), 25),
    ],
)
def test_today_lasts_as_long_as_the_day_on_which_clocks_change(
    set_zone: Callable[[str], None], name: str, day: date, hours: int
) -> None:
    set_zone(name)
    try:
        zone = zoneinfo.ZoneInfo("America/New_York" if name.startswith("EST") else name)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this machine has no data on the zone")
    start = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    clock = ManualClock()
    report = PerformanceReport(PerformanceMonitor(clock=clock))
    quarters = np.arange(start - HOUR, start + hours * HOUR + HOUR, HOUR / 4)
    for moment in itertools.chain(quarters, quarters - EDGE):
        clock.set_wall(moment)
        today = datetime.fromtimestamp(moment, zone).date()
        assert report.generate_daily_report()["date"] == today.isoformat()
        assert (today == day) == (0 <= moment - start < hours * HOUR)


def test_a_clock_set_to_pythons_time_shows_that_time(
    clock: ManualClock, monitor: PerformanceMonitor
) -> None:
    rng = random.Random(7)
    day = timedelta(days=1)
    moments = [
        datetime(rng.randrange(1990, 2100), 6, 15) + rng.randrange(10**9) * day / 10**9
        for _ in range(1_000)
    ]
    for moment in moments:
        clock.set_wall(moment.timestamp())
        assert clock.wall == moment.timestamp()
        monitor.record_metric("op", 1, "u")
    assert [metric.timestamp for metric in monitor.get_metrics("op")] == moments


# Samples, where the clock is set while they are recorded


def test_what_is_recorded_while_the_clock_is_set_is_reported_on_the_day_of_its_stamp(
    clock: ManualClock, monitor: PerformanceMonitor, tracker: APIPerformanceTracker
) -> None:
    rng = random.Random(8)
    days: Counter[date] = Counter()
    errors: Counter[date] = Counter()
    moments = []
    for number in range(1_000):
        step(clock, rng.choice(STEPS))
        if abs(clock.wall - LEAP_DAY) > 3 * YEAR:
            clock.set_wall(LEAP_DAY + rng.randrange(-int(YEAR), int(YEAR)))
        clock.advance(rng.choice([0, EDGE, HOUR]))
        day = datetime.fromtimestamp(clock.wall).date()
        failed = rng.random() < 0.25
        monitor.record_metric("op", number, "u")
        tracker.track_request("/", 1, 500 if failed else 200)
        days[day] += 1
        errors[day] += failed
        moments.append(clock.wall)
    assert len(days) > 100
    assert max(days.values()) > 5
    report = PerformanceReport(monitor, api_tracker=tracker)
    for day, count in days.items():
        daily = report.generate_daily_report(day)
        assert daily["operations"]["op"]["count"] == count, day
        assert daily["api"]["total_requests"] == count, day
        assert daily["api"]["total_errors"] == errors[day], day
    # Each is kept once, as recorded, whatever its stamp.
    assert monitor.values("op").tolist() == list(range(1_000))
    shown = [datetime.fromtimestamp(moment) for moment in moments]
    assert [metric.timestamp for metric in monitor.get_metrics("op")] == shown
    rows = list(csv.DictReader(io.StringIO(monitor.export_metrics("csv"))))
    assert [datetime.fromisoformat(row["timestamp"]) for row in rows] == shown
    assert [float(row["value"]) for row in rows] == list(range(1_000))


def test_a_range_of_time_finds_all_that_is_stamped_within_it_in_whatever_order(
    clock: ManualClock, monitor: PerformanceMonitor, tracker: APIPerformanceTracker
) -> None:
    rng = random.Random(9)
    moments = []
    for number in range(500):
        clock.set_wall(LEAP_DAY + rng.randrange(-1_000, 1_000) * DAY)
        monitor.record_metric("op", number, "u")
        tracker.track_request("/", 1, 500 if number % 3 == 0 else 200)
        moments.append(clock.wall)
    report = PerformanceReport(monitor)
    for _ in range(100):
        start, end = sorted(rng.sample(moments, 2))
        inside = [number for number, moment in enumerate(moments) if start <= moment <= end]
        period = (datetime.fromtimestamp(start), datetime.fromtimestamp(end))
        assert [metric.value for metric in monitor.get_metrics("op", period)] == inside
        errors = sum(number % 3 == 0 for number in inside)
        assert tracker.get_error_rate("/", period) == pytest.approx(errors / len(inside))
        means = report.compare_performance(period, period)["period1"]["op"]
        assert (means["mean"], means["count"]) == (pytest.approx(np.mean(inside)), len(inside))


def test_a_full_history_drops_what_was_recorded_first_and_not_what_is_stamped_first(
    clock: ManualClock,
) -> None:
    monitor = PerformanceMonitor(3, clock=clock)
    tracker = APIPerformanceTracker(3, clock=clock)
    for number, years in enumerate([0, 5, -5, 1, -1]):
        clock.set_wall(LEAP_DAY + years * YEAR)
        monitor.record_metric("op", number, "u")
        tracker.track_request(f"/{number}", 1, 200)
    assert monitor.values("op").tolist() == [2, 3, 4]
    assert list(tracker.get_response_times()) == ["/2", "/3", "/4"]


# Durations, while the clock is set


def by_timer(work: Callable[[], None], monitor: PerformanceMonitor) -> None:
    with monitor.timer("op"):
        work()


def by_decorator(work: Callable[[], None], monitor: PerformanceMonitor) -> None:
    monitor.timer("op")(work)()


def by_nested_timers(work: Callable[[], None], monitor: PerformanceMonitor) -> None:
    timer = monitor.timer("op")
    with timer:
        work()
        with timer:
            pass


def by_start_and_stop(work: Callable[[], None], monitor: PerformanceMonitor) -> None:
    monitor.start_timer("op")
    work()
    monitor.stop_timer("op")


def by_profile(work: Callable[[], None], monitor: PerformanceMonitor) -> None:
    _, profile = ImageProcessingProfiler(monitor).profile_operation(work)
    monitor.record_metric("op", profile["wall_time_s"], "seconds")


@pytest.mark.parametrize(
    "measure", [by_timer, by_decorator, by_nested_timers, by_start_and_stop, by_profile]
)
@pytest.mark.parametrize("seconds", STEPS)
def test_no_duration_is_bent_or_negative_where_the_clock_is_set_meanwhile(
    clock: ManualClock,
    monitor: PerformanceMonitor,
    measure: Callable[[Callable[[], None], PerformanceMonitor], None],
    seconds: float,
) -> None:
    def work() -> None:
        clock.advance(1)
        step(clock, seconds)
        clock.advance(0.5)

    def nothing() -> None:
        step(clock, seconds)

    measure(work, monitor)
    assert monitor.values("op").max() == 1.5
    monitor.clear_metrics()
    measure(nothing, monitor)
    assert set(monitor.values("op")) == {0}


@pytest.mark.parametrize("seconds", STEPS)
def test_no_request_takes_longer_or_less_than_nothing_where_the_clock_is_set_meanwhile(
    clock: ManualClock, tracker: APIPerformanceTracker, seconds: float
) -> None:
    for duration in [0, 1.5]:
        with tracker.track("/"):
            step(clock, seconds)
            clock.advance(duration)
    assert tracker.get_response_times() == {"/": [0, 1_500]}


def test_the_interval_of_the_processor_load_is_not_cut_short_by_a_step(clock: ManualClock) -> None:
    resources = ResourceMonitor(clock=clock)
    clock.advance(0.1)
    load = resources.get_cpu_usage()
    assert 0 <= load <= 100
    for seconds in STEPS:
        step(clock, seconds)
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        assert resources.get_cpu_usage() == load
        usage = resources.check_resources()
        assert usage.cpu_percent == load
        assert usage.timestamp == datetime.fromtimestamp(clock.wall)


# Lifetimes, while the clock is set


@pytest.mark.parametrize("seconds", STEPS)
def test_an_entry_lives_to_its_deadline_whichever_way_the_clock_is_set(
    clock: ManualClock, seconds: float
) -> None:
    cache = CacheManager(10, 60, clock=clock)
    cache.set("default", 1)
    cache.set("own", 2, ttl=90)
    cache.set("for ever", 3, ttl=0)
    step(clock, seconds)
    clock.advance(60 - EDGE)
    assert cache.cleanup_expired() == 0
    assert cache.get("default") == 1
    clock.advance(EDGE)
    step(clock, seconds)
    assert cache.get("default") is None
    assert "own" in cache
    assert cache.get_or_set("own", int) == 2
    clock.advance(30)
    step(clock, -seconds)
    assert "own" not in cache
    assert cache.cleanup_expired() == 1
    assert cache._keys() == ["for ever"]


def test_thousands_of_steps_expire_nothing_early_and_keep_nothing_too_long(
    clock: ManualClock,
) -> None:
    rng = random.Random(10)
    cache = CacheManager(100, clock=clock)
    deadlines: dict[int, float] = {}
    hits = misses = 0
    for _ in range(20_000):
        step(clock, rng.choice(STEPS))
        if abs(clock.wall) > 100 * YEAR:
            clock.set_wall(LEAP_DAY)
        clock.advance(rng.choice([0, EDGE, 1]))
        key = rng.randrange(50)
        if rng.random() < 0.3:
            ttl = rng.choice([EDGE, 1, 60, HOUR])
            cache.set(key, key, ttl)
            deadlines[key] = clock.monotonic + ttl
        else:
            alive = clock.monotonic < deadlines.get(key, 0)
            assert cache.get(key) == (key if alive else None)
            hits += alive
            misses += not alive
    assert min(hits, misses) > 3_000
    stats = cache.get_stats()
    assert (stats.hits, stats.misses, stats.evictions) == (hits, misses, 0)


# Monotonic time


@pytest.mark.parametrize("back", [-1e-9, -1, -YEAR, -0.5e9])
def test_a_manual_clock_goes_back_on_the_wall_alone(clock: ManualClock, back: float) -> None:
    clock.advance(HOUR)
    with pytest.raises(ValueError, match="seconds must be 0 or more"):
        clock.advance(back)
    step(clock, back)
    assert clock.monotonic == HOUR


def test_a_history_loses_nothing_and_keeps_the_days_apart_while_the_clock_steps_by_a_year(
    tmp_path: Path,
) -> None:
    clock = ManualClock(wall=LEAP_DAY)
    path = tmp_path / "history.db"
    # For long enough that what a step makes old is kept.
    history = History(path, flush_interval=3_600, retention_days=3_000, clock=clock)
    # Hardly anything is in memory, so that it has to come from the file.
    monitor = PerformanceMonitor(max_history=2, history=history, clock=clock)
    right: Counter[str] = Counter()
    steps = itertools.cycle([YEAR, -YEAR, 0.0, -YEAR, YEAR, DAY, 61.0])
    for number, step in zip(range(200), steps, strict=False):
        clock.set_wall(clock.wall + step)
        count = number % 4 + 1
        monitor.record_many("op", [1.0] * count, "u")
        today = datetime.fromtimestamp(clock.wall, timezone.utc).date()
        right[today.isoformat()] += count
        if number % 5 == 0:
            assert history.flush(), history.problem
        if number % 50 == 0:
            history.fold()
    assert len(right) > 60

    def told(of: PerformanceMonitor) -> dict[str, int]:
        report = PerformanceReport(of)
        days = {
            day: report.generate_daily_report(date.fromisoformat(day), tz="UTC") for day in right
        }
        return {day: told["operations"]["op"]["count"] for day, told in days.items()}

    assert told(monitor) == right
    history.close()
    again = History(path, flush_interval=3_600, retention_days=3_000, clock=clock)
    assert told(PerformanceMonitor(history=again, clock=clock)) == right
