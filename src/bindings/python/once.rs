//! What is made once a process.
//!
//! `PyOnceLock`, and with it pyo3's own `intern!`, detaches while it is being filled: a fork by
//! another thread at that moment leaves the child with a cell that is being filled for ever. These
//! are filled in one step while attached. Two threads may both make the first value; one is kept.

use std::sync::OnceLock;

use pyo3::{prelude::*, types::PyString};

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
