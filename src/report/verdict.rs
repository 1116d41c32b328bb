//! Whether a change is one.
//!
//! An operation is judged by its typical sample and by its mean. The two differ where few samples
//! make up much of the total, as with a cache that misses now and then.
//!
//! - The *typical sample* changed where the rank test is significant and the median moved with the
//!   ranks by at least [`Thresholds::min_change`]. Outliers have no say in it.
//! - The *mean* changed where its whole confidence interval lies beyond `min_change`, which says more
//!   than that the change is significant and that it is large; so this second way adds next to
//!   nothing to what chance alone may do. The interval is right only for enough samples: 25 times
//!   their squared skewness in each period, by Cochran's rule. The squared skewness of `n` samples
//!   with `k` outliers is about `n / k`: it takes some 25 of them, however far they lie.
//!
//! One of them is enough for a verdict. Where they contradict each other it is `unchanged`, since
//! neither way would be the whole truth; the report has the figures.
//!
//! Of many operations that are compared at once some change by chance: of twenty, each at 5 %, in two
//! comparisons of three. So the verdicts of a comparison are those of Holm's step-down procedure: of
//! `m` operations the clearest changes have to hold at 1/m of what is allowed, both as the rank test's
//! level and as what the interval may miss; once `k` of them have, the others at 1/(m - k). Chance
//! alone then makes a verdict in no more comparisons than it would of one operation, whatever the
//! operations have to do with each other (Holm, A simple sequentially rejective multiple test
//! procedure, Scandinavian Journal of Statistics 6, 1979).

use super::comparison::{difference, percent};
use crate::{
    error::{Error, Result},
    stats::{
        Distribution,
        inference::{Group, Interval, Moments, RankTest, least_p_value, skewness, welch_interval},
    },
};

/// How far the medians of two histograms may be from each other, in percent, although nothing but
/// a sample's place between neighbouring buckets has changed: a bucket's width, 2^(1/32) - 1.
const RESOLUTION: f64 = 2.2;

/// Samples by squared skewness that an interval of the mean takes (Cochran, Sampling Techniques).
const COCHRAN: f64 = 25.0;

/// What an operation's change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It got less, significantly, by what matters.
    Improved,
    /// It got more, significantly, by what matters.
    Degraded,
    /// Nothing that is both significant and matters.
    Unchanged,
    /// So few samples that no change could be told from chance.
    NotEnoughData,
}

impl Verdict {
    /// The words that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Degraded => "degraded",
            Self::Unchanged => "unchanged",
            Self::NotEnoughData => "not enough data",
        }
    }
}

/// What a verdict takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// How often intervals hold what they are about, above 0 and below 1.
    pub confidence: f64,
    /// The p-value below which ranks are no chance, above 0 and below 1.
    pub significance: f64,
    /// The least change that matters, in percent of what it was before.
    pub min_change: f64,
    /// How many samples each period has to have.
    pub min_samples: u64,
    /// Whether chance is held down over all operations of a comparison, or over each alone.
    pub adjust: bool,
}

impl Thresholds {
    /// Unless asked otherwise.
    pub const DEFAULT: Self = Self {
        confidence: 0.95,
        significance: 0.05,
        min_change: 5.0,
        min_samples: 10,
        adjust: true,
    };

    /// The same, if each is within its range.
    pub fn validated(self) -> Result<Self> {
        for (name, probability) in [
            ("confidence", self.confidence),
            ("significance", self.significance),
        ] {
            if !(probability > 0.0 && probability < 1.0) {
                let expected = "above 0 and below 1";
                return Err(Error::argument(name, format!("{probability:?}"), expected));
            }
        }
        if !(self.min_change >= 0.0 && self.min_change.is_finite()) {
            let given = format!("{:?}", self.min_change);
            let expected = "a number of percent, 0 or more";
            return Err(Error::argument("min_change", given, expected));
        }
        if self.min_samples == 0 {
            return Err(Error::argument("min_samples", 0, "at least 1"));
        }
        Ok(self)
    }

    /// The same where one of `operations` has to hold what is asked of all.
    fn shared_by(self, operations: usize) -> Self {
        if operations <= 1 {
            return self;
        }
        let operations = operations as f64;
        Self {
            confidence: 1.0 - (1.0 - self.confidence) / operations,
            significance: self.significance / operations,
            ..self
        }
    }
}

/// The verdicts on the operations of one comparison.
pub(super) fn verdicts(operations: &[&Evidence], thresholds: &Thresholds) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = operations
        .iter()
        .map(|operation| operation.verdict(thresholds))
        .collect();
    if !thresholds.adjust {
        return verdicts;
    }
    let is_change = |verdict: Verdict| matches!(verdict, Verdict::Improved | Verdict::Degraded);
    // Those whose change has yet to hold, and how many share what is allowed.
    let mut open: Vec<usize> = (0..verdicts.len())
        .filter(|&at| is_change(verdicts[at]))
        .collect();
    let judged = verdicts.iter();
    let mut sharing = judged
        .filter(|verdict| **verdict != Verdict::NotEnoughData)
        .count();
    let strict = loop {
        let strict = thresholds.shared_by(sharing);
        let before = open.len();
        open.retain(|&at| !operations[at].has_changed(&strict));
        sharing -= before - open.len();
        if open.len() == before || open.is_empty() {
            break thresholds.shared_by(sharing);
        }
    };
    for at in open {
        verdicts[at] = Verdict::Unchanged;
    }
    for (verdict, operation) in verdicts.iter_mut().zip(operations) {
        if *verdict == Verdict::Unchanged && operation.is_too_little(&strict) {
            *verdict = Verdict::NotEnoughData;
        }
    }
    verdicts
}

/// What a verdict rests on.
pub(super) struct Evidence {
    samples: [u64; 2],
    pub moments: [Moments; 2],
    pub ranks: Option<RankTest>,
    /// The change of the median in percent.
    median: f64,
    skewness: f64,
    exact: bool,
}

impl Evidence {
    pub fn of(before: &Distribution, after: &Distribution) -> Self {
        let moments = [before, after].map(|distribution| distribution.figures().moments());
        if before.is_exact() == after.is_exact() {
            Self::of_alike(before, after, moments)
        } else {
            Self::of_alike(&before.bucketed(), &after.bucketed(), moments)
        }
    }

    /// Of two sets of samples, or of two histograms.
    fn of_alike(before: &Distribution, after: &Distribution, moments: [Moments; 2]) -> Self {
        let groups: [Vec<Group>; 2] = [before.groups(), after.groups()];
        let medians = [before, after].map(|distribution| distribution.figures().median);
        Self {
            samples: [before, after].map(|distribution| distribution.figures().numbers()),
            moments,
            ranks: RankTest::of(&groups[0], &groups[1]),
            median: percent(difference(medians[0], medians[1]), medians[0]),
            skewness: skewness(groups.iter().flatten()),
            exact: before.is_exact(),
        }
    }

    /// Where the change of the mean lies with the probability `confidence`.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let [before, after] = self.moments;
        welch_interval(before, after, confidence)
    }

    /// The same in percent of the first mean's magnitude.
    pub fn interval_percentage(&self, confidence: f64) -> Option<Interval> {
        let base = self.moments[0].mean;
        self.interval(confidence).map(|interval| Interval {
            low: percent(interval.low, base),
            high: percent(interval.high, base),
        })
    }

    /// The verdict where this operation is the only one.
    pub fn verdict(&self, thresholds: &Thresholds) -> Verdict {
        if self.is_too_little(thresholds) {
            return Verdict::NotEnoughData;
        }
        match (self.typical(thresholds), self.mean(thresholds)) {
            (Some(typical), Some(mean)) if typical != mean => Verdict::Unchanged,
            (Some(changed), _) | (None, Some(changed)) => changed,
            (None, None) => Verdict::Unchanged,
        }
    }

    /// Whether it changed in either way.
    fn has_changed(&self, thresholds: &Thresholds) -> bool {
        self.typical(thresholds).is_some() || self.mean(thresholds).is_some()
    }

    /// Whether no samples of these numbers could show a change.
    fn is_too_little(&self, thresholds: &Thresholds) -> bool {
        let [before, after] = self.samples;
        before.min(after) < thresholds.min_samples
            || least_p_value(before, after) >= thresholds.significance
    }

    /// What the typical sample did, if it changed.
    fn typical(&self, thresholds: &Thresholds) -> Option<Verdict> {
        let ranks = self.ranks?;
        let least = if self.exact {
            thresholds.min_change
        } else {
            thresholds.min_change.max(RESOLUTION)
        };
        let matters = self.median.abs() >= least && self.median * ranks.effect_size > 0.0;
        (matters && ranks.p_value < thresholds.significance).then(|| towards(self.median))
    }

    /// What the mean did, if it changed.
    fn mean(&self, thresholds: &Thresholds) -> Option<Verdict> {
        let Interval { low, high } = self.interval_percentage(thresholds.confidence)?;
        let nearest = if low > 0.0 { low } else { high };
        let least = COCHRAN * self.skewness.powi(2);
        let enough = self.samples.iter().all(|&samples| samples as f64 >= least);
        (enough && low * high > 0.0 && nearest.abs() >= thresholds.min_change)
            .then(|| towards(nearest))
    }
}

fn towards(change: f64) -> Verdict {
    if change < 0.0 {
        Verdict::Improved
    } else {
        Verdict::Degraded
    }
}
