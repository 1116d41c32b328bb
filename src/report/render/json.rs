//! A report as JSON.

use serde::Serialize;

use crate::error::{Error, Result};

/// Indented JSON of anything that can be serialized.
pub fn report_json(report: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(report).map_err(|error| Error::Encoding(error.to_string()))
}
