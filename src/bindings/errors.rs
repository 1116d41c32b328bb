//! The one place where the core's errors become Python exceptions.

use pyo3::{
    exceptions::{PyOSError, PyValueError},
    prelude::*,
};

use crate::error::Error;

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
