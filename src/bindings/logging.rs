//! Warnings through Python's `logging`. Never called with a lock held, nor on the record path.

use pyo3::prelude::*;

const LOGGER: &str = "ptpd_calibration.monitoring";

/// Logs a warning about `subject`, which takes the place of the `%` in `message`.
pub fn warn(py: Python<'_>, message: &str, subject: &str) -> PyResult<()> {
    py.import("logging")?
        .call_method1("getLogger", (LOGGER,))?
        .call_method1("warning", (message, subject))?;
    Ok(())
}
