//! Arguments whose errors name them and show the value.
//!
//! `PyO3` tells the name of an argument that it cannot convert in a note, which a plain `str` of
//! the exception does not show.

use std::path::PathBuf;

use pyo3::{
    exceptions::{PyOverflowError, PyTypeError, PyValueError},
    prelude::*,
    types::PyBool,
};

use super::clock::ManualClock;
use crate::clock::Clock;

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

/// A real number; its range is the core's business.
pub fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let wrong_type = || wrong_type(name, "a number", value);
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type());
    }
    value.extract::<f64>().or_else(|error| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            // An int beyond all floats is out of every range, whatever its sign.
            Ok(f64::INFINITY)
        } else if error.is_instance_of::<PyTypeError>(value.py()) {
            Err(wrong_type())
        } else {
            Err(error)
        }
    })
}

/// The place of an item, from 0. One beyond all items may be any number, the largest included.
pub fn index(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let wrong_type = || wrong_type(name, "a whole number", value);
    let negative = || PyValueError::new_err(format!("{name} must be 0 or more, got {value}"));
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type());
    }
    match value.extract::<i64>() {
        Ok(index) if index < 0 => Err(negative()),
        Ok(index) => Ok(u32::try_from(index).unwrap_or(u32::MAX)),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            if value.lt(0)? {
                Err(negative())
            } else {
                Ok(u32::MAX)
            }
        }
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => Err(wrong_type()),
        Err(error) => Err(error),
    }
}

/// A path, given as a `str` or an `os.PathLike` of one.
pub fn path(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    value.extract::<PathBuf>().map_err(|error| {
        if error.is_instance_of::<PyTypeError>(value.py()) {
            wrong_type(name, "a str or os.PathLike", value)
        } else {
            error
        }
    })
}

/// The clock of a test, or the system's.
pub fn clock(value: Option<&Bound<'_, PyAny>>) -> PyResult<Clock> {
    let manual = value
        .map(|value| {
            value
                .cast::<ManualClock>()
                .map_err(|_| wrong_type("clock", "a ManualClock or None", value))
        })
        .transpose()?;
    Ok(ManualClock::of(manual))
}

fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    match value.repr() {
        Ok(repr) => PyTypeError::new_err(format!("{name} must be {expected}, got {repr}")),
        Err(error) => error,
    }
}
