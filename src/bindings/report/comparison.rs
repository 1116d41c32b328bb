//! What `compare_performance` and `compare_sessions` give.

use pyo3::{prelude::*, types::PyDict};

use super::{
    entries::{bounds_dict, set_known_failures, set_source, set_uncounted, set_units, work_in},
    recorded::{Consulted, Known},
};
use crate::bindings::{
    arguments::{
        Flag, Number, Whole,
        names::{Adjust, Confidence, MinChange, MinSamples, Significance},
    },
    python::detached::detached_if_long,
};
use crate::{
    report::{
        Change, Comparison, FailureChange, Failures, Period, PeriodOperation, Reason,
        RecordedEndpoint, RecordedOperation, Thresholds,
    },
    stats::inference::Interval,
    time::Zone,
    units::MILLISECONDS,
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

/// The comparison of what is known of two periods or sessions; of requests, too, if there are any to
/// tell of.
pub fn compared<'py>(
    py: Python<'py>,
    operations: [Known<RecordedOperation>; 2],
    requests: Option<[Known<RecordedEndpoint>; 2]>,
    thresholds: &Thresholds,
) -> PyResult<Bound<'py, PyDict>> {
    let endpoints = || requests.iter().flatten().flat_map(|it| &it.recorded);
    let samples = operations.iter().flat_map(|it| &it.recorded);
    let samples = samples.map(|operation| &operation.samples);
    let work = work_in(samples.chain(endpoints().map(|endpoint| &endpoint.durations)));
    let comparison = detached_if_long(py, work, || {
        let [before, after] = [0, 1].map(|at| Period {
            operations: operations[at].recorded.iter().map(Into::into).collect(),
            endpoints: requests.as_ref().map_or_else(Vec::new, |requests| {
                requests[at].recorded.iter().map(Into::into).collect()
            }),
        });
        Comparison::of(before, after, thresholds)
    });
    let report = PyDict::new(py);
    let periods = [&comparison.before, &comparison.after];
    for (at, period) in PERIODS.into_iter().enumerate() {
        report.set_item(period, period_dict(py, &operations[at], periods[at])?)?;
    }
    let changes = PyDict::new(py);
    for (operation, change) in &comparison.changes {
        changes.set_item(&**operation, change_dict(py, change)?)?;
    }
    report.set_item("changes", changes)?;
    if let Some(requests) = &requests {
        report.set_item("api", api_dict(py, requests, &comparison)?)?;
    }
    report.set_item("thresholds", thresholds_dict(py, thresholds)?)?;
    let asked = requests.map_or_else(Default::default, |known| known.map(|it| Some(it.history)));
    let counted = PyDict::new(py);
    let mut consulted = None;
    for ((period, known), asked) in PERIODS.into_iter().zip(operations).zip(asked) {
        let of_period = Consulted::either(known.history, asked.flatten());
        if let Some(range) = of_period.as_ref().and_then(|it| it.counted) {
            counted.set_item(period, bounds_dict(py, range, Zone::Local)?)?;
        }
        consulted = Consulted::either(consulted, of_period);
    }
    if !counted.is_empty() {
        report.set_item("counted", counted)?;
    }
    if let Some(history) = consulted {
        report.set_item("history", history.to_dict(py)?)?;
    }
    Ok(report)
}

const PERIODS: [&str; 2] = ["period1", "period2"];

fn period_dict<'py>(
    py: Python<'py>,
    known: &Known<RecordedOperation>,
    period: &Period,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (recorded, operation) in known.recorded.iter().zip(&period.operations) {
        let entry = figures_dict(py, operation, &recorded.unit)?;
        set_known_failures(&entry, recorded, known.history.is_some())?;
        set_units(&entry, recorded)?;
        set_uncounted(
            &entry,
            recorded.uncounted,
            recorded.samples.len(),
            Zone::Local,
        )?;
        if known.history.is_some() {
            set_source(&entry, recorded.origin, &recorded.samples.accuracy())?;
        }
        dict.set_item(&*operation.operation, entry)?;
    }
    Ok(dict)
}

/// What a comparison says of requests.
fn api_dict<'py>(
    py: Python<'py>,
    requests: &[Known<RecordedEndpoint>; 2],
    comparison: &Comparison,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let periods = [&comparison.before, &comparison.after];
    for (at, period) in PERIODS.into_iter().enumerate() {
        let entries = PyDict::new(py);
        for (recorded, endpoint) in requests[at].recorded.iter().zip(&periods[at].endpoints) {
            let entry = figures_dict(py, &endpoint.durations, MILLISECONDS)?;
            entry.set_item("error_rate", endpoint.failures.rate())?;
            entry.set_item("client_error_rate", endpoint.failures.client_rate())?;
            if requests[at].history.is_some() {
                set_source(&entry, recorded.origin, &recorded.durations.accuracy())?;
            }
            entries.set_item(&*recorded.endpoint, entry)?;
        }
        dict.set_item(period, entries)?;
    }
    let changes = PyDict::new(py);
    for (endpoint, change) in &comparison.requests {
        let entry = change_dict(py, &change.durations)?;
        set_failures(&entry, &change.failures)?;
        changes.set_item(&**endpoint, entry)?;
    }
    dict.set_item("changes", changes)?;
    Ok(dict)
}

fn figures_dict<'py>(
    py: Python<'py>,
    operation: &PeriodOperation,
    unit: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let figures = operation.distribution.figures();
    let entry = PyDict::new(py);
    entry.set_item("mean", figures.mean)?;
    entry.set_item("count", figures.count)?;
    entry.set_item("median", figures.median)?;
    entry.set_item("p95", figures.p95)?;
    entry.set_item("p99", figures.p99)?;
    entry.set_item("nan_count", figures.nans)?;
    entry.set_item("unit", unit)?;
    Ok(entry)
}

/// Says in `entry` how the shares of failed requests changed.
fn set_failures(entry: &Bound<'_, PyDict>, change: &FailureChange) -> PyResult<()> {
    entry.set_item("error_rate", judged_rates(entry.py(), change)?)?;
    let client = rates(entry.py(), change, Failures::client_rate)?;
    entry.set_item("client_error_rate", client)
}

fn rates<'py>(
    py: Python<'py>,
    change: &FailureChange,
    rate: fn(&Failures) -> f64,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (period, failures) in PERIODS.iter().zip([change.before, change.after]) {
        dict.set_item(period, rate(&failures))?;
    }
    Ok(dict)
}

fn judged_rates<'py>(py: Python<'py>, change: &FailureChange) -> PyResult<Bound<'py, PyDict>> {
    let dict = rates(py, change, Failures::rate)?;
    dict.set_item("p_value", change.p_value)?;
    dict.set_item("verdict", change.verdict.as_str())?;
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
    if let Some(failures) = &change.failures {
        dict.set_item("failure_rate", judged_rates(py, failures)?)?;
    }
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
