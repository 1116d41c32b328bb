//! The timer that `PerformanceMonitor.timer` returns.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use super::PerformanceMonitor;
use crate::bindings::{
    arguments::text_of,
    python::{
        awaitable::Done,
        code::{PythonCode, release_at_end},
        errors::failure,
        owner::owner,
        pickling,
        thread::thread_number,
    },
};
use crate::recording::starts::Starts;

/// Times a block, or every call of a function that it decorates, as a sample in seconds.
///
/// Works with ``with``, ``async with`` and as a decorator of plain, ``async`` and generator
/// functions. A block that raises is recorded too, as a failure, and its exception goes on. A
/// generator's time runs from its first step to its end, its consumer's included.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Timer {
    monitor: Py<PerformanceMonitor>,
    name: Py<PyString>,
    metadata: Option<Py<PyDict>>,
    starts: Starts,
    /// The seconds of the block left last, as the bits of a float.
    elapsed: AtomicU64,
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
            elapsed: AtomicU64::new(f64::NAN.to_bits()),
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
    fn stop(&self, error: [&Bound<'_, PyAny>; 2]) -> PyResult<()> {
        let py = error[0].py();
        let now = self.monitor.get().core().clock().monotonic();
        if let Some(start) = self.starts.pop(|| owner(py))? {
            let seconds = now.seconds_since(start);
            self.elapsed.store(seconds.to_bits(), Relaxed);
            let name = self.name.bind(py);
            let metadata = self.metadata.as_ref().map(|metadata| metadata.bind(py));
            let failure = failure(error)?;
            let failure = failure.as_deref();
            let monitor = self.monitor.bind(py);
            PerformanceMonitor::record_timer(monitor, name, now, seconds, failure, metadata)?;
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
        kind: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.stop([kind, error])?;
        Ok(false)
    }

    fn __aenter__(slf: Bound<'_, Self>) -> PyResult<Done> {
        slf.get().start(slf.py())?;
        Ok(Done::with(slf.into_any().unbind()))
    }

    fn __aexit__(
        &self,
        kind: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Done> {
        self.stop([kind, error])?;
        Ok(Done::with(kind.py().None()))
    }

    /// Seconds: inside of the block since it began, and later how long the last one took. NaN before
    /// the first one. Where several threads or tasks use the same timer, inside is the caller's own.
    #[getter]
    fn elapsed(&self, py: Python<'_>) -> PyResult<f64> {
        let start = self.starts.latest(|| owner(py))?;
        Ok(match start {
            Some(start) => {
                let now = self.monitor.get().core().clock().monotonic();
                now.seconds_since(start)
            }
            None => f64::from_bits(self.elapsed.load(Relaxed)),
        })
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

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let arguments = (&self.name, &self.metadata).into_pyobject(py)?;
        pickling::to_made(self.monitor.bind(py), "timer", arguments)
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
