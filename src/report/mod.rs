//! Reports as data, and their renderings.

mod comparison;
mod csv;
mod file;
mod json;
mod samples;

pub use comparison::{Change, Direction, PeriodMean, changes, period_means};
pub use csv::{number_text, report_csv};
pub use file::write_atomically;
pub use json::report_json;
pub use samples::{ExportedSample, Format, render_samples};
