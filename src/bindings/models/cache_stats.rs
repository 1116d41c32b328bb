//! The counters of a cache.

use parking_lot::Mutex;
use pyo3::{
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    base::Model,
    fields::{Arguments, integer},
};
use crate::cache::Counters;

/// The counters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub hits: i64,
    pub misses: i64,
    pub evictions: i64,
    pub expirations: i64,
    pub size: i64,
    pub max_size: i64,
}

impl Counts {
    /// The counters of a cache that holds `size` entries of at most `max_size`.
    pub fn of(counters: Counters, size: usize, max_size: usize) -> Self {
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        Self {
            hits: counters.hits.cast_signed(),
            misses: counters.misses.cast_signed(),
            evictions: counters.evictions.cast_signed(),
            expirations: counters.expirations.cast_signed(),
            size: signed(size),
            max_size: signed(max_size),
        }
    }
}

/// The counters of a cache.
///
/// Fields, all int: ``hits``, ``misses``, ``evictions``, ``expirations``, ``size`` (0 unless
/// given) and ``max_size``. Properties ``hit_rate`` and ``miss_rate``, 0 to 1.
#[pyclass(frozen, subclass, weakref, extends = Model, module = "ptpd_monitoring")]
pub struct CacheStats {
    counts: Mutex<Counts>,
}

impl CacheStats {
    /// The model of `counts`.
    pub fn of(py: Python<'_>, counts: Counts) -> PyResult<Bound<'_, Self>> {
        let stats = Self {
            counts: Mutex::new(counts),
        };
        Bound::new(
            py,
            PyClassInitializer::from(Model::whole()).add_subclass(stats),
        )
    }

    fn set(
        &self,
        name: &str,
        value: &Bound<'_, PyAny>,
        field: impl FnOnce(&mut Counts) -> &mut i64,
    ) -> PyResult<()> {
        let new = integer(name, value)?;
        *field(&mut self.counts.lock()) = new;
        Ok(())
    }
}

#[pymethods]
impl CacheStats {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(
            py,
            [
                "hits",
                "misses",
                "evictions",
                "expirations",
                "size",
                "max_size",
            ],
        )
    }

    #[new]
    #[pyo3(signature = (**fields), text_signature = "(*, max_size, hits=0, misses=0, evictions=0, expirations=0, size=0)")]
    fn new(fields: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
        let given = Arguments::new("CacheStats", fields)?;
        let optional = |field| match given.optional(field)? {
            None => Ok(0),
            Some(value) => integer(field, &value),
        };
        let stats = Self {
            counts: Mutex::new(Counts {
                hits: optional("hits")?,
                misses: optional("misses")?,
                evictions: optional("evictions")?,
                expirations: optional("expirations")?,
                size: optional("size")?,
                max_size: integer("max_size", &given.required("max_size")?)?,
            }),
        };
        let base = Model::with(given.finish()?);
        Ok(PyClassInitializer::from(base).add_subclass(stats))
    }

    /// Look-ups that found a live entry.
    #[getter]
    fn hits(&self) -> i64 {
        self.counts.lock().hits
    }

    #[setter]
    fn set_hits(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("hits", value, |counts| &mut counts.hits)?;
        slf.as_super().get().note("hits");
        Ok(())
    }

    /// Look-ups that did not.
    #[getter]
    fn misses(&self) -> i64 {
        self.counts.lock().misses
    }

    #[setter]
    fn set_misses(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("misses", value, |counts| &mut counts.misses)?;
        slf.as_super().get().note("misses");
        Ok(())
    }

    /// Entries that made room for others.
    #[getter]
    fn evictions(&self) -> i64 {
        self.counts.lock().evictions
    }

    #[setter]
    fn set_evictions(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("evictions", value, |counts| &mut counts.evictions)?;
        slf.as_super().get().note("evictions");
        Ok(())
    }

    /// Entries that outlived their time.
    #[getter]
    fn expirations(&self) -> i64 {
        self.counts.lock().expirations
    }

    #[setter]
    fn set_expirations(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("expirations", value, |counts| &mut counts.expirations)?;
        slf.as_super().get().note("expirations");
        Ok(())
    }

    /// Entries now.
    #[getter]
    fn size(&self) -> i64 {
        self.counts.lock().size
    }

    #[setter]
    fn set_size(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("size", value, |counts| &mut counts.size)?;
        slf.as_super().get().note("size");
        Ok(())
    }

    /// The most entries there can be.
    #[getter]
    fn max_size(&self) -> i64 {
        self.counts.lock().max_size
    }

    #[setter]
    fn set_max_size(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("max_size", value, |counts| &mut counts.max_size)?;
        slf.as_super().get().note("max_size");
        Ok(())
    }

    /// The share of look-ups that hit, 0 to 1; 0 without look-ups.
    #[getter]
    fn hit_rate(&self) -> f64 {
        let counts = self.counts.lock();
        match counts.hits.saturating_add(counts.misses) {
            0 => 0.0,
            lookups => counts.hits as f64 / lookups as f64,
        }
    }

    /// 1 - ``hit_rate``.
    #[getter]
    fn miss_rate(&self) -> f64 {
        1.0 - self.hit_rate()
    }
}
