//! A stand-in for the model `CacheStats`.

use pyo3::prelude::*;

use crate::cache::Counters;

/// Statistics of a cache.
#[pyclass(frozen, get_all, module = "ptpd_monitoring")]
pub struct CacheStats {
    hits: u64,
    misses: u64,
    evictions: u64,
    expirations: u64,
    size: usize,
    max_size: usize,
}

impl CacheStats {
    pub const fn of(counters: Counters, size: usize, max_size: usize) -> Self {
        Self {
            hits: counters.hits,
            misses: counters.misses,
            evictions: counters.evictions,
            expirations: counters.expirations,
            size,
            max_size,
        }
    }
}

#[pymethods]
impl CacheStats {
    #[getter]
    fn hit_rate(&self) -> f64 {
        let lookups = self.hits + self.misses;
        if lookups == 0 {
            0.0
        } else {
            self.hits as f64 / lookups as f64
        }
    }

    #[getter]
    fn miss_rate(&self) -> f64 {
        1.0 - self.hit_rate()
    }
}
