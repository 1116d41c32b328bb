//! Moments of monotonic time, and seconds as nanoseconds.

use std::time::Duration;

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: i64 = 1_000_000_000;

/// `seconds` in nanoseconds, or `None` beyond their range.
///
/// A double holds a time of today to a quarter of a microsecond, and Python's stamps have
/// microseconds: the double nearest to a number of them means that number.
#[must_use]
#[expect(clippy::float_cmp, reason = "this is about the very double")]
#[expect(clippy::cast_possible_truncation, reason = "it is in range")]
pub fn nanos_from_seconds(seconds: f64) -> Option<i64> {
    let range = i64::MAX as f64;
    if seconds.is_nan() || (seconds * NANOS_PER_SEC as f64).abs() >= range {
        return None;
    }
    let whole = seconds.trunc();
    let rest = seconds - whole;
    let micros = (rest * 1e6).round();
    let nanos = if (whole * 1e6 + micros) / 1e6 == seconds {
        micros * 1e3
    } else {
        (rest * NANOS_PER_SEC as f64).round()
    };
    Some((whole as i64 * NANOS_PER_SEC).saturating_add(nanos as i64))
}

/// `nanos` in seconds: the nearest double.
#[must_use]
pub fn seconds_from_nanos(nanos: i128) -> f64 {
    let per_second = i128::from(NANOS_PER_SEC);
    (nanos / per_second) as f64 + (nanos % per_second) as f64 / NANOS_PER_SEC as f64
}

/// Monotonic nanoseconds since an arbitrary moment in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// Seconds from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / NANOS_PER_SEC as f64
    }

    /// From `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `by` later.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}
