//! The computation of a value that a cache lacks: one at a time for each key.

use std::{
    process,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyList, PyTuple},
};

use super::CacheManager;
use crate::bindings::python::{
    code::{PythonCode, release, release_at_end},
    errors::{is, wrong_type},
    objects::attribute,
    once::Once,
    thread::thread_number,
};
use crate::cache::{ComputationId, WaitGraph};

/// Of all caches of the process, since the computations of one may need those of another. Only locked
/// while attached, and for moments.
static WAITS: Mutex<WaitGraph> = Mutex::new(WaitGraph::new());

/// The computation of the value of one key, in a ``with`` block.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct Computation {
    id: ComputationId,
    cache: Py<CacheManager>,
    key: Py<PyAny>,
    /// Who has begun it: a thread cannot wait for itself, nor a process for a thread that it was forked
    /// without.
    thread: u64,
    process: u32,
    /// Whether other tasks of its thread get on meanwhile.
    is_async: bool,
    /// Held until it ends.
    lock: Py<PyAny>,
    /// Whether its key was set or deleted meanwhile.
    is_outdated: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    has_ended: bool,
    value: Option<Py<PyAny>>,
    /// Called once it has ended.
    callbacks: Vec<Py<PyAny>>,
    /// Takes back that it is computed in this context.
    token: Option<Py<PyAny>>,
}

impl Computation {
    fn new(
        cache: &Bound<'_, CacheManager>,
        key: &Bound<'_, PyAny>,
        is_async: bool,
    ) -> PyResult<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Looked up each time: gevent puts a lock of its own in the place of this one.
        let lock = key.py().import("_thread")?.getattr("allocate_lock")?;
        let lock = lock.call0()?;
        lock.call_method0("acquire")?;
        Ok(Self {
            id: ComputationId(NEXT.fetch_add(1, Relaxed)),
            cache: cache.clone().unbind(),
            key: key.clone().unbind(),
            thread: thread_number(),
            process: process::id(),
            is_async,
            lock: lock.unbind(),
            is_outdated: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// Whether its value may be kept.
    pub fn is_current(&self) -> bool {
        !self.is_outdated.load(Relaxed)
    }

    /// The key, of that cache.
    pub fn key(&self) -> &Py<PyAny> {
        &self.key
    }

    /// Keeps the value for those who wait.
    pub fn set_value(&self, value: Py<PyAny>) {
        self.state.lock().value = Some(value);
    }

    /// Whether somebody in this thread can wait for it without keeping it from ending.
    fn lets_wait(&self, py: Python<'_>, is_async: bool) -> bool {
        if self.thread != thread_number() {
            return true;
        }
        if self.is_async {
            return is_async;
        }
        // Another greenlet gets on where locks are gevent's.
        let module = attribute(self.lock.bind(py).get_type().as_any(), "__module__");
        !module.is_some_and(|module| module.eq("_thread").unwrap_or(false))
    }
}

#[pymethods]
impl Computation {
    /// A lock that is free once it has ended.
    #[getter]
    fn lock(&self, py: Python<'_>) -> Py<PyAny> {
        self.lock.clone_ref(py)
    }

    /// Whether it has come to a value.
    #[getter]
    fn has_value(&self) -> bool {
        self.state.lock().value.is_some()
    }

    /// The value, once it has come to one.
    #[getter]
    fn value(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = self.state.lock();
        state.value.as_ref().map(|value| value.clone_ref(py))
    }

    /// Calls ``callback()`` when it ends, in the thread where it does; at once if it has.
    fn when_ended(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        {
            let mut state = self.state.lock();
            if !state.has_ended {
                state.callbacks.push(callback.clone().unbind());
                return Ok(());
            }
        }
        let _python = PythonCode::begin(callback.py());
        callback.call0().map(drop)
    }

    /// Takes note that the caller, who was told to wait for it, waits no longer.
    fn waited(&self, py: Python<'_>) -> PyResult<()> {
        let held = held(py)?;
        WAITS.lock().end(&held, self.id);
        Ok(())
    }

    /// Returns ``value`` after keeping it for ``ttl`` seconds, unless the key was set or deleted since
    /// the computation began.
    fn keep<'py>(
        slf: &Bound<'py, Self>,
        value: Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        refuse_coroutine(&value)?;
        let this = slf.get();
        let cache = this.cache.bind(slf.py());
        CacheManager::keep_computed(cache, this, &value, ttl)?;
        this.set_value(value.clone().unbind());
        Ok(value)
    }

    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mut held: Vec<u64> = held(py)?.into_iter().map(|id| id.0).collect();
        held.push(slf.get().id.0);
        let token = variable(py)?.call_method1("set", (PyTuple::new(py, held)?,))?;
        slf.get().state.lock().token = Some(token.unbind());
        Ok(())
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let _python = PythonCode::begin(py);
        let (token, callbacks) = {
            let mut state = self.state.lock();
            state.has_ended = true;
            (state.token.take(), std::mem::take(&mut state.callbacks))
        };
        let left = self.cache.get().computations().leave(py, self);
        self.lock.bind(py).call_method0("release")?;
        for callback in callbacks {
            callback.call0(py)?;
        }
        if let Some(token) = token {
            match variable(py)?.call_method1("reset", (token,)) {
                // A coroutine that is finalised elsewhere leaves in another context than it entered.
                Err(error) if !is::<PyValueError>(py, &error) => return Err(error),
                _ => {}
            }
        }
        left.map(|()| false)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cache)?;
        visit.call(&self.key)?;
        visit.call(&self.lock)?;
        let Some(state) = self.state.try_lock() else {
            return Ok(());
        };
        visit.call(&state.value)?;
        visit.call(&state.token)?;
        state.callbacks.iter().try_for_each(|each| visit.call(each))
    }
}

impl Drop for Computation {
    fn drop(&mut self) {
        let key = Python::try_attach(|py| std::mem::replace(&mut self.key, py.None()));
        let value = self.state.get_mut().value.take();
        release_at_end((key, value));
    }
}

/// Refuses what can be awaited once, by one, and is a mistake in a cache.
fn refuse_coroutine(value: &Bound<'_, PyAny>) -> PyResult<()> {
    let class = value.get_type();
    let has = |name| attribute(&class, name).is_some();
    if !(has("__await__") && has("send") && has("close")) {
        return Ok(());
    }
    let expected = "a function that returns the value (await aget_or_set otherwise)";
    let refusal = wrong_type("factory", expected, value);
    let _python = PythonCode::begin(value.py());
    // So that it does not complain that nobody has awaited it.
    value.call_method0("close")?;
    Err(refusal)
}

/// The context variable that tells which computations the caller is in the middle of.
fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: Once<Py<PyAny>> = Once::new();
    let new = || {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        let new = class.call1(("ptpd_monitoring_computing",))?;
        Ok::<_, PyErr>(new.unbind())
    };
    Ok(VARIABLE.get_or_try_init(py, new)?.bind(py))
}

/// The computations that the caller is in the middle of, outermost first.
fn held(py: Python<'_>) -> PyResult<Vec<ComputationId>> {
    let held = variable(py)?.call_method1("get", (PyTuple::empty(py),))?;
    let held: Vec<u64> = held.extract()?;
    Ok(held.into_iter().map(ComputationId).collect())
}

/// Those under way in one cache: by key, a list of which the first is the one to wait for. The others
/// are of callers that could not wait.
#[derive(Default)]
pub struct Computations(OnceLock<Py<PyDict>>);

impl Computations {
    /// Whether there are any.
    #[inline]
    pub fn are_any(&self, py: Python<'_>) -> bool {
        self.0
            .get()
            .is_some_and(|under_way| !under_way.bind(py).is_empty())
    }

    /// The computation of `key` that is under way, to wait for; or a new one, and `true`, if there is
    /// none or the caller cannot wait for it; or nothing if the value is there by now.
    pub fn join<'py>(
        &self,
        cache: &Bound<'py, CacheManager>,
        key: &Bound<'py, PyAny>,
        is_async: bool,
    ) -> PyResult<Option<(Bound<'py, Computation>, bool)>> {
        let py = key.py();
        let _python = PythonCode::begin(py);
        let new = Bound::new(py, Computation::new(cache, key, is_async)?)?;
        let held = held(py)?;
        let list = PyList::new(py, [&new])?;
        let under_way = self
            .dict(py)
            .call_method1("setdefault", (key, &list))?
            .cast_into::<PyList>()?;
        // From here on no Python code runs, so others change nothing.
        if under_way.is(&list) {
            // One may have ended since the caller looked.
            if cache.contains(key)? {
                self.leave(py, new.get())?;
                return Ok(None);
            }
            return Ok(Some((new, true)));
        }
        let first = under_way.get_item(0)?.cast_into::<Computation>()?;
        if first.get().process != process::id() {
            under_way.set_slice(0, under_way.len(), list.as_any())?;
            return Ok(Some((new, true)));
        }
        if first.get().lets_wait(py, is_async) && WAITS.lock().begin(&held, first.get().id) {
            return Ok(Some((first, false)));
        }
        under_way.append(&new)?;
        Ok(Some((new, true)))
    }

    /// What is computed of `key` is not kept, since it has just been set or deleted; unless it is a
    /// computation that has done so itself.
    #[inline]
    pub fn outdate(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.are_any(key.py()) {
            self.outdate_under_way(key)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn outdate_under_way(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = key.py();
        let _python = PythonCode::begin(py);
        let held = held(py)?;
        self.take(key, |computation| {
            let goes = !held.contains(&computation.id);
            if goes {
                computation.is_outdated.store(true, Relaxed);
            }
            goes
        })
    }

    /// The same of every key.
    pub fn outdate_all(&self, py: Python<'_>) -> PyResult<()> {
        if self.are_any(py) {
            let _python = PythonCode::begin(py);
            for key in self.dict(py).keys() {
                self.outdate(&key)?;
            }
        }
        Ok(())
    }

    fn leave(&self, py: Python<'_>, ended: &Computation) -> PyResult<()> {
        self.take(ended.key.bind(py), |computation| computation.id == ended.id)
    }

    /// Takes those of `key` out that `goes` says.
    fn take(
        &self,
        key: &Bound<'_, PyAny>,
        mut goes: impl FnMut(&Computation) -> bool,
    ) -> PyResult<()> {
        let py = key.py();
        let under_way = self.dict(py);
        // The whole list at once: others would take an empty one for that of somebody to wait for.
        let list = under_way.call_method1("pop", (key, py.None()))?;
        let Ok(list) = list.cast_into::<PyList>() else {
            return Ok(());
        };
        let stay = PyList::empty(py);
        for computation in &list {
            let computation = computation.cast_into::<Computation>()?;
            if !goes(computation.get()) {
                stay.append(computation)?;
            }
        }
        if stay.is_empty() {
            return Ok(());
        }
        let there = under_way.call_method1("setdefault", (key, &stay))?;
        if !there.is(&stay) {
            there.call_method1("extend", (stay,))?;
        }
        Ok(())
    }

    fn dict<'py>(&self, py: Python<'py>) -> &Bound<'py, PyDict> {
        let new = || PyDict::new(py).unbind();
        self.0.get_or_init(new).bind(py)
    }

    /// For `__traverse__`.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.0.get())
    }

    /// For `__clear__`.
    pub fn clear(&self, py: Python<'_>) {
        if let Some(under_way) = self.0.get() {
            release(py, under_way.clone_ref(py));
        }
    }
}
