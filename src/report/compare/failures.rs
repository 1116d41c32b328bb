//! Whether requests fail more often.
//!
//! Those that the server is to blame for decide, which are answered by a status of 500 or above. What
//! clients did wrong says something of clients, and is told beside it.
//!
//! Their share has changed where a test of two proportions is significant and the share is another one
//! by at least [`Thresholds::min_change`] percent of what it was. From none at all any share is
//! infinitely more. A share is small as a rule, so that this asks for little; the test asks for more.

use super::{
    difference::{difference, percent},
    verdict::{Judged, Judgement, Thresholds, Verdict},
};
use crate::stats::inference::{Share, proportions_p_value};

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
    /// Adds those of another time.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.client += other.client;
        self.server += other.server;
    }

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
    pub p_value: f64,
    /// What that comes to.
    pub verdict: Verdict,
}

/// What a verdict on failures rests on.
pub(in crate::report) struct FailureEvidence {
    periods: [Failures; 2],
    p_value: f64,
    /// The least difference of the shares that matters.
    least: f64,
}

impl FailureEvidence {
    pub fn of(before: Failures, after: Failures) -> Self {
        Self::beyond(before, after, 0.0)
    }

    /// The same where the shares have to differ by so much at least.
    pub fn beyond(before: Failures, after: Failures, least: f64) -> Self {
        let periods = [before, after];
        Self {
            periods,
            p_value: p_value(periods),
            least,
        }
    }

    pub fn change(&self, judgement: Judgement) -> FailureChange {
        let [before, after] = self.periods;
        FailureChange {
            before,
            after,
            p_value: self.p_value,
            verdict: judgement.verdict,
        }
    }

    /// The change of the share in percent.
    fn percentage(&self) -> f64 {
        percent(self.difference(), self.periods[0].rate())
    }

    fn difference(&self) -> f64 {
        let [before, after] = self.periods.map(|period| period.rate());
        difference(before, after)
    }
}

impl Judged for FailureEvidence {
    fn judge(&self, thresholds: &Thresholds) -> Judgement {
        let change = self.percentage();
        let is_significant = self.p_value < thresholds.significance;
        let matters = change != 0.0
            && change.abs() >= thresholds.min_change
            && self.difference().abs() >= self.least;
        Judgement::without_reason(if self.is_too_little(thresholds) {
            Verdict::NotEnoughData
        } else if !(is_significant && matters) {
            Verdict::Unchanged
        } else {
            Verdict::towards(change)
        })
    }

    /// Not even if none failed before and all do now.
    fn is_too_little(&self, thresholds: &Thresholds) -> bool {
        let [before, after] = self.periods.map(|period| period.requests);
        let farthest = [(0, before), (after, after)].map(|(server, requests)| Failures {
            requests,
            server,
            client: 0,
        });
        before.min(after) < thresholds.min_samples || p_value(farthest) >= thresholds.significance
    }
}

fn p_value(periods: [Failures; 2]) -> f64 {
    let [before, after] = periods.map(|period| Share {
        hits: period.server,
        total: period.requests,
    });
    proportions_p_value(before, after)
}
