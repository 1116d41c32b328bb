//! The parts of a profile: whose it is, what the call used, how that reads.

use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    convert::{attribute, type_name},
    once::intern,
};
use crate::system::peak::{self, Measurement, Peak};

/// Bytes in a megabyte, as the API counts them.
pub const MB: f64 = 1024.0 * 1024.0;

/// The key of a profile that says how many pixels the image had.
pub const PIXELS: &str = "pixels";

/// The function to profile, which comes first or by its name, and the positional arguments for it.
/// What is given by name is taken out of `kwargs`.
pub fn function_and_arguments<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
    const FUNC: &str = "func";
    if !args.is_empty() {
        return Ok((args.get_item(0)?, args.get_slice(1, args.len())));
    }
    let named = kwargs.map(|kwargs| kwargs.get_item(FUNC)).transpose()?;
    let Some((func, kwargs)) = named.flatten().zip(kwargs) else {
        let message = "profile_operation() is missing its first argument, func";
        return Err(PyTypeError::new_err(message));
    };
    kwargs.del_item(FUNC)?;
    Ok((func, args.clone()))
}

/// The name that a callable's profile goes by: its own, or that of the function or class behind.
pub fn callable_name(function: &Bound<'_, PyAny>) -> String {
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
pub struct Usage {
    cpu_start: Option<f64>,
    memory: Option<Measurement>,
}

impl Usage {
    pub fn begin() -> Self {
        Self {
            memory: Measurement::begin().ok(),
            cpu_start: peak::cpu_seconds().ok(),
        }
    }

    pub fn finish(self) -> (Option<f64>, Option<Peak>) {
        let cpu = peak::cpu_seconds()
            .ok()
            .zip(self.cpu_start)
            .map(|(end, start)| (end - start).max(0.0));
        (cpu, self.memory.and_then(|memory| memory.finish().ok()))
    }
}

/// Fills in what a profile says about resources, and its image's throughput.
pub fn describe(
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
