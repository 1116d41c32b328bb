//! What cached entries weigh, as the caller tells, or the memory that they keep alive.

use pyo3::{exceptions::PyValueError, prelude::*};

use super::memory_size::memory_size;
use crate::bindings::{
    arguments::whole,
    python::{
        code::{PythonCode, release_at_end},
        errors::wrong_type,
        objects::shown,
    },
};
use crate::{cache::Handle, error::Error};

/// The bound by bytes, or `None` for none.
pub fn max_bytes_of(value: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    if value.is_none() {
        return Ok(None);
    }
    let given = whole("max_bytes", value)?;
    match u64::try_from(given) {
        Ok(max_bytes) if max_bytes > 0 => Ok(Some(max_bytes)),
        _ => Err(Error::argument("max_bytes", given, "at least 1").into()),
    }
}

/// Tells what an entry weighs. Must not be asked while the cache is locked.
pub struct Weigher(Option<Py<PyAny>>);

impl Weigher {
    /// `sys.getsizeof` of the key and of the value.
    pub const MEMORY: Self = Self(None);

    pub fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self::MEMORY);
        }
        if !value.is_callable() {
            return Err(wrong_type("weigher", "a callable or None", value));
        }
        Ok(Self(Some(value.clone().unbind())))
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.as_ref().map(|weigher| weigher.clone_ref(py)))
    }

    /// For `__traverse__`.
    pub const fn object(&self) -> Option<&Py<PyAny>> {
        self.0.as_ref()
    }

    /// Raises what the weigher raises, and an error of our own if that was no weight.
    pub fn weigh(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<u64> {
        let py = key.py();
        let _python = PythonCode::begin(py);
        let Some(weigher) = &self.0 else {
            return Ok(memory_size(key)?.saturating_add(memory_size(value)?));
        };
        let weight = weigher.bind(py).call1((key, value))?;
        let whole = whole("the weigher's result", &weight)?;
        u64::try_from(whole).map_err(|_| {
            PyValueError::new_err(format!(
                "the weigher's result must be 0 or more, got {}",
                shown(&weight)
            ))
        })
    }
}

/// The weights of the entries that a cache held when they were weighed.
pub struct Weighed(Vec<(Handle, Py<PyAny>, u64)>);

impl Weighed {
    /// `entries` are handles, keys and values.
    pub fn of(
        py: Python<'_>,
        weigher: &Weigher,
        entries: Vec<(Handle, Py<PyAny>, Py<PyAny>)>,
    ) -> PyResult<Self> {
        let mut weights = entries
            .into_iter()
            .map(|(handle, key, value)| {
                let weight = weigher.weigh(key.bind(py), value.bind(py))?;
                Ok((handle, value, weight))
            })
            .collect::<PyResult<Vec<_>>>()?;
        weights.sort_unstable_by_key(|(handle, ..)| *handle);
        Ok(Self(weights))
    }

    /// The weight of the entry, if it still has the value that was weighed.
    pub fn weight(&self, handle: Handle, value: &Py<PyAny>) -> Option<u64> {
        let at = self.0.binary_search_by_key(&handle, |entry| entry.0).ok()?;
        let (_, weighed, weight) = &self.0[at];
        weighed.is(value).then_some(*weight)
    }
}

// They may have left the cache meanwhile, and these be the last to hold them.
impl Drop for Weighed {
    fn drop(&mut self) {
        release_at_end(std::mem::take(&mut self.0));
    }
}
