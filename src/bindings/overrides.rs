//! Whether a method was replaced, by a subclass or on the instance as tests do. A method that
//! builds on another one then has to call it through Python; otherwise it need not.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use pyo3::{PyTraverseError, PyTypeInfo, PyVisit, prelude::*, types::PyDict};

/// What is known about one method of one instance.
pub struct Override {
    method: &'static str,
    by_class: AtomicBool,
    /// The instance's `__dict__`.
    attributes: OnceLock<Py<PyDict>>,
}

impl Override {
    /// For `method`, of an instance still to be looked at.
    pub fn of(method: &'static str) -> Self {
        Self {
            method,
            by_class: AtomicBool::new(false),
            attributes: OnceLock::new(),
        }
    }

    /// Looks at the instance and its class, once it exists.
    pub fn look<T: PyTypeInfo>(&self, instance: &Bound<'_, T>) -> PyResult<()> {
        let instance = instance.as_any();
        let py = instance.py();
        let class = instance.get_type();
        let base = T::type_object(py);
        if !class.is(&base) {
            let replaced = !class.getattr(self.method)?.is(&base.getattr(self.method)?);
            self.by_class.store(replaced, Relaxed);
        }
        let attributes = instance.getattr("__dict__")?.cast_into::<PyDict>()?;
        self.attributes.get_or_init(|| attributes.unbind());
        Ok(())
    }

    /// Whether the method was replaced.
    #[inline]
    pub fn is_active(&self, py: Python<'_>) -> bool {
        if self.by_class.load(Relaxed) {
            return true;
        }
        self.attributes.get().is_some_and(|attributes| {
            let attributes = attributes.bind(py);
            !attributes.is_empty() && attributes.contains(self.method).unwrap_or(true)
        })
    }

    /// For `__traverse__`.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.attributes.get())
    }
}
