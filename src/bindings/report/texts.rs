//! What the command line shows, in the words of the core.

use pyo3::{prelude::*, types::PyDict};

use super::{charts::charts_of, figures::any_report};
use crate::bindings::arguments::{
    Number, Text, micros,
    names::{TimeText, TimesName, Unit as UnitName, Value},
};
use crate::{
    error::Result,
    quantity::THIN_SPACE,
    report::{few_samples as few_of, order},
    time::{IsoFormatter, Times, iso_in, iso_local},
    units::Unit,
};

/// ``value`` in a unit of its kind that suits it, to three figures, or None where ``unit`` is of no
/// kind that has several: those of time, of data, and percent.
#[pyfunction]
pub fn quantity_text(value: Number<Value>, unit: Text<'_, UnitName>) -> Option<String> {
    let unit = Unit::parse(unit.0);
    if matches!(unit, Unit::Other(_)) {
        return None;
    }
    Some(in_a_terminal(&unit.show(value.0).to_string()))
}

/// Without letters that terminals lack.
fn in_a_terminal(text: &str) -> String {
    text.replace(THIN_SPACE, " ").replace('−', "-")
}

/// A time as ISO 8601 text in another way; ``text`` itself if it is none.
#[pyfunction]
pub fn time_text(text: Text<'_, TimeText>, times: Text<'_, TimesName>) -> Result<String> {
    let written = iso_in(text.0, Times::parse(times.0)?);
    Ok(written.unwrap_or_else(|| text.0.to_owned()))
}

/// A ``datetime`` as ISO 8601 text. A naive one is local time, and any is written as ``times`` says.
#[pyfunction]
pub fn iso_text(moment: &Bound<'_, PyAny>, times: Text<'_, TimesName>) -> PyResult<String> {
    let times = Times::parse(times.0)?;
    let time = micros("moment", moment)?.saturating_mul(1_000);
    Ok(match times {
        Times::Local => iso_local(time),
        Times::Offset | Times::Utc => IsoFormatter::new(times).format(time).to_owned(),
    })
}

/// The names of a report's ``operations``, ``endpoints``, ``changes`` and ``requests``, each list with
/// what matters first, as its tables in HTML have them.
#[pyfunction]
pub fn report_order<'py>(
    py: Python<'py>,
    report: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let any = any_report(report, Times::Local)?;
    let order = py.detach(|| order(&any));
    let dict = PyDict::new(py);
    dict.set_item("operations", order.operations)?;
    dict.set_item("endpoints", order.endpoints)?;
    dict.set_item("changes", order.changes)?;
    dict.set_item("requests", order.requests)?;
    Ok(dict)
}

/// Each sample of the operations of a report that have few of them: name to text.
#[pyfunction]
pub fn few_samples<'py>(
    py: Python<'py>,
    report: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    if let Some(charts) = charts_of(report.as_any()) {
        for (name, words) in few_of(charts.get().known()) {
            dict.set_item(name, in_a_terminal(&words))?;
        }
    }
    Ok(dict)
}
