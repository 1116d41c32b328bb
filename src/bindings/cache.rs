//! `CacheManager` over the core's store.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    cache_arguments::{DEFAULT_MAX_SIZE, DEFAULT_TTL, Seconds, default_ttl_of, max_size_of},
    cache_key::{Key, Memory, Query},
    clock::ManualClock,
    lock::lock,
    models::{CacheStats, Counts},
    once::CALLERS,
};
use crate::{
    cache::{Displaced, Found, Store, Ttl, Undecided},
    clock::Clock,
    error::Result,
};

/// A least-recently-used cache with a lifetime for each key.
///
/// ``max_size`` is the most entries held, at least 1. ``default_ttl`` is the lifetime in seconds,
/// an int or a float, of entries set without one; zero, less or infinity mean that they never
/// expire. Lifetimes run on monotonic time: an entry is alive until ``ttl`` seconds have passed.
///
/// Keys match as in a ``dict``: any hashable object, by identity or by ``==``. All methods can be
/// called from any thread, and from the ``__eq__``, ``__hash__`` and ``__del__`` of what is cached.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct CacheManager(Mutex<State>);

struct State {
    store: Store<Key, Py<PyAny>>,
    default_ttl: Seconds,
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
    ) -> std::result::Result<Option<Py<PyAny>>, Undecided> {
        let mut state = lock(py, &self.0);
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

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for look_up")]
    fn insert(
        &self,
        query: &Query<'_, '_>,
        mut memory: impl Memory,
        value: &Bound<'_, PyAny>,
        ttl: Option<Ttl>,
        displaced: &mut Displaced<Key, Py<PyAny>>,
    ) -> std::result::Result<(), Undecided> {
        *displaced = lock(value.py(), &self.0).store.set(
            query.hash,
            |handle, key| query.judge(handle, key, &mut memory),
            ttl,
            || query.to_key(),
            || value.clone().unbind(),
        )?;
        Ok(())
    }
}

#[pymethods]
impl CacheManager {
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(max_size=1000, default_ttl=3600, *, clock=None)"
    )]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let default_ttl = DEFAULT_TTL.ttl("default_ttl")?;
        Ok(Self(Mutex::new(State {
            store: Store::new(DEFAULT_MAX_SIZE, default_ttl, Clock::System)?,
            default_ttl: DEFAULT_TTL,
        })))
    }

    /// Configures the cache. Called again, it keeps the entries with the lifetimes they have left;
    /// those that no longer fit are evicted.
    #[pyo3(signature = (max_size = DEFAULT_MAX_SIZE, default_ttl = DEFAULT_TTL, *, clock = None))]
    fn __init__(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = max_size_of)] max_size: usize,
        #[pyo3(from_py_with = default_ttl_of)] default_ttl: Seconds,
        clock: Option<&Bound<'_, ManualClock>>,
    ) -> PyResult<()> {
        let ttl = default_ttl.ttl("default_ttl")?;
        let clock = ManualClock::of(clock);
        let mut state = lock(py, &self.0);
        let evicted = state.store.configure(max_size, ttl, clock)?;
        state.default_ttl = default_ttl;
        drop(state);
        drop(evicted);
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
        drop(expired);
        Ok(value.unwrap_or_else(|| {
            default.map_or_else(|| py.None(), |default| default.clone().unbind())
        }))
    }

    /// Sets the value of ``key`` for ``ttl`` seconds, an int or a float: ``None`` means the default
    /// lifetime; zero, less or infinity mean for ever.
    ///
    /// The key becomes the most recently used one. If the cache is full, the least recently used
    /// one goes and counts as an eviction. Raises ``ValueError`` for a NaN, ``TypeError`` for
    /// another type or an unhashable key.
    #[pyo3(signature = (key, value, ttl = None))]
    fn set(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let ttl = match ttl {
            Some(ttl) => Some(Seconds::of("ttl", ttl)?.ttl("ttl")?),
            None => None,
        };
        let query = Query::new(key)?;
        let mut displaced = Displaced::Nothing;
        if let Err(Undecided) = self.insert(&query, (), value, ttl, &mut displaced) {
            query.ask_and_repeat(|answers| {
                self.insert(&query, answers, value, ttl, &mut displaced)
            })?;
        }
        drop(displaced);
        Ok(())
    }

    // In Python, because it calls the user's function; see there.
    #[classattr]
    fn get_or_set(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("get_or_set")
    }

    /// Removes ``key``; whether it was there and alive. An entry past its lifetime is removed, too,
    /// and counts as an expiration.
    fn delete(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let query = Query::new(key)?;
        let deleted = query.decide(|answers| {
            lock(key.py(), &self.0)
                .store
                .delete(query.hash, |handle, key| query.judge(handle, key, answers))
        })?;
        Ok(deleted.existed)
    }

    /// The number of entries, those past their lifetime that nothing has removed yet included.
    fn get_size(&self, py: Python<'_>) -> usize {
        lock(py, &self.0).store.len()
    }

    /// Removes all entries. The counters stay.
    fn clear(&self, py: Python<'_>) {
        let cleared = lock(py, &self.0).store.clear();
        drop(cleared);
    }

    /// Removes the entries past their lifetime; their number, which counts as expirations.
    fn cleanup_expired(&self, py: Python<'_>) -> usize {
        let expired = lock(py, &self.0).store.remove_expired();
        expired.len()
    }

    /// The counters, the size and ``max_size`` at one moment.
    fn get_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, CacheStats>> {
        let counts = {
            let state = lock(py, &self.0);
            let store = &state.store;
            Counts::of(store.counters(), store.len(), store.max_size())
        };
        CacheStats::of(py, counts)
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let query = Query::new(key)?;
        query.decide(|answers| {
            lock(key.py(), &self.0)
                .store
                .contains(query.hash, |handle, key| query.judge(handle, key, answers))
        })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let name = slf.get_type().name()?;
        let (size, max_size, default_ttl) = {
            let state = lock(py, &slf.get().0);
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
        lock(py, &self.0).store.max_size()
    }

    /// The lifetime of entries set without one. For compatibility only.
    #[getter]
    fn _default_ttl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let default_ttl = lock(py, &self.0).default_ttl;
        default_ttl.into_object(py)
    }

    /// The keys, least recently used first.
    fn _keys(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let state = lock(py, &self.0);
        let keys = state.store.iter().map(|pair| pair.0.object().clone_ref(py));
        keys.collect()
    }

    // Python must not be called in here, and the collector must not wait for a lock.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        let Some(state) = self.0.try_lock() else {
            return Ok(());
        };
        for (key, value) in state.store.unordered() {
            if let Key::Other(key) = key {
                visit.call(key)?;
            }
            visit.call(value)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let cleared = self.0.lock().store.clear();
        drop(cleared);
    }
}
