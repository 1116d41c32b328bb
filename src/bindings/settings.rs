//! The settings that the environment gives.

use std::{collections::BTreeSet, ffi::OsStr, path::Path};

use parking_lot::Mutex;
use pyo3::{prelude::*, types::PyTuple};

use super::{logging::warn, python::lock::lock};
use crate::settings::{self, Settings, misspelt::Misspelt};

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
/// Raises ValueError naming the variable, its value and the allowed range if one cannot be used. With
/// ``names`` of settings only these are read, and the others are their defaults. The log warns, once a
/// process, of a variable that looks like one of these and is none.
#[pyfunction]
#[pyo3(signature = (*names))]
pub fn read_settings(names: &Bound<'_, PyTuple>) -> PyResult<MonitoringSettings> {
    warn_of_misspelt(names.py());
    if names.is_empty() {
        return Ok(MonitoringSettings(Settings::from_environment()?));
    }
    let names: Vec<String> = names.extract()?;
    Ok(MonitoringSettings(Settings::some_from_environment(&names)?))
}

/// Logging that fails must not fail whoever wants the settings, which are right without it; the
/// failure goes to `sys.unraisablehook`.
fn warn_of_misspelt(py: Python<'_>) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    for Misspelt { name, nearest } in settings::misspelt_in_environment() {
        if !lock(py, &TOLD).insert(name.clone()) {
            continue;
        }
        let message = format!(
            "%s is no setting of ptpd_monitoring and has no effect; the one most like it is {nearest}"
        );
        if let Err(error) = warn(py, &message, &name) {
            error.write_unraisable(py, None);
        }
    }
}

/// The variables that look like settings and are none, as ``(name, the setting most like it)``.
#[pyfunction]
pub fn misspelt_settings() -> Vec<(String, String)> {
    settings::misspelt_in_environment()
        .into_iter()
        .map(|Misspelt { name, nearest }| (name, nearest))
        .collect()
}
