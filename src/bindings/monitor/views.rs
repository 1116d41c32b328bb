//! Read-only live views that existing tests reach into. For compatibility only.

use std::sync::{Arc, Weak};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyIndexError, PyKeyError},
    prelude::*,
    types::{PyList, PyString},
};

use super::{PerformanceMonitor, metadata::Metadata};
use crate::bindings::{
    arguments::{Text, names::OperationName},
    models::{Origin, PerformanceMetric},
    python::sequence::item_or_slice,
};
use crate::{monitor::Operation, recording::series::Sample, time::TimeRange};

/// The names of the timers that were started by name and not stopped yet.
#[pyclass(frozen, module = "ptpd_monitoring", mapping)]
pub struct TimersView(Py<PerformanceMonitor>);

impl TimersView {
    pub fn new(monitor: Py<PerformanceMonitor>) -> Self {
        Self(monitor)
    }

    fn names(&self) -> Vec<String> {
        self.0
            .get()
            .core()
            .with_running(|timers| timers.names().map(ToString::to_string).collect())
    }
}

#[pymethods]
impl TimersView {
    fn __len__(&self) -> usize {
        self.names().len()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<Text<'_, OperationName>>().is_ok_and(|name| {
            self.0
                .get()
                .core()
                .with_running(|timers| timers.contains(name.0))
        })
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.names())?.try_iter()?.into_any())
    }

    fn __repr__(&self) -> String {
        format!("<running timers {:?}>", self.names())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// The samples by operation.
#[pyclass(frozen, module = "ptpd_monitoring", mapping)]
pub struct MetricsView(Py<PerformanceMonitor>);

impl MetricsView {
    pub fn new(monitor: Py<PerformanceMonitor>) -> Self {
        Self(monitor)
    }

    fn operation(&self, name: &Bound<'_, PyAny>) -> Option<Arc<Operation<Metadata>>> {
        let name = name.extract::<Text<'_, OperationName>>().ok()?;
        self.0.get().core().operation(name.0)
    }

    fn view(&self, py: Python<'_>, operation: &Arc<Operation<Metadata>>) -> SamplesView {
        SamplesView {
            monitor: self.0.clone_ref(py),
            operation: Arc::downgrade(operation),
            name: Arc::clone(operation.name()),
        }
    }

    fn names(&self) -> Vec<String> {
        let operations = self.0.get().core().operations();
        operations
            .iter()
            .map(|operation| operation.name().to_string())
            .collect()
    }
}

#[pymethods]
impl MetricsView {
    fn __len__(&self) -> usize {
        self.0.get().core().operations().len()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        self.operation(name).is_some()
    }

    fn __getitem__(&self, name: &Bound<'_, PyAny>) -> PyResult<SamplesView> {
        self.operation(name)
            .map(|operation| self.view(name.py(), &operation))
            .ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))
    }

    #[pyo3(signature = (name, default = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.operation(name) {
            Some(operation) => Ok(Some(Bound::new(py, self.view(py, &operation))?.into_any())),
            None => Ok(default),
        }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.names())?.try_iter()?.into_any())
    }

    fn keys(&self) -> Vec<String> {
        self.names()
    }

    fn values(&self, py: Python<'_>) -> Vec<SamplesView> {
        let operations = self.0.get().core().operations();
        operations
            .iter()
            .map(|operation| self.view(py, operation))
            .collect()
    }

    fn items(&self, py: Python<'_>) -> Vec<(String, SamplesView)> {
        let operations = self.0.get().core().operations();
        operations
            .iter()
            .map(|operation| (operation.name().to_string(), self.view(py, operation)))
            .collect()
    }

    fn __repr__(&self) -> String {
        format!("<samples of {:?}>", self.names())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// The samples of one operation, oldest first; none once they are cleared. Setting a sample's
/// timestamp changes the sample.
#[pyclass(frozen, module = "ptpd_monitoring", sequence)]
pub struct SamplesView {
    monitor: Py<PerformanceMonitor>,
    /// The monitor's alone to own, as in [`Origin`].
    operation: Weak<Operation<Metadata>>,
    name: Arc<str>,
}

impl SamplesView {
    fn metric<'py>(
        &self,
        py: Python<'py>,
        sample: Sample<Metadata>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = PyString::new(py, &self.name);
        let unit = PyString::new(py, &sample.label.unit);
        let origin = Origin {
            monitor: self.monitor.clone_ref(py).into_any(),
            operation: Weak::clone(&self.operation),
            sequence: sample.sequence,
        };
        PerformanceMetric::of(py, &name, &unit, sample, Some(origin)).map(Bound::into_any)
    }
}

#[pymethods]
impl SamplesView {
    fn __len__(&self) -> usize {
        self.operation
            .upgrade()
            .map_or(0, |operation| operation.len())
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        item_or_slice(index, self.__len__(), |at| {
            let operation = self.operation.upgrade();
            match operation.and_then(|operation| operation.sample_at(at)) {
                Some(sample) => self.metric(index.py(), sample),
                None => Err(PyIndexError::new_err("index out of range")),
            }
        })
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let items = PyList::empty(py);
        let operation = self.operation.upgrade();
        let samples =
            operation.map_or_else(Vec::new, |operation| operation.samples(TimeRange::ALL));
        for sample in samples {
            items.append(self.metric(py, sample)?)?;
        }
        Ok(items.try_iter()?.into_any())
    }

    fn __repr__(&self) -> String {
        format!("<{} samples of {:?}>", self.__len__(), &*self.name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)
    }
}
