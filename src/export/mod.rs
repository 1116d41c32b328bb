//! Samples as JSON and CSV, and files that are either the old one or the new one.

pub(crate) mod csv;
mod file;
mod formula;
mod samples;
mod stream;

pub use file::{Replacement, write_atomically};
pub use formula::neutralized;
pub use samples::{ExportedSample, Format, Formulas, render_samples};
pub use stream::Stream;
