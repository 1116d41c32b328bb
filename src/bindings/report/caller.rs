//! Python as whoever asks for a report.

use pyo3::prelude::*;

use crate::{bindings::python::detached::detached_if_long, report::Caller};

/// A caller that is attached to the interpreter, and lets others go on meanwhile.
#[derive(Clone, Copy)]
pub struct Interpreter<'py>(pub Python<'py>);

impl Caller for Interpreter<'_> {
    fn wait<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.detach(work)
    }

    fn compute<T: Send>(&self, samples: usize, work: impl FnOnce() -> T + Send) -> T {
        detached_if_long(self.0, samples, work)
    }
}
