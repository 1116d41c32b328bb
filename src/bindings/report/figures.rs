//! The figures of a report, as the core takes them.

use pyo3::{prelude::*, types::PyDict};
use serde_json::Value;

use crate::{bindings::output::json::PyJson, error::Error, report::schema::AnyReport, time::Times};

/// A report as the core renders it.
pub fn any_report(report: &Bound<'_, PyDict>, times: Times) -> PyResult<AnyReport> {
    figures(report, times).map(AnyReport::from)
}

/// The figures of a report, those included that JSON cannot hold.
pub fn figures(report: &Bound<'_, PyDict>, times: Times) -> PyResult<Value> {
    let json = PyJson::for_table(report.as_any()).with_times(times);
    json.serialized(|report| {
        let value = serde_json::to_value(report);
        value.map_err(|error| PyErr::from(Error::Encoding(error.to_string())))
    })
}
