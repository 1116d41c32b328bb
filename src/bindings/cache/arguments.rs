//! What a cache is told: sizes and lifetimes, checked before anything changes.

use pyo3::{
    exceptions::{PyOverflowError, PyValueError},
    prelude::*,
    types::{PyBool, PyFloat, PyInt},
};

use crate::bindings::{
    arguments::{float_of, int_of, named, timedelta_seconds},
    python::{
        errors::{is, wrong_type},
        objects::shown,
    },
};
use crate::{cache::Ttl, error::Result};

/// A lifetime as it was passed.
#[derive(Clone, Copy)]
pub enum Seconds {
    Whole(i64),
    Real(f64),
}

impl Seconds {
    #[inline]
    pub fn of(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(int) = value.cast_exact::<PyInt>() {
            return match int.extract() {
                Ok(whole) => Ok(Self::Whole(whole)),
                Err(_) if int.lt(0)? => Ok(Self::Whole(i64::MIN)),
                Err(_) => Ok(Self::Real(f64::INFINITY)),
            };
        }
        if let Ok(float) = value.cast_exact::<PyFloat>() {
            return Ok(Self::Real(float.value()));
        }
        Self::of_number(name, value)
    }

    #[cold]
    fn of_number(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = value.py();
        if value.is_instance_of::<PyBool>() {
            return Err(wrong_type(name, "a number of seconds", value));
        }
        if let Some(seconds) = timedelta_seconds(value)? {
            return Ok(Self::Real(seconds));
        }
        match float_of(value) {
            Ok(seconds) => Ok(Self::Real(seconds)),
            // Too large for a float, which lies beyond the clock's range anyway.
            Err(error) if is::<PyOverflowError>(py, &error) => Ok(Self::Real(f64::INFINITY)),
            Err(error) => Err(named(error, name, "a number of seconds", value)),
        }
    }

    #[inline]
    pub fn ttl(self, name: &'static str) -> Result<Ttl> {
        match self {
            Self::Whole(seconds) => Ok(Ttl::from_whole_seconds(seconds)),
            Self::Real(seconds) => Ttl::from_seconds(name, seconds),
        }
    }

    pub fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Whole(seconds) => Ok(seconds.into_pyobject(py)?.into_any()),
            Self::Real(seconds) => Ok(seconds.into_pyobject(py)?.into_any()),
        }
    }
}

pub const DEFAULT_MAX_SIZE: usize = 1000;
pub const DEFAULT_TTL: Seconds = Seconds::Whole(3600);

pub fn default_ttl_of(value: &Bound<'_, PyAny>) -> PyResult<Seconds> {
    Seconds::of("default_ttl", value)
}

pub fn max_size_of(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let expected = "an integer of at least 1";
    let index = int_of(value).map_err(|error| named(error, "max_size", expected, value))?;
    index.extract().map_err(|_| {
        PyValueError::new_err(format!(
            "max_size must be an integer from 1 to {}, got {}",
            usize::MAX,
            shown(value)
        ))
    })
}
