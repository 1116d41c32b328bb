//! `ImageProcessingProfiler`.

use std::{mem, sync::OnceLock};

use indexmap::{IndexMap, IndexSet};
use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple},
};

use super::{
    images::pixels_of_size,
    options::ProfileOptions,
    profile::{PIXELS, PIXELS_UNKNOWN, ProfiledCall, function_and_arguments},
};
use crate::bindings::{
    arguments::{
        Number, Text,
        names::{Operation, OperationName, ThresholdPercentile},
    },
    logging::warn,
    monitor::PerformanceMonitor,
    python::{
        code::{PythonCode, release},
        errors::wrong_type,
        initialized::Ready,
        once::CALLERS,
        pickling,
    },
    report::notebook,
};
use crate::{
    error::Error,
    profiler::calls::{Call, Performance, WALL_TIME, bottlenecks},
    recording::series::Sample,
    system::{memory, process},
    time::TimeRange,
    units::MB,
};

/// Snapshots are remembered for this many operations; the oldest goes for a new one.
const MAX_TRACKED: usize = 10_000;

/// Profiles image processing: wall time, CPU time, memory, throughput.
///
/// Records into ``monitor``, a new one unless given. ``size_of``, a function of an object, tells how
/// many pixels it has, as a number or as (height, width); 0 is no image, and None leaves it to what
/// can be seen.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct ImageProcessingProfiler {
    ready: Ready,
    monitor: OnceLock<Py<PerformanceMonitor>>,
    /// Tells the pixels of objects.
    size_of: Mutex<Option<Py<PyAny>>>,
    /// The operations of which it has been told that some of their images are of unknown size.
    told_unknown: Mutex<IndexSet<String>>,
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

    fn tell_sizes_by(slf: &Bound<'_, Self>, size_of: Option<Py<PyAny>>) {
        let former = mem::replace(&mut *slf.get().size_of.lock(), size_of);
        release(slf.py(), former);
    }

    /// The calls of `operation` that were recorded, by this profiler or by hand.
    fn calls(slf: &Bound<'_, Self>, operation: &str) -> PyResult<Vec<Call>> {
        let py = slf.py();
        let _python = PythonCode::begin(py);
        let name = format!("{operation}{WALL_TIME}");
        let series = Self::target(slf)?.get().core().operation(&name);
        let samples = series.map_or_else(Vec::new, |series| series.samples(TimeRange::ALL));
        let call = |sample: &Sample<Py<PyDict>>| {
            let profile = sample.metadata.as_ref().map(|profile| profile.bind(py));
            let said = |key| match profile {
                Some(profile) => profile.get_item(key),
                None => Ok(None),
            };
            let success = said("success")?;
            Ok(Call {
                seconds: sample.value,
                pixels: said(PIXELS)?.and_then(|pixels| pixels.extract().ok()),
                is_unsized: said(PIXELS_UNKNOWN)?.is_some(),
                failed: success.is_some_and(|success| !success.is_truthy().unwrap_or(true)),
            })
        };
        samples.iter().map(call).collect()
    }

    /// What the calls of `operation` add up to. Of calls on images whose sizes are not known the log
    /// tells once.
    fn performance(slf: &Bound<'_, Self>, operation: &str) -> PyResult<Performance> {
        let performance = Performance::of(&Self::calls(slf, operation)?);
        if performance.unknown() > 0 {
            let is_new = {
                let mut told = slf.get().told_unknown.lock();
                told.len() < MAX_TRACKED && told.insert(operation.to_owned())
            };
            if is_new {
                let subject = format!(
                    "{} of {} calls of {operation}",
                    performance.unknown(),
                    performance.count()
                );
                let message = if performance.sized > 0 {
                    "The sizes of the images of %s are not known: its speed and estimates go by \
                     the others. size= or size_of= can tell them"
                } else {
                    "The sizes of the images of %s are not known: its speed and estimates count \
                     images and not their pixels. size= or size_of= can tell them"
                };
                warn(slf.py(), message, &subject)?;
            }
        }
        Ok(performance)
    }
}

/// A function that tells sizes, if there is one.
fn callable(size_of: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyAny>>> {
    match size_of.filter(|size_of| !size_of.is_none()) {
        Some(size_of) if !size_of.is_callable() => {
            Err(wrong_type("size_of", "callable or None", size_of))
        }
        size_of => Ok(size_of.map(|size_of| size_of.clone().unbind())),
    }
}

#[pymethods]
impl ImageProcessingProfiler {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(monitor=None, *, size_of=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            ready: Ready::YES,
            monitor: OnceLock::new(),
            size_of: Mutex::default(),
            told_unknown: Mutex::default(),
            memory_tracking: Mutex::default(),
        }
    }

    #[pyo3(signature = (monitor = None, *, size_of = None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        monitor: Option<&Bound<'_, PyAny>>,
        size_of: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let size_of = callable(size_of)?;
        match monitor.filter(|monitor| !monitor.is_none()) {
            None => drop(Self::target(slf)?),
            Some(monitor) => {
                let given = monitor
                    .cast::<PerformanceMonitor>()
                    .map_err(|_| wrong_type("monitor", "a PerformanceMonitor or None", monitor))?;
                let again = "ImageProcessingProfiler is initialised already";
                slf.get()
                    .monitor
                    .set(given.clone().unbind())
                    .map_err(|_| PyTypeError::new_err(again))?;
            }
        }
        if size_of.is_some() {
            Self::tell_sizes_by(slf, size_of);
        }
        Ok(())
    }

    /// The monitor that profiles are recorded into.
    #[getter]
    fn monitor<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PerformanceMonitor>> {
        Self::target(slf)
    }

    /// The function that tells the pixels of an object, or None; it can be replaced.
    #[getter]
    fn size_of(&self) -> Option<Py<PyAny>> {
        self.size_of.lock().clone()
    }

    #[setter]
    fn set_size_of(slf: &Bound<'_, Self>, size_of: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        Self::tell_sizes_by(slf, callable(size_of)?);
        Ok(())
    }

    // In Python, because it calls the user's function; see there.
    #[classattr]
    fn profile_operation(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("profile_operation")
    }

    // Likewise.
    #[classattr]
    fn profile(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("profile")
    }

    /// The function to profile, its positional arguments, and the measurement of the call, begun.
    #[pyo3(signature = (args, kwargs, options = None))]
    fn _begin<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
        options: Option<&Bound<'py, ProfileOptions>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>, ProfiledCall)> {
        let (func, args) = function_and_arguments(args, kwargs)?;
        let size_of = slf.get().size_of.lock().clone();
        let size_of = size_of.as_ref().map(|size_of| size_of.bind(slf.py()));
        let monitor = Self::target(slf)?;
        let call = ProfiledCall::begin(monitor, &func, &args, kwargs, options, size_of)?;
        Ok((func, args, call))
    }

    /// Pixels a second of ``operation_name``, by the calls that worked and the pixels that they
    /// really had. Where none of these are known (samples recorded by hand): the pixels of
    /// ``image_size`` (width, height) over the mean wall time. None without data or where that took
    /// no time.
    fn get_processing_speed(
        slf: &Bound<'_, Self>,
        image_size: &Bound<'_, PyAny>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Option<f64>> {
        let pixels = pixels_of_size("image_size", image_size)?;
        Ok(Self::performance(slf, operation_name.0)?.processing_speed(pixels))
    }

    /// Seconds that ``operation_name`` will take for ``images``, a list of (width, height).
    ///
    /// By the calls that worked: pixels × their seconds a pixel × 1.1. Where the pixels of none are
    /// known: images × mean wall time × 1.1. None without data.
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
        Ok(Self::performance(slf, operation_name.0)?.batch_seconds(&sizes))
    }

    /// What speed and estimates of ``operation_name`` go by.
    ///
    /// ``calls`` that worked and are remembered, ``failed`` ones, which are in no figure,
    /// ``sized_calls`` whose images' sizes are known, and of these ``pixels``, ``seconds`` and
    /// ``pixels_per_s`` (None without any).
    fn get_throughput<'py>(
        slf: &Bound<'py, Self>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let performance = Performance::of(&Self::calls(slf, operation_name.0)?);
        let throughput = PyDict::new(slf.py());
        throughput.set_item("calls", performance.count())?;
        throughput.set_item("failed", performance.failed)?;
        throughput.set_item("sized_calls", performance.sized)?;
        throughput.set_item("pixels", performance.pixels)?;
        throughput.set_item("seconds", performance.seconds)?;
        throughput.set_item("pixels_per_s", performance.pixels_per_second())?;
        Ok(throughput)
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
    /// profiled. Calls that failed are left out.
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
        let operations = names
            .into_iter()
            .map(|name| Self::calls(slf, &name).map(|calls| (name, calls)))
            .collect::<PyResult<Vec<_>>>()?;
        let list = PyList::empty(py);
        for found in bottlenecks(&operations, threshold_percentile.0)? {
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
        pickling::to_global(slf.as_any())
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
        visit.call(self.monitor.get())?;
        match self.size_of.try_lock() {
            Some(size_of) => visit.call(&*size_of),
            None => Ok(()),
        }
    }
}
