//! A recorded sample.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use super::{
    base::Model,
    fields::{Arguments, LazyDict, Stamp, TextField, number, wrong_field},
};
use crate::bindings::{
    arguments::micros,
    monitor::metadata::{self, Metadata},
};
use crate::{
    monitor::Operation,
    recording::series::{Label, Sample},
};

/// The sample inside a monitor that a live view's metric stands for.
pub struct Origin {
    /// The monitor, which keeps the sample alive.
    pub monitor: Py<PyAny>,
    /// The monitor's alone to own: what it holds would otherwise be beyond the garbage collector,
    /// which can count an owner's references only once.
    pub operation: Weak<Operation<Metadata>>,
    pub sequence: u64,
}

/// A sample of a metric.
///
/// Fields: ``metric_name`` (str), ``value`` (float, in ``unit``), ``unit`` (str), ``timestamp``
/// (datetime, naive local time; now unless given), ``metadata`` (dict; empty unless given).
#[pyclass(frozen, subclass, weakref, extends = Model, module = "ptpd_monitoring")]
pub struct PerformanceMetric {
    metric_name: TextField,
    value: Mutex<f64>,
    unit: TextField,
    timestamp: Stamp,
    metadata: LazyDict,
    /// What the metadata is made from where the caller attached none.
    label: Option<Arc<Label>>,
    origin: Option<Box<Origin>>,
}

impl PerformanceMetric {
    /// The metric for `sample`. Its metadata is a copy, but the live one if there is an `origin`.
    pub fn of<'py>(
        py: Python<'py>,
        name: &Bound<'py, PyString>,
        unit: &Bound<'py, PyString>,
        sample: Sample<Metadata>,
        origin: Option<Origin>,
    ) -> PyResult<Bound<'py, Self>> {
        let dict = match sample.metadata {
            None => LazyDict::unmade(),
            Some(dict) if origin.is_some() => LazyDict::made(dict),
            Some(dict) => LazyDict::made(dict.bind(py).copy()?.unbind()),
        };
        let metric = Self {
            metric_name: TextField::of(name.clone()),
            value: Mutex::new(sample.value),
            unit: TextField::of(unit.clone()),
            timestamp: Stamp::at(sample.time),
            metadata: dict,
            label: Some(sample.label),
            origin: origin.map(Box::new),
        };
        Bound::new(
            py,
            PyClassInitializer::from(Model::whole()).add_subclass(metric),
        )
    }
}

#[pymethods]
impl PerformanceMetric {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(
            py,
            ["metric_name", "value", "unit", "timestamp", "metadata"],
        )
    }

    #[new]
    #[pyo3(signature = (**fields), text_signature = "(*, metric_name, value, unit, timestamp=None, metadata=None)")]
    fn new(
        py: Python<'_>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let given = Arguments::new("PerformanceMetric", fields)?;
        let metric = Self {
            metric_name: TextField::given("metric_name", &given.required("metric_name")?)?,
            value: Mutex::new(number("value", &given.required("value")?)?),
            unit: TextField::given("unit", &given.required("unit")?)?,
            timestamp: Stamp::of(py, given.optional("timestamp")?)?,
            metadata: match given.optional("metadata")?.filter(|dict| !dict.is_none()) {
                None => LazyDict::unmade(),
                Some(dict) => LazyDict::made(copied(&dict)?),
            },
            label: None,
            origin: None,
        };
        let base = Model::with(given.finish()?);
        Ok(PyClassInitializer::from(base).add_subclass(metric))
    }

    /// The metric's name.
    #[getter]
    fn metric_name(&self, py: Python<'_>) -> Py<PyString> {
        self.metric_name.get(py)
    }

    #[setter]
    fn set_metric_name(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.metric_name.set("metric_name", value)?;
        slf.as_super().get().note("metric_name");
        Ok(())
    }

    /// The value, in ``unit``.
    #[getter]
    fn value(&self) -> f64 {
        *self.value.lock()
    }

    #[setter]
    fn set_value(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let new = number("value", value)?;
        *this.value.lock() = new;
        slf.as_super().get().note("value");
        Ok(())
    }

    /// The value's unit.
    #[getter]
    fn unit(&self, py: Python<'_>) -> Py<PyString> {
        self.unit.get(py)
    }

    #[setter]
    fn set_unit(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.unit.set("unit", value)?;
        slf.as_super().get().note("unit");
        Ok(())
    }

    /// When it was recorded: a datetime, naive local time.
    #[getter]
    fn timestamp(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.timestamp.get(py)
    }

    #[setter]
    fn set_timestamp(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.timestamp.set(value)?;
        if let Some(origin) = &this.origin {
            let time = micros(
                "timestamp",
                this.timestamp.get(value.py())?.bind(value.py()),
            )?;
            // The sample may be gone since; then there is nothing left to change.
            if let Some(operation) = origin.operation.upgrade() {
                operation.set_time(origin.sequence, time.saturating_mul(1_000));
            }
        }
        slf.as_super().get().note("timestamp");
        Ok(())
    }

    /// What the caller attached, a dict.
    #[getter]
    fn metadata(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        self.metadata.get(py, || match &self.label {
            Some(label) => metadata::to_dict(py, label, None),
            None => Ok(PyDict::new(py)),
        })
    }

    #[setter]
    fn set_metadata(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.metadata.set(value.py(), Some(copied(value)?));
        slf.as_super().get().note("metadata");
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.timestamp.traverse(&visit)?;
        if let Some(origin) = &self.origin {
            visit.call(&origin.monitor)?;
        }
        self.metadata.traverse(&visit)
    }

    fn __clear__(&self) {
        self.metadata.clear();
    }
}

impl Drop for PerformanceMetric {
    fn drop(&mut self) {
        self.metadata.discard();
        self.timestamp.discard();
    }
}

fn copied(value: &Bound<'_, PyAny>) -> PyResult<Py<PyDict>> {
    match value.cast::<PyDict>() {
        Ok(dict) => Ok(dict.copy()?.unbind()),
        Err(_) => Err(wrong_field("metadata", "a dict", value)),
    }
}
