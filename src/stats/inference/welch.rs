//! Welch's interval for the difference of two means.

use super::upper_quantile;

/// What the interval needs to know of a set of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// How many samples.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation as a population (`ddof=0`).
    pub std: f64,
}

/// The numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The interval that holds the second mean less the first with the probability `confidence`, above
/// 0 and below 1: `scipy.stats.ttest_ind(after, before, equal_var=False).confidence_interval()`.
/// Where no set varies it is the difference alone.
///
/// `None` where it cannot be told: with fewer than two samples in a set, or figures that are not
/// finite.
#[must_use]
pub fn welch_interval(before: Moments, after: Moments, confidence: f64) -> Option<Interval> {
    let difference = after.mean - before.mean;
    let [se1, se2] =
        [before, after].map(|moments| moments.std / ((moments.count as f64) - 1.0).sqrt());
    let error = se1.hypot(se2);
    if before.count < 2 || after.count < 2 || !difference.is_finite() || !error.is_finite() {
        return None;
    }
    let half = if error == 0.0 {
        0.0
    } else {
        let shares = [(se1 / error).powi(2), (se2 / error).powi(2)];
        let freedom = 1.0
            / (shares[0].powi(2) / (before.count as f64 - 1.0)
                + shares[1].powi(2) / (after.count as f64 - 1.0));
        error * upper_quantile((1.0 - confidence) / 2.0, freedom)
    };
    let (low, high) = (difference - half, difference + half);
    (low.is_finite() && high.is_finite()).then_some(Interval { low, high })
}
