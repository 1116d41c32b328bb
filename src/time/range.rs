//! Stretches of wall time.

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
