//! What the entries of reports have in common.

use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};

use crate::{
    bindings::python::once::intern,
    recording::evicted::Uncounted,
    report::{Origin, RecordedOperation, Samples},
    rollup::{ErrorKey, Occurrences},
    time::{TimeRange, Zone},
};

/// Errors of requests as a list of dicts, whose stamps are as `moment` makes them.
pub fn errors_list<'py>(
    py: Python<'py>,
    errors: &[(ErrorKey, Occurrences)],
    moment: impl Fn(i64) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for (key, occurred) in errors {
        let dict = PyDict::new(py);
        let text = Some(&*key.text).filter(|text| !text.is_empty());
        dict.set_item(intern!(py, "endpoint"), &*key.endpoint)?;
        dict.set_item(intern!(py, "method"), &*key.method)?;
        dict.set_item(intern!(py, "status"), key.status)?;
        dict.set_item(intern!(py, "error"), text)?;
        dict.set_item(intern!(py, "count"), occurred.count)?;
        dict.set_item(intern!(py, "first"), moment(occurred.first)?)?;
        dict.set_item(intern!(py, "last"), moment(occurred.last)?)?;
        list.append(dict)?;
    }
    Ok(list)
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

/// Says in `entry` how many of an operation's samples failed, where that is known. A history knows
/// of those that did.
pub fn set_known_failures(
    entry: &Bound<'_, PyDict>,
    operation: &RecordedOperation,
    has_history: bool,
) -> PyResult<()> {
    let failures = operation.failures.or(has_history.then_some(0));
    failures.map_or(Ok(()), |failures| {
        set_failures(entry, failures, operation.samples.len())
    })
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

/// Says in `entry` how many of `count` samples failed.
pub fn set_failures(entry: &Bound<'_, PyDict>, failures: u64, count: u64) -> PyResult<()> {
    let py = entry.py();
    entry.set_item(intern!(py, "failures"), failures)?;
    entry.set_item(intern!(py, "failure_rate"), failures as f64 / count as f64)
}
