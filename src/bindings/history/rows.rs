//! The rows of a history, one after the other.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use pyo3::{
    prelude::*,
    types::{PyDateTime, PyDict, PyTzInfo},
};

use crate::bindings::python::lock::lock;
use crate::{
    history::{History, Period, RowKey, StoredRow, Table},
    rollup::Key,
};

/// How many rows are read at once. In between others may write, and the process may fork.
const PAGE: usize = 1_000;

/// Rows of a history, as dicts.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct HistoryRows {
    history: Arc<History>,
    table: Table,
    period: Period,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    rows: VecDeque<StoredRow>,
    last: Option<RowKey>,
    done: bool,
}

impl HistoryRows {
    /// Those of `table` that start in `period`.
    pub fn new(history: Arc<History>, table: Table, period: Period) -> Self {
        Self {
            history,
            table,
            period,
            pages: Mutex::default(),
        }
    }

    fn next_row(&self, py: Python<'_>) -> PyResult<Option<StoredRow>> {
        loop {
            let after = {
                let mut pages = lock(py, &self.pages);
                if let Some(row) = pages.rows.pop_front() {
                    return Ok(Some(row));
                }
                if pages.done {
                    return Ok(None);
                }
                pages.last
            };
            let read = || {
                self.history
                    .inspect(|reader| reader.rows(self.table, self.period, after, PAGE))
            };
            let page = py.detach(read)?;
            let mut pages = lock(py, &self.pages);
            // Other threads may have read the same page meanwhile, and taken all of it.
            if pages.last == after && !pages.done {
                pages.done = page.len() < PAGE;
                pages.last = page.last().map(StoredRow::primary_key).or(after);
                pages.rows.extend(page);
            }
        }
    }
}

#[pymethods]
impl HistoryRows {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.next_row(py)?.map(|row| row_dict(py, &row)).transpose()
    }
}

fn row_dict<'py>(py: Python<'py>, row: &StoredRow) -> PyResult<Bound<'py, PyDict>> {
    let [kind, name, unit] = row.series();
    let session = match &row.key {
        Key::Operation { session, .. } | Key::Failures { session, .. } => session.as_deref(),
        _ => None,
    };
    let (method, status_class) = match &row.key {
        Key::Endpoint {
            method,
            status_class,
            ..
        } => (Some(&**method), Some(*status_class)),
        _ => (None, None),
    };
    let histogram = &row.rollup.histogram;
    let percentiles = histogram.percentiles(&[50.0, 90.0, 95.0, 99.0]);
    let dict = PyDict::new(py);
    dict.set_item("start", utc(py, row.start as f64)?)?;
    dict.set_item("kind", kind)?;
    dict.set_item("name", name)?;
    dict.set_item("unit", unit)?;
    dict.set_item("session", session)?;
    dict.set_item("method", method)?;
    dict.set_item("status_class", status_class)?;
    dict.set_item("host", &row.host)?;
    dict.set_item("pid", row.pid)?;
    dict.set_item("count", histogram.count())?;
    dict.set_item("sum", histogram.sum())?;
    dict.set_item("mean", histogram.mean())?;
    dict.set_item("std", histogram.std())?;
    dict.set_item("min", histogram.min())?;
    dict.set_item("max", histogram.max())?;
    for (name, place) in [("p50", 0), ("p90", 1), ("p95", 2), ("p99", 3)] {
        dict.set_item(name, percentiles.get(place))?;
    }
    dict.set_item("first", stamp(py, row.rollup.first)?)?;
    dict.set_item("last", stamp(py, row.rollup.last)?)?;
    Ok(dict)
}

fn utc(py: Python<'_>, seconds: f64) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::from_timestamp(py, seconds, Some(&*PyTzInfo::utc(py)?))
}

fn stamp(py: Python<'_>, nanos: i64) -> PyResult<Bound<'_, PyDateTime>> {
    // Whole microseconds, as a datetime has them, and not what a float makes of the nanoseconds.
    let micros = nanos.div_euclid(1_000);
    utc(py, micros as f64 / 1e6)
}
