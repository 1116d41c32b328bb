//! A profiled call: whose it is, what it used, how that reads.

use std::iter;

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyTypeError},
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    images::{SizeOf, extent},
    options::ProfileOptions,
};
use crate::bindings::{
    clock,
    monitor::PerformanceMonitor,
    python::{code::PythonCode, errors::wrong_type, objects::type_name, once::intern},
};
use crate::{
    profiler::{
        calls::{MEMORY, WALL_TIME},
        images::Extent,
    },
    system::{
        peak::Peak,
        readings::{OpenUsage, Usage},
    },
    time::Monotonic,
    units::{MB, SECONDS},
};

/// The key of a profile that says how many pixels the image had.
pub const PIXELS: &str = "pixels";

/// The key of a profile that says why it cannot say that.
pub const PIXELS_UNKNOWN: &str = "pixels_unknown";

/// The function to profile, which comes first or by its name, and the positional arguments for it.
/// What is given by name is taken out of `kwargs`.
pub fn function_and_arguments<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: &Bound<'py, PyDict>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
    const FUNC: &str = "func";
    let (func, args) = if let Some(func) = args.iter().next() {
        (func, args.get_slice(1, args.len()))
    } else {
        let func = kwargs.get_item(FUNC)?.ok_or_else(|| {
            PyTypeError::new_err("profile_operation() is missing its first argument, func")
        })?;
        kwargs.del_item(FUNC)?;
        (func, args.clone())
    };
    if !func.is_callable() {
        return Err(wrong_type("func", "callable", &func));
    }
    Ok((func, args))
}

/// A call that is being profiled.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct ProfiledCall {
    monitor: Py<PerformanceMonitor>,
    operation: String,
    /// How much of an image there is among the arguments.
    image: Extent,
    /// Whether the result is to tell if they do not.
    by_result: bool,
    size_of: Option<Py<PyAny>>,
    begun: Mutex<Option<(OpenUsage, Monotonic)>>,
}

impl ProfiledCall {
    /// Begins to measure.
    pub fn begin<'py>(
        monitor: Bound<'py, PerformanceMonitor>,
        func: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
        options: Option<&Bound<'py, ProfileOptions>>,
        size_of: SizeOf<'_, 'py>,
    ) -> PyResult<Self> {
        let (image, by_result) = ProfileOptions::extent(options, args, kwargs, size_of)?;
        let operation = ProfileOptions::operation(options, func);
        let usage = OpenUsage::begin();
        clock::look(monitor.py());
        let start = monitor.get().core().clock().monotonic();
        Ok(Self {
            monitor: monitor.unbind(),
            operation,
            image,
            by_result,
            size_of: size_of.map(|size_of| size_of.clone().unbind()),
            begun: Mutex::new(Some((usage, start))),
        })
    }

    /// The images of the call: those of its arguments, or else those of its result.
    fn image_with(&self, result: Option<&Bound<'_, PyAny>>) -> Extent {
        if let Some(result) = result
            && self.by_result
            && !matches!(self.image, Extent::Pixels(_))
        {
            let size_of = self
                .size_of
                .as_ref()
                .map(|size_of| size_of.bind(result.py()));
            match extent(result, size_of) {
                Extent::NoImage => {}
                found => return found,
            }
        }
        self.image.clone()
    }

    fn end<'py>(
        &self,
        py: Python<'py>,
        outcome: Result<&Bound<'py, PyAny>, &Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let monitor = self.monitor.bind(py);
        clock::look(py);
        let now = monitor.get().core().clock().monotonic();
        let begun = self.begun.lock().take();
        let Some((usage, start)) = begun else {
            return Err(PyRuntimeError::new_err("this call has ended already"));
        };
        let usage = usage.finish();
        let seconds = now.seconds_since(start);
        let _python = PythonCode::begin(py);
        let profile = PyDict::new(py);
        profile.set_item(intern!(py, "operation"), &self.operation)?;
        profile.set_item(intern!(py, "success"), outcome.is_ok())?;
        profile.set_item(intern!(py, "wall_time_s"), seconds)?;
        describe_usage(&profile, usage)?;
        describe_image(&profile, seconds, &self.image_with(outcome.ok()))?;
        if let Err(error) = outcome {
            let text = error.str().map_or_else(
                |_| type_name(error),
                |text| text.to_string_lossy().into_owned(),
            );
            profile.set_item(intern!(py, "error"), text)?;
        }
        let name = |suffix: &str| format!("{}{suffix}", self.operation);
        let wall_time = (name(WALL_TIME), seconds, SECONDS);
        let memory = usage
            .memory
            .map(|peak| (name(MEMORY), delta_mb(peak), "MB"));
        let figures = iter::once(wall_time).chain(memory);
        PerformanceMonitor::record_profile(monitor, now, figures, &profile)?;
        Ok(profile)
    }
}

#[pymethods]
impl ProfiledCall {
    /// Records the call, which returned ``result``, and returns its profile.
    fn finished<'py>(&self, result: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        self.end(result.py(), Ok(result))
    }

    /// Records the call, which raised ``error``.
    fn failed(&self, error: &Bound<'_, PyAny>) -> PyResult<()> {
        self.end(error.py(), Err(error)).map(drop)
    }

    /// Begins to measure anew.
    fn restart(&self, py: Python<'_>) {
        let usage = OpenUsage::begin();
        let start = self.monitor.bind(py).get().core().clock().monotonic();
        *self.begun.lock() = Some((usage, start));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)?;
        visit.call(&self.size_of)
    }
}

/// By how much the RSS rose, or fell.
fn delta_mb(peak: Peak) -> f64 {
    (peak.after.rss as f64 - peak.before.rss as f64) / MB
}

/// Fills in what a profile says about resources.
fn describe_usage(profile: &Bound<'_, PyDict>, usage: Usage) -> PyResult<()> {
    let py = profile.py();
    let Usage { cpu, memory: peak } = usage;
    let mb = |bytes: u64| bytes as f64 / MB;
    profile.set_item(intern!(py, "cpu_time_s"), cpu)?;
    profile.set_item(intern!(py, "memory_delta_mb"), peak.map(delta_mb))?;
    profile.set_item(
        intern!(py, "memory_after_mb"),
        peak.map(|peak| mb(peak.after.rss)),
    )?;
    profile.set_item(
        intern!(py, "memory_peak_mb"),
        peak.map(|peak| mb(peak.bytes)),
    )?;
    let children = peak.map(|peak| peak.children).unwrap_or_default();
    let cpu = children.cpu.map(|cpu| cpu.as_secs_f64());
    profile.set_item(intern!(py, "children_cpu_s"), cpu)?;
    profile.set_item(intern!(py, "children_peak_mb"), children.peak.map(mb))?;
    Ok(())
}

/// Fills in the size and the throughput of the images, or why they are not known.
fn describe_image(profile: &Bound<'_, PyDict>, seconds: f64, image: &Extent) -> PyResult<()> {
    let py = profile.py();
    match image {
        Extent::NoImage => {}
        Extent::Pixels(pixels) => {
            profile.set_item(intern!(py, PIXELS), pixels)?;
            if seconds > 0.0 {
                profile.set_item(intern!(py, "pixels_per_s"), *pixels as f64 / seconds)?;
            }
        }
        Extent::Unknown(reason) => profile.set_item(intern!(py, PIXELS_UNKNOWN), reason)?,
    }
    Ok(())
}
