//! When samples fell off a bounded log, and how many.

use std::collections::VecDeque;

use crate::time::TimeRange;

/// A quarter of an hour in nanoseconds: the days of every time zone begin with one.
const QUARTER: i64 = 15 * 60 * 1_000_000_000;

/// How many quarters are told apart: those of the longest day, and an hour.
const QUARTERS: usize = 26 * 4;

/// What a figure leaves out, because it has fallen off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncounted {
    /// How many samples.
    pub samples: u64,
    /// The stamp of the oldest sample that counts, in UTC nanoseconds since the Unix epoch.
    pub since: i64,
}

/// When samples fell off, to the quarter of an hour. Whoever keeps one knows how many have.
#[derive(Debug)]
pub struct FallenOff {
    /// The latest stamp of those that have.
    until: i64,
    /// Each quarter that some are of, by its start, and how many had fallen off before them.
    quarters: VecDeque<(i64, u64)>,
    /// The end of the last of these.
    end: i64,
}

impl Default for FallenOff {
    fn default() -> Self {
        Self {
            until: i64::MIN,
            quarters: VecDeque::new(),
            end: i64::MIN,
        }
    }
}

impl FallenOff {
    /// Makes room for the first, so that noting it allocates nothing.
    pub fn prepare(&mut self) {
        self.quarters.reserve(4);
    }

    /// Notes one with this stamp, before which so many `others` have fallen off.
    #[inline]
    pub fn add(&mut self, time: i64, others: u64) {
        if time >= self.end {
            self.begin_quarter(time, others);
        }
        self.until = self.until.max(time);
    }

    #[cold]
    fn begin_quarter(&mut self, time: i64, others: u64) {
        if self.quarters.len() >= QUARTERS {
            self.quarters.pop_front();
        }
        let start = quarter_of(time);
        self.quarters.push_back((start, others));
        self.end = start.saturating_add(QUARTER);
    }

    /// Has what was until `time` count as fallen off, without knowing how many.
    pub fn extend_to(&mut self, time: i64) {
        self.until = self.until.max(time);
    }

    /// Has what was until `time` count as fallen off, and nothing of it as missing: somebody wanted it
    /// gone.
    pub fn forget_until(&mut self, time: i64) {
        self.extend_to(time);
        self.quarters.clear();
        self.end = i64::MIN;
    }

    /// The latest stamp of those that have fallen off; the least of all times if none have.
    #[must_use]
    pub fn until(&self) -> i64 {
        self.until
    }

    /// How many of the `all` that have fallen off were of the quarters of an hour that `range`
    /// touches. Of a range that begins more than a day before the last of them, at least.
    #[must_use]
    pub fn count_in(&self, range: TimeRange, all: u64) -> u64 {
        if self.until < range.start {
            return 0;
        }
        let before = |time: i64| {
            let next = self.quarters.partition_point(|(start, _)| *start < time);
            self.quarters.get(next).map_or(all, |(_, others)| *others)
        };
        let after = quarter_of(range.end).saturating_add(QUARTER);
        before(after).saturating_sub(before(quarter_of(range.start)))
    }

    /// What is missing of the samples in `range` where `all` have fallen off and those `kept` have
    /// these stamps, oldest first; `None` if nothing is missing, or none of them is kept.
    #[must_use]
    pub fn uncounted(
        &self,
        range: TimeRange,
        all: u64,
        mut kept: impl Iterator<Item = i64>,
    ) -> Option<Uncounted> {
        let samples = self.count_in(range, all);
        if samples == 0 {
            return None;
        }
        let since = kept.find(|time| range.contains(*time))?;
        Some(Uncounted { samples, since })
    }
}

fn quarter_of(time: i64) -> i64 {
    time.saturating_sub(time.rem_euclid(QUARTER))
}
