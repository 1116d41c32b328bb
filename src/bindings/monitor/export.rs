//! Exports of samples: collected while attached, rendered and written while other threads run.

use std::{iter::repeat_n, sync::Arc};

use pyo3::prelude::*;
use serde_json::value::RawValue;

use super::metadata::{Metadata, json_objects};
use crate::bindings::{output::destination::Output, python::code::release_at_end};
use crate::{
    export::{ExportedSample, Format, Formulas, render_samples},
    monitor::Operation,
    recording::series::Sample,
    time::{TimeRange, Times},
};

/// Exports the samples of `operations`.
pub fn export(
    py: Python<'_>,
    operations: &[Arc<Operation<Metadata>>],
    format: Format,
    formulas: Formulas,
    times: Times,
    output: &Output<'_>,
) -> PyResult<Option<String>> {
    let collected: Vec<_> = operations
        .iter()
        .map(|operation| Collected::of(py, operation))
        .collect::<PyResult<_>>()?;
    let samples = || collected.iter().flat_map(Collected::samples);
    // What becomes of a text is for whoever gets it to say, and many count on an empty one.
    if format == Format::Csv && !output.is_file() && samples().next().is_none() {
        return Ok(Some(String::new()));
    }
    let rows = samples();
    let text = py.detach(|| render_samples(format, formulas, times, rows))?;
    output.deliver(py, text)
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

    fn samples(&self) -> impl Iterator<Item = ExportedSample<'_>> + Clone {
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

/// What the argument `neutralize_formulas` asks for.
pub fn formulas(neutralize: bool) -> Formulas {
    if neutralize {
        Formulas::Neutralized
    } else {
        Formulas::Kept
    }
}
