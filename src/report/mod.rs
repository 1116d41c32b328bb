//! Reports as data, and their renderings.

mod comparison;
mod csv;
mod file;
mod formula;
mod json;
mod samples;

pub use comparison::{Change, Direction, PeriodMean, changes, period_means};
pub use csv::report_csv;
pub use file::write_atomically;
pub use formula::neutralized;
pub use json::report_json;
pub use samples::{ExportedSample, Format, Formulas, render_samples};
