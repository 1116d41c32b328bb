//! The history that an object records to, and shows as its attribute.

use std::sync::{Arc, OnceLock, Weak};

use pyo3::{
    PyTraverseError, PyTypeInfo, PyVisit, exceptions::PyAttributeError, prelude::*, types::PyDict,
};

use super::History;
use crate::bindings::python::once::intern;
use crate::{
    history::Attachment,
    rollup::{Sink, Source},
};

/// What an object records to, beside its memory.
pub struct Attached {
    history: Py<History>,
    attachment: Arc<Attachment>,
}

impl Attached {
    /// Attaches a source of a `kind`.
    pub fn new<T: Source + 'static>(
        history: &Bound<'_, History>,
        kind: &str,
        source: &Arc<T>,
    ) -> PyResult<Self> {
        let weak: Weak<dyn Source> = Arc::downgrade(source) as _;
        Ok(Self {
            history: history.clone().unbind(),
            attachment: history.get().core()?.attach(kind, weak)?,
        })
    }

    /// What connects the source to the history.
    pub fn attachment(&self) -> &Arc<Attachment> {
        &self.attachment
    }

    /// For `__traverse__`.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.history)
    }
}

/// Has a source of a `kind` record to a history, unless it does to one already: `attached` is where it
/// keeps that, and `roll_up_for` how it is told of it.
pub fn record_to<T: Source + 'static>(
    history: &Bound<'_, History>,
    kind: &str,
    source: &Arc<T>,
    attached: &OnceLock<Attached>,
    roll_up_for: impl FnOnce(&T, Arc<dyn Sink>) -> bool,
) -> PyResult<()> {
    if attached.get().is_none() {
        let new = Attached::new(history, kind, source)?;
        let attachment = Arc::clone(&new.attachment);
        if attached.set(new).is_ok() {
            roll_up_for(source, attachment);
        }
    }
    Ok(())
}

const ATTRIBUTE: &str = "history";

/// The attribute ``history`` of an object of the class `T`: what it was made with, or what a subclass
/// has set itself.
pub fn attribute_of<'py, T: PyTypeInfo>(
    object: &Bound<'py, T>,
    attached: Option<&Attached>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = object.py();
    if !is_exact(object) {
        let own = object.as_any().getattr(intern!(py, "__dict__"))?;
        if let Some(own) = own.cast::<PyDict>()?.get_item(ATTRIBUTE)? {
            return Ok(Some(own));
        }
    }
    Ok(attached.map(|attached| attached.history.bind(py).clone().into_any()))
}

/// Sets it. Only subclasses can, which may have had an attribute of that name before.
pub fn set_attribute_of<T: PyTypeInfo>(
    object: &Bound<'_, T>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if is_exact(object) {
        return Err(PyAttributeError::new_err(
            "history cannot be set; it is given when the object is made",
        ));
    }
    let own = object.as_any().getattr(intern!(value.py(), "__dict__"))?;
    own.set_item(ATTRIBUTE, value)
}

fn is_exact<T: PyTypeInfo>(object: &Bound<'_, T>) -> bool {
    object.as_any().get_type().is(T::type_object(object.py()))
}
