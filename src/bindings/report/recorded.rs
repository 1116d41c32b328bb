//! What a monitor or a tracker knows of a period, with its history if it has one.

use std::sync::Arc;

use pyo3::{prelude::*, types::PyDict};

use super::entries::errors_list;
use crate::bindings::{
    monitor::PerformanceMonitor, python::once::intern, requests::APIPerformanceTracker,
};
use crate::{
    history::{Attachment, Found, History, Reading},
    monitor::OwnSamples,
    report::{
        InMemory, Origin, RecordedEndpoint, RecordedOperation, endpoints, errors, operations,
        routes, routes_of_several,
    },
    requests::{Errors, Group, Grouping, OwnErrors, Routes},
    rollup::{ErrorKey, Key, Occurrences},
    time::{TimeRange, Zone},
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
    /// The readings of resources in the period, as far as they were asked for.
    resources: Vec<Found>,
    problem: Option<String>,
}

impl Consulted {
    /// One of which all rows count that were asked for.
    pub fn told(history: Arc<History>, problem: Option<String>) -> Self {
        Self {
            history,
            counted: None,
            resources: Vec::new(),
            problem,
        }
    }

    /// The one to tell of: the first one, unless only the other could not be read.
    pub fn either(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => {
                let counted = one.counted.or(other.counted);
                let is_other = one.problem.is_none() && other.problem.is_some();
                let (told, untold) = if is_other { (other, one) } else { (one, other) };
                let resources = if told.resources.is_empty() {
                    untold.resources
                } else {
                    told.resources
                };
                Some(Self {
                    counted,
                    resources,
                    ..told
                })
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

    /// The course of resources: name to ``count, min, max, mean, p50, p95, p99, unit``.
    pub fn resources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for found in &self.resources {
            let Key::Resource { figure, unit } = &found.key else {
                continue;
            };
            let mut readings = found.own.histogram.clone();
            readings.merge(&found.others.histogram);
            let entry = PyDict::new(py);
            entry.set_item(intern!(py, "count"), readings.count())?;
            entry.set_item(intern!(py, "min"), readings.min())?;
            entry.set_item(intern!(py, "max"), readings.max())?;
            entry.set_item(intern!(py, "mean"), readings.mean())?;
            let percentiles = readings.percentiles(&[50.0, 95.0, 99.0]);
            for (name, value) in ["p50", "p95", "p99"].into_iter().zip(percentiles) {
                entry.set_item(name, value)?;
            }
            entry.set_item(intern!(py, "unit"), &**unit)?;
            dict.set_item(&**figure, entry)?;
        }
        Ok(dict)
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
    let (found, consulted) = ask(py, attachment, range, |key| match key {
        Key::Operation { session: of, .. } | Key::Failures { session: of, .. } => {
            of.as_deref() == session
        }
        Key::Resource { .. } => session.is_none(),
        Key::Endpoint { .. } | Key::Error(_) => false,
    });
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

/// What a report of one period says of requests.
pub struct Reported {
    pub known: Known<RecordedEndpoint>,
    /// Those of each method, where an endpoint has several.
    pub methods: Vec<RecordedEndpoint>,
    pub errors: Errors,
}

/// What a tracker knows of its requests in `range`, with methods and errors.
pub fn reported_requests(
    py: Python<'_>,
    tracker: &APIPerformanceTracker,
    range: TimeRange,
) -> Reported {
    let core = tracker.core();
    let Some(attachment) = tracker.attachment() else {
        let memory = OwnErrors {
            all: core.errors_in(range),
            alone: Errors::new(),
            complete: true,
        };
        return Reported {
            known: known_requests(py, tracker, range, Grouping::Endpoint),
            methods: methods_apart(core.routes(range), &[], || {
                known_requests(py, tracker, range, Grouping::Route).recorded
            }),
            errors: errors(memory, Vec::new()),
        };
    };
    let (found, consulted) = ask(py, attachment, range, is_of_requests);
    let own: Vec<_> = attachment.identity().into_iter().collect();
    let failed = py.detach(|| attachment.history().errors(range, &own)).found;
    let grouped = |by| core.own_grouped(range, by);
    Reported {
        known: Known::of_requests(endpoints(grouped(Grouping::Endpoint), &found), consulted),
        methods: methods_apart(core.routes(range), &found, || {
            routes(grouped(Grouping::Route), &found)
        }),
        errors: errors(core.own_errors_in(range), failed),
    }
}

/// The requests of each method in memory, where an endpoint has several.
pub fn methods_in_memory(tracker: &APIPerformanceTracker) -> Vec<(Arc<str>, Group)> {
    let core = tracker.core();
    let several = routes_of_several(&core.routes(TimeRange::ALL), &[]);
    if several.is_empty() {
        return Vec::new();
    }
    let mut methods = core.grouped(TimeRange::ALL, Grouping::Route);
    methods.retain(|(name, _)| several.contains(name));
    methods
}

fn methods_apart(
    in_memory: Routes,
    found: &[Found],
    all: impl FnOnce() -> Vec<RecordedEndpoint>,
) -> Vec<RecordedEndpoint> {
    let several = routes_of_several(&in_memory, found);
    if several.is_empty() {
        return Vec::new();
    }
    let mut methods = all();
    methods.retain(|method| several.contains(&method.endpoint));
    methods
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

/// Requests, and resources: whichever of a report's sources has a history tells of them.
fn is_of_requests(key: &Key) -> bool {
    matches!(key, Key::Endpoint { .. } | Key::Resource { .. })
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
    let is_resource = |found: &Found| matches!(found.key, Key::Resource { .. });
    let (resources, found) = found.into_iter().partition(is_resource);
    let consulted = Consulted {
        history: Arc::clone(history),
        counted,
        resources,
        problem: problem.map(|problem| problem.to_string()),
    };
    (found, consulted)
}

/// What a report says of how the requests failed to endpoints, and by each method where there are several;
/// nothing if none did.
pub fn request_errors_dict<'py>(
    py: Python<'py>,
    [endpoints, methods]: [&[RecordedEndpoint]; 2],
    errors: &[(ErrorKey, Occurrences)],
    zone: Zone,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    if errors.is_empty() && endpoints.iter().all(|endpoint| endpoint.errors == 0) {
        return Ok(None);
    }
    let counts = |endpoints: &[RecordedEndpoint]| {
        let dict = PyDict::new(py);
        for endpoint in endpoints {
            let entry = PyDict::new(py);
            let client = endpoint.errors - endpoint.server_errors;
            entry.set_item(intern!(py, "client_errors"), client)?;
            entry.set_item(intern!(py, "server_errors"), endpoint.server_errors)?;
            dict.set_item(&*endpoint.endpoint, entry)?;
        }
        Ok::<_, PyErr>(dict)
    };
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "endpoints"), counts(endpoints)?)?;
    if !methods.is_empty() {
        dict.set_item(intern!(py, "methods"), counts(methods)?)?;
    }
    let moment = |nanos| Ok(zone.iso(nanos).into_pyobject(py)?.into_any());
    dict.set_item(intern!(py, "errors"), errors_list(py, errors, moment)?)?;
    Ok(Some(dict))
}
