//! Arguments whose errors name them and show the value.
//!
//! `PyO3` tells the name of an argument that it cannot convert in a note, which a plain `str` of
//! the exception does not show.

pub mod arrays;

use std::{marker::PhantomData, path::PathBuf};

use pyo3::{
    exceptions::{PyOverflowError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyComplex, PyFloat, PyInt, PyString},
};

use super::{
    clock::ManualClock,
    python::{
        code::PythonCode,
        errors::{is, made},
        objects::{attribute, dtype_kind, loaded, shown, timedelta_seconds, wrong_type},
        once::intern,
    },
};
use crate::{
    error::{Error, Result},
    monitor::SECONDS,
    report::seconds_in_unit,
    time::Clock,
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

/// The name of an argument, as a type, so that conversions know it at no cost.
pub trait Name {
    const NAME: &'static str;
}

macro_rules! names {
    ($($marker:ident = $name:literal),* $(,)?) => {
        $(
            /// Names an argument.
            pub enum $marker {}

            impl Name for $marker {
                const NAME: &'static str = $name;
            }
        )*
    };
}

names! {
    Adjust = "adjust",
    Confidence = "confidence",
    Deep = "deep",
    EncodingName = "encoding",
    Endpoint = "endpoint",
    ErrorText = "error",
    ExcludeDefaults = "exclude_defaults",
    ExcludeNone = "exclude_none",
    ExcludeUnset = "exclude_unset",
    FlushInterval = "flush_interval",
    ExportFormat = "format",
    MaxEndpoints = "max_endpoints",
    MaxHistory = "max_history",
    MaxOperations = "max_operations",
    Method = "method",
    MinChange = "min_change",
    MinSamples = "min_samples",
    Moment = "moment",
    Minutes = "minutes",
    MetricName = "name",
    Mode = "mode",
    NeutralizeFormulas = "neutralize_formulas",
    Operation = "operation",
    OperationName = "operation_name",
    Resolution = "resolution",
    SampleInterval = "sample_interval",
    Session1 = "session1",
    Session2 = "session2",
    SessionId = "session_id",
    Indent = "indent",
    Significance = "significance",
    Status = "status",
    TimeText = "text",
    TimesName = "times",
    ThresholdPercentile = "threshold_percentile",
    Unit = "unit",
    Value = "value",
    Version = "version",
    Version1 = "version1",
    Version2 = "version2",
    Wall = "wall",
    Seconds = "seconds",
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

/// A path, given as a `str` or an `os.PathLike` of one.
pub fn path(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let _python = PythonCode::begin(value.py());
    let path = value.extract::<PathBuf>().map_err(|error| {
        if is::<PyTypeError>(value.py(), &error) {
            wrong_type(name, "a str or os.PathLike", value)
        } else {
            error
        }
    })?;
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        let given = shown(value);
        return Err(PyValueError::new_err(format!(
            "{name} must be a path without null characters, got {given}"
        )));
    }
    Ok(path)
}

/// A path that may be left out.
pub fn optional_path(name: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<PathBuf>> {
    value
        .filter(|value| !value.is_none())
        .map(|value| path(name, value))
        .transpose()
}

/// The clock of a test, or the system's.
pub fn clock(value: Option<&Bound<'_, PyAny>>) -> PyResult<Clock> {
    let manual = value
        .filter(|value| !value.is_none())
        .map(|value| {
            value
                .cast::<ManualClock>()
                .map_err(|_| wrong_type("clock", "a ManualClock or None", value))
        })
        .transpose()?;
    Ok(ManualClock::of(manual))
}
