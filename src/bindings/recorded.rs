//! What a monitor or a tracker knows of a period, with its history if it has one.

use std::sync::Arc;

use pyo3::{prelude::*, types::PyDict};

use super::{monitor::PerformanceMonitor, once::intern, requests::APIPerformanceTracker};
use crate::{
    calendar::{TimeRange, Zone},
    fallen_off::Uncounted,
    history::{Attachment, Found, History, Reading},
    monitor::OwnSamples,
    report::{
        InMemory, Origin, RecordedEndpoint, RecordedOperation, Samples, endpoints, operations,
        routes,
    },
    requests::Grouping,
    rollup::Key,
};

/// What is known, and of the history whence.
pub struct Known<T> {
    pub recorded: Vec<T>,
    pub history: Option<Consulted>,
}

/// A history that was asked.
pub struct Consulted {
    pub history: Arc<History>,
    /// What counted of its rows, where that is not the period.
    pub counted: Option<TimeRange>,
    problem: Option<String>,
}

impl Consulted {
    /// One of which all rows count that were asked for.
    pub fn told(history: Arc<History>, problem: Option<String>) -> Self {
        Self {
            history,
            counted: None,
            problem,
        }
    }

    /// The one to tell of: the first one, unless only the other could not be read.
    pub fn either(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => {
                let counted = one.counted.or(other.counted);
                let is_other = one.problem.is_none() && other.problem.is_some();
                let told = if is_other { other } else { one };
                Some(Self { counted, ..told })
            }
            (one, other) => one.or(other),
        }
    }

    /// Of samples from `origins`: where none is the disk, none of its rows counted.
    fn of(mut self, mut origins: impl Iterator<Item = Origin>) -> Self {
        if origins.all(|origin| origin == Origin::Memory) {
            self.counted = None;
        }
        self
    }

    /// As a report shows it.
    pub fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let path = self.history.path().to_string_lossy();
        dict.set_item(intern!(py, "path"), path)?;
        dict.set_item(intern!(py, "problem"), &self.problem)?;
        Ok(dict)
    }
}

/// What a monitor knows of its operations in `range`; of those of `session`, if one is named.
pub fn known_operations(
    py: Python<'_>,
    monitor: &PerformanceMonitor,
    range: TimeRange,
    session: Option<&str>,
) -> Known<RecordedOperation> {
    let all = || monitor.core().operations().into_iter();
    let Some(attachment) = monitor.attachment() else {
        let memory = all().map(|operation| InMemory {
            samples: OwnSamples {
                measured: match session {
                    Some(session) => operation.of_session(session),
                    None => operation.measured(range),
                },
                alone: None,
                complete: true,
            },
            name: Arc::clone(operation.name()),
        });
        return Known {
            recorded: operations(memory.collect(), &[], session),
            history: None,
        };
    };
    let (found, consulted) = ask(
        py,
        attachment,
        range,
        |key| matches!(key, Key::Operation { session: of, .. } if of.as_deref() == session),
    );
    // Only now: what is recorded between the two readings is in memory.
    let memory = all().map(|operation| InMemory {
        samples: operation.own(range, session),
        name: Arc::clone(operation.name()),
    });
    let recorded = operations(memory.collect(), &found, session);
    let origins = recorded.iter().map(|operation| operation.origin);
    Known {
        history: Some(consulted.of(origins)),
        recorded,
    }
}

/// What a tracker knows of its requests in `range`.
pub fn known_requests(
    py: Python<'_>,
    tracker: &APIPerformanceTracker,
    range: TimeRange,
    by: Grouping,
) -> Known<RecordedEndpoint> {
    let joined = |memory, found: &[Found]| match by {
        Grouping::Endpoint => endpoints(memory, found),
        Grouping::Route => routes(memory, found),
    };
    let Some(attachment) = tracker.attachment() else {
        let groups = tracker.core().grouped(range, by).into_iter();
        let all = groups.map(|(name, group)| (name, group.into()));
        return Known {
            recorded: joined((all.collect(), true), &[]),
            history: None,
        };
    };
    let (found, consulted) = ask(py, attachment, range, is_of_requests);
    let recorded = joined(tracker.core().own_grouped(range, by), &found);
    Known::of_requests(recorded, consulted)
}

/// What the history of a monitor knows of the requests in `range`, of whatever trackers.
pub fn requests_on_disk(
    py: Python<'_>,
    monitor: &PerformanceMonitor,
    range: TimeRange,
) -> Option<Known<RecordedEndpoint>> {
    let attachment = monitor.attachment()?;
    let (found, consulted) = ask(py, attachment, range, is_of_requests);
    let recorded = routes((Vec::new(), true), &found);
    Some(Known::of_requests(recorded, consulted))
}

fn is_of_requests(key: &Key) -> bool {
    matches!(key, Key::Endpoint { .. })
}

impl Known<RecordedEndpoint> {
    fn of_requests(recorded: Vec<RecordedEndpoint>, consulted: Consulted) -> Self {
        let origins = recorded.iter().map(|endpoint| endpoint.origin);
        Self {
            history: Some(consulted.of(origins)),
            recorded,
        }
    }
}

fn ask(
    py: Python<'_>,
    attachment: &Attachment,
    range: TimeRange,
    is_wanted: impl Fn(&Key) -> bool + Send + Sync,
) -> (Vec<Found>, Consulted) {
    let history = attachment.history();
    let own: Vec<_> = attachment.identity().into_iter().collect();
    let Reading {
        found,
        counted,
        problem,
    } = py.detach(|| history.read(range, is_wanted, &own));
    let consulted = Consulted {
        history: Arc::clone(history),
        counted,
        problem: problem.map(|problem| problem.to_string()),
    };
    (found, consulted)
}

/// A stretch of time: up to, but not including, `end`.
pub fn bounds_dict(py: Python<'_>, range: TimeRange, zone: Zone) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("start", zone.iso(range.start))?;
    dict.set_item("end", zone.iso(range.end.saturating_add(1)))?;
    Ok(dict)
}

/// Says in `entry` which units it mixes, if it does.
pub fn set_units(entry: &Bound<'_, PyDict>, operation: &RecordedOperation) -> PyResult<()> {
    if operation.other_units.is_empty() {
        return Ok(());
    }
    let units: Vec<&str> = operation.units().map(|unit| &**unit).collect();
    entry.set_item(intern!(entry.py(), "units"), units)
}

/// Says in `entry` where its figures come from.
pub fn set_source(entry: &Bound<'_, PyDict>, origin: Origin, accuracy: &str) -> PyResult<()> {
    let py = entry.py();
    entry.set_item(intern!(py, "source"), origin.as_str())?;
    entry.set_item(intern!(py, "accuracy"), accuracy)
}

/// Says in `entry` of how many samples its `count` is and since when, if some have fallen off.
pub fn set_uncounted(
    entry: &Bound<'_, PyDict>,
    uncounted: Option<Uncounted>,
    count: u64,
    zone: Zone,
) -> PyResult<()> {
    let Some(Uncounted { samples, since }) = uncounted else {
        return Ok(());
    };
    let py = entry.py();
    entry.set_item(intern!(py, "recorded"), count + samples)?;
    entry.set_item(intern!(py, "counted_from"), zone.iso(since))
}

/// How many samples have to be worked on one by one.
pub fn work_in<'a>(samples: impl Iterator<Item = &'a Samples>) -> usize {
    samples
        .map(|samples| match samples {
            Samples::Each(values) => values.len(),
            Samples::Counted(_) => 0,
        })
        .sum()
}
