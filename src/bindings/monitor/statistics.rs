//! Statistics as Python dicts.

use pyo3::{prelude::*, types::PyDict};

use crate::bindings::{
    python::{detached::detached_if_long, once::intern},
    report::entries::work_in,
};
use crate::report::Samples;

/// A `get_statistics` dict of samples and their unit.
pub fn statistics_dict<'py>(
    py: Python<'py>,
    samples: Option<(&Samples, &str)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let summary = samples.and_then(|(samples, unit)| {
        let work = work_in([samples].into_iter());
        let summary = detached_if_long(py, work, || samples.summary())?;
        Some((summary, unit))
    });
    let Some((summary, unit)) = summary else {
        dict.set_item(intern!(py, "count"), 0)?;
        return Ok(dict);
    };
    dict.set_item(intern!(py, "count"), summary.count)?;
    dict.set_item(intern!(py, "min"), summary.min)?;
    dict.set_item(intern!(py, "max"), summary.max)?;
    dict.set_item(intern!(py, "mean"), summary.mean)?;
    dict.set_item(intern!(py, "median"), summary.median)?;
    dict.set_item(intern!(py, "std"), summary.std)?;
    dict.set_item(intern!(py, "unit"), unit)?;
    dict.set_item(intern!(py, "p50"), summary.p50)?;
    dict.set_item(intern!(py, "p90"), summary.p90)?;
    dict.set_item(intern!(py, "p95"), summary.p95)?;
    dict.set_item(intern!(py, "p99"), summary.p99)?;
    Ok(dict)
}
