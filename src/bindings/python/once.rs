//! What is made once a process.
//!
//! `PyOnceLock`, and with it pyo3's own `intern!`, detaches while it is being filled: a fork by
//! another thread at that moment leaves the child with a cell that is being filled for ever. These
//! are filled in one step while attached. Two threads may both make the first value; one is kept.

use std::sync::OnceLock;

use pyo3::{
    PyTypeInfo,
    exceptions::PyImportError,
    panic::PanicException,
    prelude::*,
    types::{
        IntoPyDict, PyDate, PyDateAccess, PyDateTime, PyString, PyTime, PyTuple, PyType, PyTzInfo,
    },
};

use crate::bindings::{cache::CacheManager, clock::ManualClock, models::FieldError};

/// The Python module with the methods that call a user's function.
pub const CALLERS: &str = "ptpd_monitoring._callers";

/// A value that the first caller makes.
pub struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    /// A value that nobody has made yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value, made by `make` if there is none. `make` may run any Python code.
    #[inline]
    pub fn get_or_try_init<E>(
        &self,
        _py: Python<'_>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        match self.0.get() {
            Some(value) => Ok(value),
            None => Ok(self.keep(make()?)),
        }
    }

    /// Whether there is one.
    pub fn is_made(&self) -> bool {
        self.0.get().is_some()
    }

    #[cold]
    fn keep(&self, new: T) -> &T {
        self.0.get_or_init(|| new)
    }
}

/// An interned `str`; see [`intern`].
pub struct Interned(&'static str, OnceLock<Py<PyString>>);

impl Interned {
    /// `text`, not yet made a `str`.
    pub const fn new(text: &'static str) -> Self {
        Self(text, OnceLock::new())
    }

    /// The `str`.
    #[inline]
    pub fn get<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        let made = self.1.get_or_init(|| PyString::intern(py, self.0).unbind());
        made.bind(py)
    }
}

/// The interned `str` of a literal.
macro_rules! intern {
    ($py:expr, $text:expr) => {{
        static INTERNED: $crate::bindings::python::once::Interned =
            $crate::bindings::python::once::Interned::new($text);
        INTERNED.get($py)
    }};
}
pub(crate) use intern;

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
