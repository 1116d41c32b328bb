//! Calendar time: what a stamp reads on the wall, and where a day begins and ends.

use std::{
    ffi::OsString,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use parking_lot::Mutex;

use super::{NANOS_PER_SEC, TimeRange};
use crate::error::{Error, Result};

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// The one that is set for the process.
    #[default]
    Local,
    /// One of the IANA database, as it was when this was built.
    Named(chrono_tz::Tz),
}

impl Zone {
    /// The zone with an IANA name, such as `Europe/Berlin`.
    pub fn named(name: &str) -> Result<Self> {
        name.parse().map(Self::Named).map_err(|_| {
            Error::argument("tz", format_args!("{name:?}"), "an IANA time zone's name")
        })
    }

    /// Its name; `local` for the local one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Named(zone) => zone.name(),
        }
    }

    /// The calendar day `date`, 23 or 25 hours long where the clock changes, and empty if the zone
    /// skipped it.
    #[must_use]
    pub fn day(self, date: NaiveDate) -> TimeRange {
        self.look(|| TimeRange {
            start: self.day_start(date),
            end: date
                .succ_opt()
                .map_or(i64::MAX, |next| self.day_start(next))
                .saturating_sub(1),
        })
    }

    /// The calendar date at `time`.
    #[must_use]
    pub fn date(self, time: i64) -> NaiveDate {
        self.datetime(time).0.date()
    }

    /// The wall-clock reading at `time`, with whether it is the second pass through an hour that
    /// the clock repeats (Python's `fold`).
    #[must_use]
    pub fn datetime(self, time: i64) -> (NaiveDateTime, bool) {
        self.look(|| {
            let offset = self.offset_at(time);
            (to_naive(time, offset), self.is_second_pass(time, offset))
        })
    }

    /// By how many seconds the wall clock is ahead of UTC at `time`.
    #[must_use]
    pub fn offset(self, time: i64) -> i32 {
        self.look(|| self.offset_at(time))
    }

    /// `time` as ISO 8601 text with the offset, to the second.
    #[must_use]
    pub fn iso(self, time: i64) -> String {
        let offset = self.offset(time);
        let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
        let reading = to_naive(time, offset).format("%Y-%m-%dT%H:%M:%S");
        format!("{reading}{sign}{:02}:{:02}", size / 60, size % 60)
    }

    /// Whether clocks show what they show at `time` a second time, before or after it: in the hour that is
    /// repeated where they are set back.
    #[must_use]
    pub fn is_repeated(self, time: i64) -> bool {
        self.look(|| {
            let offset = self.offset_at(time);
            self.is_second_pass(time, offset) || self.is_first_pass(time, offset)
        })
    }

    /// The instant at which clocks show `reading`: the first of two, or the second with `fold`. Where
    /// clocks skip it, what they would have shown without the change, and with `fold` with it: as
    /// Python counts.
    #[must_use]
    pub fn instant(self, reading: NaiveDateTime, fold: bool) -> Option<i64> {
        // As if the reading were UTC's, then by the offsets before and after any change around it.
        let utc = reading.and_utc().timestamp_nanos_opt()?;
        self.look(|| {
            let around = [-DAY, DAY].map(|away| {
                let offset = self.offset_at(utc.saturating_add(away * NANOS_PER_SEC));
                utc.saturating_sub(i64::from(offset) * NANOS_PER_SEC)
            });
            let reads = |time: &i64| to_naive(*time, self.offset_at(*time)) == reading;
            let mut found: Vec<i64> = around.into_iter().filter(reads).collect();
            if found.is_empty() {
                // Before the change, the offset is that of before: so it is not in order of time.
                return Some(around[usize::from(fold)]);
            }
            found.sort_unstable();
            if fold { found.last() } else { found.first() }.copied()
        })
    }

    fn look<T: Send>(self, work: impl Fn() -> T + Send + Sync) -> T {
        match self {
            Self::Local => in_current_zone(work),
            Self::Named(_) => work(),
        }
    }

    fn offset_at(self, time: i64) -> i32 {
        let utc = to_naive(time, 0);
        match self {
            Self::Local => Local.offset_from_utc_datetime(&utc).fix(),
            Self::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
        }
        .local_minus_utc()
    }

    // chrono's way back, from a reading to its instants, takes the edges of repeated and skipped
    // hours wrongly and gives the instants of a repeated hour in the wrong order (0.4.45). What an
    // instant reads is right, so what follows asks nothing else.

    /// Whether the clock showed the reading at `time` once before.
    fn is_second_pass(self, time: i64, offset: i32) -> bool {
        let earlier = self.offset_at(time.saturating_sub(DAY * NANOS_PER_SEC));
        let set_back = i64::from(earlier - offset) * NANOS_PER_SEC;
        set_back > 0 && self.offset_at(time.saturating_sub(set_back)) == earlier
    }

    /// Whether the clock will show the reading at `time` once more.
    fn is_first_pass(self, time: i64, offset: i32) -> bool {
        let later = self.offset_at(time.saturating_add(DAY * NANOS_PER_SEC));
        let set_back = i64::from(offset - later) * NANOS_PER_SEC;
        set_back > 0 && self.offset_at(time.saturating_add(set_back)) == later
    }

    /// The first instant that reads `date` or later: where the clock skips midnight or the whole
    /// day, the instant after.
    fn day_start(self, date: NaiveDate) -> i64 {
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
        let (mut before, mut from) = (midnight - DAY, midnight + DAY);
        while from - before > 1 {
            let middle = i64::midpoint(before, from);
            let offset = self.offset_at(middle.saturating_mul(NANOS_PER_SEC));
            if middle + i64::from(offset) < midnight {
                before = middle;
            } else {
                from = middle;
            }
        }
        from.saturating_mul(NANOS_PER_SEC)
    }
}

pub(super) fn to_naive(time: i64, offset: i32) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(time).naive_utc() + TimeDelta::seconds(offset.into())
}

/// Seconds. No offset is as long, and no clock goes forward and back again within it.
const DAY: i64 = 86_400;

/// The value of `TZ` at the last look, and when it was last seen to change.
static ZONE: Mutex<Option<(Option<OsString>, Option<Instant>)>> = Mutex::new(None);

/// Runs `work` so that chrono sees the zone that is set now. chrono rereads `TZ` at most once a
/// second in each thread; a fresh thread has nothing to reread, so one does the work while that
/// second has not passed.
fn in_current_zone<T: Send>(work: impl Fn() -> T + Send + Sync) -> T {
    const REREAD: Duration = Duration::from_millis(1_100);
    let now = std::env::var_os("TZ");
    // Exports get here without the interpreter's lock, so a fork may find this one held, for ever
    // in the child. Who does not get it takes the zone for changed, which is always right.
    let changed = ZONE.try_lock().map_or_else(
        || Some(Instant::now()),
        |mut zone| {
            let (last, changed) = zone.get_or_insert_with(|| (now.clone(), None));
            if *last != now {
                *last = now;
                *changed = Some(Instant::now());
            }
            *changed
        },
    );
    if changed.is_some_and(|at| at.elapsed() < REREAD) {
        let fresh = thread::scope(|scope| {
            thread::Builder::new()
                .spawn_scoped(scope, &work)
                .ok()
                .and_then(|handle| handle.join().ok())
        });
        if let Some(result) = fresh {
            return result;
        }
    }
    work()
}
