//! Arguments on the way in, times on the way out. Every refusal names the argument and the value.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyDateTime, PyFloat, PyInt, PyString, PyTuple},
};

use crate::{
    calendar::{TimeRange, local_datetime},
    error::{Error, Result},
};

/// `value` as Python shows it, shortened; the type's name where its `__repr__` fails.
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 80;
    let mut text = value.repr().map_or_else(
        |_| format!("<{}>", type_name(value)),
        |text| text.to_string_lossy().into_owned(),
    );
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST).chain("...".chars()).collect();
    }
    text
}

/// The name of `value`'s class.
pub fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// The `TypeError` for a value of the wrong type. Inside argument extraction, leave `name` empty:
/// `PyO3` puts the argument's name before it.
pub fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let subject = if name.is_empty() {
        String::new()
    } else {
        format!("{name} ")
    };
    PyTypeError::new_err(format!(
        "{subject}must be {expected}, got {} ({})",
        shown(value),
        type_name(value)
    ))
}

/// A `str` argument.
pub struct Text<'a>(pub &'a str);

impl<'a, 'py> FromPyObject<'a, 'py> for Text<'a> {
    type Error = PyErr;

    #[inline]
    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match value.cast::<PyString>() {
            Ok(_) => value.extract().map(Self),
            Err(_) => Err(wrong_type("", "a str", &value)),
        }
    }
}

/// A real number: a float, an int, or anything with `__float__` or `__index__`.
pub struct Number(pub f64);

impl FromPyObject<'_, '_> for Number {
    type Error = PyErr;

    #[inline]
    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(float) = value.cast_exact::<PyFloat>() {
            return Ok(Self(float.value()));
        }
        number(&value).map(Self)
    }
}

fn number(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract().map_err(|error: PyErr| {
        let py = value.py();
        if error.is_instance_of::<PyTypeError>(py) {
            wrong_type("", "a number", value)
        } else {
            // An int beyond the floats, or a `__float__` that raises: its own error says more.
            error
        }
    })
}

/// A whole number, saturating: what is out of `i64`'s range is out of every range here.
pub struct Whole(pub i64);

impl FromPyObject<'_, '_> for Whole {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyBool>() || value.is_instance_of::<PyFloat>() {
            return Err(wrong_type("", "an int", &value));
        }
        let index = value
            .call_method0("__index__")
            .map_err(|_| wrong_type("", "an int", &value))?;
        let index = index.cast::<PyInt>()?;
        Ok(Self(index.extract().unwrap_or(if index.lt(0)? {
            i64::MIN
        } else {
            i64::MAX
        })))
    }
}

impl Whole {
    /// As a count, for the core to judge; negative numbers cannot even be asked about.
    pub fn count(&self, name: &'static str) -> Result<usize> {
        usize::try_from(self.0).map_err(|_| Error::argument(name, self.0, "at least 1"))
    }
}

/// The UTC microseconds since the Unix epoch of a `datetime`; naive ones are local time, by
/// Python's own rule.
pub fn micros(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !value.is_instance_of::<PyDateTime>() {
        return Err(wrong_type(name, "a datetime", value));
    }
    let seconds: f64 = value.call_method0("timestamp")?.extract()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "datetimes end in the year 9999"
    )]
    Ok((seconds * 1e6).round() as i64)
}

/// A `(start, end)` pair of datetimes, both included; `None` is all of time.
pub fn time_range(name: &'static str, value: Option<&Bound<'_, PyAny>>) -> PyResult<TimeRange> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(TimeRange::ALL);
    };
    let pair = value
        .try_iter()
        .and_then(Iterator::collect::<PyResult<Vec<_>>>)
        .ok()
        .filter(|pair| pair.len() == 2)
        .ok_or_else(|| wrong_type(name, "a (start, end) pair of datetimes", value))?;
    let (start, end) = (micros(name, &pair[0])?, micros(name, &pair[1])?);
    if start > end {
        return Err(PyValueError::new_err(format!(
            "{name} must start before it ends, got {}",
            shown(PyTuple::new(value.py(), pair)?.as_any())
        )));
    }
    Ok(TimeRange::from_micros(start, end))
}

/// `time`, in UTC nanoseconds since the Unix epoch, as a naive local `datetime`.
pub fn to_datetime(py: Python<'_>, time: i64) -> PyResult<Bound<'_, PyDateTime>> {
    use chrono::{Datelike, Timelike};
    let (local, fold) = local_datetime(time);
    let byte = |part: u32| u8::try_from(part).unwrap_or(u8::MAX);
    PyDateTime::new_with_fold(
        py,
        local.year(),
        byte(local.month()),
        byte(local.day()),
        byte(local.hour()),
        byte(local.minute()),
        byte(local.second()),
        local.nanosecond() / 1_000,
        None,
        fold,
    )
}

/// Runs `work` on `length` items, without the interpreter where that is worth the switch.
///
/// The core's locks are only ever taken while attached, so that a fork, which waits for the
/// interpreter, never finds one held; `work` must take none.
pub fn detached_if_long<T: Send>(
    py: Python<'_>,
    length: usize,
    work: impl FnOnce() -> T + Send,
) -> T {
    const LONG: usize = 4_096;
    if length < LONG {
        work()
    } else {
        py.detach(work)
    }
}
