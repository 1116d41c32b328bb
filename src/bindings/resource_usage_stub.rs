//! The readings of `check_resources` as an object; gives way to the model class of that name.

use pyo3::{prelude::*, types::PyDateTime};

use crate::clock::NANOS_PER_SEC;

/// One reading of all resources: percentages 0..100, memory in MB (2^20 bytes), disk in GB
/// (2^30 bytes), the GPU's figures ``None`` where there are none.
#[pyclass(frozen, get_all, module = "ptpd_monitoring")]
pub struct ResourceUsage {
    pub cpu_percent: f64,
    pub memory_percent: f64,
    pub memory_used_mb: f64,
    pub memory_available_mb: f64,
    pub disk_percent: f64,
    pub disk_used_gb: f64,
    pub disk_free_gb: f64,
    pub timestamp: Py<PyDateTime>,
    pub gpu_percent: Option<f64>,
    pub gpu_memory_mb: Option<f64>,
}

/// The naive local `datetime` of a moment in UTC nanoseconds since the Unix epoch.
pub fn local_datetime(py: Python<'_>, wall: i64) -> PyResult<Py<PyDateTime>> {
    let seconds = wall as f64 / NANOS_PER_SEC as f64;
    PyDateTime::from_timestamp(py, seconds, None).map(Bound::unbind)
}
