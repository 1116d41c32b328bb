//! Fields of models: reading them from keyword arguments, and the ones that are made when looked at.

use std::{cell::RefCell, collections::BTreeSet};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyTypeError,
    import_exception,
    prelude::*,
    types::{PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyString},
};

use super::lax;
use crate::bindings::{
    arguments::{float_of, int_of, micros, to_datetime},
    clock,
    python::{
        code::{release, release_at_end},
        errors::{is, refused},
        objects::{shown, type_name},
    },
};
use crate::time::Zone;

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
    taken: RefCell<BTreeSet<String>>,
}

impl<'py> Arguments<'py> {
    /// The arguments for a `model`.
    pub fn new(model: &'static str, given: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let left = given.map(PyDictMethods::copy).transpose()?;
        Ok(Self {
            model,
            left,
            taken: RefCell::default(),
        })
    }

    /// The value of `field`, if it was given.
    pub fn optional(&self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(left) = &self.left else {
            return Ok(None);
        };
        let value = left.get_item(field)?;
        if value.is_some() {
            left.del_item(field)?;
            self.taken.borrow_mut().insert(field.to_owned());
        }
        Ok(value)
    }

    /// The value of `field`, which must have been given.
    pub fn required(&self, field: &str) -> PyResult<Bound<'py, PyAny>> {
        self.optional(field)?
            .ok_or_else(|| FieldError::new_err(format!("{}: field {field} is missing", self.model)))
    }

    /// Checks that nothing is left over. Returns the names of what was given.
    pub fn finish(self) -> PyResult<BTreeSet<String>> {
        match self.left.as_ref().and_then(|left| left.iter().next()) {
            None => Ok(self.taken.into_inner()),
            Some((field, _)) => Err(FieldError::new_err(format!(
                "{}: there is no field {}",
                self.model, field
            ))),
        }
    }
}

/// A `str` field: never an object of a subclass, which could hold anything.
pub struct TextField(Mutex<Py<PyString>>);

impl TextField {
    /// The field `name` as given.
    pub fn given(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        text(name, value).map(Self::of)
    }

    /// A text of our own.
    pub fn of(text: Bound<'_, PyString>) -> Self {
        Self(Mutex::new(text.unbind()))
    }

    /// The text.
    pub fn get(&self, py: Python<'_>) -> Py<PyString> {
        self.0.lock().clone_ref(py)
    }

    /// Replaces it.
    pub fn set(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let new = text(name, value)?.unbind();
        let old = std::mem::replace(&mut *self.0.lock(), new);
        drop(old);
        Ok(())
    }
}

/// A `str | None` field.
pub struct OptionalTextField(Mutex<Option<Py<PyString>>>);

impl OptionalTextField {
    /// The field `name` as given.
    pub fn given(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        optional_text(name, value).map(Self::of)
    }

    /// A text of our own.
    pub fn of(text: Option<Bound<'_, PyString>>) -> Self {
        Self(Mutex::new(text.map(Bound::unbind)))
    }

    /// The text, if there is one.
    pub fn get(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.0.lock().as_ref().map(|text| text.clone_ref(py))
    }

    /// Replaces it.
    pub fn set(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let new = optional_text(name, value)?.map(Bound::unbind);
        let old = std::mem::replace(&mut *self.0.lock(), new);
        drop(old);
        Ok(())
    }
}

fn text<'py>(field: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    plain_text(field, "a str", value)
}

fn optional_text<'py>(
    field: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    if value.is_none() {
        return Ok(None);
    }
    plain_text(field, "a str or None", value).map(Some)
}

fn plain_text<'py>(
    field: &str,
    expected: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyString>> {
    let refused = || wrong_field(field, expected, value);
    let text = value.cast::<PyString>().map_err(|_| refused())?;
    if text.is_exact_instance_of::<PyString>() {
        return Ok(text.clone());
    }
    // All of a slice is a plain copy, whatever methods of its own the object may have.
    let methods = value.py().get_type::<PyString>();
    let copy = methods.call_method1("__add__", (text, PyString::intern(value.py(), "")))?;
    Ok(copy.cast_into::<PyString>()?)
}

/// A `float` field. As in pydantic, text may stand for a number.
pub fn number(field: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    let refusal = || wrong_field(field, "a number", value);
    if let Some(text) = numeral(value) {
        return lax::float(&text).ok_or_else(refusal);
    }
    float_of(value).map_err(|error| refused(value.py(), error, refusal))
}

/// A `float | None` field.
pub fn optional_number(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    if value.is_none() {
        Ok(None)
    } else {
        number(field, value).map(Some)
    }
}

/// An `int` field. As in pydantic, text and numbers without a fraction may stand for one.
pub fn integer(field: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let refusal = || wrong_field(field, "an int", value);
    let too_large = || wrong_field(field, "an int of at most 64 bits", value);
    if value.is_instance_of::<PyInt>() {
        return value.extract().map_err(|_| too_large());
    }
    if let Some(text) = numeral(value) {
        return match lax::int(&text) {
            Some(Ok(int)) => Ok(int),
            Some(Err(_)) => Err(too_large()),
            None => Err(refusal()),
        };
    }
    let py = value.py();
    match int_of(value) {
        Ok(int) => int.extract().map_err(|_| too_large()),
        Err(error) if is::<PyTypeError>(py, &error) => {
            let float = float_of(value).map_err(|error| refused(py, error, refusal))?;
            lax::whole(float).ok_or_else(refusal)
        }
        Err(error) => Err(refused(py, error, refusal)),
    }
}

/// The text of what may be a number written out.
fn numeral(value: &Bound<'_, PyAny>) -> Option<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Some(text.to_string_lossy().into_owned());
    }
    let bytes = value.cast::<PyBytes>().ok()?;
    Some(String::from_utf8_lossy(bytes.as_bytes()).into_owned())
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

    /// The time now.
    fn now(py: Python<'_>) -> Self {
        clock::look(py);
        Self::at(clock::usual().wall())
    }

    /// The field as given, or the time now.
    pub fn of(py: Python<'_>, value: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        match value.filter(|value| !value.is_none()) {
            None => Ok(Self::now(py)),
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
        release(value.py(), old);
        Ok(())
    }

    /// Lets go of what may be an object of the user's.
    pub fn discard(&mut self) {
        if matches!(self.0.get_mut(), StampState::Given(_)) {
            release_at_end(std::mem::replace(self.0.get_mut(), StampState::Nanos(0)));
        }
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
    if let Ok(text) = value.cast::<PyString>() {
        // Python reads a `Z` only from 3.11 on.
        let text = text.to_string_lossy();
        let text = match text.strip_suffix(['Z', 'z']) {
            Some(rest) => format!("{rest}+00:00"),
            None => text.into_owned(),
        };
        let class = value.py().get_type::<PyDateTime>();
        if let Ok(parsed) = class.call_method1("fromisoformat", (text,)) {
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
    pub fn set(&self, py: Python<'_>, dict: Option<Py<PyDict>>) {
        let old = std::mem::replace(&mut *self.0.lock(), dict);
        release(py, old);
    }

    /// Lets go of it for the garbage collector, which has called what was to be called before.
    pub fn clear(&self) {
        let old = self.0.lock().take();
        drop(old);
    }

    /// Lets go of it, with the user's objects in it.
    pub fn discard(&mut self) {
        if let Some(dict) = self.0.get_mut().take() {
            release_at_end(dict);
        }
    }

    /// For `__traverse__`.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Some(state) => visit.call(&*state),
            None => Ok(()),
        }
    }
}
