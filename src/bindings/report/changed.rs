//! What reports tell of changes against the periods before.

use std::sync::Arc;

use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};

use super::{
    entries::{bounds_dict, set_failures},
    figures::figures,
};
use crate::bindings::{monitor::PerformanceMonitor, requests::APIPerformanceTracker};
use crate::{
    history::History,
    quantity::THIN_SPACE,
    report::{
        ChangedInWords, Reason, Thresholds,
        changes::{Changed, Entry, Frame, Kind, Recorded, Side, Wanted, changed, kind_of},
    },
    time::{TimeRange, Times, Zone},
};

/// Says in `report` what changed in `range` against the periods before, if there is a history.
pub fn set_changed(
    report: &Bound<'_, PyDict>,
    monitor: &PerformanceMonitor,
    tracker: Option<&APIPerformanceTracker>,
    range: TimeRange,
    zone: Zone,
) -> PyResult<()> {
    let py = report.py();
    let of_operations = monitor.attachment().map(|it| Arc::clone(it.history()));
    let of_requests = match tracker {
        Some(tracker) => tracker.attachment().map(|it| Arc::clone(it.history())),
        // As in comparisons.
        None => of_operations.clone(),
    };
    if of_operations.is_none() && of_requests.is_none() {
        return Ok(());
    }
    let now = monitor.core().clock().wall();
    let (frame, found) = py.detach(|| {
        let frame = Frame::of(range, zone, now);
        let found = frame.map_or_else(Changed::default, |frame| {
            let read = |wanted: Wanted<'_>, empty: &Recorded| {
                readings(&frame, [&of_operations, &of_requests], wanted, empty)
            };
            changed(&frame, read, &Thresholds::DEFAULT)
        });
        (frame, found)
    });
    let entries = PyList::empty(py);
    for entry in &found.entries {
        entries.append(entry_dict(py, entry, zone)?)?;
    }
    report.set_item("changed", entries)?;
    let compared = PyDict::new(py);
    compared.set_item("verdict", found.summary().as_str())?;
    compared.set_item("judged", found.judged)?;
    compared.set_item("unjudged", found.unjudged)?;
    if let Some(frame) = frame {
        compared.set_item("hours", bounds_dict(py, frame.compared(0), zone)?)?;
        let periods = found.periods.iter();
        let periods = periods.map(|&period| bounds_dict(py, frame.compared(period), zone));
        compared.set_item("periods", periods.collect::<PyResult<Vec<_>>>()?)?;
    }
    report.set_item("compared_with", compared)
}

/// What the ranges of `frame` hold of what is `wanted`: operations of the one history, requests of the
/// other.
fn readings(
    frame: &Frame,
    histories: [&Option<Arc<History>>; 2],
    wanted: Wanted<'_>,
    empty: &Recorded,
) -> Recorded {
    let ranges = frame.ranges();
    let read = |history: &History, kinds: &[Kind]| {
        let is_of = |key: &_| kind_of(key).is_some_and(|kind| kinds.contains(&kind));
        history.hourly(&ranges, |key| is_of(key) && wanted(key), || empty.clone())
    };
    if let [Some(one), Some(other)] = histories
        && one.path() == other.path()
    {
        return read(one, &[Kind::Operation, Kind::Endpoint]);
    }
    let mut all = empty.clone();
    for (history, kind) in histories.into_iter().zip([Kind::Operation, Kind::Endpoint]) {
        if let Some(history) = history {
            all.extend(read(history, &[kind]));
        }
    }
    all
}

fn entry_dict<'py>(py: Python<'py>, entry: &Entry, zone: Zone) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("kind", entry.kind.as_str())?;
    dict.set_item("name", &*entry.name)?;
    dict.set_item("unit", &*entry.unit)?;
    dict.set_item("verdict", entry.outcome.verdict())?;
    let reason = entry.reason.map(Reason::as_str);
    dict.set_item("reason", reason.or(entry.outcome.reason()))?;
    dict.set_item("since", zone.iso(entry.since))?;
    dict.set_item("until", entry.until.map(|until| zone.iso(until)))?;
    dict.set_item("percentage", entry.percentage())?;
    for (key, side) in [("before", entry.before), ("after", entry.after)] {
        let side = side
            .map(|side| side_dict(py, entry.kind, side))
            .transpose()?;
        dict.set_item(key, side)?;
    }
    Ok(dict)
}

fn side_dict(py: Python<'_>, kind: Kind, side: Side) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("count", side.figures.count)?;
    dict.set_item("mean", side.figures.mean)?;
    dict.set_item("median", side.figures.median)?;
    dict.set_item("p95", side.figures.p95)?;
    dict.set_item("p99", side.figures.p99)?;
    if let Some(failures) = side.failures {
        match kind {
            Kind::Operation => set_failures(&dict, failures.server, failures.requests)?,
            Kind::Endpoint => {
                dict.set_item("error_rate", failures.rate())?;
                dict.set_item("client_error_rate", failures.client_rate())?;
            }
        }
    }
    Ok(dict)
}

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
    let found = ChangedInWords::in_report(&figures(report, Times::Local)?);
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
