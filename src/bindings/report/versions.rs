//! What reports tell of the releases that wrote a history.

use std::sync::Arc;

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyList},
};

use super::recorded::{Consulted, Known};
use crate::bindings::monitor::PerformanceMonitor;
use crate::{
    history::{History, Problem, Reader, Version},
    report::{
        RecordedEndpoint, RecordedOperation,
        changes::{Kind, kind_of},
        charts::Mark,
        operations, routes,
    },
    time::{TimeRange, Zone},
};

/// The versions that `history` has of writers.
fn versions(py: Python<'_>, history: &History) -> Result<Vec<Version>, Problem> {
    py.detach(|| history.inspect(Reader::versions))
}

/// Says in `report` which versions wrote in `range`, if any did, and returns where they began.
pub fn set_versions(
    report: &Bound<'_, PyDict>,
    history: &History,
    range: TimeRange,
    zone: Zone,
) -> PyResult<Vec<Mark>> {
    let py = report.py();
    // What keeps the file from being read is told elsewhere.
    let mut known = versions(py, history).unwrap_or_default();
    known.retain(|version| version.first <= range.end && range.start <= version.last);
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let list = PyList::empty(py);
    for version in &known {
        let dict = PyDict::new(py);
        dict.set_item("version", &version.name)?;
        dict.set_item("first", zone.iso(version.first))?;
        dict.set_item("last", zone.iso(version.last))?;
        list.append(dict)?;
    }
    report.set_item("versions", list)?;
    let begun = known.into_iter().filter(|it| range.contains(it.first));
    let marks = begun.map(|version| Mark {
        time: version.first,
        label: version.name,
    });
    Ok(marks.collect())
}

/// What the writers of a version recorded.
pub struct OfVersion {
    pub operations: Known<RecordedOperation>,
    pub requests: Known<RecordedEndpoint>,
}

/// What the writers of each of two versions recorded in the history of `monitor`.
pub fn of_versions(
    py: Python<'_>,
    monitor: &PerformanceMonitor,
    asked: [(&str, &str); 2],
) -> PyResult<[OfVersion; 2]> {
    let Some(attachment) = monitor.attachment() else {
        let message = "versions are compared in a history, and the monitor has none";
        return Err(PyValueError::new_err(message));
    };
    let history = attachment.history();
    let known = versions(py, history);
    let known = known.as_ref().map_or(&[][..], Vec::as_slice);
    let is_read = !known.is_empty() || history.problem().is_none();
    for (argument, version) in asked {
        if is_read && !known.iter().any(|it| it.name == version) {
            return Err(unknown(argument, version, known));
        }
    }
    Ok(asked.map(|(_, version)| of_version(py, history, version)))
}

fn unknown(argument: &str, version: &str, known: &[Version]) -> PyErr {
    let names: Vec<String> = known.iter().map(|it| format!("{:?}", it.name)).collect();
    let there = match names.len() {
        0 => "which names none".to_owned(),
        _ => format!("one of {}", names.join(", ")),
    };
    PyValueError::new_err(format!(
        "{argument} must be a version that wrote the history, {there}; got {version:?}"
    ))
}

fn of_version(py: Python<'_>, history: &Arc<History>, version: &str) -> OfVersion {
    let reading = py.detach(|| history.of_version(version, |key| kind_of(key).is_some()));
    let found = reading.found;
    let consulted = |problem: Option<String>| Some(Consulted::told(Arc::clone(history), problem));
    let problem = reading.problem.map(|problem| problem.to_string());
    let of = |kind| {
        let of_kind = found.iter().filter(|it| kind_of(&it.key) == Some(kind));
        of_kind.cloned().collect::<Vec<_>>()
    };
    OfVersion {
        operations: Known {
            recorded: operations(Vec::new(), &of(Kind::Operation), None),
            history: consulted(problem.clone()),
        },
        requests: Known {
            recorded: routes((Vec::new(), true), &of(Kind::Endpoint)),
            history: consulted(problem),
        },
    }
}
