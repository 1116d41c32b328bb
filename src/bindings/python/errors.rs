//! The one place where the core's errors become Python exceptions, and where it is told what an
//! exception is.

use pyo3::{
    PyTypeInfo,
    exceptions::{PyGeneratorExit, PyOSError, PySystemExit, PyValueError},
    prelude::*,
    types::PyType,
};

use super::{
    code::PythonCode,
    objects::{attribute, shown, type_name},
};
use crate::{error::Error, history::Problem};
use pyo3::exceptions::PyOverflowError;
use pyo3::exceptions::PyTypeError;

/// Whether `error` is an `E`. For that `PyO3` may let go of the interpreter's lock, and take it again
/// even where there is no interpreter any more.
pub fn is<E: PyTypeInfo>(py: Python<'_>, error: &PyErr) -> bool {
    let _python = PythonCode::begin(py);
    #[expect(clippy::disallowed_methods, reason = "held as it has to be")]
    error.is_instance_of::<E>(py)
}

/// `error` with the exception that it stands for. `PyO3`, which asks for that where it is an
/// argument's, would let go of the lock to make it; see [`is`].
pub fn made(py: Python<'_>, error: PyErr) -> PyErr {
    let _python = PythonCode::begin(py);
    error.value(py);
    error
}

/// The error for what only a history's file can answer.
impl From<Problem> for PyErr {
    fn from(problem: Problem) -> Self {
        PyOSError::new_err(problem.to_string())
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match &error {
            Error::Io { path, source } => match source.raw_os_error() {
                // OSError picks the subclass (FileNotFoundError, PermissionError, ...) by errno.
                Some(errno) => {
                    let text = source.to_string();
                    let reason = text.split(" (os error").next().unwrap_or(&text).to_owned();
                    // A str, as from Python's own functions.
                    PyOSError::new_err((errno, reason, path.clone().into_os_string()))
                }
                None => PyOSError::new_err(error.to_string()),
            },
            _ => PyValueError::new_err(error.to_string()),
        }
    }
}

/// The name of the type of an exception that a block ended with, whose class and instance a context
/// manager is given; `None` where the block did not fail. A generator that is closed has not, nor a
/// program that ends with the status that says so.
pub fn failure([kind, error]: [&Bound<'_, PyAny>; 2]) -> PyResult<Option<String>> {
    if kind.is_none() {
        return Ok(None);
    }
    failed(kind, error)
}

#[cold]
fn failed(kind: &Bound<'_, PyAny>, error: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = kind.py();
    let _python = PythonCode::begin(py);
    let Ok(class) = kind.cast::<PyType>() else {
        return Ok(Some(type_name(kind)));
    };
    if class.is_subclass_of::<PyGeneratorExit>()? || asks_to_end(error) {
        return Ok(None);
    }
    Ok(Some(class.name()?.to_string()))
}

/// Whether `error` is a `SystemExit` that tells of success. To be called while Python code may run.
pub fn asks_to_end(error: &Bound<'_, PyAny>) -> bool {
    error.is_instance_of::<PySystemExit>()
        && attribute(error, "code")
            .is_some_and(|code| code.is_none() || code.extract::<i64>().is_ok_and(|code| code == 0))
}

/// The `TypeError` for an argument of the wrong type.
pub fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let text = format!(
        "{name} must be {expected}, got {} ({})",
        shown(value),
        type_name(value)
    );
    made(value.py(), PyTypeError::new_err(text))
}

/// `refusal`, unless `error` is one that only code of the value's own raises, or a signal handler:
/// that goes on as it is.
pub fn refused(py: Python<'_>, error: PyErr, refusal: impl FnOnce() -> PyErr) -> PyErr {
    if is::<PyTypeError>(py, &error)
        || is::<PyValueError>(py, &error)
        || is::<PyOverflowError>(py, &error)
    {
        refusal()
    } else {
        error
    }
}
