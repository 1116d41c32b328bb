//! An awaitable that is done already, for context managers that work in `async with` too.

use pyo3::{PyTraverseError, PyVisit, exceptions::PyStopIteration, prelude::*};

/// An awaitable whose result is there.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Done(Py<PyAny>);

impl Done {
    /// An awaitable of `result`.
    pub fn with(result: Py<PyAny>) -> Self {
        Self(result)
    }
}

#[pymethods]
impl Done {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Err(PyStopIteration::new_err((self.0.clone_ref(py),)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
