"""Periods, as they are written at the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    _Type = click.ParamType[ZoneInfo]
else:
    # Not generic in earlier releases.
    _Type = click.ParamType

FORMS = """\b
PERIOD is one of
  today, yesterday, 2026-11-22     a calendar day
  30m, 24h, 7d, 2w                 the last minutes, hours, days or weeks
  2026-11-01..2026-11-08           from one day to another, both included
  2026-11-01T08:00..2026-11-01T12  from one moment to another
  14d..7d                          from so long ago to so long ago
  2026-11-01..                     from then on
"""

_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_AGE = re.compile(r"(\d{1,6})([mhdw])")
_SHORTEST = timedelta(microseconds=1)
# Times are kept as nanoseconds in 64 bits.
_EARLIEST = datetime(1677, 9, 22, tzinfo=timezone.utc)
_LATEST = datetime(2262, 4, 11, tzinfo=timezone.utc)
_ONE_DAY = timedelta(days=1)


class NoPeriod(click.BadParameter):
    """A text that is not written as a period."""


@dataclass(frozen=True)
class Period:
    """A stretch of time, both ends included.

    Attributes:
        text: as it was written.
        start, end: in UTC.
        day: set where it is a calendar day.

    """

    text: str
    start: datetime
    end: datetime
    day: date | None = None

    @property
    def pair(self) -> tuple[datetime, datetime]:
        """As reports take it."""
        return (self.start, self.end)


class Periods:
    """Reads periods in a zone, at a moment."""

    def __init__(self, zone: ZoneInfo | None, now: datetime | None = None) -> None:
        """Days are those of ``zone``, or of the local zone; the last ones end ``now``."""
        self._zone = zone
        self._now = datetime.now(timezone.utc) if now is None else now.astimezone(timezone.utc)

    def day(self, text: str) -> date | None:
        """Return the calendar day that a text means, or None if it means none."""
        today = self._now.astimezone(self._zone).date()
        if text == "today":
            return today
        if text == "yesterday":
            return today - _ONE_DAY
        return _iso(date.fromisoformat, text) if len(text) == len("2026-11-22") else None

    def period(self, text: str) -> Period:
        """Read a period.

        Raises:
            click.BadParameter: it is none.

        """
        try:
            period = self._period(text)
        except (OverflowError, ValueError):
            period = None
        if period is None or period.start < _EARLIEST or period.end > _LATEST:
            raise click.BadParameter(f"{text!r} is too far away: years are those from 1678 to 2261")
        return period

    def _period(self, text: str) -> Period:
        day = self.day(text)
        if day is not None:
            return Period(
                text, self._midnight(day), self._midnight(day + _ONE_DAY) - _SHORTEST, day
            )
        age = self._ago(text)
        if age is not None:
            return Period(text, age, self._now)
        first, dots, last = text.partition("..")
        start = self._moment(first, at_end=False)
        end = self._moment(last, at_end=True) if last else self._now
        if not dots or start is None or end is None:
            raise NoPeriod(f"{text!r} is no period; such are {_SAMPLES}")
        if start > end:
            raise click.BadParameter(f"{text!r} ends before it begins")
        return Period(text, start, end)

    def _moment(self, text: str, *, at_end: bool) -> datetime | None:
        day = self.day(text)
        if day is not None:
            return self._midnight(day + _ONE_DAY) - _SHORTEST if at_end else self._midnight(day)
        if text == "now":
            return self._now
        moment = _iso(datetime.fromisoformat, text)
        return self._ago(text) if moment is None else self._utc(moment)

    def _ago(self, text: str) -> datetime | None:
        age = _AGE.fullmatch(text)
        return self._now - int(age[1]) * _UNITS[age[2]] if age else None

    def _midnight(self, day: date) -> datetime:
        return self._utc(datetime.combine(day, time()))

    def _utc(self, moment: datetime) -> datetime:
        if moment.tzinfo is None and self._zone is not None:
            moment = moment.replace(tzinfo=self._zone)
        return moment.astimezone(timezone.utc)


_SAMPLES = "today, 2026-11-22, 7d, 2026-11-01..2026-11-08 and 14d..7d"


def _iso(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError:
        return None


class _Zone(_Type):
    name = "zone"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        # An OSError for a folder of the database.
        except (KeyError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone of the IANA database, such as Europe/Berlin")


zone_option = click.option(
    "--tz",
    "zone",
    type=_Zone(),
    metavar="ZONE",
    help="The zone that days are of, such as Europe/Berlin. The local one unless given.",
)
