//! A profiled call: whose it is, what it used, how that reads.

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyTypeError},
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use super::{
    clock,
    convert::{attribute, type_name, wrong_type},
    images::pixels,
    monitor::PerformanceMonitor,
    once::intern,
    python_code::PythonCode,
};
use crate::{
    clock::Monotonic,
    monitor::SECONDS,
    profile::WALL_TIME,
    system::peak::{self, Measurement, Peak},
};

/// Bytes in a megabyte, as the API counts them.
pub const MB: f64 = 1024.0 * 1024.0;

/// The key of a profile that says how many pixels the image had.
pub const PIXELS: &str = "pixels";

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

/// The name that a callable's profile goes by: its own, or that of the function or class behind.
fn callable_name(function: &Bound<'_, PyAny>) -> String {
    let mut function = function.clone();
    // A partial of a partial, and so on; a few levels are more than anybody nests.
    for _ in 0..16 {
        if let Some(name) = attribute(&function, "__name__")
            && let Ok(name) = name.extract::<String>()
        {
            return name;
        }
        match attribute(&function, "func") {
            Some(inner) if inner.is_callable() => function = inner,
            _ => break,
        }
    }
    type_name(&function)
}

/// The figures of a call besides its time. A figure that the system does not tell is missing.
struct Usage {
    cpu_start: Option<f64>,
    memory: Option<Measurement>,
}

impl Usage {
    fn begin() -> Self {
        Self {
            memory: Measurement::begin().ok(),
            cpu_start: peak::cpu_seconds().ok(),
        }
    }

    fn finish(self) -> (Option<f64>, Option<Peak>) {
        let cpu = peak::cpu_seconds()
            .ok()
            .zip(self.cpu_start)
            .map(|(end, start)| (end - start).max(0.0));
        (cpu, self.memory.and_then(|memory| memory.finish().ok()))
    }
}

/// A call that is being profiled.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct ProfiledCall {
    monitor: Py<PerformanceMonitor>,
    operation: String,
    /// The pixels of an image among the arguments.
    pixels: Option<u64>,
    begun: Mutex<Option<(Usage, Monotonic)>>,
}

impl ProfiledCall {
    /// Begins to measure.
    pub fn begin(
        monitor: Bound<'_, PerformanceMonitor>,
        func: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let mut image = None;
        for value in args.iter().chain(kwargs.values().iter()) {
            image = pixels(&value)?;
            if image.is_some() {
                break;
            }
        }
        let operation = callable_name(func);
        let usage = Usage::begin();
        clock::look(monitor.py());
        let start = monitor.get().core().clock().monotonic();
        Ok(Self {
            monitor: monitor.unbind(),
            operation,
            pixels: image,
            begun: Mutex::new(Some((usage, start))),
        })
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
        let used = usage.finish();
        let seconds = now.seconds_since(start);
        let _python = PythonCode::begin(py);
        let profile = PyDict::new(py);
        profile.set_item(intern!(py, "operation"), &self.operation)?;
        profile.set_item(intern!(py, "success"), outcome.is_ok())?;
        let image = match (self.pixels, outcome) {
            (None, Ok(result)) => pixels(result)?,
            (pixels, _) => pixels,
        };
        describe(&profile, seconds, used, image)?;
        if let Err(error) = outcome {
            let text = error.str().map_or_else(
                |_| type_name(error),
                |text| text.to_string_lossy().into_owned(),
            );
            profile.set_item(intern!(py, "error"), text)?;
        }
        let record = |suffix: &str, value: f64, unit: &str| {
            let name = PyString::new(py, &format!("{}{suffix}", self.operation));
            monitor.call_method1(
                intern!(py, "record_metric"),
                (name, value, unit, profile.clone()),
            )
        };
        record(WALL_TIME, seconds, SECONDS)?;
        if let Some(peak) = used.1 {
            let delta = (peak.after.rss as f64 - peak.before.rss as f64) / MB;
            record("_memory", delta, "MB")?;
        }
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.monitor)
    }
}

/// Fills in what a profile says about resources, and its image's throughput.
fn describe(
    profile: &Bound<'_, PyDict>,
    seconds: f64,
    (cpu, peak): (Option<f64>, Option<Peak>),
    pixels: Option<u64>,
) -> PyResult<()> {
    let py = profile.py();
    let mb = |bytes: u64| bytes as f64 / MB;
    let delta = peak.map(|peak| mb(peak.after.rss) - mb(peak.before.rss));
    profile.set_item(intern!(py, "wall_time_s"), seconds)?;
    profile.set_item(intern!(py, "cpu_time_s"), cpu)?;
    profile.set_item(intern!(py, "memory_delta_mb"), delta)?;
    profile.set_item(
        intern!(py, "memory_after_mb"),
        peak.map(|peak| mb(peak.after.rss)),
    )?;
    profile.set_item(
        intern!(py, "memory_peak_mb"),
        peak.map(|peak| mb(peak.bytes)),
    )?;
    if let Some(pixels) = pixels {
        profile.set_item(intern!(py, PIXELS), pixels)?;
        if seconds > 0.0 {
            profile.set_item(intern!(py, "pixels_per_s"), pixels as f64 / seconds)?;
        }
    }
    Ok(())
}
