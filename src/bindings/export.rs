//! Exports: collected while attached, rendered and written while other threads run.

use std::{path::Path, sync::Arc};

use pyo3::prelude::*;

use super::metadata::{JsonObjects, Metadata};
use crate::{
    calendar::TimeRange,
    error::Result,
    monitor::Operation,
    report::{ExportedSample, Format, Formulas, render_samples, write_atomically},
};

/// Exports the samples of `operations`: as text, or into a file at `path`.
pub fn export(
    py: Python<'_>,
    operations: &[Arc<Operation<Metadata>>],
    format: Format,
    formulas: Formulas,
    path: Option<&Path>,
) -> PyResult<Option<String>> {
    let mut rows = Vec::new();
    let mut objects = JsonObjects::default();
    for operation in operations {
        for sample in operation.samples(TimeRange::ALL) {
            let metadata = objects.of(py, &sample)?;
            rows.push((operation.name(), sample, metadata));
        }
    }
    let exported: Vec<ExportedSample<'_>> = rows
        .iter()
        .map(|(name, sample, metadata)| ExportedSample {
            name,
            value: sample.value,
            unit: &sample.label.unit,
            time: sample.time,
            metadata,
        })
        .collect();
    py.detach(|| deliver(render_samples(format, formulas, exported)?, path))
        .map_err(Into::into)
}

/// Writes `text` to `path`, or gives it back if there is none.
pub fn deliver(text: String, path: Option<&Path>) -> Result<Option<String>> {
    match path {
        None => Ok(Some(text)),
        Some(path) => write_atomically(path, text.as_bytes()).map(|()| None),
    }
}

/// What the argument `neutralize_formulas` asks for.
pub fn formulas(neutralize: bool) -> Formulas {
    if neutralize {
        Formulas::Neutralized
    } else {
        Formulas::Kept
    }
}
