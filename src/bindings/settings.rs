//! The settings that the environment gives.

use std::{ffi::OsStr, path::Path};

use pyo3::prelude::*;

use crate::settings::Settings;

/// What ``PTPD_MONITORING_*`` variables configure the global instances with.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct MonitoringSettings(Settings);

#[pymethods]
impl MonitoringSettings {
    /// Samples kept of each operation, and requests kept (``PTPD_MONITORING_MAX_HISTORY``).
    #[getter]
    fn max_history(&self) -> usize {
        self.0.max_history
    }

    /// Operations kept apart (``PTPD_MONITORING_MAX_OPERATIONS``).
    #[getter]
    fn max_operations(&self) -> usize {
        self.0.max_operations
    }

    /// Endpoints kept apart (``PTPD_MONITORING_MAX_ENDPOINTS``).
    #[getter]
    fn max_endpoints(&self) -> usize {
        self.0.max_endpoints
    }

    /// CPU alert threshold in percent (``PTPD_MONITORING_CPU_THRESHOLD``).
    #[getter]
    fn cpu_threshold(&self) -> f64 {
        self.0.cpu_threshold
    }

    /// Memory alert threshold in percent (``PTPD_MONITORING_MEMORY_THRESHOLD``).
    #[getter]
    fn memory_threshold(&self) -> f64 {
        self.0.memory_threshold
    }

    /// Disk alert threshold in percent (``PTPD_MONITORING_DISK_THRESHOLD``).
    #[getter]
    fn disk_threshold(&self) -> f64 {
        self.0.disk_threshold
    }

    /// Most entries of the cache (``PTPD_MONITORING_CACHE_SIZE``).
    #[getter]
    fn cache_size(&self) -> usize {
        self.0.cache_size
    }

    /// Seconds that a cache entry lives; zero or less: for ever (``PTPD_MONITORING_CACHE_TTL``).
    #[getter]
    fn cache_ttl(&self) -> f64 {
        self.0.cache_ttl
    }

    /// Most bytes of the cache's entries, or None (``PTPD_MONITORING_CACHE_MAX_BYTES``).
    #[getter]
    fn cache_max_bytes(&self) -> Option<usize> {
        self.0.cache_max_bytes
    }

    /// The file of the history, or None (``PTPD_MONITORING_HISTORY``).
    #[getter]
    fn history(&self) -> Option<&OsStr> {
        self.0.history.as_deref().map(Path::as_os_str)
    }

    /// Days that a history keeps (``PTPD_MONITORING_RETENTION_DAYS``).
    #[getter]
    fn retention_days(&self) -> u32 {
        self.0.retention_days
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let settings = &self.0;
        let cache_max_bytes = settings
            .cache_max_bytes
            .map_or_else(|| "None".to_owned(), |bytes| bytes.to_string());
        let history = self.history().into_pyobject(py)?.repr()?;
        Ok(format!(
            "MonitoringSettings(max_history={}, max_operations={}, max_endpoints={}, \
             cpu_threshold={:?}, memory_threshold={:?}, disk_threshold={:?}, cache_size={}, \
             cache_ttl={:?}, cache_max_bytes={cache_max_bytes}, history={history}, retention_days={})",
            settings.max_history,
            settings.max_operations,
            settings.max_endpoints,
            settings.cpu_threshold,
            settings.memory_threshold,
            settings.disk_threshold,
            settings.cache_size,
            settings.cache_ttl,
            settings.retention_days,
        ))
    }
}

/// Reads the settings from the environment as it is now.
///
/// Raises ValueError naming the variable, its value and the allowed range if one cannot be used.
#[pyfunction]
pub fn read_settings() -> PyResult<MonitoringSettings> {
    Ok(MonitoringSettings(Settings::from_environment()?))
}
