//! Warnings through Python's `logging`. Never called with a lock held, nor on the record path.

use pyo3::prelude::*;

use crate::bounds::{Bound, OTHER_ENDPOINTS, OTHER_METHODS, OTHER_OPERATIONS};

const LOGGER: &str = "ptpd_calibration.monitoring";

/// Logs a warning about `subject`, which takes the place of the `%` in `message`.
pub fn warn(py: Python<'_>, message: &str, subject: &str) -> PyResult<()> {
    py.import("logging")?
        .call_method1("getLogger", (LOGGER,))?
        .call_method1("warning", (message, subject))?;
    Ok(())
}

/// Warns of the first thing beyond a bound. Logging that fails must not fail the call that it
/// happens in, which has done its work; the failure goes to `sys.unraisablehook`.
pub fn warn_of_bound(bound: Bound, limit: usize, name: &str) {
    let message = match bound {
        Bound::Operations => format!(
            "Samples of further names than the {limit} of max_operations, such as %r, are recorded \
             under {OTHER_OPERATIONS:?} and counted in overflowed"
        ),
        Bound::RunningTimers => format!(
            "More than {limit} timers are running; starting %r made the one that was started first \
             be forgotten, and further ones are counted in timers_forgotten"
        ),
        Bound::Endpoints => format!(
            "Requests to further endpoints than the {limit} of max_endpoints, such as %r, count for \
             {OTHER_ENDPOINTS:?} and in overflowed"
        ),
        Bound::Methods => format!(
            "Further HTTP methods than {limit}, such as %r, are kept as {OTHER_METHODS:?} and counted \
             in methods_overflowed"
        ),
    };
    Python::attach(|py| {
        if let Err(error) = warn(py, &message, name) {
            error.write_unraisable(py, None);
        }
    });
}
