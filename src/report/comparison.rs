//! How operations changed from one period to another.

use std::{collections::HashMap, sync::Arc};

use crate::{calendar::TimeRange, monitor::Monitor, stats::mean};

/// An operation's mean over a period.
#[derive(Debug, Clone)]
pub struct PeriodMean {
    /// The operation.
    pub operation: Arc<str>,
    /// The mean of its values.
    pub mean: f64,
    /// How many values.
    pub count: usize,
}

/// Which way an operation went. Lower is better: the figures are times and sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The mean fell.
    Improved,
    /// The mean rose.
    Degraded,
    /// The means are equal.
    Unchanged,
    /// A mean is not a number.
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

/// The change of an operation's mean.
#[derive(Debug, Clone)]
pub struct Change {
    /// The operation.
    pub operation: Arc<str>,
    /// The second mean minus the first.
    pub absolute: f64,
    /// That in percent of the first mean's magnitude; infinite where a change starts from zero.
    pub percentage: f64,
    /// Which way it went.
    pub direction: Direction,
}

/// The means of the operations that have samples in `period`, in order of first use.
#[must_use]
pub fn period_means<M>(monitor: &Monitor<M>, period: TimeRange) -> Vec<PeriodMean> {
    monitor
        .operations()
        .iter()
        .filter_map(|operation| {
            let values = operation.values(period);
            (!values.is_empty()).then(|| PeriodMean {
                operation: Arc::clone(operation.name()),
                mean: mean(&values),
                count: values.len(),
            })
        })
        .collect()
}

/// The changes of the operations that both periods have.
#[must_use]
pub fn changes(before: &[PeriodMean], after: &[PeriodMean]) -> Vec<Change> {
    let after: HashMap<&str, f64> = after
        .iter()
        .map(|new| (&*new.operation, new.mean))
        .collect();
    before
        .iter()
        .filter_map(|old| {
            let new = after.get(&*old.operation)?;
            Some(change(&old.operation, old.mean, *new))
        })
        .collect()
}

fn change(operation: &Arc<str>, before: f64, after: f64) -> Change {
    let absolute = after - before;
    let direction = match after.partial_cmp(&before) {
        Some(std::cmp::Ordering::Less) => Direction::Improved,
        Some(std::cmp::Ordering::Greater) => Direction::Degraded,
        Some(std::cmp::Ordering::Equal) => Direction::Unchanged,
        None => Direction::Unknown,
    };
    Change {
        operation: Arc::clone(operation),
        absolute: if direction == Direction::Unchanged {
            0.0 // Equal infinities differ by NaN.
        } else {
            absolute
        },
        percentage: if direction == Direction::Unchanged {
            0.0
        } else {
            absolute / before.abs() * 100.0
        },
        direction,
    }
}
