//! Files that others write and that are put where they belong once they are whole.

use std::path::PathBuf;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::destination::flush_before;
use crate::bindings::{
    arguments::{self, to_path},
    python::lock::lock,
};
use crate::export::Replacement as Core;

/// A context manager: what is written to the path that it gives comes to lie at ``path`` when the
/// block ends, and is gone when it raises. Until then the old file is there, whole; a link is
/// followed, a device or pipe written to directly, and what the process has open, such as
/// ``/dev/stdout``, when the block ends. For the command line.
///
/// Entering it is an OSError where ``path`` may not be written.
#[pyclass(frozen, module = "ptpd_monitoring._native")]
pub struct Replacement {
    path: PathBuf,
    begun: Mutex<Option<Core>>,
}

#[pymethods]
impl Replacement {
    #[new]
    fn new(path: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            path: arguments::path("path", path)?,
            begun: Mutex::new(None),
        })
    }

    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let begun = py.detach(|| Core::begin(&self.path))?;
        let place = to_path(py, begun.place())?;
        let before = lock(py, &self.begun).replace(begun);
        py.detach(|| drop(before));
        Ok(place)
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let begun = lock(py, &self.begun).take();
        let whole = kind.is_none();
        if whole {
            flush_before(py, Some(&self.path))?;
        }
        py.detach(|| match begun {
            Some(begun) if whole => begun.finish(),
            _ => Ok(()),
        })?;
        Ok(false)
    }

    fn __repr__(&self) -> String {
        format!("<Replacement of {}>", self.path.display())
    }
}
