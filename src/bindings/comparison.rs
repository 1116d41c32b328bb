//! What `compare_performance` and `compare_sessions` give.

use pyo3::{prelude::*, types::PyDict};

use super::{
    arguments::{Adjust, Confidence, Flag, MinChange, MinSamples, Number, Significance, Whole},
    convert::detached_if_long,
    once::intern,
    recorded::{Consulted, Known, bounds_dict, set_source, set_uncounted, set_units, work_in},
};
use crate::{
    calendar::Zone,
    report::{Change, Comparison, PeriodOperation, Reason, RecordedOperation, Thresholds},
    stats::inference::Interval,
};

/// The arguments of comparisons that say what a verdict takes.
pub fn thresholds(
    confidence: Number<Confidence>,
    significance: Number<Significance>,
    min_change: Number<MinChange>,
    min_samples: Whole<MinSamples>,
    adjust: Flag<Adjust>,
) -> PyResult<Thresholds> {
    let thresholds = Thresholds {
        confidence: confidence.0,
        significance: significance.0,
        min_change: min_change.0,
        min_samples: min_samples.count()? as u64,
        adjust: adjust.0,
    };
    Ok(thresholds.validated()?)
}

/// The comparison of what is known of two periods or sessions.
pub fn compared<'py>(
    py: Python<'py>,
    [before, after]: [Known<RecordedOperation>; 2],
    thresholds: &Thresholds,
) -> PyResult<Bound<'py, PyDict>> {
    let (old, new) = (&before.recorded, &after.recorded);
    let work = work_in(old.iter().chain(new).map(|operation| &operation.samples));
    let comparison = detached_if_long(py, work, || {
        let [old, new] = [old, new].map(|period| period.iter().map(Into::into).collect());
        Comparison::of(old, new, thresholds)
    });
    let report = comparison_dict(py, &comparison, thresholds)?;
    let counted = PyDict::new(py);
    for (name, known) in [("period1", &before), ("period2", &after)] {
        if let Some(range) = known.history.as_ref().and_then(|it| it.counted) {
            counted.set_item(name, bounds_dict(py, range, Zone::Local)?)?;
        }
        let period = report.as_any().get_item(name)?;
        for operation in &known.recorded {
            let entry = period.get_item(&*operation.name)?.cast_into::<PyDict>()?;
            entry.set_item(intern!(py, "unit"), &*operation.unit)?;
            set_units(&entry, operation)?;
            let count = operation.samples.len();
            set_uncounted(&entry, operation.uncounted, count, Zone::Local)?;
            if known.history.is_some() {
                set_source(&entry, operation.origin, &operation.samples.accuracy())?;
            }
        }
    }
    if !counted.is_empty() {
        report.set_item("counted", counted)?;
    }
    if let Some(history) = Consulted::either(before.history, after.history) {
        report.set_item("history", history.to_dict(py)?)?;
    }
    Ok(report)
}

fn comparison_dict<'py>(
    py: Python<'py>,
    comparison: &Comparison,
    thresholds: &Thresholds,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("period1", period_dict(py, &comparison.before)?)?;
    dict.set_item("period2", period_dict(py, &comparison.after)?)?;
    let changes = PyDict::new(py);
    for (operation, change) in &comparison.changes {
        changes.set_item(&**operation, change_dict(py, change)?)?;
    }
    dict.set_item("changes", changes)?;
    dict.set_item("thresholds", thresholds_dict(py, thresholds)?)?;
    Ok(dict)
}

fn period_dict<'py>(
    py: Python<'py>,
    operations: &[PeriodOperation],
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for operation in operations {
        let figures = operation.distribution.figures();
        let entry = PyDict::new(py);
        entry.set_item("mean", figures.mean)?;
        entry.set_item("count", figures.count)?;
        entry.set_item("median", figures.median)?;
        entry.set_item("p95", figures.p95)?;
        entry.set_item("p99", figures.p99)?;
        entry.set_item("nan_count", figures.nans)?;
        dict.set_item(&*operation.operation, entry)?;
    }
    Ok(dict)
}

fn change_dict<'py>(py: Python<'py>, change: &Change) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("absolute", change.absolute)?;
    dict.set_item("percentage", change.percentage)?;
    dict.set_item("direction", change.direction.as_str())?;
    dict.set_item("confidence_interval", interval_dict(py, change)?)?;
    dict.set_item("p_value", change.ranks.map(|ranks| ranks.p_value))?;
    dict.set_item("effect_size", change.ranks.map(|ranks| ranks.effect_size))?;
    dict.set_item("verdict", change.verdict.as_str())?;
    dict.set_item("reason", change.reason.map(Reason::as_str))?;
    Ok(dict)
}

fn interval_dict<'py>(py: Python<'py>, change: &Change) -> PyResult<Bound<'py, PyDict>> {
    let ends = |interval: Option<Interval>| {
        interval.map_or([None; 2], |interval| {
            [Some(interval.low), Some(interval.high)]
        })
    };
    let [low, high] = ends(change.interval);
    let [low_percentage, high_percentage] = ends(change.interval_percentage);
    let dict = PyDict::new(py);
    dict.set_item("low", low)?;
    dict.set_item("high", high)?;
    dict.set_item("low_percentage", low_percentage)?;
    dict.set_item("high_percentage", high_percentage)?;
    Ok(dict)
}

fn thresholds_dict<'py>(py: Python<'py>, thresholds: &Thresholds) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("confidence", thresholds.confidence)?;
    dict.set_item("significance", thresholds.significance)?;
    dict.set_item("min_change", thresholds.min_change)?;
    dict.set_item("min_samples", thresholds.min_samples)?;
    dict.set_item("adjust", thresholds.adjust)?;
    Ok(dict)
}
