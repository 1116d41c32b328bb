//! The Python module. One file for each room of the core; nothing but exports here.

mod cache;
mod cache_arguments;
mod cache_key;
mod cache_stats_stub;
mod clock;
mod errors;
mod lock;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::cache::CacheManager;
    #[pymodule_export]
    use super::cache_stats_stub::CacheStats;
    #[pymodule_export]
    use super::clock::ManualClock;
}
