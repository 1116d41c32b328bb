//! Whether a method was replaced, by a subclass or on the instance as tests do. A method that
//! builds on another one then has to call it through Python; otherwise it need not.

use std::sync::OnceLock;

use pyo3::{
    PyTraverseError, PyTypeInfo, PyVisit,
    prelude::*,
    types::{PyDict, PyType},
};

/// What is known about one method of one instance.
pub struct Override {
    method: &'static str,
    by_class: bool,
    /// The instance's `__dict__`.
    attributes: OnceLock<Py<PyDict>>,
}

impl Override {
    /// For `method` of `T`, in an instance of `class` that is being made.
    pub fn of<T: PyTypeInfo>(class: &Bound<'_, PyType>, method: &'static str) -> PyResult<Self> {
        let base = T::type_object(class.py());
        let by_class = !class.is(&base) && !class.getattr(method)?.is(&base.getattr(method)?);
        Ok(Self {
            method,
            by_class,
            attributes: OnceLock::new(),
        })
    }

    /// Whether the method was replaced in `instance`, which this belongs to.
    #[inline]
    pub fn is_active<T>(&self, instance: &Bound<'_, T>) -> PyResult<bool> {
        if self.by_class {
            return Ok(true);
        }
        let attributes = match self.attributes.get() {
            Some(attributes) => attributes,
            None => self.look(instance.as_any())?,
        }
        .bind(instance.py());
        if attributes.is_empty() {
            Ok(false)
        } else {
            self.is_among(attributes)
        }
    }

    #[cold]
    fn is_among(&self, attributes: &Bound<'_, PyDict>) -> PyResult<bool> {
        attributes.contains(self.method)
    }

    #[cold]
    fn look(&self, instance: &Bound<'_, PyAny>) -> PyResult<&Py<PyDict>> {
        let attributes = instance.getattr("__dict__")?.cast_into::<PyDict>()?;
        Ok(self.attributes.get_or_init(|| attributes.unbind()))
    }

    /// For `__traverse__`.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.attributes.get())
    }
}
