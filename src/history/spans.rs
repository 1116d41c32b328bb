//! Which rows a period is read from.
//!
//! A row belongs to the period that its start lies in, so that every row belongs to exactly one of
//! adjacent periods. Whole hours are read from `hours`. What an edge cuts off of an hour is read from
//! `minutes` as long as they are kept; later the hour counts as a whole.

use super::identity::{HOUR, hour_start};
use crate::time::{NANOS_PER_SEC, TimeRange};

/// Seconds in a minute.
const MINUTE: i64 = 60;

/// One of the two tables with rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A row a minute.
    Minutes,
    /// A row an hour.
    Hours,
}

impl Table {
    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
        }
    }

    /// How many seconds a row is about.
    #[must_use]
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minutes => MINUTE,
            Self::Hours => HOUR,
        }
    }
}

/// Seconds since the Unix epoch from `start` on, up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first second.
    pub start: i64,
    /// The first second after it.
    pub end: i64,
}

impl Period {
    /// The one that holds the seconds that begin in `range`.
    #[must_use]
    pub fn of(range: TimeRange) -> Self {
        let seconds = |nanos: i64| nanos.div_euclid(NANOS_PER_SEC);
        Self {
            start: seconds(range.start) + i64::from(range.start % NANOS_PER_SEC != 0),
            end: seconds(range.end) + 1,
        }
    }

    /// Its nanoseconds.
    #[must_use]
    pub fn range(self) -> TimeRange {
        TimeRange {
            start: self.start.saturating_mul(NANOS_PER_SEC),
            end: self.end.saturating_mul(NANOS_PER_SEC) - 1,
        }
    }

    /// What counts of `range` where it is read from rows that are about this time, if that is
    /// something else. After `now` there is nothing.
    #[must_use]
    pub fn counted(self, range: TimeRange, now: i64) -> Option<TimeRange> {
        let nanos = |second: i64| second.saturating_mul(NANOS_PER_SEC);
        let counted = TimeRange {
            start: if range.start == i64::MIN {
                range.start
            } else {
                nanos(self.start)
            },
            end: if range.end >= now {
                range.end
            } else {
                nanos(self.end) - 1
            },
        };
        (counted != range).then_some(counted)
    }

    /// Whether a row that starts at `start` belongs to it.
    #[must_use]
    pub fn contains(self, start: i64) -> bool {
        self.start <= start && start < self.end
    }

    /// The start of the slot of `seconds` that `start` lies in. The first slot begins with the
    /// period.
    #[must_use]
    pub fn slot_of(self, start: i64, seconds: i64) -> i64 {
        start - start.saturating_sub(self.start).rem_euclid(seconds.max(1))
    }

    /// The time that the rows which begin within are about, of writers as for [`fewest`].
    #[must_use]
    pub fn covered(self, kept: Kept, shift: i64) -> Self {
        let row = |time: i64| {
            let hour = hour_start(time, shift);
            if hour >= kept.minutes_from {
                (time - time.rem_euclid(MINUTE), MINUTE)
            } else {
                (hour, HOUR)
            }
        };
        // A row that an edge cuts belongs to what is before it.
        let behind = |time: i64| {
            let (start, seconds) = row(time);
            if start == time {
                time
            } else {
                start.saturating_add(seconds)
            }
        };
        Self {
            start: behind(self.start),
            end: behind(self.end),
        }
    }

    /// From the beginning of the first to the end of the last.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// Rows of one table that start in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The table.
    pub table: Table,
    /// The period.
    pub period: Period,
}

/// What the file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The start from which on there are rows of minutes.
    pub minutes_from: i64,
    /// The start of the last one.
    pub last_minute: i64,
}

impl Kept {
    /// All that was ever written.
    pub const EVERYTHING: Self = Self {
        minutes_from: i64::MIN,
        last_minute: i64::MAX,
    };
}

/// The fewest rows for `period`, of writers whose hours start `shift` seconds after those of UTC.
#[must_use]
pub fn fewest(period: Period, kept: Kept, shift: i64) -> Vec<Span> {
    let Period { start, end } = period;
    let (first, last) = (hour_start(start, shift), hour_start(end, shift));
    let has_minutes = |hour: i64| hour >= kept.minutes_from;
    let minutes = |start, end| span(Table::Minutes, start, end);
    let hours = |start, end| span(Table::Hours, start, end);
    let whole = if first == start { first } else { first + HOUR };
    let cut_before = first != start && has_minutes(first);
    // Nothing comes after the last minute, so the hour that the end lies in is as good as whole.
    let cut_after = has_minutes(last) && kept.last_minute >= end;
    if whole > last {
        // Both ends lie in one hour.
        let rows = if has_minutes(first) {
            minutes(start, end)
        } else {
            hours(start, end)
        };
        return rows.into_iter().collect();
    }
    [
        if cut_before {
            minutes(start, whole)
        } else {
            None
        },
        if cut_after {
            hours(whole, last)
        } else {
            hours(whole, end)
        },
        if cut_after { minutes(last, end) } else { None },
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The finest rows for `period`: minutes where they are kept, and before that hours.
#[must_use]
pub fn finest(period: Period, kept: Kept, shift: i64) -> Vec<Span> {
    let Period { start, end } = period;
    let from = if hour_start(start, shift) >= kept.minutes_from {
        start
    } else {
        // The first hour whose minutes are all there.
        let hour = hour_start(kept.minutes_from, shift);
        if hour == kept.minutes_from {
            hour
        } else {
            hour.saturating_add(HOUR)
        }
    };
    let from = from.min(end);
    [
        span(Table::Hours, start, from),
        span(Table::Minutes, from, end),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn span(table: Table, start: i64, end: i64) -> Option<Span> {
    let period = Period { start, end };
    (!period.is_empty()).then_some(Span { table, period })
}
