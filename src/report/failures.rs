//! Whether requests fail more often.
//!
//! Those that the server is to blame for decide, which are answered by a status of 500 or above. What
//! clients did wrong says something of clients, and is told beside it.
//!
//! Their share has changed where a test of two proportions is significant and the share is another one
//! by at least [`Thresholds::min_change`] percent of what it was. From none at all any share is
//! infinitely more. A share is small as a rule, so that this asks for little; the test asks for more.

use super::{
    comparison::{difference, percent},
    verdict::{Thresholds, Verdict},
};

/// How many requests there were, and how many failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// All requests.
    pub requests: u64,
    /// Those with a status from 400 to 499.
    pub client: u64,
    /// Those with a status of 500 or above.
    pub server: u64,
}

impl Failures {
    /// The share of those that the server is to blame for, 0 to 1; NaN of no requests.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.server as f64 / self.requests as f64
    }

    /// The share of those that clients are to blame for.
    #[must_use]
    pub fn client_rate(&self) -> f64 {
        self.client as f64 / self.requests as f64
    }
}

/// How the share of requests that failed changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureChange {
    /// The failures of the first period.
    pub before: Failures,
    /// Those of the second one.
    pub after: Failures,
    /// How likely shares as different as these would be if nothing had changed.
    pub p_value: Option<f64>,
    /// What that comes to.
    pub verdict: Verdict,
}

/// What a verdict on failures rests on.
pub(super) struct FailureEvidence {
    periods: [Failures; 2],
    p_value: Option<f64>,
}

impl FailureEvidence {
    pub fn of(before: Failures, after: Failures) -> Self {
        let periods = [before, after];
        Self {
            periods,
            p_value: p_value(periods.map(|period| (period.server, period.requests))),
        }
    }

    pub fn change(&self, verdict: Verdict) -> FailureChange {
        let [before, after] = self.periods;
        FailureChange {
            before,
            after,
            p_value: self.p_value,
            verdict,
        }
    }

    /// The change of the share in percent.
    fn percentage(&self) -> f64 {
        let [before, after] = self.periods.map(|period| period.rate());
        percent(difference(before, after), before)
    }

    /// The verdict where these requests are all that is compared.
    pub fn verdict(&self, thresholds: &Thresholds) -> Verdict {
        if self.is_too_little(thresholds) {
            Verdict::NotEnoughData
        } else if !self.has_changed(thresholds) {
            Verdict::Unchanged
        } else if self.percentage() < 0.0 {
            Verdict::Improved
        } else {
            Verdict::Degraded
        }
    }

    fn has_changed(&self, thresholds: &Thresholds) -> bool {
        let change = self.percentage();
        let is_chance = self.p_value.is_none_or(|p| p >= thresholds.significance);
        !is_chance && change != 0.0 && change.abs() >= thresholds.min_change
    }

    /// Whether no shares of so many requests could show a change.
    fn is_too_little(&self, thresholds: &Thresholds) -> bool {
        let [before, after] = self.periods.map(|period| period.requests);
        let least = p_value([(0, before), (after, after)]);
        before.min(after) < thresholds.min_samples
            || least.is_none_or(|least| least >= thresholds.significance)
    }
}

fn p_value([(failed, of), (then_failed, of_then)]: [(u64, u64); 2]) -> Option<f64> {
    let (n1, n2) = (of as f64, of_then as f64);
    let pooled = (failed + then_failed) as f64 / (n1 + n2);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    let z = (then_failed as f64 / n2 - failed as f64 / n1).abs() / deviation;
    Some(libm::erfc(z / std::f64::consts::SQRT_2))
}
