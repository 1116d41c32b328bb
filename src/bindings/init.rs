//! What is done once, when the module is imported.

use std::sync::OnceLock;

use pyo3::{
    PyTypeInfo,
    exceptions::PyImportError,
    panic::PanicException,
    prelude::*,
    types::{IntoPyDict, PyDate, PyDateAccess, PyDateTime, PyTime, PyTuple, PyType, PyTzInfo},
};

use super::{cache::CacheManager, clock::ManualClock, models::FieldError};

/// Refuses to be imported by a second interpreter of the process: objects that are made once would
/// be shared between the two, each of which believes to be alone with them. Python itself refuses
/// only where each interpreter has a lock of its own.
pub fn refuse_subinterpreters(py: Python<'_>) -> PyResult<()> {
    static FIRST: OnceLock<Py<PyModule>> = OnceLock::new();
    let own = py.import("sys")?;
    if FIRST.get_or_init(|| own.clone().unbind()).is(&own) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "ptpd_monitoring does not support subinterpreters: another interpreter of this process \
         has imported it already, and only that one can use it",
    ))
}

/// Fills those of pyo3's own cells that our calls come across. The import is the one moment at
/// which no other thread can be in here. Which there are shows in the symbols of a library that is not
/// stripped, among those that end in `::TYPE`, `::INTERNED`, `::UTC` and the like.
pub fn fill_cells(py: Python<'_>) -> PyResult<()> {
    let date = PyDate::new(py, 2000, 1, 1)?;
    let _ = (date.get_year(), date.get_month(), date.get_day());
    date.is_instance_of::<PyDateTime>();
    date.is_instance_of::<PyTime>();
    date.is_instance_of::<PyTzInfo>();
    let class = date.get_type();
    let _ = (class.name()?, class.qualname()?, class.module()?);
    let _ = PyTzInfo::utc(py)?;
    PyTuple::empty(py).try_iter()?.size_hint();
    PanicException::type_object(py);
    fill_cells_of_arguments(py)?;
    FieldError::type_object(py);
    // Imported later, while other threads run, it could end a daemon thread in here.
    py.import("contextvars")?;
    // The first instance of any class with a `__dict__`.
    py.get_type::<CacheManager>().call0()?;
    Ok(())
}

/// Those that arguments come across which are not simply right.
fn fill_cells_of_arguments(py: Python<'_>) -> PyResult<()> {
    // NumPy's class of bools is known by its name.
    let contents = [("__module__", "numpy")].into_py_dict(py)?;
    let class = py
        .get_type::<PyType>()
        .call1(("bool_", PyTuple::empty(py), contents))?;
    let _ = class.call0()?.extract::<bool>();
    // What is wrong gets a note that names it.
    let _ = py.get_type::<ManualClock>().call1((py.None(),));
    Ok(())
}
