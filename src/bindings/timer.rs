//! The timer that `PerformanceMonitor.timer` returns.

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyString},
};

use super::{
    arguments::text_of,
    awaitable::Done,
    context::{owner, thread_number},
    monitor::PerformanceMonitor,
    python_code::{PythonCode, release_at_end},
};
use crate::starts::Starts;

/// Times a block, or every call of a function that it decorates, as a sample in seconds.
///
/// Works with ``with``, ``async with`` and as a decorator of plain, ``async`` and generator
/// functions. A block that raises is recorded too, and its exception goes on. A generator's time
/// runs from its first step to its end, its consumer's included.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Timer {
    monitor: Py<PerformanceMonitor>,
    name: Py<PyString>,
    metadata: Option<Py<PyDict>>,
    starts: Starts,
}

impl Timer {
    /// A timer of `name`, not started yet.
    #[inline]
    pub fn new(
        monitor: Py<PerformanceMonitor>,
        name: Py<PyString>,
        metadata: Option<Py<PyDict>>,
    ) -> Self {
        Self {
            monitor,
            name,
            metadata,
            starts: Starts::default(),
        }
    }

    #[inline]
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.monitor.get().core();
        let now = core.clock().monotonic();
        if self.starts.push(thread_number(), now, || owner(py))? {
            core.block_forgotten(text_of("operation_name", self.name.bind(py))?);
        }
        Ok(())
    }

    #[inline]
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        let now = self.monitor.get().core().clock().monotonic();
        if let Some(start) = self.starts.pop(|| owner(py))? {
            let seconds = now.seconds_since(start);
            let name = self.name.bind(py);
            let metadata = self.metadata.as_ref().map(|metadata| metadata.bind(py));
            PerformanceMonitor::record_timer(self.monitor.bind(py), name, now, seconds, metadata)?;
        }
        Ok(())
    }
}

#[pymethods]
impl Timer {
    #[inline]
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().start(slf.py())?;
        Ok(slf)
    }

    #[inline]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.stop(py)?;
        Ok(false)
    }

    fn __aenter__(slf: Bound<'_, Self>) -> PyResult<Done> {
        slf.get().start(slf.py())?;
        Ok(Done::with(slf.into_any().unbind()))
    }

    fn __aexit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Done> {
        self.stop(py)?;
        Ok(Done::with(py.None()))
    }

    /// Decorates ``function``: each call is timed on its own.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _python = PythonCode::begin(py);
        py.import("ptpd_monitoring._decorators")?.call_method1(
            "timed",
            (&self.monitor, &self.name, &self.metadata, function),
        )
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Timer {}>", self.name.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)?;
        // A `str` of a subclass may refer to anything.
        visit.call(&self.name)?;
        visit.call(&self.metadata)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(metadata) = self.metadata.take() {
            release_at_end(metadata);
        }
    }
}
