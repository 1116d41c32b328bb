"""What is asked of each stored history: when, in which time zones, and which reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

Period = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """A history, and what is asked of it.

    Times without an offset are local ones, of the zone in which the reports are made.

    Attributes:
        now: the moment at which everything is asked, in UTC.
        days: calendar days; of the first one there are reports of all sorts.
        periods: of which there is a report each.
        comparisons: pairs of periods.
        sessions: of which there is a report each; the first two are compared.
        versions: pairs of releases.
        rows: the period of which all rows are written.
        zones: the local time zones; of the first one there is everything.
        elsewhere: a zone that days are of beside the local one.
        commands: further command lines.
        parquet: whether rows are written as Parquet, too, for which much has to be loaded.

    """

    now: datetime
    days: tuple[str, ...]
    rows: Period
    periods: tuple[Period, ...] = ()
    comparisons: tuple[tuple[Period, Period], ...] = ()
    sessions: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    zones: tuple[str, ...] = ("UTC",)
    elsewhere: str = "Asia/Tokyo"
    commands: tuple[tuple[str, ...], ...] = ()
    parquet: bool = False


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


TODAY = ("2026-06-15T00:00", "2026-06-16T00:00")
WEEK = ("2026-06-08T00:00", "2026-06-16T00:00")
NOONS = (
    ("2026-06-14T12:00", "2026-06-14T14:00"),
    ("2026-06-15T12:00", "2026-06-15T14:00"),
)

CASES: dict[str, Case] = {
    "plain": Case(
        now=at("2026-06-15T14:58:30"),
        days=("2026-06-15", "2026-06-16", "2020-02-29"),
        rows=TODAY,
        periods=(
            ("2026-06-15T12:30", "2026-06-15T13:10:30"),
            ("2026-06-01T00:00", "2026-06-15T15:00"),
        ),
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T13:00"), ("2026-06-15T13:00", "2026-06-15T14:59")),
            (("2026-06-15T12:00", "2026-06-15T12:04"), ("2026-06-15T13:00", "2026-06-15T13:04")),
        ),
        zones=("UTC", "Pacific/Auckland", "America/St_Johns"),
        commands=(
            ("report", "--date", "2026-06-15", "--times", "offset"),
            ("report", "--date", "2026-06-15", "--times", "utc"),
            ("top", "--once", "--window", "79"),
            ("report",),
            ("report", "--date", "yesterday"),
            ("report", "--last", "90m"),
            ("report", "--last", "2w", "--format", "md"),
            ("report", "--session", "nobody"),
            ("report", "--date", "today", "--last", "1h"),
            ("report", "--period", "2026-06-15..2026-06-14"),
            ("report", "--date", "15 June"),
            ("compare", "3h..2h", "2h..1h", "--format", "csv"),
            ("compare", "yesterday", "today"),
            ("compare", "2026-06-01", "2026-06-02"),
            ("compare", "1.0", "2.0"),
            ("top", "--once", "--window", "0"),
            ("top", "--once", "--sort", "p95"),
            ("top", "--once", "--sort", "name"),
            ("top", "--once", "--window", "319"),
            ("history", "export", "--period", "1h"),
            ("history", "export", "--format", "jsonl", "--period", "today", "--times", "offset"),
            ("history", "check"),
            ("history", "fold"),
            ("history", "fold", "--retention-days", "1"),
        ),
    ),
    "forty-days": Case(
        now=at("2026-06-15T19:30:00"),
        days=("2026-06-15", "2026-06-14", "2026-06-11", "2026-05-10"),
        rows=("2026-06-14T12:00", "2026-06-15T20:00"),
        periods=(
            ("2026-06-08T00:00", "2026-06-15T00:00"),
            ("2026-06-15T08:00", "2026-06-15T16:30"),
            ("2026-05-01T00:00", "2026-06-16T00:00"),
        ),
        comparisons=(
            (("2026-06-01T00:00", "2026-06-08T00:00"), ("2026-06-08T00:00", "2026-06-15T00:00")),
            (("2026-06-14T00:00", "2026-06-15T00:00"), TODAY),
        ),
        commands=(
            ("report", "--last", "7d"),
            ("report", "--last", "30d", "--format", "md"),
            ("compare", "14d..7d", "7d"),
            ("top", "--once", "--window", "639"),
        ),
    ),
    "requests": Case(
        now=at("2026-06-15T13:51:00"),
        days=("2026-06-15", "2026-06-14"),
        rows=WEEK,
        periods=(("2026-06-14T00:00", "2026-06-16T00:00"),),
        comparisons=(NOONS,),
        commands=(
            ("report", "--date", "2026-06-15", "--times", "offset"),
            ("report", "--date", "2026-06-15", "--times", "utc"),
            ("top", "--once", "--window", "79"),
            ("top", "--once", "--sort", "count"),
            ("top", "--once", "--sort", "p95"),
            ("compare", "yesterday", "today", "--min-samples", "500"),
            ("compare", "yesterday", "today", "--min-change", "60", "--confidence", "0.99"),
        ),
    ),
    "resources": Case(
        now=at("2026-06-15T18:18:30"),
        days=("2026-06-15",),
        rows=TODAY,
        periods=(("2026-06-15T16:00", "2026-06-15T17:00"),),
    ),
    "failures": Case(
        now=at("2026-06-15T12:56:30"),
        days=("2026-06-15", "2026-06-14"),
        rows=WEEK,
        comparisons=(NOONS,),
        sessions=("print 0", "print 1"),
    ),
    "sessions": Case(
        now=at("2026-06-15T16:00:00"),
        days=("2026-06-15",),
        rows=TODAY,
        sessions=("job-1", "job-2", "plate 1", "only once", "<b>job</b> | =1+1", "unknown"),
        commands=(("report", "--session", "job-2", "--times", "utc", "--format", "md"),),
    ),
    "versions": Case(
        now=at("2026-06-15T19:21:00"),
        days=("2026-06-15", "2026-06-16"),
        rows=TODAY,
        periods=(
            ("2026-06-15T13:00", "2026-06-15T15:00"),
            ("2026-06-15T16:00", "2026-06-15T18:00"),
        ),
        versions=(("1.4.1", "1.4.2"), ("1.4.2", "1.4.2"), ("1.4.1", "1.5")),
        zones=("UTC", "America/New_York"),
        commands=(
            ("report", "--date", "2026-06-15", "--times", "offset"),
            ("report", "--date", "2026-06-15", "--times", "utc"),
        ),
    ),
    "not-finite": Case(
        now=at("2026-06-15T12:21:00"),
        days=("2026-06-15", "2026-06-14"),
        rows=WEEK,
        comparisons=(NOONS,),
    ),
    "units": Case(
        now=at("2026-06-15T12:46:00"),
        days=("2026-06-15",),
        rows=TODAY,
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T12:20"), ("2026-06-15T12:30", "2026-06-15T12:50")),
        ),
    ),
    "names": Case(
        now=at("2026-06-15T12:30:00"),
        days=("2026-06-15",),
        rows=TODAY,
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T12:30"), ("2026-06-15T12:00", "2026-06-15T12:30")),
        ),
        sessions=("<b>", "a | b", "=1+1", "🖼️"),
        parquet=True,
        versions=(('1.0 <beta> | "quoted"', '1.0 <beta> | "quoted"'), ("1.0", "<b>2</b>")),
    ),
    "single-sample": Case(
        now=at("2026-06-15T12:00:30"),
        days=("2026-06-15", "2026-06-14"),
        rows=TODAY,
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T12:01"), ("2026-06-15T11:00", "2026-06-15T13:00")),
        ),
    ),
    "empty": Case(
        now=at("2026-06-15T12:00:00"),
        days=("2026-06-15",),
        rows=TODAY,
        periods=(("2026-06-15T00:00", "2026-06-15T12:00"),),
        comparisons=(NOONS,),
        sessions=("nobody",),
        versions=(("1.0", "2.0"),),
    ),
    "busy": Case(
        now=at("2026-06-15T13:31:00"),
        days=("2026-06-15",),
        rows=("2026-06-15T13:00", "2026-06-15T14:00"),
        comparisons=(NOONS,),
    ),
    "berlin": Case(
        now=at("2026-10-26T06:00:00"),
        days=("2026-10-25", "2026-10-24", "2026-10-26", "2026-03-29", "2026-03-28"),
        rows=("2026-10-25T00:00", "2026-10-25T05:00"),
        periods=(
            ("2026-10-25T02:00", "2026-10-25T03:00"),
            ("2026-03-29T01:30", "2026-03-29T03:30"),
        ),
        comparisons=(
            (("2026-10-24T00:00", "2026-10-25T00:00"), ("2026-10-25T00:00", "2026-10-26T00:00")),
        ),
        zones=("Europe/Berlin", "UTC"),
        elsewhere="America/New_York",
        commands=(
            ("report", "--date", "2026-10-25", "--times", "offset"),
            ("report", "--date", "2026-10-25", "--times", "utc"),
            ("report", "--last", "30h"),
            ("report", "--period", "2026-10-25..2026-10-25"),
        ),
    ),
    "new-york": Case(
        now=at("2026-11-02T11:00:00"),
        days=("2026-11-01", "2026-10-31", "2026-03-08", "2026-03-07"),
        rows=("2026-11-01T00:00", "2026-11-01T05:00"),
        periods=(
            ("2026-11-01T01:00", "2026-11-01T02:00"),
            ("2026-03-08T01:30", "2026-03-08T03:30"),
        ),
        comparisons=(
            (("2026-10-31T00:00", "2026-11-01T00:00"), ("2026-11-01T00:00", "2026-11-02T00:00")),
        ),
        zones=("America/New_York", "Europe/Berlin"),
        elsewhere="Asia/Kolkata",
        commands=(("report", "--last", "30h"),),
    ),
    "kolkata": Case(
        now=at("2026-06-15T11:40:00"),
        days=("2026-06-15", "2026-06-12", "2026-06-11"),
        rows=("2026-06-15T00:00", "2026-06-15T06:00"),
        periods=(("2026-06-12T10:15", "2026-06-12T17:45"),),
        comparisons=(
            (("2026-06-12T00:00", "2026-06-13T00:00"), ("2026-06-14T00:00", "2026-06-15T00:00")),
        ),
        zones=("Asia/Kolkata", "UTC", "Asia/Kathmandu"),
        elsewhere="Australia/Lord_Howe",
        commands=(
            ("report", "--date", "2026-06-12", "--times", "offset"),
            ("report", "--date", "2026-06-12", "--times", "utc"),
        ),
    ),
    "gaps": Case(
        now=at("2026-06-15T16:30:00"),
        days=("2026-06-15", "2026-06-12", "2026-06-11"),
        rows=WEEK,
        periods=(("2026-06-08T00:00", "2026-06-16T00:00"),),
        comparisons=(
            (("2026-06-08T00:00", "2026-06-09T00:00"), TODAY),
            (("2026-06-10T00:00", "2026-06-11T00:00"), TODAY),
        ),
    ),
    "hours-only": Case(
        now=at("2026-06-25T12:00:00"),
        days=("2026-06-15", "2026-06-14"),
        rows=WEEK,
        periods=(("2026-06-14T06:30", "2026-06-15T18:30"),),
        comparisons=((("2026-06-14T00:00", "2026-06-15T00:00"), TODAY),),
        sessions=("day 1", "day 2"),
    ),
    "crash-left": Case(
        now=at("2026-06-15T15:52:00"),
        days=("2026-06-15",),
        rows=TODAY,
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T14:00"), ("2026-06-15T14:00", "2026-06-15T16:00")),
        ),
        commands=(("history", "check"),),
    ),
    "overflow": Case(
        now=at("2026-06-15T13:01:00"),
        days=("2026-06-15",),
        rows=TODAY,
        sessions=("(other sessions)", "job"),
    ),
    "images": Case(
        now=at("2026-06-15T13:00:00"),
        days=("2026-06-15",),
        rows=TODAY,
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T12:29"), ("2026-06-15T12:30", "2026-06-15T12:59")),
        ),
    ),
    "workers": Case(
        now=at("2026-06-15T13:04:00"),
        days=("2026-06-15",),
        rows=TODAY,
        comparisons=(
            (("2026-06-15T12:00", "2026-06-15T12:30"), ("2026-06-15T12:30", "2026-06-15T13:05")),
        ),
    ),
    "earlier-schema": Case(
        now=at("2026-06-15T13:52:00"),
        days=("2026-06-15",),
        rows=TODAY,
        versions=(("1.0", "2.0"),),
        commands=(("history", "fold", "--retention-days", "30"), ("history", "vacuum")),
    ),
}
