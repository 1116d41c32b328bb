//! Which hours are compared with which.

use crate::{
    history::HOUR,
    time::{NANOS_PER_SEC, TimeRange, Zone},
};

const DAY: i64 = 24 * HOUR;

/// Both ends of a period belong to it.
const NANOS_PER_MICRO: i64 = 1_000;

/// Periods that are longer are not compared: no history reaches back seven times as far.
const LONGEST: i64 = 366 * DAY;

/// A period and those before it, each beginning at the same time of day, hour by hour.
///
/// Hours are those that clocks show: where they are set back an hour is twice as long, and where they
/// are set forward one has nothing.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    zone: Zone,
    /// What clocks show at its beginning, in seconds: a full hour.
    start: i64,
    /// How many hours there are, of which the last may not be over.
    hours: usize,
    /// How many of them are over.
    over: usize,
    /// How many seconds there are from one period to the next: whole days.
    shift: i64,
}

impl Frame {
    /// That of `range`, of which nothing comes after `now`. `None` of one that has not begun, and of
    /// one that is too long.
    #[must_use]
    pub fn of(range: TimeRange, zone: Zone, now: i64) -> Option<Self> {
        let seconds = |nanos: i64| nanos.div_euclid(NANOS_PER_SEC);
        // An hour of which only the first moment is within is none of its hours.
        let end = range.end.saturating_sub(NANOS_PER_MICRO);
        let (first, last) = (seconds(range.start), seconds(end.max(range.start)));
        // Nothing is of the second that has only begun.
        let now = seconds(now) - 1;
        if range.start > range.end || first > now || last.saturating_sub(first) > LONGEST {
            return None;
        }
        let local = |time: i64| time + offset(zone, time);
        let shift = (last - first - HOUR).max(1).div_euclid(DAY) + 1;
        let most = usize::try_from(shift * 24).unwrap_or_default();
        let mut start = local(first).div_euclid(HOUR) * HOUR;
        let until = |time: i64, start: i64| {
            usize::try_from((local(time) - start).div_euclid(HOUR) + 1).unwrap_or_default()
        };
        if until(last, start) > most {
            // Half an hour at each end: the first one belongs to the period before.
            start += HOUR;
        }
        let hours = until(last.min(now), start).min(most);
        let over = usize::try_from((local(now.saturating_add(1)) - start).div_euclid(HOUR));
        (hours > 0).then(|| Self {
            zone,
            start,
            hours,
            over: over.unwrap_or_default().min(hours),
            shift: shift * DAY,
        })
    }

    /// The times that have to be read by the hour: the period, and those before it up to where the next
    /// one begins.
    #[must_use]
    pub fn ranges(&self) -> Vec<TimeRange> {
        let begin = |period: usize| self.utc(self.start - self.back(period)) * NANOS_PER_SEC;
        let earlier = (1..=PERIODS).map(|period| TimeRange {
            start: begin(period),
            end: begin(period - 1) - 1,
        });
        std::iter::once(self.compared(0)).chain(earlier).collect()
    }

    /// How many hours are compared.
    pub(super) fn hours(&self) -> usize {
        self.hours
    }

    /// How many of these are over.
    pub(super) fn over(&self) -> usize {
        self.over
    }

    /// Which hour of a period a time lies in, in seconds since the Unix epoch.
    pub(super) fn slot(&self, period: usize, time: i64) -> Option<usize> {
        let local = time + offset(self.zone, time);
        usize::try_from((local - (self.start - self.back(period))).div_euclid(HOUR)).ok()
    }

    /// The time that is compared: of the period, or of one before it.
    #[must_use]
    pub fn compared(&self, period: usize) -> TimeRange {
        let start = self.start - self.back(period);
        let end = start + i64::try_from(self.hours).unwrap_or(0) * HOUR;
        TimeRange {
            start: self.utc(start) * NANOS_PER_SEC,
            end: self.utc(end) * NANOS_PER_SEC - 1,
        }
    }

    /// When an hour of the period begins, in UTC nanoseconds since the Unix epoch.
    pub(super) fn moment(&self, slot: usize) -> i64 {
        let local = self.start + i64::try_from(slot).unwrap_or(0) * HOUR;
        self.utc(local).saturating_mul(NANOS_PER_SEC)
    }

    /// When clocks show a reading; where they never do, when they would have.
    fn utc(&self, local: i64) -> i64 {
        let guess = local - offset(self.zone, local);
        local - offset(self.zone, guess)
    }

    fn back(&self, period: usize) -> i64 {
        i64::try_from(period).unwrap_or(0) * self.shift
    }
}

fn offset(zone: Zone, time: i64) -> i64 {
    i64::from(zone.offset(time.saturating_mul(NANOS_PER_SEC)))
}

/// How many periods before are compared.
pub const PERIODS: usize = 7;

/// How many of them have to have anything recorded: fewer do not tell how much periods differ.
pub const LEAST_PERIODS: usize = 3;
