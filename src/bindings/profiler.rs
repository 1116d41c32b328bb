//! `ImageProcessingProfiler`.

use std::sync::OnceLock;

use indexmap::IndexMap;
use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple},
};

use super::{
    arguments::{Number, Operation, OperationName, Text, ThresholdPercentile},
    convert::wrong_type,
    images::pixels_of_size,
    monitor::PerformanceMonitor,
    notebook,
    once::CALLERS,
    profile::{MB, PIXELS, ProfiledCall, function_and_arguments},
    python_code::PythonCode,
    ready::Ready,
    reference,
};
use crate::{
    calendar::TimeRange,
    error::Error,
    profile::{Throughput, WALL_TIME, batch_seconds, bottlenecks, processing_speed},
    system::{memory, process},
};

/// Snapshots are remembered for this many operations; the oldest goes for a new one.
const MAX_TRACKED: usize = 10_000;

/// Profiles image processing: wall time, CPU time, memory, throughput.
///
/// Records into ``monitor``, a new one unless given.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct ImageProcessingProfiler {
    ready: Ready,
    monitor: OnceLock<Py<PerformanceMonitor>>,
    memory_tracking: Mutex<IndexMap<String, f64>>,
}

impl ImageProcessingProfiler {
    fn target<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PerformanceMonitor>> {
        let py = slf.py();
        let target = &slf.get().monitor;
        let monitor = if let Some(monitor) = target.get() {
            monitor
        } else {
            // Nobody gave one, or a subclass whose `__init__` does not call ours.
            let new = py.get_type::<PerformanceMonitor>().call0()?;
            let new = new.cast_into::<PerformanceMonitor>()?.unbind();
            target.get_or_init(|| new)
        };
        Ok(monitor.bind(py).clone())
    }

    /// What the calls of `operation` that succeeded on images of known size add up to.
    fn throughput(slf: &Bound<'_, Self>, operation: &str) -> PyResult<Throughput> {
        let py = slf.py();
        let mut throughput = Throughput::default();
        let name = format!("{operation}{WALL_TIME}");
        let series = Self::target(slf)?.get().core().operation(&name);
        let samples = series.map_or_else(Vec::new, |series| series.samples(TimeRange::ALL));
        for sample in &samples {
            let Some(profile) = &sample.metadata else {
                continue;
            };
            let profile = profile.bind(py);
            let succeeded = profile.get_item("success")?;
            if let Some(pixels) = profile.get_item(PIXELS)?
                && succeeded.is_some_and(|success| success.is_truthy().unwrap_or(false))
                && let Ok(pixels) = pixels.extract::<f64>()
            {
                throughput.add(pixels, sample.value);
            }
        }
        Ok(throughput)
    }
}

#[pymethods]
impl ImageProcessingProfiler {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(monitor=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            ready: Ready::YES,
            monitor: OnceLock::new(),
            memory_tracking: Mutex::default(),
        }
    }

    #[pyo3(signature = (monitor = None))]
    fn __init__(slf: &Bound<'_, Self>, monitor: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(monitor) = monitor.filter(|monitor| !monitor.is_none()) else {
            Self::target(slf)?;
            return Ok(());
        };
        let given = monitor
            .cast::<PerformanceMonitor>()
            .map_err(|_| wrong_type("monitor", "a PerformanceMonitor or None", monitor))?;
        slf.get()
            .monitor
            .set(given.clone().unbind())
            .map_err(|_| PyTypeError::new_err("ImageProcessingProfiler is initialised already"))
    }

    /// The monitor that profiles are recorded into.
    #[getter]
    fn monitor<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PerformanceMonitor>> {
        Self::target(slf)
    }

    // In Python, because it calls the user's function; see there.
    #[classattr]
    fn profile_operation(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("profile_operation")
    }

    /// The function to profile, its positional arguments, and the measurement of the call, begun.
    fn _begin<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>, ProfiledCall)> {
        let (func, args) = function_and_arguments(args, kwargs)?;
        let call = ProfiledCall::begin(Self::target(slf)?, &func, &args, kwargs)?;
        Ok((func, args, call))
    }

    /// Pixels a second on images of ``image_size`` (width, height): its pixels over the mean wall
    /// time of ``operation_name``. None without data or where that mean is zero.
    fn get_processing_speed(
        slf: &Bound<'_, Self>,
        image_size: &Bound<'_, PyAny>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Option<f64>> {
        let pixels = pixels_of_size("image_size", image_size)?;
        let monitor = Self::target(slf)?;
        Ok(processing_speed(
            monitor.get().core(),
            operation_name.0,
            pixels,
        ))
    }

    /// Seconds that ``operation_name`` will take for ``images``, a list of (width, height).
    ///
    /// Where earlier calls' image sizes are known: pixels × their seconds a pixel × 1.1. Else
    /// images × mean wall time × 1.1. None without data.
    fn estimate_batch_time(
        slf: &Bound<'_, Self>,
        images: &Bound<'_, PyAny>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Option<f64>> {
        let _python = PythonCode::begin(images.py());
        let sizes = images
            .try_iter()
            .map_err(|_| wrong_type("images", "a list of (width, height)", images))?
            .map(|size| pixels_of_size("images", &size?))
            .collect::<PyResult<Vec<f64>>>()?;
        let throughput = Self::throughput(slf, operation_name.0)?;
        let monitor = Self::target(slf)?;
        Ok(batch_seconds(
            monitor.get().core(),
            operation_name.0,
            &sizes,
            throughput,
        ))
    }

    /// Records the process's RSS in MB as ``<operation>_memory_snapshot``.
    fn track_memory_usage(slf: &Bound<'_, Self>, operation: Text<'_, Operation>) -> PyResult<()> {
        let rss = process::memory()?.rss as f64 / MB;
        let name = format!("{}_memory_snapshot", operation.0);
        let _python = PythonCode::begin(slf.py());
        Self::target(slf)?.call_method1("record_metric", (name, rss, "MB"))?;
        let mut tracked = slf.get().memory_tracking.lock();
        if tracked.len() >= MAX_TRACKED && !tracked.contains_key(operation.0) {
            tracked.shift_remove_index(0);
        }
        tracked.insert(operation.0.to_owned(), rss);
        Ok(())
    }

    /// ``rss_mb`` and ``vms_mb`` of this process, ``percent`` of the memory that it may use, and
    /// ``available_mb`` on the machine or in the container.
    fn get_memory_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own = process::memory()?;
        let machine = memory::current()?;
        let stats = PyDict::new(py);
        stats.set_item("rss_mb", own.rss as f64 / MB)?;
        stats.set_item("vms_mb", own.vms as f64 / MB)?;
        stats.set_item("percent", own.percent_of(machine.total))?;
        stats.set_item("available_mb", machine.available as f64 / MB)?;
        Ok(stats)
    }

    /// The operations whose slow calls take more than twice their median, worst first.
    ///
    /// A list of ``operation, median_time, p90_time, max_time`` (seconds), ``slowdown_factor``
    /// (the ``threshold_percentile`` over the median) and ``count``. ``operations`` are names as
    /// profiled.
    #[pyo3(
        signature = (operations, threshold_percentile = Number::new(90.0)),
        text_signature = "($self, operations, threshold_percentile=90)"
    )]
    fn identify_bottlenecks<'py>(
        slf: &Bound<'py, Self>,
        operations: &Bound<'py, PyAny>,
        threshold_percentile: Number<ThresholdPercentile>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let expected = "a list of operation names";
        if operations.is_instance_of::<PyString>() {
            return Err(wrong_type("operations", expected, operations));
        }
        let _python = PythonCode::begin(py);
        let names = operations
            .try_iter()
            .and_then(|names| {
                names
                    .map(|name| name?.extract())
                    .collect::<PyResult<Vec<String>>>()
            })
            .map_err(|_| wrong_type("operations", expected, operations))?;
        if !(0.0..=100.0).contains(&threshold_percentile.0) {
            let given = threshold_percentile.0;
            return Err(Error::argument("threshold_percentile", given, "from 0 to 100").into());
        }
        let monitor = Self::target(slf)?;
        let list = PyList::empty(py);
        for found in bottlenecks(monitor.get().core(), &names, threshold_percentile.0)? {
            let entry = PyDict::new(py);
            entry.set_item("operation", found.operation)?;
            entry.set_item("median_time", found.median)?;
            entry.set_item("p90_time", found.p90)?;
            entry.set_item("max_time", found.max)?;
            entry.set_item("slowdown_factor", found.slowdown)?;
            entry.set_item("count", found.count)?;
            list.append(entry)?;
        }
        Ok(list)
    }

    /// For compatibility only: the last snapshot of each tracked operation, in MB.
    #[getter]
    fn _memory_tracking<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tracked = self.memory_tracking.lock().clone();
        let dict = PyDict::new(py);
        for (operation, rss) in tracked {
            dict.set_item(operation, rss)?;
        }
        Ok(dict)
    }

    /// A global instance travels as a reference to that of whoever loads it; no other one does.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        reference::to_global(slf.as_any())
    }

    // For notebooks: what it records goes into the monitor.
    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        let monitor = Self::target(slf)?;
        notebook::of_operations(slf.py(), "ImageProcessingProfiler", monitor.get().core())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let monitor = Self::target(slf)?;
        Ok(format!(
            "<{} into {}>",
            slf.get_type().name()?,
            monitor.repr()?
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.ready.is_set() {
            return Ok(());
        }
        visit.call(self.monitor.get())
    }
}
