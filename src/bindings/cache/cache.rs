//! `CacheManager` over the core's store.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyTuple, PyType},
};

use super::{
    arguments::{DEFAULT_MAX_SIZE, DEFAULT_TTL, Seconds, default_ttl_of, max_size_of},
    computation::{Computation, Computations},
    key::{Key, Memory, Query},
    weigher::{Weighed, Weigher, max_bytes_of},
};
use crate::bindings::{
    clock,
    models::{CacheStats, Counts},
    python::{
        code::{PythonCode, release, release_at_end},
        initialized::Ready,
        lock::lock,
        once::CALLERS,
        overrides::Override,
        pickling,
    },
    report::notebook,
};
use crate::cache::{Displaced, Found, Store, Ttl, Undecided};

/// A least-recently-used cache with a lifetime for each key.
///
/// ``max_size`` is the most entries held, at least 1. ``default_ttl`` is the lifetime in seconds,
/// an int or a float, of entries set without one; zero, less or infinity mean that they never
/// expire. Lifetimes run on monotonic time: an entry is alive until ``ttl`` seconds have passed.
///
/// With ``max_bytes``, at least 1, the entries' weights are bounded, too: the least recently used
/// ones go until both bounds hold. ``weigher(key, value)`` tells an entry's weight when it is set,
/// an int from 0 up. Unless given it is the memory in bytes that both keep alive: ``sys.getsizeof``, and
/// beyond it the pixels of Pillow images, the memory behind arrays and views of them, and the items of
/// containers and data classes, eight levels deep and of up to 10,000 objects, by which larger ones
/// are estimated. An entry that alone weighs more than ``max_bytes`` is not kept, nor is the former
/// value of its key; it is counted in ``rejections``. What the weigher raises goes through, and
/// nothing is set. Without ``max_bytes`` nothing is weighed.
///
/// Keys match as in a ``dict``: any hashable object, by identity or by ``==``. All methods can be
/// called from any thread, and from the ``__eq__``, ``__hash__`` and ``__del__`` of what is cached.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct CacheManager {
    ready: Ready,
    state: Mutex<State>,
    computations: Computations,
    setting: Override,
}

struct State {
    store: Store<Key, Py<PyAny>>,
    default_ttl: Seconds,
    weigher: Weigher,
}

impl CacheManager {
    // An expired entry is passed out sideways: as part of the result, moving it about costs every
    // look-up more than finding the entry.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a fifth of a look-up's time otherwise"
    )]
    fn look_up(
        &self,
        py: Python<'_>,
        query: &Query<'_, '_>,
        mut memory: impl Memory,
        expired: &mut Option<(Key, Py<PyAny>)>,
    ) -> Result<Option<Py<PyAny>>, Undecided> {
        let mut state = lock(py, &self.state);
        let found = state.store.get(query.hash, |handle, key| {
            query.judge(handle, key, &mut memory)
        })?;
        match found {
            Found::Hit(value) => Ok(Some(value.clone_ref(py))),
            Found::Miss(entry) => {
                *expired = entry;
                Ok(None)
            }
        }
    }

    /// Whether that could be done without the value's weight.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for look_up")]
    fn insert(
        &self,
        query: &Query<'_, '_>,
        mut memory: impl Memory,
        value: &Bound<'_, PyAny>,
        ttl: Option<Ttl>,
        displaced: &mut Displaced<Key, Py<PyAny>>,
    ) -> Result<bool, Undecided> {
        let mut state = lock(value.py(), &self.state);
        if state.store.is_weighed() {
            return Ok(false);
        }
        *displaced = state.store.set(
            query.hash,
            |handle, key| query.judge(handle, key, &mut memory),
            ttl,
            || query.to_key(),
            || value.clone().unbind(),
        )?;
        Ok(true)
    }

    #[cold]
    fn insert_weighed(
        &self,
        query: &Query<'_, '_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<Ttl>,
        is_wanted: impl Fn() -> bool,
    ) -> PyResult<()> {
        let py = value.py();
        let weigher = {
            let state = lock(py, &self.state);
            state
                .store
                .is_weighed()
                .then(|| state.weigher.clone_ref(py))
        };
        let weight = match weigher {
            Some(weigher) => weigher.weigh(key, value)?,
            None => 0,
        };
        let outweighed = query.decide(|answers| {
            let mut state = lock(py, &self.state);
            if !is_wanted() {
                return Ok(None);
            }
            let set = state.store.set_weighed(
                query.hash,
                |handle, key| query.judge(handle, key, answers),
                ttl,
                weight,
                || query.to_key(),
                || value.clone().unbind(),
            );
            set.map(Some)
        })?;
        release(py, outweighed);
        Ok(())
    }

    pub fn computations(&self) -> &Computations {
        &self.computations
    }

    /// Sets what came out of `computation`, unless that is outdated; through `set` if that was
    /// replaced.
    pub fn keep_computed(
        slf: &Bound<'_, Self>,
        computation: &Computation,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let key = computation.key().bind(py);
        if this.setting.is_active(slf)? {
            if computation.is_current() {
                let _python = PythonCode::begin(py);
                slf.call_method1("set", (key, value, ttl))?;
            }
            return Ok(());
        }
        let ttl = lifetime_of(ttl)?;
        clock::look(py);
        let query = Query::new(key)?;
        this.insert_weighed(&query, key, value, ttl, || computation.is_current())
    }

    /// Weighs what is in the cache.
    fn weighed(&self, py: Python<'_>, weigher: &Weigher) -> PyResult<Weighed> {
        let entries = lock(py, &self.state)
            .store
            .handles()
            .map(|(handle, (key, value))| (handle, key.object().clone_ref(py), value.clone_ref(py)))
            .collect();
        Weighed::of(py, weigher, entries)
    }
}

/// The lifetime that was asked for, if any was.
#[inline]
fn lifetime_of(ttl: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Ttl>> {
    match ttl {
        Some(ttl) => Ok(Some(Seconds::of("ttl", ttl)?.ttl("ttl")?)),
        None => Ok(None),
    }
}

#[pymethods]
impl CacheManager {
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(max_size=1000, default_ttl=3600, *, max_bytes=None, weigher=None, clock=None)"
    )]
    #[classmethod]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let default_ttl = DEFAULT_TTL.ttl("default_ttl")?;
        Ok(Self {
            ready: Ready::YES,
            state: Mutex::new(State {
                store: Store::new(DEFAULT_MAX_SIZE, default_ttl, clock::usual())?,
                default_ttl: DEFAULT_TTL,
                weigher: Weigher::MEMORY,
            }),
            computations: Computations::default(),
            setting: Override::of::<Self>(cls, "set")?,
        })
    }

    /// Configures the cache. Called again, it keeps the entries with the lifetimes they have left;
    /// those that no longer fit are evicted, and so are those that others set meanwhile if they
    /// would have to be weighed.
    #[pyo3(signature = (
        max_size = DEFAULT_MAX_SIZE,
        default_ttl = DEFAULT_TTL,
        *,
        max_bytes = None,
        weigher = Weigher::MEMORY,
        clock = None,
    ))]
    fn __init__(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = max_size_of)] max_size: usize,
        #[pyo3(from_py_with = default_ttl_of)] default_ttl: Seconds,
        #[pyo3(from_py_with = max_bytes_of)] max_bytes: Option<u64>,
        #[pyo3(from_py_with = Weigher::of)] weigher: Weigher,
        clock: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let ttl = default_ttl.ttl("default_ttl")?;
        let clock = clock::argument(clock)?;
        let weights = match max_bytes {
            Some(max_bytes) => Some((max_bytes, self.weighed(py, &weigher)?)),
            None => None,
        };
        let mut state = lock(py, &self.state);
        let evicted = match &weights {
            None => state.store.configure(max_size, ttl, clock)?,
            Some((max_bytes, weights)) => state.store.configure_weighed(
                max_size,
                *max_bytes,
                ttl,
                clock,
                |handle, value| weights.weight(handle, value),
            )?,
        };
        state.default_ttl = default_ttl;
        let former = std::mem::replace(&mut state.weigher, weigher);
        drop(state);
        release(py, (evicted, former));
        Ok(())
    }

    /// The value of ``key``, which becomes the most recently used one, or ``default``.
    ///
    /// Counts a hit or a miss. An entry past its lifetime is removed and counts as an expiration
    /// and a miss. Raises ``TypeError`` for an unhashable key, and whatever ``__hash__`` or
    /// ``__eq__`` of a key raises.
    #[pyo3(signature = (key, default = None))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let py = key.py();
        let query = Query::new(key)?;
        let mut expired = None;
        let value = match self.look_up(py, &query, (), &mut expired) {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(Undecided) => {
                query.ask_and_repeat(|answers| self.look_up(py, &query, answers, &mut expired))?
            }
        };
        if expired.is_some() {
            release(py, expired);
        }
        Ok(value.unwrap_or_else(|| {
            default.map_or_else(|| py.None(), |default| default.clone().unbind())
        }))
    }

    /// Sets the value of ``key`` for ``ttl`` seconds, an int or a float: ``None`` means the default
    /// lifetime; zero, less or infinity mean for ever.
    ///
    /// The key becomes the most recently used one. If the cache is full, the least recently used
    /// one goes and counts as an eviction; with ``max_bytes`` as many go as the new one needs. Raises ``ValueError`` for a NaN, ``TypeError`` for
    /// another type or an unhashable key.
    #[pyo3(signature = (key, value, ttl = None))]
    fn set(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let ttl = lifetime_of(ttl)?;
        let query = Query::new(key)?;
        self.computations.outdate(key)?;
        let mut displaced = Displaced::Nothing;
        let done = match self.insert(&query, (), value, ttl, &mut displaced) {
            Ok(done) => done,
            Err(Undecided) => query.ask_and_repeat(|answers| {
                self.insert(&query, answers, value, ttl, &mut displaced)
            })?,
        };
        if !matches!(displaced, Displaced::Nothing) {
            release(value.py(), displaced);
        }
        if done {
            return Ok(());
        }
        self.insert_weighed(&query, key, value, ttl, || true)
    }

    // In Python, because it calls the user's function; see there.
    #[classattr]
    fn get_or_set(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("get_or_set")
    }

    #[classattr]
    fn aget_or_set(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("aget_or_set")
    }

    /// A computation of the value of ``key``, and whether it is the caller's to do; otherwise it is
    /// another one's, to wait for. None if the value is there.
    fn _join<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        is_async: bool,
    ) -> PyResult<Option<(Bound<'py, Computation>, bool)>> {
        slf.get().computations.join(slf, key, is_async)
    }

    /// Removes ``key``; whether it was there and alive. An entry past its lifetime is removed, too,
    /// and counts as an expiration.
    fn delete(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let query = Query::new(key)?;
        self.computations.outdate(key)?;
        let deleted = query.decide(|answers| {
            lock(key.py(), &self.state)
                .store
                .delete(query.hash, |handle, key| query.judge(handle, key, answers))
        })?;
        let existed = deleted.existed;
        if deleted.entry.is_some() {
            release(key.py(), deleted);
        }
        Ok(existed)
    }

    /// The number of entries, those past their lifetime that nothing has removed yet included.
    fn get_size(&self, py: Python<'_>) -> usize {
        lock(py, &self.state).store.len()
    }

    /// Removes all entries. The counters stay.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.computations.outdate_all(py)?;
        let cleared = lock(py, &self.state).store.clear();
        release(py, cleared);
        Ok(())
    }

    /// Removes the entries past their lifetime; their number, which counts as expirations.
    fn cleanup_expired(&self, py: Python<'_>) -> usize {
        let expired = lock(py, &self.state).store.remove_expired();
        let count = expired.len();
        release(py, expired);
        count
    }

    /// The counters, the size and ``max_size`` at one moment.
    fn get_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, CacheStats>> {
        let counts = {
            let state = lock(py, &self.state);
            let store = &state.store;
            Counts::of(store.counters(), store.len(), store.max_size())
        };
        CacheStats::of(py, counts)
    }

    /// The most that the entries may weigh together, or None where that is not bounded.
    #[getter]
    fn max_bytes(&self, py: Python<'_>) -> Option<u64> {
        lock(py, &self.state).store.max_bytes()
    }

    /// What the entries weigh together, those past their lifetime that nothing has removed yet
    /// included; None where ``max_bytes`` is None.
    #[getter]
    fn total_bytes(&self, py: Python<'_>) -> Option<u64> {
        lock(py, &self.state).store.total_bytes()
    }

    /// How many values were not kept because each alone weighed more than ``max_bytes``.
    #[getter]
    fn rejections(&self, py: Python<'_>) -> u64 {
        lock(py, &self.state).store.rejections()
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let query = Query::new(key)?;
        query.decide(|answers| {
            lock(key.py(), &self.state)
                .store
                .contains(query.hash, |handle, key| query.judge(handle, key, answers))
        })
    }

    /// A global instance travels as a reference to that of whoever loads it; no other one does.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        pickling::to_global(slf.as_any())
    }

    // For notebooks; neither keys nor values are looked at.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let (counts, bytes) = {
            let state = lock(py, &self.state);
            let store = &state.store;
            let counts = Counts::of(store.counters(), store.len(), store.max_size());
            (counts, [store.total_bytes(), store.max_bytes()])
        };
        notebook::of_cache(py, &CacheStats::of(py, counts)?, bytes)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let name = slf.get_type().name()?;
        let (size, max_size, default_ttl) = {
            let state = lock(py, &slf.get().state);
            (state.store.len(), state.store.max_size(), state.default_ttl)
        };
        let default_ttl = default_ttl.into_object(py)?;
        Ok(format!(
            "<{name} size={size} max_size={max_size} default_ttl={default_ttl}>"
        ))
    }

    /// The most entries held. For compatibility only.
    #[getter]
    fn _max_size(&self, py: Python<'_>) -> usize {
        lock(py, &self.state).store.max_size()
    }

    /// The lifetime of entries set without one. For compatibility only.
    #[getter]
    fn _default_ttl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let default_ttl = lock(py, &self.state).default_ttl;
        default_ttl.into_object(py)
    }

    /// The keys, least recently used first.
    fn _keys(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let state = lock(py, &self.state);
        let keys = state.store.iter().map(|pair| pair.0.object().clone_ref(py));
        keys.collect()
    }

    // Python must not be called in here, and the collector must not wait for a lock.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.ready.is_set() {
            return Ok(());
        }
        let Some(state) = self.state.try_lock() else {
            return Ok(());
        };
        for (key, value) in state.store.unordered() {
            if let Key::Other(key) = key {
                visit.call(key)?;
            }
            visit.call(value)?;
        }
        self.computations.traverse(&visit)?;
        self.setting.traverse(&visit)?;
        visit.call(state.weigher.object())
    }

    fn __clear__(&self) {
        let mut state = self.state.lock();
        let cleared = state.store.clear();
        // It may be a method of this very cache.
        let weigher = std::mem::replace(&mut state.weigher, Weigher::MEMORY);
        drop(state);
        drop((cleared, weigher));
    }
}

impl Drop for CacheManager {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let cleared = state.store.clear();
        let weigher = std::mem::replace(&mut state.weigher, Weigher::MEMORY);
        release_at_end((cleared, weigher));
    }
}
