//! A tracked API request.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use super::{
    base::Model,
    fields::{Arguments, OptionalTextField, Stamp, TextField, integer, number},
};
use crate::requests::Request;

/// A tracked API request.
///
/// Fields: ``endpoint`` (str), ``duration_ms`` (float, milliseconds), ``status_code`` (int),
/// ``timestamp`` (datetime, naive local time; now unless given), ``method`` (str, ``"GET"``),
/// ``error`` (str or None).
#[pyclass(frozen, subclass, weakref, extends = Model, module = "ptpd_monitoring")]
pub struct APIMetric {
    endpoint: TextField,
    duration_ms: Mutex<f64>,
    status_code: Mutex<i64>,
    timestamp: Stamp,
    method: TextField,
    error: OptionalTextField,
}

impl APIMetric {
    /// The metric for `request`.
    pub fn of<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, Self>> {
        let metric = Self {
            endpoint: TextField::of(PyString::new(py, &request.endpoint)),
            duration_ms: Mutex::new(request.duration_ms),
            status_code: Mutex::new(request.status.into()),
            method: TextField::of(PyString::new(py, &request.method)),
            error: OptionalTextField::of(
                request.error.as_ref().map(|error| PyString::new(py, error)),
            ),
            timestamp: Stamp::at(request.time),
        };
        Bound::new(
            py,
            PyClassInitializer::from(Model::whole()).add_subclass(metric),
        )
    }
}

#[pymethods]
impl APIMetric {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(
            py,
            [
                "endpoint",
                "duration_ms",
                "status_code",
                "timestamp",
                "method",
                "error",
            ],
        )
    }

    #[new]
    #[pyo3(signature = (**fields), text_signature = "(*, endpoint, duration_ms, status_code, timestamp=None, method='GET', error=None)")]
    fn new(
        py: Python<'_>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let given = Arguments::new("APIMetric", fields)?;
        let metric = Self {
            endpoint: TextField::given("endpoint", &given.required("endpoint")?)?,
            duration_ms: Mutex::new(number("duration_ms", &given.required("duration_ms")?)?),
            status_code: Mutex::new(integer("status_code", &given.required("status_code")?)?),
            method: match given.optional("method")? {
                None => TextField::of(PyString::intern(py, "GET")),
                Some(method) => TextField::given("method", &method)?,
            },
            error: match given.optional("error")? {
                None => OptionalTextField::of(None),
                Some(error) => OptionalTextField::given("error", &error)?,
            },
            timestamp: Stamp::of(py, given.optional("timestamp")?)?,
        };
        let base = Model::with(given.finish()?);
        Ok(PyClassInitializer::from(base).add_subclass(metric))
    }

    /// The endpoint's path or name.
    #[getter]
    fn endpoint(&self, py: Python<'_>) -> Py<PyString> {
        self.endpoint.get(py)
    }

    #[setter]
    fn set_endpoint(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.endpoint.set("endpoint", value)?;
        slf.as_super().get().note("endpoint");
        Ok(())
    }

    /// The duration in milliseconds.
    #[getter]
    fn duration_ms(&self) -> f64 {
        *self.duration_ms.lock()
    }

    #[setter]
    fn set_duration_ms(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let new = number("duration_ms", value)?;
        *this.duration_ms.lock() = new;
        slf.as_super().get().note("duration_ms");
        Ok(())
    }

    /// The HTTP status.
    #[getter]
    fn status_code(&self) -> i64 {
        *self.status_code.lock()
    }

    #[setter]
    fn set_status_code(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let new = integer("status_code", value)?;
        *this.status_code.lock() = new;
        slf.as_super().get().note("status_code");
        Ok(())
    }

    /// When the request ended: a datetime, naive local time.
    #[getter]
    fn timestamp(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.timestamp.get(py)
    }

    #[setter]
    fn set_timestamp(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.timestamp.set(value)?;
        slf.as_super().get().note("timestamp");
        Ok(())
    }

    /// The HTTP method.
    #[getter]
    fn method(&self, py: Python<'_>) -> Py<PyString> {
        self.method.get(py)
    }

    #[setter]
    fn set_method(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.method.set("method", value)?;
        slf.as_super().get().note("method");
        Ok(())
    }

    /// What went wrong, or None.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.error.get(py)
    }

    #[setter]
    fn set_error(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.error.set("error", value)?;
        slf.as_super().get().note("error");
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.timestamp.traverse(&visit)
    }
}

impl Drop for APIMetric {
    fn drop(&mut self) {
        self.timestamp.discard();
    }
}
