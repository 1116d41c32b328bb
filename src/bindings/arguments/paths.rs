//! Paths in both directions.

use std::path::{Path, PathBuf};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};

use crate::bindings::python::{
    code::PythonCode,
    errors::{is, wrong_type},
    objects::shown,
    once::Once,
};

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

/// `path` as a `pathlib.Path`, whose module is imported when it is needed: that takes longer than all of
/// ours. `PyO3`'s own conversion keeps the class in a cell that a fork could leave half-filled, and a class
/// written in Python runs code that the end of the interpreter has to know of.
pub fn to_path<'py>(py: Python<'py>, path: &Path) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Once<Py<PyAny>> = Once::new();
    let _python = PythonCode::begin(py);
    let import = || py.import("pathlib")?.getattr("Path").map(Bound::unbind);
    let class = CLASS.get_or_try_init(py, import)?;
    class.bind(py).call1((path.as_os_str(),))
}
