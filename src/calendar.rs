//! Calendar time: what a stamp reads on the wall, and where a day begins and ends.

use std::{
    ffi::OsString,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use parking_lot::Mutex;

use crate::{
    clock::NANOS_PER_SEC,
    error::{Error, Result},
};

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

    /// Whether `time` lies inside.
    #[must_use]
    #[inline]
    pub fn contains(&self, time: i64) -> bool {
        self.start <= time && time <= self.end
    }
}

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
    // instant reads is right, so the two functions below ask nothing else.

    /// Whether the clock showed the reading at `time` once before.
    fn is_second_pass(self, time: i64, offset: i32) -> bool {
        let earlier = self.offset_at(time.saturating_sub(DAY * NANOS_PER_SEC));
        let set_back = i64::from(earlier - offset) * NANOS_PER_SEC;
        set_back > 0 && self.offset_at(time.saturating_sub(set_back)) == earlier
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

/// Renders stamps as local ISO 8601 text, as Python's `datetime.isoformat()` of the naive local
/// time: six digits of microseconds, or none where they are zero.
///
/// Samples come in order of time, so most share the second, or at least the minute, of the one
/// before; what they share is kept.
#[derive(Debug, Default)]
pub struct IsoFormatter {
    /// The last minute and its offset. Clocks have not changed within a minute for decades.
    minute: Option<(i64, i32)>,
    /// The last second.
    second: Option<i64>,
    /// Its text, and behind it the microseconds of the last stamp.
    text: String,
}

impl IsoFormatter {
    const MINUTE: i64 = 60 * NANOS_PER_SEC;
    /// The length of the text up to the second.
    const WHOLE: usize = "2026-11-23T14:24:47".len();

    /// The text of `time`.
    pub fn format(&mut self, time: i64) -> &str {
        let second = time.div_euclid(NANOS_PER_SEC);
        if self.second != Some(second) {
            self.write_second(time);
            self.second = Some(second);
        }
        self.text.truncate(Self::WHOLE);
        let micros = time.rem_euclid(NANOS_PER_SEC) / 1_000;
        if micros != 0 {
            self.text.push('.');
            push_digits::<6>(&mut self.text, micros.unsigned_abs());
        }
        &self.text
    }

    fn write_second(&mut self, time: i64) {
        use chrono::{Datelike, Timelike};

        let minute = time.div_euclid(Self::MINUTE);
        let offset = match self.minute {
            Some((last, offset)) if last == minute => offset,
            _ => {
                let offset = Zone::Local.offset(time);
                self.minute = Some((minute, offset));
                offset
            }
        };
        let local = to_naive(time, offset);
        let text = &mut self.text;
        text.clear();
        // Nanoseconds in 64 bits reach from 1677 to 2262.
        push_digits::<4>(text, local.year().unsigned_abs().into());
        for (mark, part) in [
            ('-', local.month()),
            ('-', local.day()),
            ('T', local.hour()),
            (':', local.minute()),
            (':', local.second()),
        ] {
            text.push(mark);
            push_digits::<2>(text, part.into());
        }
    }
}

/// Appends the last `N` digits of `number`.
fn push_digits<const N: usize>(text: &mut String, mut number: u64) {
    let mut digits = ['0'; N];
    for digit in digits.iter_mut().rev() {
        // One at a time by a constant, which is no division for the processor.
        *digit = char::from(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
    }
    text.extend(digits);
}

fn to_naive(time: i64, offset: i32) -> NaiveDateTime {
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
