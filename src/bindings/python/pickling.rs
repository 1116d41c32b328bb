//! How objects that cannot be copied travel to other processes.

use pyo3::{prelude::*, types::PyTuple};

use super::{code::PythonCode, once::intern};

/// What ``__reduce__`` of a global instance returns: a reference to the one of whoever loads it. Any
/// other instance is refused with a ``TypeError``.
pub fn to_global<'py>(instance: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = instance.py();
    let _python = PythonCode::begin(py);
    py.import("ptpd_monitoring._instances")?
        .call_method1(intern!(py, "reference"), (instance,))
}

/// What ``__reduce__`` of an object returns that the method `name` of `maker` made of `arguments`.
pub fn to_made<'py>(
    maker: &Bound<'py, PyAny>,
    name: &str,
    arguments: Bound<'py, PyTuple>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
    let _python = PythonCode::begin(maker.py());
    Ok((maker.getattr(name)?, arguments))
}
