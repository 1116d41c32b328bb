//! Texts, flags, and arguments that may have been left out.

use std::marker::PhantomData;

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBool, PyInt, PyString},
};

use super::names::Name;
use crate::bindings::python::{
    code::PythonCode,
    errors::{made, wrong_type},
    objects::{loaded, shown},
    once::intern,
};

/// An argument as it was given, or nothing where it was left out. Unlike an `Option` it tells an
/// explicit `None` from that.
#[derive(Clone)]
pub struct Given<'py>(pub Option<Bound<'py, PyAny>>);

impl Given<'_> {
    pub const NOTHING: Self = Self(None);
}

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(Some(value.to_owned())))
    }
}

/// A `str` argument.
pub struct Text<'a, N>(pub &'a str, PhantomData<N>);

impl<'a, N> Text<'a, N> {
    /// For defaults.
    pub const fn new(text: &'a str) -> Self {
        Self(text, PhantomData)
    }
}

impl<'a, 'py, N: Name> FromPyObject<'a, 'py> for Text<'a, N> {
    type Error = PyErr;

    #[inline]
    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match utf8(value) {
            Some(text) => Ok(Self::new(text)),
            None if value.is_instance_of::<PyString>() => Err(undecodable(N::NAME, &value)),
            None => Err(wrong_type(N::NAME, "a str", &value)),
        }
    }
}

/// The id of a session: a `str`, or what an `int` or a `UUID` reads as.
pub struct SessionText<N>(pub String, PhantomData<N>);

impl<N: Name> FromPyObject<'_, '_> for SessionText<N> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyString>() {
            let text = value.extract::<Text<'_, N>>()?.0.to_owned();
            return Ok(Self(text, PhantomData));
        }
        let py = value.py();
        let _python = PythonCode::begin(py);
        let is_int = value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>();
        let uuid = loaded(py, intern!(py, "uuid"), intern!(py, "UUID"))?;
        if is_int || uuid.is_some_and(|uuid| value.is_instance(&uuid).unwrap_or(false)) {
            return Ok(Self(
                value.str()?.to_string_lossy().into_owned(),
                PhantomData,
            ));
        }
        Err(wrong_type(N::NAME, "a str, an int or a UUID", &value))
    }
}

/// The text of a `str`, in two registers. A result would be stored half by half and loaded as a whole
/// at once, which makes processors wait.
#[inline(never)]
fn utf8<'a>(value: Borrowed<'a, '_, PyAny>) -> Option<&'a str> {
    value.extract().ok()
}

/// The text of a `str` that has been told to be one already.
pub fn text_of<'a>(name: &str, value: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    value.to_str().map_err(|_| undecodable(name, value))
}

#[cold]
fn undecodable(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let text = format!(
        "{name} must be text without lone surrogates, got {}",
        shown(value)
    );
    made(value.py(), PyValueError::new_err(text))
}

/// A `bool` argument, or `NumPy`'s.
pub struct Flag<N>(pub bool, PhantomData<N>);

impl<N> Flag<N> {
    /// For defaults.
    pub const fn new(value: bool) -> Self {
        Self(value, PhantomData)
    }
}

impl<N: Name> FromPyObject<'_, '_> for Flag<N> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        value
            .extract()
            .map(Self::new)
            .map_err(|_: PyErr| wrong_type(N::NAME, "a bool", &value))
    }
}
