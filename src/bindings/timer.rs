//! The timer that `PerformanceMonitor.timer` returns.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyString},
};

use super::{
    awaitable::Done,
    context::{owner, thread_number},
    monitor::PerformanceMonitor,
};
use crate::{clock::Monotonic, timers::Owner};

/// When each `with` block of a context manager was entered. One object may be entered again
/// before it is left, by nesting or from several threads or tasks; each block finds its own start.
#[derive(Default)]
pub struct Starts {
    /// The first start not left yet, plus one; zero if there is none.
    first: AtomicU64,
    /// The thread that made it.
    thread: AtomicU64,
    /// How many there are in `others`, so that the usual case takes no lock.
    nested: AtomicU64,
    others: Mutex<Vec<(Owner, Monotonic)>>,
}

impl Starts {
    /// Remembers `now` for the calling thread or task.
    #[inline]
    pub fn push(&self, py: Python<'_>, now: Monotonic) -> PyResult<()> {
        let free = self
            .first
            .compare_exchange(0, now.0.wrapping_add(1), Relaxed, Relaxed)
            .is_ok();
        if free {
            self.thread.store(thread_number(), Relaxed);
            Ok(())
        } else {
            self.push_nested(owner(py)?, now);
            Ok(())
        }
    }

    #[cold]
    fn push_nested(&self, owner: Owner, now: Monotonic) {
        let mut others = self.others.lock();
        others.push((owner, now));
        self.nested.store(others.len() as u64, Relaxed);
    }

    /// Takes back the latest start of the calling thread or task, or the latest of all if it has
    /// none.
    #[inline]
    pub fn pop(&self, py: Python<'_>) -> PyResult<Option<Monotonic>> {
        if self.nested.load(Relaxed) > 0
            && let Some(start) = self.pop_nested(owner(py)?)
        {
            return Ok(Some(start));
        }
        Ok(match self.first.swap(0, Relaxed) {
            0 => None,
            start => Some(Monotonic(start.wrapping_sub(1))),
        })
    }

    #[cold]
    fn pop_nested(&self, owner: Owner) -> Option<Monotonic> {
        let mut others = self.others.lock();
        let own = others.iter().rposition(|(other, _)| *other == owner);
        let at = match own {
            Some(at) => at,
            // A task of this thread made the first one, and the others know theirs.
            None if self.first.load(Relaxed) != 0 && self.thread.load(Relaxed) == owner.0 => {
                return None;
            }
            None => others.len().checked_sub(1)?,
        };
        let (_, start) = others.remove(at);
        self.nested.store(others.len() as u64, Relaxed);
        Some(start)
    }
}

/// Times a block, or every call of a function that it decorates, as a sample in seconds.
///
/// Works with ``with``, ``async with`` and as a decorator of plain, ``async`` and generator
/// functions. A block that raises is recorded too, and its exception goes on. A generator's time
/// runs from its first step to its end, its consumer's included.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Timer {
    monitor: Py<PerformanceMonitor>,
    name: Py<PyString>,
    metadata: Option<Py<PyDict>>,
    starts: Starts,
}

impl Timer {
    /// A timer of `name`, not started yet.
    #[inline]
    pub fn new(
        monitor: Py<PerformanceMonitor>,
        name: Py<PyString>,
        metadata: Option<Py<PyDict>>,
    ) -> Self {
        Self {
            monitor,
            name,
            metadata,
            starts: Starts::default(),
        }
    }

    #[inline]
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        let now = self.monitor.get().core().clock().monotonic();
        self.starts.push(py, now)
    }

    #[inline]
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        let now = self.monitor.get().core().clock().monotonic();
        if let Some(start) = self.starts.pop(py)? {
            let seconds = now.seconds_since(start);
            let name = self.name.bind(py);
            let metadata = self.metadata.as_ref().map(|metadata| metadata.bind(py));
            PerformanceMonitor::record_timer(self.monitor.bind(py), name, now, seconds, metadata)?;
        }
        Ok(())
    }
}

#[pymethods]
impl Timer {
    #[inline]
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().start(slf.py())?;
        Ok(slf)
    }

    #[inline]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.stop(py)?;
        Ok(false)
    }

    fn __aenter__(slf: Bound<'_, Self>) -> PyResult<Done> {
        slf.get().start(slf.py())?;
        Ok(Done::with(slf.into_any().unbind()))
    }

    fn __aexit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Done> {
        self.stop(py)?;
        Ok(Done::with(py.None()))
    }

    /// Decorates ``function``: each call is timed on its own.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        py.import("ptpd_monitoring._decorators")?.call_method1(
            "timed",
            (&self.monitor, &self.name, &self.metadata, function),
        )
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Timer {}>", self.name.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)?;
        // A `str` of a subclass may refer to anything.
        visit.call(&self.name)?;
        visit.call(&self.metadata)
    }
}
