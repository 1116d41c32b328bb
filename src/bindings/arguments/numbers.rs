//! Numbers.

use std::marker::PhantomData;

use pyo3::{
    exceptions::{PyOverflowError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyComplex, PyFloat, PyInt, PyString},
};

use super::{names::Name, times::timedelta_seconds};
use crate::bindings::python::{
    code::PythonCode,
    errors::{is, made, wrong_type},
    objects::{attribute, dtype_kind, shown},
};
use crate::{
    error::{Error, Result},
    units::{SECONDS, seconds_in_unit},
};

/// A real number: a float, an int, or anything with `__float__` or `__index__`.
pub struct Number<N>(pub f64, PhantomData<N>);

impl<N> Number<N> {
    /// For defaults.
    pub const fn new(value: f64) -> Self {
        Self(value, PhantomData)
    }
}

impl<N: Name> FromPyObject<'_, '_> for Number<N> {
    type Error = PyErr;

    #[inline]
    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(float) = value.cast_exact::<PyFloat>() {
            return Ok(Self::new(float.value()));
        }
        real(N::NAME, &value).map(Self::new)
    }
}

/// What was measured in `unit`: a real number, or a `timedelta`, which only a unit of time makes one.
#[inline]
pub fn measured(name: &str, value: &Bound<'_, PyAny>, unit: &str) -> PyResult<f64> {
    match value.cast_exact::<PyFloat>() {
        Ok(float) => Ok(float.value()),
        Err(_) => measured_otherwise(name, value, unit),
    }
}

#[cold]
fn measured_otherwise(name: &str, value: &Bound<'_, PyAny>, unit: &str) -> PyResult<f64> {
    match timedelta_seconds(value)? {
        Some(seconds) => seconds_in(value.py(), name, seconds, unit),
        None => real(name, value),
    }
}

/// A number of seconds, or a `timedelta`.
#[inline]
pub fn duration(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    measured(name, value, SECONDS)
}

/// So many seconds in a unit of time.
pub fn seconds_in(py: Python<'_>, name: &str, seconds: f64, unit: &str) -> PyResult<f64> {
    seconds_in_unit(unit)
        .map(|factor| seconds / factor)
        .ok_or_else(|| {
            let unit = shown(PyString::new(py, unit).as_any());
            let text = format!("{name} can be a timedelta only in a unit of time, got {unit}");
            made(py, PyTypeError::new_err(text))
        })
}

/// A real number of any type.
pub fn real(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    float_of(value).map_err(|error| {
        if is::<PyOverflowError>(value.py(), &error) {
            let range = "within the range of a float";
            let text = format!("{name} must be {range}, got {}", shown(value));
            made(value.py(), PyValueError::new_err(text))
        } else {
            named(error, name, "a number", value)
        }
    })
}

/// What Python's `float` makes of a number: a `TypeError` for what is none, an `OverflowError` for
/// one that is too large, and whatever `__float__` raises.
pub fn float_of(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    // Where a number is Python's own, no code of the user's is asked.
    if value.is_exact_instance_of::<PyFloat>() || value.is_exact_instance_of::<PyInt>() {
        return value.extract();
    }
    let _python = PythonCode::begin(value.py());
    let plain = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    if plain || is_real(value) {
        value.extract()
    } else {
        Err(PyTypeError::new_err("not a real number"))
    }
}

/// `NumPy` would convert more than numbers: it drops imaginary parts and parses text.
fn is_real(value: &Bound<'_, PyAny>) -> bool {
    !value.is_instance_of::<PyComplex>() && is_scalar_of("fiub", value)
}

/// Whether `value`, if it has a type as `NumPy`'s scalars and arrays do, is a single number of one
/// of `kinds`.
fn is_scalar_of(kinds: &str, value: &Bound<'_, PyAny>) -> bool {
    let Some(kind) = dtype_kind(value) else {
        return true;
    };
    let dimensions = attribute(value, "ndim").and_then(|ndim| ndim.extract::<usize>().ok());
    kinds.contains(&kind) && dimensions.is_none_or(|dimensions| dimensions == 0)
}

/// The error of a conversion as one about the argument. What a method of the value's own raises
/// beside `TypeError` and `ValueError` says more and stays.
pub fn named(error: PyErr, name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let py = value.py();
    if is::<PyTypeError>(py, &error) {
        wrong_type(name, expected, value)
    } else if is::<PyValueError>(py, &error) {
        let _python = PythonCode::begin(py);
        let refused =
            PyValueError::new_err(format!("{name} must be {expected}, got {}", shown(value)));
        refused.set_cause(py, Some(error));
        refused
    } else {
        error
    }
}

/// A whole number, saturating: what is out of `i64`'s range is out of every range here.
pub struct Whole<N>(pub i64, PhantomData<N>);

impl<N: Name> Whole<N> {
    /// For defaults.
    pub const fn new(value: i64) -> Self {
        Self(value, PhantomData)
    }

    /// As a count, for the core to judge; negative numbers cannot even be asked about.
    pub fn count(&self) -> Result<usize> {
        usize::try_from(self.0).map_err(|_| Error::argument(N::NAME, self.0, "at least 1"))
    }
}

impl<N: Name> FromPyObject<'_, '_> for Whole<N> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        whole(N::NAME, &value).map(Self::new)
    }
}

/// A whole number of any type but `bool`, saturating.
pub fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Ok(int) = value.cast_exact::<PyInt>()
        && let Ok(whole) = int.extract()
    {
        return Ok(whole);
    }
    let _python = PythonCode::begin(value.py());
    let index = int_of(value).map_err(|error| named(error, name, "an int", value))?;
    match index.extract() {
        Ok(whole) => Ok(whole),
        Err(_) if index.lt(0)? => Ok(i64::MIN),
        Err(_) => Ok(i64::MAX),
    }
}

/// What Python's `operator.index` makes of a whole number of any type but `bool`.
pub fn int_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if value.is_instance_of::<PyBool>() {
        return Err(PyTypeError::new_err("not a number"));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.clone());
    }
    let _python = PythonCode::begin(value.py());
    if !is_scalar_of("iu", value) {
        return Err(PyTypeError::new_err("not a whole number"));
    }
    value
        .py()
        .import("operator")?
        .call_method1("index", (value,))
}

/// A number of percent; its range is the core's business.
pub fn percent(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, "a number", value));
    }
    real(name, value)
}

/// The place of an item, from 0. One beyond all items may be any number, the largest included.
pub fn index(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let index = whole(name, value)?;
    if index < 0 {
        let given = shown(value);
        return Err(PyValueError::new_err(format!(
            "{name} must be 0 or more, got {given}"
        )));
    }
    Ok(u32::try_from(index).unwrap_or(u32::MAX))
}
