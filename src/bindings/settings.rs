//! The settings that the environment gives.

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

    fn __repr__(&self) -> String {
        let settings = &self.0;
        format!(
            "MonitoringSettings(max_history={}, cpu_threshold={:?}, memory_threshold={:?}, \
             disk_threshold={:?}, cache_size={}, cache_ttl={:?})",
            settings.max_history,
            settings.cpu_threshold,
            settings.memory_threshold,
            settings.disk_threshold,
            settings.cache_size,
            settings.cache_ttl
        )
    }
}

/// Reads the settings from the environment as it is now.
///
/// Raises ValueError naming the variable, its value and the allowed range if one cannot be used.
#[pyfunction]
pub fn read_settings() -> PyResult<MonitoringSettings> {
    Ok(MonitoringSettings(Settings::from_environment()?))
}
