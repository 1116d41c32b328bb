//! What `APIPerformanceTracker.track` returns.

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyValueError,
    prelude::*,
    types::{PyString, PyTuple},
};

use super::{APIPerformanceTracker, DEFAULT_METHOD, failure::Failure};
use crate::bindings::{
    arguments::{Whole, names::Status, text_of},
    python::{awaitable::Done, code::PythonCode, owner::owner, pickling, thread::thread_number},
};
use crate::{
    recording::starts::Starts,
    requests::{Statuses, http_status},
    time::Monotonic,
};

/// The status unless something else is said.
const OK: u16 = 200;

/// Tracks a block as a request, with ``with`` and ``async with``, or every call of a function that it
/// decorates.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct RequestTimer {
    tracker: Py<APIPerformanceTracker>,
    endpoint: Py<PyString>,
    /// `None` is for [`DEFAULT_METHOD`].
    method: Option<Py<PyString>>,
    starts: Starts,
    statuses: Statuses,
}

impl RequestTimer {
    /// A request to `endpoint` that has not begun yet.
    #[inline]
    pub fn new(
        tracker: Py<APIPerformanceTracker>,
        endpoint: Py<PyString>,
        method: Option<Py<PyString>>,
    ) -> Self {
        Self {
            tracker,
            endpoint,
            method,
            starts: Starts::default(),
            statuses: Statuses::default(),
        }
    }

    /// The endpoint.
    #[inline]
    pub fn endpoint<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        self.endpoint.bind(py)
    }

    /// The HTTP method.
    #[inline]
    pub fn method<'a>(&'a self, py: Python<'a>) -> PyResult<&'a str> {
        match &self.method {
            None => Ok(DEFAULT_METHOD),
            Some(method) => text_of("method", method.bind(py)),
        }
    }

    #[inline]
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.tracker.get().core();
        let now = core.clock().monotonic();
        if self.starts.push(thread_number(), now, || owner(py))? {
            core.block_forgotten(text_of("endpoint", self.endpoint.bind(py))?);
        }
        Ok(())
    }

    #[inline]
    fn stop(&self, py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<()> {
        let now = self.tracker.get().core().clock().monotonic();
        let set = if self.statuses.is_any() {
            self.statuses.take(owner(py)?)
        } else {
            None
        };
        let Some(start) = self.starts.pop(|| owner(py))? else {
            return Ok(());
        };
        let seconds = now.seconds_since(start);
        if !error.is_none() {
            return self.failed(now, seconds, set, error);
        }
        let status = set.unwrap_or(OK);
        let tracker = self.tracker.bind(py);
        APIPerformanceTracker::track_now(tracker, self, now, seconds, status, None)
    }

    #[cold]
    fn failed(
        &self,
        now: Monotonic,
        seconds: f64,
        set: Option<u16>,
        error: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let tracker = self.tracker.bind(error.py());
        let _python = PythonCode::begin(error.py());
        let (status, text) = match Failure::of(error) {
            Some(failure) => (failure.status, failure.text),
            // It asked the program to end, and that nothing is wrong.
            None => (set.unwrap_or(OK), None),
        };
        APIPerformanceTracker::track_now(tracker, self, now, seconds, status, text.as_deref())
    }
}

#[pymethods]
impl RequestTimer {
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
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.stop(py, error)?;
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
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Done> {
        self.stop(py, error)?;
        Ok(Done::with(py.None()))
    }

    /// Decorates ``function``: each call is tracked on its own.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _python = PythonCode::begin(py);
        py.import("ptpd_monitoring._decorators")?.call_method1(
            "tracked",
            (&self.tracker, &self.endpoint, &self.method, function),
        )
    }

    /// The HTTP status, an int from 100 to 599, that the block ends with unless it raises; 200 unless it
    /// is set.
    #[getter]
    fn status(&self, py: Python<'_>) -> PyResult<u16> {
        Ok(self.statuses.of(owner(py)?).unwrap_or(OK))
    }

    #[setter]
    fn set_status(&self, py: Python<'_>, status: Whole<Status>) -> PyResult<()> {
        let Some(found) = http_status(status.0) else {
            return Err(PyValueError::new_err(format!(
                "status must be an HTTP status from 100 to 599, got {}",
                status.0
            )));
        };
        self.statuses.set(owner(py)?, found);
        Ok(())
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let arguments = (&self.endpoint, &self.method).into_pyobject(py)?;
        pickling::to_made(self.tracker.bind(py), "track", arguments)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<RequestTimer {} {}>",
            self.method(py)?,
            self.endpoint.bind(py)
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.tracker)?;
        // A `str` of a subclass may refer to anything.
        visit.call(&self.endpoint)?;
        visit.call(&self.method)
    }
}
