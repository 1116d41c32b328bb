//! A tracked API request.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use super::{
    base::Model,
    fields::{Arguments, Stamp, integer, number, optional_text, text},
};
use crate::requests::Request;

struct Fields {
    endpoint: Py<PyString>,
    duration_ms: f64,
    status_code: i64,
    method: Py<PyString>,
    error: Option<Py<PyString>>,
}

/// A tracked API request.
///
/// Fields: ``endpoint`` (str), ``duration_ms`` (float, milliseconds), ``status_code`` (int),
/// ``timestamp`` (datetime, naive local time; now unless given), ``method`` (str, ``"GET"``),
/// ``error`` (str or None).
#[pyclass(frozen, subclass, weakref, extends = Model, module = "ptpd_monitoring")]
pub struct APIMetric {
    fields: Mutex<Fields>,
    timestamp: Stamp,
}

impl APIMetric {
    /// The metric for `request`.
    pub fn of<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, Self>> {
        let metric = Self {
            fields: Mutex::new(Fields {
                endpoint: PyString::new(py, &request.endpoint).unbind(),
                duration_ms: request.duration_ms,
                status_code: request.status.into(),
                method: PyString::new(py, &request.method).unbind(),
                error: request
                    .error
                    .as_ref()
                    .map(|error| PyString::new(py, error).unbind()),
            }),
            timestamp: Stamp::at(request.time),
        };
        Bound::new(py, PyClassInitializer::from(Model).add_subclass(metric))
    }

    fn change<T>(&self, field: impl FnOnce(&mut Fields) -> &mut T, new: T) {
        let old = std::mem::replace(field(&mut self.fields.lock()), new);
        drop(old);
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
            fields: Mutex::new(Fields {
                endpoint: text("endpoint", &given.required("endpoint")?)?,
                duration_ms: number("duration_ms", &given.required("duration_ms")?)?,
                status_code: integer("status_code", &given.required("status_code")?)?,
                method: match given.optional("method")? {
                    None => PyString::intern(py, "GET").unbind(),
                    Some(method) => text("method", &method)?,
                },
                error: match given.optional("error")? {
                    None => None,
                    Some(error) => optional_text("error", &error)?,
                },
            }),
            timestamp: Stamp::of(given.optional("timestamp")?)?,
        };
        given.finish()?;
        Ok(PyClassInitializer::from(Model).add_subclass(metric))
    }

    /// The endpoint's path or name.
    #[getter]
    fn endpoint(&self, py: Python<'_>) -> Py<PyString> {
        self.fields.lock().endpoint.clone_ref(py)
    }

    #[setter]
    fn set_endpoint(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change(|fields| &mut fields.endpoint, text("endpoint", value)?);
        Ok(())
    }

    /// The duration in milliseconds.
    #[getter]
    fn duration_ms(&self) -> f64 {
        self.fields.lock().duration_ms
    }

    #[setter]
    fn set_duration_ms(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change(
            |fields| &mut fields.duration_ms,
            number("duration_ms", value)?,
        );
        Ok(())
    }

    /// The HTTP status.
    #[getter]
    fn status_code(&self) -> i64 {
        self.fields.lock().status_code
    }

    #[setter]
    fn set_status_code(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change(
            |fields| &mut fields.status_code,
            integer("status_code", value)?,
        );
        Ok(())
    }

    /// When the request ended: a datetime, naive local time.
    #[getter]
    fn timestamp(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.timestamp.get(py)
    }

    #[setter]
    fn set_timestamp(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.timestamp.set(value)
    }

    /// The HTTP method.
    #[getter]
    fn method(&self, py: Python<'_>) -> Py<PyString> {
        self.fields.lock().method.clone_ref(py)
    }

    #[setter]
    fn set_method(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change(|fields| &mut fields.method, text("method", value)?);
        Ok(())
    }

    /// What went wrong, or None.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyString>> {
        let fields = self.fields.lock();
        fields.error.as_ref().map(|error| error.clone_ref(py))
    }

    #[setter]
    fn set_error(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change(|fields| &mut fields.error, optional_text("error", value)?);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.timestamp.traverse(&visit)?;
        match self.fields.try_lock() {
            Some(fields) => {
                visit.call(&fields.endpoint)?;
                visit.call(&fields.method)?;
                visit.call(&fields.error)
            }
            None => Ok(()),
        }
    }
}
