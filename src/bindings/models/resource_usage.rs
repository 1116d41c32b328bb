//! A reading of the machine's resources.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    base::Model,
    fields::{Arguments, Stamp, number, optional_number},
};

/// The figures of a reading.
#[derive(Debug, Clone, Copy, Default)]
pub struct Readings {
    pub cpu_percent: f64,
    pub memory_percent: f64,
    pub memory_used_mb: f64,
    pub memory_available_mb: f64,
    pub disk_percent: f64,
    pub disk_used_gb: f64,
    pub disk_free_gb: f64,
    pub gpu_percent: Option<f64>,
    pub gpu_memory_mb: Option<f64>,
}

/// A reading of the machine's resources.
///
/// Fields: ``cpu_percent``, ``memory_percent``, ``memory_used_mb``, ``memory_available_mb``,
/// ``disk_percent``, ``disk_used_gb``, ``disk_free_gb`` (float), ``timestamp`` (datetime, naive
/// local time; now unless given), ``gpu_percent``, ``gpu_memory_mb`` (float or None). Percentages
/// run from 0 to 100; 1 MB is 1024² bytes and 1 GB 1024³.
#[pyclass(frozen, subclass, weakref, extends = Model, module = "ptpd_monitoring")]
pub struct ResourceUsage {
    readings: Mutex<Readings>,
    timestamp: Stamp,
}

impl ResourceUsage {
    /// The model of `readings` taken at `time`, in UTC nanoseconds since the Unix epoch.
    pub fn of(py: Python<'_>, readings: Readings, time: i64) -> PyResult<Bound<'_, Self>> {
        let usage = Self {
            readings: Mutex::new(readings),
            timestamp: Stamp::at(time),
        };
        Bound::new(
            py,
            PyClassInitializer::from(Model::whole()).add_subclass(usage),
        )
    }

    fn set(
        &self,
        name: &str,
        value: &Bound<'_, PyAny>,
        field: impl FnOnce(&mut Readings) -> &mut f64,
    ) -> PyResult<()> {
        let new = number(name, value)?;
        *field(&mut self.readings.lock()) = new;
        Ok(())
    }

    fn set_optional(
        &self,
        name: &str,
        value: &Bound<'_, PyAny>,
        field: impl FnOnce(&mut Readings) -> &mut Option<f64>,
    ) -> PyResult<()> {
        let new = optional_number(name, value)?;
        *field(&mut self.readings.lock()) = new;
        Ok(())
    }
}

#[pymethods]
impl ResourceUsage {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(
            py,
            [
                "cpu_percent",
                "memory_percent",
                "memory_used_mb",
                "memory_available_mb",
                "disk_percent",
                "disk_used_gb",
                "disk_free_gb",
                "timestamp",
                "gpu_percent",
                "gpu_memory_mb",
            ],
        )
    }

    #[new]
    #[pyo3(signature = (**fields), text_signature = "(*, cpu_percent, memory_percent, memory_used_mb, memory_available_mb, disk_percent, disk_used_gb, disk_free_gb, timestamp=None, gpu_percent=None, gpu_memory_mb=None)")]
    fn new(
        py: Python<'_>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let given = Arguments::new("ResourceUsage", fields)?;
        let required = |field| number(field, &given.required(field)?);
        let optional = |field| match given.optional(field)? {
            None => Ok(None),
            Some(value) => optional_number(field, &value),
        };
        let usage = Self {
            readings: Mutex::new(Readings {
                cpu_percent: required("cpu_percent")?,
                memory_percent: required("memory_percent")?,
                memory_used_mb: required("memory_used_mb")?,
                memory_available_mb: required("memory_available_mb")?,
                disk_percent: required("disk_percent")?,
                disk_used_gb: required("disk_used_gb")?,
                disk_free_gb: required("disk_free_gb")?,
                gpu_percent: optional("gpu_percent")?,
                gpu_memory_mb: optional("gpu_memory_mb")?,
            }),
            timestamp: Stamp::of(py, given.optional("timestamp")?)?,
        };
        let base = Model::with(given.finish()?);
        Ok(PyClassInitializer::from(base).add_subclass(usage))
    }

    /// CPU in use, in percent.
    #[getter]
    fn cpu_percent(&self) -> f64 {
        self.readings.lock().cpu_percent
    }

    #[setter]
    fn set_cpu_percent(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("cpu_percent", value, |readings| &mut readings.cpu_percent)?;
        slf.as_super().get().note("cpu_percent");
        Ok(())
    }

    /// Memory in use, in percent.
    #[getter]
    fn memory_percent(&self) -> f64 {
        self.readings.lock().memory_percent
    }

    #[setter]
    fn set_memory_percent(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("memory_percent", value, |readings| {
            &mut readings.memory_percent
        })?;
        slf.as_super().get().note("memory_percent");
        Ok(())
    }

    /// Memory in use, in MB.
    #[getter]
    fn memory_used_mb(&self) -> f64 {
        self.readings.lock().memory_used_mb
    }

    #[setter]
    fn set_memory_used_mb(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("memory_used_mb", value, |readings| {
            &mut readings.memory_used_mb
        })?;
        slf.as_super().get().note("memory_used_mb");
        Ok(())
    }

    /// Memory still to be had, in MB.
    #[getter]
    fn memory_available_mb(&self) -> f64 {
        self.readings.lock().memory_available_mb
    }

    #[setter]
    fn set_memory_available_mb(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("memory_available_mb", value, |readings| {
            &mut readings.memory_available_mb
        })?;
        slf.as_super().get().note("memory_available_mb");
        Ok(())
    }

    /// Disk in use, in percent.
    #[getter]
    fn disk_percent(&self) -> f64 {
        self.readings.lock().disk_percent
    }

    #[setter]
    fn set_disk_percent(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("disk_percent", value, |readings| &mut readings.disk_percent)?;
        slf.as_super().get().note("disk_percent");
        Ok(())
    }

    /// Disk in use, in GB.
    #[getter]
    fn disk_used_gb(&self) -> f64 {
        self.readings.lock().disk_used_gb
    }

    #[setter]
    fn set_disk_used_gb(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("disk_used_gb", value, |readings| &mut readings.disk_used_gb)?;
        slf.as_super().get().note("disk_used_gb");
        Ok(())
    }

    /// Disk still free, in GB.
    #[getter]
    fn disk_free_gb(&self) -> f64 {
        self.readings.lock().disk_free_gb
    }

    #[setter]
    fn set_disk_free_gb(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set("disk_free_gb", value, |readings| &mut readings.disk_free_gb)?;
        slf.as_super().get().note("disk_free_gb");
        Ok(())
    }

    /// GPU in use, in percent, or None.
    #[getter]
    fn gpu_percent(&self) -> Option<f64> {
        self.readings.lock().gpu_percent
    }

    #[setter]
    fn set_gpu_percent(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set_optional("gpu_percent", value, |readings| &mut readings.gpu_percent)?;
        slf.as_super().get().note("gpu_percent");
        Ok(())
    }

    /// GPU memory in use, in MB, or None.
    #[getter]
    fn gpu_memory_mb(&self) -> Option<f64> {
        self.readings.lock().gpu_memory_mb
    }

    #[setter]
    fn set_gpu_memory_mb(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.set_optional("gpu_memory_mb", value, |readings| {
            &mut readings.gpu_memory_mb
        })?;
        slf.as_super().get().note("gpu_memory_mb");
        Ok(())
    }

    /// When the reading was taken: a datetime, naive local time.
    #[getter]
    fn timestamp(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.timestamp.get(py)
    }

    #[setter]
    fn set_timestamp(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.timestamp.set(value)?;
        slf.as_super().get().note("timestamp");
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.timestamp.traverse(&visit)
    }
}

impl Drop for ResourceUsage {
    fn drop(&mut self) {
        self.timestamp.discard();
    }
}
