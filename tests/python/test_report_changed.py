"""What a report begins with: what changed against the days before."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from changed_simulation import (
    DAYS,
    FIRST,
    LAST,
    Draw,
    heavy_tails,
    rate,
    report,
    slower,
    steady,
    told,
    varying,
)
from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock

pytestmark = pytest.mark.thread_unsafe(
    reason="computes from samples of its own what the others compute, too"
)

USUAL = {f"op{number}": steady(often) for number, often in enumerate([0.2, 1, 5, 20])}
TODAY = DAYS - 1
KEYS = [
    "kind", "name", "unit", "verdict", "reason", "since", "until", "percentage", "before", "after",
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def compared(found: dict[str, Any]) -> dict[str, Any]:
    return dict(found["compared_with"])


def test_a_day_like_those_before_has_no_changes_and_says_so(path: Path) -> None:
    found = report(path, USUAL)
    assert found["changed"] == []
    assert compared(found)["verdict"] == "unchanged"
    assert (compared(found)["judged"], compared(found)["unjudged"]) == (4, 0)
    days = [FIRST + timedelta(days=day) for day in reversed(range(TODAY))]
    assert compared(found)["periods"] == [
        {"start": f"{day:%Y-%m-%d}T00:00:00+00:00", "end": f"{day + timedelta(1):%Y-%m-%d}T00:00:00+00:00"}
        for day in days
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_down_is_told_with_the_hour_in_which_it_began(path: Path, seed: int) -> None:
    operations = {**USUAL, "slow": slower(steady(5), 1.3, range(14, 24))}
    found = report(path, operations, seed)
    (entry,) = found["changed"]
    assert list(entry) == KEYS
    assert (entry["kind"], entry["name"], entry["unit"]) == ("operation", "slow", "seconds")
    assert (entry["verdict"], entry["reason"]) == ("degraded", "typical")
    assert (entry["since"], entry["until"]) == ("2026-06-15T14:00:00+00:00", None)
    assert entry["percentage"] == pytest.approx(30, abs=6)
    before, after = entry["before"], entry["after"]
    assert list(before) == list(after) == ["count", "mean", "median", "p95", "p99"]
    assert after["median"] / before["median"] == pytest.approx(1.3, abs=0.06)
    assert 5 * after["count"] < before["count"] < 9 * after["count"]
    assert compared(found)["verdict"] == "changed"


def test_an_incident_is_told_from_its_first_to_its_last_hour(path: Path) -> None:
    found = report(path, {**USUAL, "slow": slower(steady(5), 3, range(14, 16))})
    (entry,) = found["changed"]
    assert (entry["since"][11:16], entry["until"][11:16]) == ("14:00", "16:00")


def test_what_got_better_is_told_too(path: Path) -> None:
    found = report(path, {**USUAL, "fast": slower(steady(5), 0.6, range(24))})
    assert told(found) == [("fast", "improved", "00:00")]


@pytest.mark.parametrize("value", [1.0, 1.3, 0.07])
@pytest.mark.parametrize("factor", [1.3, 0.6])
def test_samples_that_never_vary_are_judged_as_well(
    path: Path, value: float, factor: float
) -> None:
    def constant(_chance: np.random.Generator, _day: int, _hour: int) -> Any:
        return np.full(12, value)

    found = report(path, {"constant": slower(constant, factor, range(14, 24))})
    assert told(found) == [("constant", "degraded" if factor > 1 else "improved", "14:00")]


def test_a_slow_tail_is_told_although_the_median_hardly_moved(path: Path) -> None:
    def tail(chance: np.random.Generator, day: int, hour: int) -> Any:
        samples = steady(5)(chance, day, hour)
        share = 0.08 if day == TODAY and hour >= 10 else 0.005
        return samples * np.where(chance.random(len(samples)) < share, 30, 1)

    (entry,) = report(path, {**USUAL, "tail": tail})["changed"]
    assert (entry["name"], entry["since"][11:16]) == ("tail", "10:00")
    assert entry["reason"] in {"mean", "tail"}
    assert entry["percentage"] > 100


def test_an_endpoint_that_fails_more_often_comes_first(path: Path) -> None:
    def requests(
        tracker: APIPerformanceTracker, chance: np.random.Generator, day: int, hour: int
    ) -> None:
        is_bad = day == TODAY and 16 <= hour < 18
        for _ in range(chance.poisson(60 * rate(hour))):
            status = 503 if chance.random() < (0.2 if is_bad else 0.004) else 200
            tracker.track_request("/prints", float(chance.lognormal(-3, 0.4)), status, "POST")

    operations = {"slow": slower(steady(5), 3, range(14, 24))}
    found = report(path, operations, requests=requests)
    assert told(found) == [("POST /prints", "degraded", "16:00"), ("slow", "degraded", "14:00")]
    entry = found["changed"][0]
    assert (entry["kind"], entry["unit"], entry["reason"]) == (
        "endpoint",
        "milliseconds",
        "failures",
    )
    assert entry["until"][11:16] == "18:00"
    assert entry["before"]["error_rate"] < 0.02
    assert entry["after"]["error_rate"] > 0.1


def test_failures_that_come_in_bursts_are_no_change(path: Path) -> None:
    def requests(
        tracker: APIPerformanceTracker, chance: np.random.Generator, day: int, hour: int
    ) -> None:
        is_burst = hour == (7 * day + 3) % 24
        for _ in range(chance.poisson(60 * rate(hour))):
            status = 500 if chance.random() < (0.25 if is_burst else 0.003) else 200
            tracker.track_request("/a", float(chance.lognormal(-3, 0.4)), status)

    assert report(path, {}, requests=requests)["changed"] == []


def only(hours: range, days: range, often: int = 20) -> Draw:
    """So many samples in some hours of some days."""

    def draw(chance: np.random.Generator, day: int, hour: int) -> Any:
        return chance.lognormal(-1, 0.3, often if day in days and hour in hours else 0)

    return draw


def until_nine(chance: np.random.Generator, day: int, hour: int) -> Any:
    return chance.lognormal(-1, 0.3, 0 if day == TODAY and hour >= 9 else 5)


def test_what_is_new_and_what_is_gone_is_told(path: Path) -> None:
    operations = {
        **USUAL,
        "stopped": until_nine,
        "retired": only(range(24), range(TODAY)),
        "introduced": only(range(11, 24), range(TODAY, DAYS)),
        "nightly": only(range(2, 3), range(TODAY), often=1),
    }
    found = report(path, operations)
    assert sorted(told(found)) == [
        ("introduced", "new", "11:00"),
        ("nightly", "gone", "02:00"),
        ("retired", "gone", "00:00"),
        ("stopped", "gone", "09:00"),
    ]
    for entry in found["changed"]:
        assert entry["reason"] is entry["percentage"] is None
        absent, present = ("before", "after") if entry["verdict"] == "new" else ("after", "before")
        assert entry[absent] is None
        assert entry[present]["count"] > 0


def test_what_is_rare_is_neither_new_nor_gone(path: Path) -> None:
    def rare(chance: np.random.Generator, _day: int, _hour: int) -> Any:
        return chance.lognormal(0, 0.3, chance.poisson(0.5 / 24))

    found = report(path, {**USUAL, **{f"rare{number}": rare for number in range(40)}})
    assert found["changed"] == []


def test_paths_that_only_clients_made_up_are_not_new(path: Path) -> None:
    def requests(
        tracker: APIPerformanceTracker, chance: np.random.Generator, day: int, hour: int
    ) -> None:
        for _ in range(20):
            tracker.track_request("/a", float(chance.lognormal(-3, 0.4)), 200)
        if (day, hour) == (TODAY, 12):
            for _ in range(30):
                tracker.track_request("/wp-login.php", 0.001, 404)
                tracker.track_request("/v2", 0.001, 200)

    assert told(report(path, {}, requests=requests)) == [("GET /v2", "new", "12:00")]


def test_a_service_that_stopped_as_a_whole_does_not_list_all_it_did_as_gone(path: Path) -> None:
    def ends(chance: np.random.Generator, day: int, hour: int) -> Any:
        return chance.lognormal(-1, 0.3, 0 if day == TODAY and hour >= 12 else 20)

    assert report(path, {f"op{number}": ends for number in range(5)})["changed"] == []


@pytest.mark.parametrize(("days", "before"), [(1, 0), (2, 1), (3, 2)])
def test_too_short_a_history_is_told_from_no_change(path: Path, days: int, before: int) -> None:
    found = report(path, USUAL, days=days)
    assert found["changed"] == []
    assert compared(found)["verdict"] == "not enough data"
    assert (compared(found)["judged"], compared(found)["unjudged"]) == (0, 4)
    assert len(compared(found)["periods"]) == before
    page = PerformanceReport.export_report(found, "md")
    assert page is not None
    assert "**Too little is recorded to tell what changed.** It takes 3 of the seven" in page


def test_a_day_that_is_not_over_is_compared_with_the_same_hours(path: Path) -> None:
    # At night it is quick, so days as a whole would say that it got faster.
    found = report(path, {"op": steady(5, load=4)}, until=8)
    assert found["changed"] == []
    hours = {"start": "2026-06-15T00:00:00+00:00", "end": "2026-06-15T08:00:00+00:00"}
    assert compared(found)["hours"] == hours
    page = PerformanceReport.export_report(found, "md")
    assert page is not None
    assert "Compared with the 7 days before, from 00:00 to 08:00 each" in page


def test_traffic_at_other_hours_is_no_change_of_durations(path: Path) -> None:
    # Four times as slow at noon as at night; and today most of it is at night.
    def draw(chance: np.random.Generator, day: int, hour: int) -> Any:
        often = 300 * (rate((hour + 12) % 24) if day == TODAY else rate(hour))
        return chance.lognormal(np.log(0.02 * (1 + 3 * rate(hour))), 0.3, chance.poisson(often))

    assert report(path, {**USUAL, "op": draw})["changed"] == []


# Nothing changed: those of which a report must tell nothing.
KINDS: dict[str, Any] = {
    "steady": lambda often, _seed: steady(often),
    "days differ a little": lambda often, seed: varying(steady(often), 0.03, seed),
    "days differ": lambda often, seed: varying(steady(often), 0.15, seed),
    "heavy tails": heavy_tails,
}


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_change_nothing_is_told_however_many_operations_there_are(
    tmp_path: Path, kind: str
) -> None:
    chance = np.random.default_rng(17)
    listed = 0
    for round_ in range(6):
        often = np.exp(chance.uniform(np.log(0.02), np.log(4), 40))
        operations = {
            f"op{number}": KINDS[kind](each, 1_000 * round_ + number)
            for number, each in enumerate(often)
        }
        listed += bool(report(tmp_path / f"{round_}.db", operations, round_)["changed"])
    # At most 5 of 100 are due; of six, two are already more than a chance of 1 in 30.
    assert listed <= 1


def hourly(
    path: Path, draw: Draw, starts: list[datetime], now: datetime
) -> tuple[History, PerformanceMonitor]:
    """A history with samples in these hours, of which draw gets the day's number and the hour."""
    chance, clock = np.random.default_rng(3), ManualClock(wall=starts[0].timestamp())
    history = History(path, flush_interval=3600.0, clock=clock, on_sigterm=False)
    monitor = PerformanceMonitor(10, clock=clock, history=history)
    for start in starts:
        clock.set_wall(start.timestamp() + 600)
        day = (start.date() - starts[0].date()).days
        monitor.record_many("op", draw(chance, day, start.hour), "s")
    history.flush()
    clock.set_wall(now.timestamp())
    return history, monitor


def hours_of(zone: ZoneInfo, first: datetime, days: int) -> list[datetime]:
    """Each hour of so many days on the clocks of a zone."""
    end = (first + timedelta(days=days)).replace(tzinfo=zone).astimezone(timezone.utc)
    hour = first.replace(tzinfo=zone).astimezone(timezone.utc)
    found = []
    while hour < end:
        found.append(hour.astimezone(zone))
        hour += timedelta(hours=1)
    return found


@pytest.mark.parametrize("last", ["2026-03-29", "2026-03-31", "2026-10-25", "2026-10-28"])
def test_hours_are_those_of_the_clock_where_it_is_changed(path: Path, last: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = datetime.fromisoformat(last) - timedelta(days=7)
    starts = hours_of(zone, first, DAYS)

    # Each hour of the day has a duration of its own, so that one beside another would show.
    def draw(chance: np.random.Generator, day: int, hour: int) -> Any:
        factor = 1.3 if day == TODAY and hour >= 14 else 1.0
        return chance.lognormal(np.log(1 + hour), 0.2, 60) * factor

    history, monitor = hourly(path, draw, starts, starts[-1] + timedelta(hours=9))
    with history:
        reports = PerformanceReport(monitor)
        found = reports.generate_daily_report(datetime.fromisoformat(last), tz=zone)
    (entry,) = found["changed"]
    assert entry["since"][:16] == f"{last}T14:00"
    assert entry["until"] is None
    assert compared(found)["periods"][-1]["start"][:16] == f"{first:%Y-%m-%d}T00:00"


def test_hours_that_are_cut_by_a_zone_are_compared_all_the_same(path: Path) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    draw = slower(steady(10), 1.5, range(14, 24))
    starts = hours_of(zone, datetime(2026, 6, 8), DAYS)
    history, monitor = hourly(path, draw, starts, starts[-1] + timedelta(hours=9))
    with history:
        found = PerformanceReport(monitor).generate_daily_report(LAST.date(), tz=zone)
    (entry,) = found["changed"]
    # Hours on disk are those of UTC here, which begin half an hour before or after.
    assert entry["since"][:16] in {"2026-06-15T13:00", "2026-06-15T14:00"}


def test_some_hours_are_compared_with_the_same_hours_of_the_days_before(path: Path) -> None:
    utc = ZoneInfo("UTC")
    draw = slower(steady(10, load=4), 1.5, range(9, 12))
    now = LAST + timedelta(hours=12)
    starts = [hour for hour in hours_of(utc, FIRST.replace(tzinfo=None), DAYS) if hour < now]
    history, monitor = hourly(path, draw, starts, now)
    with history:
        reports = PerformanceReport(monitor)
        quiet = reports.generate_period_report((now - timedelta(hours=9), now - timedelta(hours=4)))
        slow = reports.generate_period_report((now - timedelta(hours=3), now), tz="UTC")
        whole = reports.generate_period_report((now - timedelta(hours=24), now), tz="UTC")
    assert quiet["changed"] == []
    assert compared(quiet)["verdict"] == "unchanged"
    assert told(slow) == told(whole) == [("op", "degraded", "09:00")]
    assert len(compared(slow)["periods"]) == len(compared(whole)["periods"]) == 7


def test_a_week_is_compared_with_the_weeks_before(path: Path) -> None:
    utc = ZoneInfo("UTC")
    starts = hours_of(utc, datetime(2026, 5, 18), 28)

    def draw(chance: np.random.Generator, day: int, hour: int) -> Any:
        is_weekend = day % 7 >= 5
        factor = 1.5 if day >= 24 else 1.0
        return steady(4)(chance, day, hour) * (0.5 if is_weekend else 1.0) * factor

    history, monitor = hourly(path, draw, starts, starts[-1] + timedelta(hours=1))
    with history:
        week = (starts[-7 * 24], starts[-1] + timedelta(hours=1) - timedelta(microseconds=1))
        found = PerformanceReport(monitor).generate_period_report(week, tz=utc)
    (entry,) = found["changed"]
    assert entry["since"] == "2026-06-11T00:00:00+00:00"
    assert [period["start"][:10] for period in compared(found)["periods"]] == [
        "2026-06-01", "2026-05-25", "2026-05-18",
    ]  # fmt: skip
    assert "06-11 00:00" in str(PerformanceReport.export_report(found, "md"))


def test_other_units_than_before_are_not_compared(path: Path) -> None:
    utc = ZoneInfo("UTC")
    starts = hours_of(utc, FIRST.replace(tzinfo=None), DAYS)
    history, monitor = hourly(path, steady(2), starts[:-24], starts[-20] + timedelta(minutes=30))
    with history:
        monitor.record_many("op", [20.0] * 100, "ms")
        found = PerformanceReport(monitor).generate_daily_report(LAST, tz=utc)
    assert found["changed"] == []
    assert (compared(found)["judged"], compared(found)["unjudged"]) == (0, 1)


@pytest.mark.parametrize("period", [(None, None), ("far", "ahead")])
def test_periods_that_have_nothing_before_them_are_not_judged(
    path: Path, period: tuple[Any, Any]
) -> None:
    clock = ManualClock(wall=LAST.timestamp())
    with History(path, clock=clock) as history:
        monitor = PerformanceMonitor(clock=clock, history=history)
        monitor.record_metric("op", 1.0, "s")
        if period[0] is None:
            given = (
                datetime(1700, 1, 1, tzinfo=timezone.utc),
                datetime(2200, 1, 1, tzinfo=timezone.utc),
            )
        else:
            given = (LAST + timedelta(days=3), LAST + timedelta(days=4))
        found = PerformanceReport(monitor).generate_period_report(given)
    assert found["changed"] == []
    assert compared(found)["verdict"] == "not enough data"


def test_without_a_history_a_report_tells_of_no_changes() -> None:
    found = PerformanceReport(PerformanceMonitor()).generate_daily_report()
    assert "changed" not in found
    assert "compared_with" not in found


def test_the_pages_begin_with_what_changed_also_when_read_back_from_json(path: Path) -> None:
    operations = {
        **USUAL,
        "slow <b>": slower(steady(5), 1.3, range(14, 24)),
        "late": only(range(11, 24), range(TODAY, DAYS)),
    }
    found = report(path, operations)
    for one in (found, json.loads(PerformanceReport.export_report(found) or "")):
        page = PerformanceReport.export_report(one, "html") or ""
        headline = page.index("One operation is slower</h2>")
        assert headline < page.index("slow &#60;b&#62;") < page.index('id="headline"')
        text = PerformanceReport.export_report(one, "md") or ""
        lines = [line for line in text.splitlines() if "`slow <b>`" in line or "`late`" in line]
        assert lines[0].startswith("- ▲ `slow <b>` **slower** since 14:00: median ")
        assert lines[1].startswith("- + `late` **new** since 11:00: median ")
        assert text.index("One operation is slower.") < text.index("- Samples:")
    assert "One operation is slower" in found._repr_html_()  # type: ignore[attr-defined]


def test_a_page_says_that_nothing_changed(path: Path) -> None:
    text = PerformanceReport.export_report(report(path, USUAL), "md") or ""
    assert "**Nothing has changed.** Compared with the 7 days before: 4 operations and" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"changed": "nothing", "compared_with": 3},
        {"changed": [1, None, {}, {"verdict": "degraded"}], "compared_with": {}},
        {"changed": [{"name": "a", "verdict": "degraded", "since": "ö" * 16, "after": {"count": 1}}],
         "compared_with": {"hours": {"start": "2026", "end": "ä" * 20}, "periods": 4, "judged": "x"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("format_", ["html", "md", "json"])
def test_reports_that_were_changed_by_hand_are_shown_as_far_as_they_go(
    wrong: dict[str, Any], format_: str
) -> None:
    report_of_mine = {"date": "2026-06-15", "operations": {}, **wrong}
    assert PerformanceReport.export_report(report_of_mine, format_)
