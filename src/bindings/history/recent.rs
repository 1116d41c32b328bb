//! The last minutes of a history, as dicts.

use std::borrow::Cow;

use pyo3::{prelude::*, types::PyDict};

use crate::bindings::{arguments::to_datetime, python::once::intern};
use crate::{
    export::neutralized,
    history::{Recent, RecentEndpoint, RecentOperation, RecentResource, RecentSamples},
    time::NANOS_PER_SEC,
};

/// A text for a cell of a CSV: with an apostrophe before it where a spreadsheet would run it.
#[pyfunction]
pub fn spreadsheet_text(text: &str) -> Cow<'_, str> {
    neutralized(text)
}

const PERCENTILES: [f64; 3] = [50.0, 95.0, 99.0];

/// What ``History.recent`` returns.
pub fn recent_dict<'py>(py: Python<'py>, recent: &Recent) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let start = recent.start.saturating_mul(NANOS_PER_SEC);
    dict.set_item("start", to_datetime(py, start)?)?;
    dict.set_item("seconds", recent.seconds)?;
    let all = recent.operations.iter();
    let operations = all.map(|one| operation(py, one, recent.seconds));
    dict.set_item("operations", operations.collect::<PyResult<Vec<_>>>()?)?;
    let all = recent.endpoints.iter();
    let endpoints = all.map(|one| endpoint(py, one, recent.seconds));
    dict.set_item("endpoints", endpoints.collect::<PyResult<Vec<_>>>()?)?;
    let resources = recent.resources.iter().map(|one| resource(py, one));
    dict.set_item("resources", resources.collect::<PyResult<Vec<_>>>()?)?;
    let problem = recent.problem.as_ref().map(ToString::to_string);
    dict.set_item("problem", problem)?;
    Ok(dict)
}

fn operation<'py>(
    py: Python<'py>,
    operation: &RecentOperation,
    seconds: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "name"), &*operation.name)?;
    dict.set_item(intern!(py, "unit"), &*operation.unit)?;
    dict.set_item(intern!(py, "failures"), operation.failures)?;
    add(&dict, &operation.samples, seconds)?;
    Ok(dict)
}

fn endpoint<'py>(
    py: Python<'py>,
    endpoint: &RecentEndpoint,
    seconds: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "endpoint"), &*endpoint.endpoint)?;
    dict.set_item(intern!(py, "method"), &*endpoint.method)?;
    dict.set_item(intern!(py, "errors"), endpoint.errors)?;
    add(&dict, &endpoint.samples, seconds)?;
    Ok(dict)
}

fn resource<'py>(py: Python<'py>, resource: &RecentResource) -> PyResult<Bound<'py, PyDict>> {
    let histogram = &resource.samples.whole.histogram;
    let dict = PyDict::new(py);
    dict.set_item("figure", &*resource.figure)?;
    dict.set_item("unit", &*resource.unit)?;
    dict.set_item("latest", resource.latest)?;
    dict.set_item("min", histogram.min())?;
    dict.set_item("mean", histogram.mean())?;
    dict.set_item("max", histogram.max())?;
    Ok(dict)
}

fn add(dict: &Bound<'_, PyDict>, samples: &RecentSamples, seconds: f64) -> PyResult<()> {
    let py = dict.py();
    let histogram = &samples.whole.histogram;
    let percentiles = histogram.percentiles(&PERCENTILES);
    dict.set_item(intern!(py, "count"), histogram.count())?;
    dict.set_item(intern!(py, "rate"), histogram.count() as f64 / seconds)?;
    dict.set_item(intern!(py, "mean"), histogram.mean())?;
    dict.set_item(intern!(py, "p50"), percentiles.first())?;
    dict.set_item(intern!(py, "p95"), percentiles.get(1))?;
    dict.set_item(intern!(py, "p99"), percentiles.get(2))?;
    dict.set_item(intern!(py, "max"), histogram.max())?;
    dict.set_item(intern!(py, "last"), to_datetime(py, samples.whole.last)?)?;
    dict.set_item("by_minute", &samples.by_minute)
}
