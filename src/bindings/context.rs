//! Where a call comes from: its thread, its asyncio task, its session.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use pyo3::{PyTraverseError, PyVisit, exceptions::PyValueError, prelude::*, types::PyString};

use super::{
    arguments::{SessionId, Text, text_of},
    convert::loaded,
    errors::is,
    monitor::PerformanceMonitor,
    once::intern,
};
use crate::{
    entered::{Entered, Left, MAX_ENTERED},
    timers::Owner,
};

/// A number for the calling thread, never zero and never used again for another.
#[inline]
pub fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static NUMBER: Cell<u64> = const { Cell::new(0) });
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

/// The calling thread, and within it the asyncio task.
pub fn owner(py: Python<'_>) -> PyResult<Owner> {
    Ok((thread_number(), task_number(py)?))
}

/// The running asyncio task's address, 0 outside of any.
fn task_number(py: Python<'_>) -> PyResult<u64> {
    // Who has not imported asyncio is in no task.
    let asyncio = intern!(py, "asyncio");
    let Some(running_loop) = loaded(py, asyncio, intern!(py, "_get_running_loop"))? else {
        return Ok(0);
    };
    let running = running_loop.call0()?;
    if running.is_none() {
        return Ok(0);
    }
    let Some(current_task) = loaded(py, asyncio, intern!(py, "current_task"))? else {
        return Ok(0);
    };
    let task = current_task.call1((running,))?;
    Ok(if task.is_none() {
        0
    } else {
        task.as_ptr() as usize as u64
    })
}

/// The session that a monitor's samples belong to, by context: a thread's own, a task's own, and
/// a task starts with its parent's. Costs nothing until there is a first session.
#[derive(Default)]
pub struct Sessions(OnceLock<Py<PyAny>>);

impl Sessions {
    /// The session here, if any.
    #[inline]
    pub fn current(&self, py: Python<'_>) -> PyResult<Option<Py<PyString>>> {
        match self.0.get() {
            None => Ok(None),
            Some(variable) => Self::read(py, variable),
        }
    }

    #[cold]
    fn read(py: Python<'_>, variable: &Py<PyAny>) -> PyResult<Option<Py<PyString>>> {
        let current = variable
            .bind(py)
            .call_method1(intern!(py, "get"), (py.None(),))?;
        Ok(current.extract::<Option<Py<PyString>>>()?)
    }

    fn variable<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        if self.0.get().is_none() {
            let new = py
                .import("contextvars")?
                .getattr("ContextVar")?
                .call1(("ptpd_monitoring_session",))?;
            // Another thread may have been first; then its variable is the one.
            self.0.get_or_init(|| new.unbind());
        }
        Ok(self
            .0
            .get()
            .map_or_else(|| unreachable!(), |variable| variable.bind(py)))
    }
}

/// The context manager that ``PerformanceMonitor.session`` returns. Entering gives the session id.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Session {
    monitor: Py<PerformanceMonitor>,
    id: Py<PyString>,
    /// What takes each entry back, by who entered: a token works only where it was made.
    tokens: Mutex<Entered<Py<PyAny>>>,
}

impl Session {
    /// The session `id` of `monitor`, not entered yet.
    pub fn new(monitor: Py<PerformanceMonitor>, id: &Bound<'_, PyAny>) -> PyResult<Self> {
        id.extract::<Text<'_, SessionId>>()?;
        Ok(Self {
            monitor,
            id: id.cast::<PyString>()?.clone().unbind(),
            tokens: Mutex::default(),
        })
    }

    fn take_back(&self, py: Python<'_>, token: Py<PyAny>) -> PyResult<()> {
        let variable = self.monitor.get().sessions().variable(py)?;
        match variable.call_method1("reset", (token,)) {
            // A generator that is finalised elsewhere leaves in another context than it entered;
            // there the session was never set, so there is nothing to take back.
            Err(error) if !is::<PyValueError>(py, &error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Ends the session where the token was forgotten: which one there was before is not known any
    /// more, but this one must not stay.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let variable = self.monitor.get().sessions().variable(py)?;
        let current = variable.call_method1(intern!(py, "get"), (py.None(),))?;
        if current.is(&self.id) {
            variable.call_method1("set", (py.None(),))?;
        }
        Ok(())
    }
}

#[pymethods]
impl Session {
    /// The session's id.
    #[getter]
    fn session_id(&self, py: Python<'_>) -> Py<PyString> {
        self.id.clone_ref(py)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<PyString>> {
        let variable = self.monitor.get().sessions().variable(py)?;
        let token = variable.call_method1("set", (&self.id,))?;
        let owner = owner(py)?;
        let forgotten = {
            let mut tokens = self.tokens.lock();
            tokens.push(owner, token.unbind());
            (tokens.kept() > MAX_ENTERED)
                .then(|| tokens.forget_first())
                .flatten()
        };
        if forgotten.is_some() {
            let monitor = self.monitor.get().core();
            monitor.session_forgotten(text_of("session_id", self.id.bind(py))?);
        }
        Ok(self.id.clone_ref(py))
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let owner = owner(py)?;
        let left = self.tokens.lock().pop(owner);
        match left {
            Left::Kept(token) => self.take_back(py, token)?,
            Left::Forgotten => self.end(py)?,
            Left::Nothing => {}
        }
        Ok(false)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Session {}>", self.id.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)?;
        // A `str` of a subclass may refer to anything.
        visit.call(&self.id)?;
        match self.tokens.try_lock() {
            Some(tokens) => tokens.things().try_for_each(|token| visit.call(token)),
            None => Ok(()),
        }
    }
}
