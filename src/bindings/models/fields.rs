//! Fields of models: reading them from keyword arguments, and the ones that are made when looked at.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit, import_exception,
    prelude::*,
    types::{PyDateTime, PyDict, PyFloat, PyString},
};

use super::super::{
    arguments::{float_of, int_of},
    convert::{micros, refused, shown, to_datetime, type_name},
};
use crate::{calendar::Zone, clock::Clock};

import_exception!(ptpd_monitoring.errors, FieldError);

/// The error for a field of the wrong type or value.
pub fn wrong_field(field: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    FieldError::new_err(format!(
        "{field} must be {expected}, got {} ({})",
        shown(value),
        type_name(value)
    ))
}

/// Keyword arguments of a model's constructor, taken one field at a time.
pub struct Arguments<'py> {
    model: &'static str,
    left: Option<Bound<'py, PyDict>>,
}

impl<'py> Arguments<'py> {
    /// The arguments for a `model`.
    pub fn new(model: &'static str, given: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let left = given.map(PyDictMethods::copy).transpose()?;
        Ok(Self { model, left })
    }

    /// The value of `field`, if it was given.
    pub fn optional(&self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(left) = &self.left else {
            return Ok(None);
        };
        let value = left.get_item(field)?;
        if value.is_some() {
            left.del_item(field)?;
        }
        Ok(value)
    }

    /// The value of `field`, which must have been given.
    pub fn required(&self, field: &str) -> PyResult<Bound<'py, PyAny>> {
        self.optional(field)?
            .ok_or_else(|| FieldError::new_err(format!("{}: field {field} is missing", self.model)))
    }

    /// Checks that nothing is left over.
    pub fn finish(self) -> PyResult<()> {
        match self.left.as_ref().and_then(|left| left.iter().next()) {
            None => Ok(()),
            Some((field, _)) => Err(FieldError::new_err(format!(
                "{}: there is no field {}",
                self.model, field
            ))),
        }
    }
}

/// A `str` field.
pub fn text(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<PyString>> {
    value
        .cast::<PyString>()
        .map(|text| text.clone().unbind())
        .map_err(|_| wrong_field(field, "a str", value))
}

/// A `str | None` field.
pub fn optional_text(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyString>>> {
    if value.is_none() {
        return Ok(None);
    }
    value
        .cast::<PyString>()
        .map(|text| Some(text.clone().unbind()))
        .map_err(|_| wrong_field(field, "a str or None", value))
}

/// A `float` field.
pub fn number(field: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    float_of(value)
        .map_err(|error| refused(value.py(), error, || wrong_field(field, "a number", value)))
}

/// A `float | None` field.
pub fn optional_number(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    if value.is_none() {
        Ok(None)
    } else {
        number(field, value).map(Some)
    }
}

/// An `int` field.
pub fn integer(field: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let int = int_of(value)
        .map_err(|error| refused(value.py(), error, || wrong_field(field, "an int", value)))?;
    int.extract()
        .map_err(|_| wrong_field(field, "an int of at most 64 bits", value))
}

/// A `datetime` field; a stamp of our own becomes a `datetime` only when somebody looks.
pub struct Stamp(Mutex<StampState>);

enum StampState {
    Nanos(i64),
    Given(Py<PyAny>),
}

impl Stamp {
    /// UTC nanoseconds since the Unix epoch.
    pub fn at(time: i64) -> Self {
        Self(Mutex::new(StampState::Nanos(time)))
    }

    /// The field as given, or the time now.
    pub fn of(value: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        match value.filter(|value| !value.is_none()) {
            None => Ok(Self::at(Clock::System.wall())),
            Some(value) => Ok(Self(Mutex::new(StampState::Given(datetime(&value)?)))),
        }
    }

    /// The `datetime`.
    pub fn get(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let time = match &*self.0.lock() {
            StampState::Given(value) => return Ok(value.clone_ref(py)),
            StampState::Nanos(time) => *time,
        };
        Ok(to_datetime(py, time)?.into_any().unbind())
    }

    /// Replaces it. The old value is dropped after the lock.
    pub fn set(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let new = StampState::Given(datetime(value)?);
        let old = std::mem::replace(&mut *self.0.lock(), new);
        drop(old);
        Ok(())
    }

    /// For `__traverse__`: a `datetime` of a subclass may refer to anything.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock().as_deref() {
            Some(StampState::Given(value)) => visit.call(value),
            _ => Ok(()),
        }
    }
}

fn datetime(value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if value.is_instance_of::<PyDateTime>() {
        return Ok(value.clone().unbind());
    }
    if value.is_instance_of::<PyString>() {
        let parsed = value
            .py()
            .get_type::<PyDateTime>()
            .call_method1("fromisoformat", (value,));
        if let Ok(parsed) = parsed {
            return Ok(from_json(parsed)?.unbind());
        }
    }
    Err(wrong_field("timestamp", "a datetime", value))
}

/// A time that was read from a text. An offset that our own texts have where local clocks show a time
/// twice says which of the two it is, no more: it is naive and local, as it was.
fn from_json(parsed: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let offset = parsed.call_method0("utcoffset")?;
    if offset.is_none() {
        return Ok(parsed);
    }
    let time = micros("timestamp", &parsed)?.saturating_mul(1_000);
    let offset: f64 = offset.call_method0("total_seconds")?.extract()?;
    let is_local = offset.total_cmp(&Zone::Local.offset(time).into()).is_eq();
    if is_local && Zone::Local.is_repeated(time) {
        return Ok(to_datetime(parsed.py(), time)?.into_any());
    }
    Ok(parsed)
}

/// A `dict` field, made only when somebody looks at it and the same object from then on.
pub struct LazyDict(Mutex<Option<Py<PyDict>>>);

impl LazyDict {
    /// A dict that `get` will make.
    pub fn unmade() -> Self {
        Self(Mutex::new(None))
    }

    /// A dict that exists.
    pub fn made(dict: Py<PyDict>) -> Self {
        Self(Mutex::new(Some(dict)))
    }

    /// The dict, made by `make` at the first look. It is made without the lock: making one may
    /// collect garbage, and with it run anything.
    pub fn get<'py>(
        &self,
        py: Python<'py>,
        make: impl FnOnce() -> PyResult<Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyDict>> {
        if let Some(dict) = &*self.0.lock() {
            return Ok(dict.clone_ref(py));
        }
        let new = make()?.unbind();
        let mut state = self.0.lock();
        Ok(state.get_or_insert(new).clone_ref(py))
    }

    /// Replaces it. The old dict is dropped after the lock.
    pub fn set(&self, dict: Option<Py<PyDict>>) {
        let old = std::mem::replace(&mut *self.0.lock(), dict);
        drop(old);
    }

    /// For `__traverse__`.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Some(state) => visit.call(&*state),
            None => Ok(()),
        }
    }
}
