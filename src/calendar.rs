//! Local calendar time: what a stamp reads on the wall, and where a local day begins and ends.

use std::{
    ffi::OsString,
    fmt, thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use parking_lot::Mutex;

use crate::clock::NANOS_PER_SEC;

const DAY: i64 = 24 * 3_600 * NANOS_PER_SEC;

/// A stretch of wall time in UTC nanoseconds since the Unix epoch, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first nanosecond inside.
    pub start: i64,
    /// The last nanosecond inside.
    pub end: i64,
}

impl TimeRange {
    /// Everything.
    pub const ALL: Self = Self {
        start: i64::MIN,
        end: i64::MAX,
    };

    /// From one microsecond to another, both included in full: stamps are shown with
    /// microseconds, so a range made from two shown stamps holds the samples they came from.
    #[must_use]
    pub fn from_micros(start: i64, end: i64) -> Self {
        Self {
            start: start.saturating_mul(1_000),
            end: end.saturating_mul(1_000).saturating_add(999),
        }
    }

    /// The local calendar day `date`, 23 or 25 hours long where the clock changes, and empty if
    /// the zone skipped it.
    #[must_use]
    pub fn local_day(date: NaiveDate) -> Self {
        in_current_zone(|| Self {
            start: day_start(date),
            end: date
                .succ_opt()
                .map_or(i64::MAX, day_start)
                .saturating_sub(1),
        })
    }

    /// Whether `time` lies inside.
    #[must_use]
    #[inline]
    pub fn contains(&self, time: i64) -> bool {
        self.start <= time && time <= self.end
    }
}

/// The local wall-clock reading at `time`, with whether it is the second pass through an hour
/// that the clock repeats (Python's `fold`).
#[must_use]
pub fn local_datetime(time: i64) -> (NaiveDateTime, bool) {
    in_current_zone(|| {
        let offset = offset_at(time);
        let local = to_naive(time, offset);
        // Python's own rule: the offset fell within the last day by as much as leads back to an
        // instant that read the same.
        let fell = offset_at(time.saturating_sub(DAY)) - offset;
        let earlier = time.saturating_sub(i64::from(fell) * NANOS_PER_SEC);
        let second = fell > 0 && to_naive(earlier, offset_at(earlier)) == local;
        (local, second)
    })
}

/// The local calendar date at `time`.
#[must_use]
pub fn local_date(time: i64) -> NaiveDate {
    in_current_zone(|| to_naive(time, offset_at(time)).date())
}

/// Renders stamps as local ISO 8601 text, as Python's `datetime.isoformat()` of the naive local
/// time: six digits of microseconds, or none where they are zero.
#[derive(Debug, Default)]
pub struct IsoFormatter {
    /// The last quarter of an hour and its offset. Zones change at multiples of it.
    quarter: Option<(i64, i32)>,
}

impl IsoFormatter {
    const QUARTER: i64 = 900 * NANOS_PER_SEC;

    /// The text of `time`.
    pub fn format(&mut self, time: i64) -> IsoText {
        let quarter = time.div_euclid(Self::QUARTER);
        let offset = match self.quarter {
            Some((last, offset)) if last == quarter => offset,
            _ => {
                let offset = in_current_zone(|| offset_at(time));
                self.quarter = Some((quarter, offset));
                offset
            }
        };
        IsoText(to_naive(time, offset))
    }
}

/// ISO 8601 text by `Display`.
#[derive(Debug, Clone, Copy)]
pub struct IsoText(NaiveDateTime);

impl fmt::Display for IsoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use chrono::{Datelike, Timelike};
        let (date, time) = (self.0.date(), self.0.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )?;
        match time.nanosecond() / 1_000 {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

fn offset_at(time: i64) -> i32 {
    Local
        .offset_from_utc_datetime(&to_naive(time, 0))
        .fix()
        .local_minus_utc()
}

fn to_naive(time: i64, offset: i32) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(time).naive_utc() + TimeDelta::seconds(offset.into())
}

/// The first instant of the local day `date`, from offsets alone: chrono's way back from local
/// time errs at the edges of the hours that a zone skips or repeats.
fn day_start(date: NaiveDate) -> i64 {
    let Some(midnight) = date
        .and_time(NaiveTime::MIN)
        .and_utc()
        .timestamp_nanos_opt()
    else {
        return i64::MAX;
    };
    let around = [
        offset_at(midnight.saturating_sub(DAY)),
        offset_at(midnight.saturating_add(DAY)),
    ];
    let candidates = around.map(|offset| {
        let instant = midnight.saturating_sub(i64::from(offset) * NANOS_PER_SEC);
        (instant, offset_at(instant) == offset)
    });
    let reads_midnight = candidates.iter().filter(|(_, reads)| *reads);
    if let Some((instant, _)) = reads_midnight.min() {
        return *instant;
    }
    // The zone skips midnight, so the day starts with the offset that it skips to.
    let [(mut first, _), (mut before, _)] = candidates;
    let after = around[1];
    while first - before > 1 {
        let middle = before.midpoint(first);
        if offset_at(middle) == after {
            first = middle;
        } else {
            before = middle;
        }
    }
    first
}

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
