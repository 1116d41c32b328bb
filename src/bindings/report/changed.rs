//! What the command line shows of changes.

use pyo3::{prelude::*, types::PyDict};

use super::figures::any_report;
use crate::{quantity::THIN_SPACE, report::ChangedInWords, time::Times};

/// What a row says: what became of it, a class for its colour, its name, since when, the figures, the
/// change and the number of samples.
type RowInWords = (
    String,
    &'static str,
    String,
    String,
    String,
    String,
    Option<f64>,
);

/// A line that tells what changes come to and a class for its colour, what was compared, and the rows.
type InWords = (String, &'static str, String, Vec<RowInWords>);

/// What a report says of changes, for a terminal: a line that tells what they come to and a class for
/// its colour, what was compared, and the rows. None where it says nothing of them.
#[pyfunction]
pub fn report_changed(report: &Bound<'_, PyDict>) -> PyResult<Option<InWords>> {
    let found = ChangedInWords::in_report(&any_report(report, Times::Local)?.report);
    let plain = |text: String| text.replace(THIN_SPACE, " ");
    Ok(found.map(|found| {
        let rows = found.rows.into_iter().map(|row| {
            (
                format!("{} {}", row.outcome.sign, row.outcome.words),
                row.outcome.class,
                row.name.to_string(),
                row.since,
                plain(row.figures),
                plain(row.change.unwrap_or_default()),
                row.samples,
            )
        });
        (
            found.headline,
            found.class,
            plain(found.intro),
            rows.collect(),
        )
    }))
}
