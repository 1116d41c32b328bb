//! The read-only live view of requests that existing tests reach into. For compatibility only.

use pyo3::{PyTraverseError, PyVisit, exceptions::PyIndexError, prelude::*};

use super::APIPerformanceTracker;
use crate::bindings::{models::APIMetric, python::sequence::item_or_slice};

/// The requests, oldest first.
#[pyclass(frozen, module = "ptpd_monitoring", sequence)]
pub struct RequestsView(Py<APIPerformanceTracker>);

impl RequestsView {
    pub fn new(tracker: Py<APIPerformanceTracker>) -> Self {
        Self(tracker)
    }
}

#[pymethods]
impl RequestsView {
    fn __len__(&self) -> usize {
        self.0.get().core().len()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let core = self.0.get().core();
        item_or_slice(index, core.len(), |at| match core.request_at(at) {
            Some(request) => APIMetric::of(index.py(), &request).map(Bound::into_any),
            None => Err(PyIndexError::new_err("index out of range")),
        })
    }

    fn __repr__(&self) -> String {
        format!("<{} requests>", self.__len__())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
