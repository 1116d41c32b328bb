//! Exports: collected while attached, rendered and written while other threads run.

use std::{iter::repeat_n, path::Path, sync::Arc};

use pyo3::prelude::*;
use serde_json::value::RawValue;

use super::{
    metadata::{Metadata, json_objects},
    python_code::{PythonCode, release_at_end},
};
use crate::{
    calendar::TimeRange,
    error::Result,
    monitor::Operation,
    report::{ExportedSample, Format, Formulas, Stream, render_samples, write_atomically},
    series::Sample,
};

/// Exports the samples of `operations`: as text, or into a file at `path`.
pub fn export(
    py: Python<'_>,
    operations: &[Arc<Operation<Metadata>>],
    format: Format,
    formulas: Formulas,
    path: Option<&Path>,
) -> PyResult<Option<String>> {
    let collected: Vec<_> = operations
        .iter()
        .map(|operation| Collected::of(py, operation))
        .collect::<PyResult<_>>()?;
    let samples = || collected.iter().flat_map(Collected::samples);
    flush_before(py, path)?;
    py.detach(|| deliver(render_samples(format, formulas, samples())?, path))
        .map_err(Into::into)
}

/// The samples of an operation, with all that needs the interpreter.
struct Collected<'a> {
    name: &'a str,
    samples: Vec<Sample<Metadata>>,
    /// Each is the metadata of so many samples.
    metadata: Vec<(usize, Box<RawValue>)>,
}

impl<'a> Collected<'a> {
    fn of(py: Python<'_>, operation: &'a Operation<Metadata>) -> PyResult<Self> {
        let samples = operation.samples(TimeRange::ALL);
        Ok(Self {
            name: operation.name(),
            metadata: json_objects(py, &samples)?,
            samples,
        })
    }

    fn samples(&self) -> impl Iterator<Item = ExportedSample<'_>> {
        let metadata = self.metadata.iter();
        let metadata = metadata.flat_map(|(count, object)| repeat_n(&**object, *count));
        self.samples
            .iter()
            .zip(metadata)
            .map(|(sample, metadata)| ExportedSample {
                name: self.name,
                value: sample.value,
                unit: &sample.label.unit,
                time: sample.time,
                metadata,
            })
    }
}

// They may have been cleared meanwhile, and these be the last to hold what was attached to them.
impl Drop for Collected<'_> {
    fn drop(&mut self) {
        release_at_end(std::mem::take(&mut self.samples));
    }
}

/// Has Python write what it keeps back for its standard streams, if `path` is one of them: what was
/// printed before comes before.
pub fn flush_before(py: Python<'_>, path: Option<&Path>) -> PyResult<()> {
    if path.and_then(Stream::of).is_some() {
        let _python = PythonCode::begin(py);
        let sys = py.import("sys")?;
        for name in ["stdout", "stderr"] {
            // There is none in a program without a console.
            let stream = sys.getattr(name)?;
            if !stream.is_none() {
                stream.call_method0("flush")?;
            }
        }
    }
    Ok(())
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
