//! Exports: collected while attached, rendered and written while other threads run.

use std::{path::Path, sync::Arc};

use pyo3::prelude::*;

use super::metadata::{self, Metadata};
use crate::{
    calendar::{IsoFormatter, TimeRange},
    error::Result,
    monitor::Operation,
    report::{ExportedSample, Format, render_samples, write_atomically},
};

/// Exports the samples of `operations`: as text, or into a file at `path`.
pub fn export(
    py: Python<'_>,
    operations: &[Arc<Operation<Metadata>>],
    format: Format,
    path: Option<&Path>,
) -> PyResult<Option<String>> {
    let mut times = IsoFormatter::default();
    let mut rows = Vec::new();
    for operation in operations {
        for sample in operation.samples(TimeRange::ALL) {
            let metadata = metadata::to_json(py, &sample)?;
            let time = times.format(sample.time);
            rows.push((operation.name(), sample, time, metadata));
        }
    }
    let exported: Vec<ExportedSample<'_>> = rows
        .iter()
        .map(|(name, sample, time, metadata)| ExportedSample {
            name,
            value: sample.value,
            unit: &sample.label.unit,
            time: *time,
            metadata,
        })
        .collect();
    py.detach(|| deliver(render_samples(format, exported)?, path))
        .map_err(Into::into)
}

/// Writes `text` to `path`, or gives it back if there is none.
pub fn deliver(text: String, path: Option<&Path>) -> Result<Option<String>> {
    match path {
        None => Ok(Some(text)),
        Some(path) => write_atomically(path, text.as_bytes()).map(|()| None),
    }
}
