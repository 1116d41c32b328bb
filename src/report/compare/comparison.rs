//! How operations and requests changed from one period to another.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use super::{
    difference::{difference, percent},
    evidence::Evidence,
    failures::{FailureChange, FailureEvidence, Failures},
    verdict::{Judged, Judgement, Reason, Thresholds, Verdict, judgements},
};
use crate::{
    report::collect::{RecordedEndpoint, RecordedOperation},
    stats::{
        Distribution,
        inference::{Interval, RankTest},
    },
    units::{MILLISECONDS, Unit},
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
    /// How many of them failed; `None` where nothing tells that any of them could.
    pub failures: Option<u64>,
}

impl From<&RecordedOperation> for PeriodOperation {
    fn from(recorded: &RecordedOperation) -> Self {
        Self {
            operation: Arc::clone(&recorded.name),
            units: recorded.units().cloned().collect(),
            distribution: recorded.samples.clone().into(),
            failures: recorded.failures,
        }
    }
}

impl PeriodOperation {
    /// The runs that failed, all of which count as those that a server is to blame for.
    fn failed_runs(&self) -> Failures {
        Failures {
            requests: self.distribution.figures().count,
            client: 0,
            server: self.failures.unwrap_or(0),
        }
    }
}

/// The requests of one method to an endpoint in a period.
#[derive(Debug, Clone)]
pub struct PeriodEndpoint {
    /// Their durations, as an operation that is called by method and endpoint.
    pub durations: PeriodOperation,
    /// How many there were, and how many failed.
    pub failures: Failures,
}

impl From<&RecordedEndpoint> for PeriodEndpoint {
    fn from(recorded: &RecordedEndpoint) -> Self {
        Self {
            durations: PeriodOperation {
                operation: Arc::clone(&recorded.endpoint),
                units: vec![MILLISECONDS.into()],
                distribution: recorded.durations.clone().into(),
                failures: None,
            },
            failures: Failures {
                requests: recorded.durations.len(),
                client: (recorded.errors - recorded.server_errors) as u64,
                server: recorded.server_errors as u64,
            },
        }
    }
}

/// What is compared of a period.
#[derive(Debug, Clone, Default)]
pub struct Period {
    /// The operations.
    pub operations: Vec<PeriodOperation>,
    /// The requests, each method to each endpoint.
    pub endpoints: Vec<PeriodEndpoint>,
}

impl From<Vec<PeriodOperation>> for Period {
    /// One without requests.
    fn from(operations: Vec<PeriodOperation>) -> Self {
        Self {
            operations,
            endpoints: Vec::new(),
        }
    }
}

/// Two periods, and the changes of what both have.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The first period.
    pub before: Period,
    /// The second one.
    pub after: Period,
    /// How the operations of both changed, in the order of the first.
    pub changes: Vec<(Arc<str>, Change)>,
    /// How the requests of both changed, likewise.
    pub requests: Vec<(Arc<str>, EndpointChange)>,
}

/// How requests changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndpointChange {
    /// Their durations.
    pub durations: Change,
    /// The shares of those that failed.
    pub failures: FailureChange,
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
    /// How the share of runs that failed changed, where any did in either period.
    pub failures: Option<FailureChange>,
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
        failures: None,
    };
}

impl Comparison {
    /// Compares what two periods hold, by name. The verdicts are on all of it together: on the
    /// operations, on the durations of requests and on how many of these failed.
    #[must_use]
    pub fn of(
        before: impl Into<Period>,
        after: impl Into<Period>,
        thresholds: &Thresholds,
    ) -> Self {
        let (before, after) = (before.into(), after.into());
        let operations = pairs(&before.operations, &after.operations, |it| &it.operation);
        let endpoints = pairs(&before.endpoints, &after.endpoints, |it| {
            &it.durations.operation
        });
        let durations = endpoints
            .iter()
            .map(|(old, new)| (&old.durations, &new.durations));
        let evidence: Vec<Option<Evidence>> = operations
            .iter()
            .copied()
            .chain(durations)
            .map(|(old, new)| {
                let units = old.units.iter().chain(&new.units);
                are_same(units)
                    .then(|| Evidence::of(&old.distribution, &new.distribution, thresholds))
            })
            .collect();
        let failures: Vec<FailureEvidence> = endpoints
            .iter()
            .map(|(old, new)| FailureEvidence::of(old.failures, new.failures))
            .collect();
        // Where none failed there is nothing to judge, and nothing that others have to share with.
        let failed_runs: Vec<Option<FailureEvidence>> = operations
            .iter()
            .map(|(old, new)| [old.failed_runs(), new.failed_runs()])
            .map(|[old, new]| (old.server + new.server > 0).then(|| FailureEvidence::of(old, new)))
            .collect();
        let of_samples = evidence.iter().flatten().map(|it| it as &dyn Judged);
        let of_failures = failures.iter().chain(failed_runs.iter().flatten());
        let judged: Vec<&dyn Judged> = of_samples
            .chain(of_failures.map(|it| it as &dyn Judged))
            .collect();
        let mut judgements = judgements(&judged, thresholds).into_iter();
        let of_each: Vec<Change> = evidence
            .iter()
            .map(|evidence| {
                let judged = evidence
                    .as_ref()
                    .and_then(|it| Some((it, judgements.next()?)));
                judged.map_or(Change::INCOMPARABLE, |(evidence, judgement)| {
                    evidence.change(judgement, thresholds)
                })
            })
            .collect();
        let (of_operations, of_durations) = of_each.split_at(operations.len());
        let of_requests: Vec<FailureChange> = failures
            .iter()
            .zip(judgements.by_ref())
            .map(|(evidence, judgement)| evidence.change(judgement))
            .collect();
        let changes = operations
            .iter()
            .zip(of_operations)
            .zip(&failed_runs)
            .map(|(((old, _), change), failed)| {
                let failures = failed
                    .as_ref()
                    .and_then(|evidence| Some(evidence.change(judgements.next()?)));
                let change = Change {
                    failures,
                    ..*change
                };
                (Arc::clone(&old.operation), change)
            })
            .collect();
        let requests = endpoints
            .iter()
            .zip(of_durations)
            .zip(of_requests)
            .map(|(((old, _), durations), failures)| {
                let change = EndpointChange {
                    durations: *durations,
                    failures,
                };
                (Arc::clone(&old.durations.operation), change)
            })
            .collect();
        Self {
            before,
            after,
            changes,
            requests,
        }
    }
}

/// Those that both periods have, in the order of the first.
fn pairs<'a, T>(
    before: &'a [T],
    after: &'a [T],
    name: impl Fn(&T) -> &Arc<str>,
) -> Vec<(&'a T, &'a T)> {
    let new: HashMap<&str, &T> = after.iter().map(|new| (&**name(new), new)).collect();
    before
        .iter()
        .filter_map(|old| Some((old, *new.get(&**name(old))?)))
        .collect()
}

/// Whether all of these are names of one unit.
pub(in crate::report) fn are_same<'a>(mut units: impl Iterator<Item = &'a Arc<str>>) -> bool {
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
            failures: None,
        }
    }
}
