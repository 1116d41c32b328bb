//! How operations changed from one period to another.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use super::{
    evidence::Evidence,
    recorded::RecordedOperation,
    verdict::{Judged, Judgement, Reason, Thresholds, Verdict, judgements},
    view::quantity::Unit,
};
use crate::stats::{
    Distribution,
    inference::{Interval, RankTest},
};

/// An operation's samples of a period.
#[derive(Debug, Clone)]
pub struct PeriodOperation {
    /// The operation.
    pub operation: Arc<str>,
    /// The units that its samples are in; more than one where they do not belong together.
    pub units: Vec<Arc<str>>,
    /// Its samples.
    pub distribution: Distribution,
}

impl From<&RecordedOperation> for PeriodOperation {
    fn from(recorded: &RecordedOperation) -> Self {
        Self {
            operation: Arc::clone(&recorded.name),
            units: recorded.units().cloned().collect(),
            distribution: recorded.samples.clone().into(),
        }
    }
}

/// Two periods, and the changes of the operations that both have.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The operations of the first period.
    pub before: Vec<PeriodOperation>,
    /// The operations of the second period.
    pub after: Vec<PeriodOperation>,
    /// How those of both changed, in the order of the first.
    pub changes: Vec<(Arc<str>, Change)>,
}

/// Which way an operation's mean went. Lower is better: the figures are times and sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The mean fell.
    Improved,
    /// The mean rose.
    Degraded,
    /// The means are equal.
    Unchanged,
    /// A mean is not a number, or the units differ.
    Unknown,
}

impl Direction {
    /// The word that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Degraded => "degraded",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown",
        }
    }
}

/// How an operation changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The second mean minus the first.
    pub absolute: f64,
    /// That in percent of the first mean's magnitude; infinite where a change starts from zero.
    pub percentage: f64,
    /// Which way the mean went.
    pub direction: Direction,
    /// Where the change of the mean lies by Welch's method; `None` where the samples cannot tell.
    pub interval: Option<Interval>,
    /// The same in percent of the first mean's magnitude, as `percentage`.
    pub interval_percentage: Option<Interval>,
    /// Whether the samples of one period tend to be greater; `None` where a period has no numbers.
    pub ranks: Option<RankTest>,
    /// What all that comes to.
    pub verdict: Verdict,
    /// Which way it improved or degraded.
    pub reason: Option<Reason>,
}

impl Change {
    /// Of samples in different units, of which nothing can be told.
    const INCOMPARABLE: Self = Self {
        absolute: f64::NAN,
        percentage: f64::NAN,
        direction: Direction::Unknown,
        interval: None,
        interval_percentage: None,
        ranks: None,
        verdict: Verdict::NotEnoughData,
        reason: None,
    };
}

impl Comparison {
    /// Compares what two periods hold, by operation. The verdicts are on all operations together.
    #[must_use]
    pub fn of(
        before: Vec<PeriodOperation>,
        after: Vec<PeriodOperation>,
        thresholds: &Thresholds,
    ) -> Self {
        let new: HashMap<&str, &PeriodOperation> =
            after.iter().map(|new| (&*new.operation, new)).collect();
        let pairs: Vec<(&PeriodOperation, &PeriodOperation)> = before
            .iter()
            .filter_map(|old| Some((old, *new.get(&*old.operation)?)))
            .collect();
        let evidence: Vec<Option<Evidence>> = pairs
            .iter()
            .map(|(old, new)| {
                let units = old.units.iter().chain(&new.units);
                are_same(units)
                    .then(|| Evidence::of(&old.distribution, &new.distribution, thresholds))
            })
            .collect();
        let judged: Vec<&dyn Judged> = evidence
            .iter()
            .flatten()
            .map(|evidence| evidence as &dyn Judged)
            .collect();
        let mut judgements = judgements(&judged, thresholds).into_iter();
        let changes = pairs
            .iter()
            .zip(&evidence)
            .map(|((old, _), evidence)| {
                let judged = evidence
                    .as_ref()
                    .and_then(|it| Some((it, judgements.next()?)));
                let change = judged.map_or(Change::INCOMPARABLE, |(evidence, judgement)| {
                    evidence.change(judgement, thresholds)
                });
                (Arc::clone(&old.operation), change)
            })
            .collect();
        Self {
            before,
            after,
            changes,
        }
    }
}

/// Whether all of these are names of one unit.
pub(super) fn are_same<'a>(mut units: impl Iterator<Item = &'a Arc<str>>) -> bool {
    let first = units.next();
    first.is_none_or(|first| units.all(|unit| Unit::is_same(first, unit)))
}

/// How the samples of one operation changed.
#[must_use]
pub fn compare(before: &Distribution, after: &Distribution, thresholds: &Thresholds) -> Change {
    let evidence = Evidence::of(before, after, thresholds);
    evidence.change(evidence.judge(thresholds), thresholds)
}

impl Evidence {
    fn change(&self, judgement: Judgement, thresholds: &Thresholds) -> Change {
        let [old, new] = self.moments.map(|moments| moments.mean);
        let absolute = difference(old, new);
        let direction = match new.partial_cmp(&old) {
            Some(Ordering::Less) => Direction::Improved,
            Some(Ordering::Greater) => Direction::Degraded,
            Some(Ordering::Equal) => Direction::Unchanged,
            None => Direction::Unknown,
        };
        Change {
            absolute,
            percentage: percent(absolute, old),
            direction,
            interval: self.interval(thresholds.confidence),
            interval_percentage: self.interval_percentage(thresholds.confidence),
            ranks: self.ranks,
            verdict: judgement.verdict,
            reason: judgement.reason,
        }
    }
}

/// The second less the first. Equal infinities differ by nothing.
pub(super) fn difference(before: f64, after: f64) -> f64 {
    if before.partial_cmp(&after) == Some(Ordering::Equal) {
        0.0
    } else {
        after - before
    }
}

/// A change in percent of the magnitude of what changed.
pub(super) fn percent(change: f64, base: f64) -> f64 {
    if change == 0.0 {
        0.0
    } else {
        change / base.abs() * 100.0
    }
}
