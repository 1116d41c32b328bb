//! The report of a comparison.

use std::sync::Arc;

use super::{
    endpoints::RecordedEndpoint,
    entries::{bounds, source, uncounted},
    operations::RecordedOperation,
    period::Drawn,
    samples::Samples,
    sources::{Caller, Collection, Consultation, Sources, Wanted},
};
use crate::{
    error::Result,
    report::{
        charts::collect::{comparison_charts, endpoint_charts},
        compare::{
            comparison::{Change, Comparison, Period, PeriodOperation},
            failures::{FailureChange, Failures},
            verdict::{Reason, Thresholds},
        },
        schema::{
            ChangeEntry, ComparedEntry, ComparedRequests, ComparisonReport, CountedPeriods, Field,
            IntervalEntry, Named, RateChange, ThresholdsEntry,
        },
    },
    time::{TimeRange, Zone},
    units::MILLISECONDS,
};

type Both<T> = [Collection<T>; 2];

impl<M> Sources<'_, M> {
    /// The comparison of two periods.
    pub fn compare_periods(
        &self,
        caller: &impl Caller,
        periods: [TimeRange; 2],
        thresholds: &Thresholds,
    ) -> Drawn<ComparisonReport> {
        let operations = periods.map(|range| {
            self.operations(
                caller,
                Wanted {
                    range,
                    session: None,
                    timed: false,
                },
            )
        });
        let requests = self.requests_of_both(caller, periods);
        compare(caller, operations, requests, &periods, thresholds)
    }

    /// The comparison of two sessions.
    pub fn compare_sessions(
        &self,
        caller: &impl Caller,
        sessions: [&str; 2],
        thresholds: &Thresholds,
    ) -> Drawn<ComparisonReport> {
        let of = |session| Wanted {
            range: TimeRange::ALL,
            session: Some(session),
            timed: false,
        };
        let operations = sessions.map(|session| self.operations(caller, of(session)));
        let mut drawn = compare(caller, operations, None, &[], thresholds);
        let [first, second] = sessions.map(|session| session.to_owned().into());
        (drawn.report.session1, drawn.report.session2) = (first, second);
        drawn
    }

    /// The comparison of what the writers of two versions recorded. A version that wrote nothing is an error.
    pub fn compare_versions(
        &self,
        caller: &impl Caller,
        versions: [&str; 2],
        thresholds: &Thresholds,
    ) -> Result<Drawn<ComparisonReport>> {
        let [first, second] = versions;
        let of_versions = self.of_versions(caller, [("version1", first), ("version2", second)])?;
        let [one, other] = of_versions;
        let requests = [one.requests, other.requests];
        let is_any = requests.iter().any(|it| !it.items.is_empty());
        let operations = [one.operations, other.operations];
        let mut drawn = compare(
            caller,
            operations,
            is_any.then_some(requests),
            &[],
            thresholds,
        );
        let [first, second] = versions.map(|version| version.to_owned().into());
        (drawn.report.version1, drawn.report.version2) = (first, second);
        Ok(drawn)
    }
}

/// The comparison of two collections; of requests, too, if there are any to tell of.
fn compare(
    caller: &impl Caller,
    operations: Both<RecordedOperation>,
    requests: Option<Both<RecordedEndpoint>>,
    periods: &[TimeRange],
    thresholds: &Thresholds,
) -> Drawn<ComparisonReport> {
    let endpoints = requests.iter().flatten().flat_map(|it| &it.items);
    let samples = operations
        .iter()
        .flat_map(|it| &it.items)
        .map(|operation| &operation.samples);
    let samples = samples.chain(endpoints.map(|endpoint| &endpoint.durations));
    let samples = samples.map(Samples::single).sum();
    let (mut report, charts) = caller.compute(samples, || {
        let [before, after] = [0, 1].map(|at| Period {
            operations: operations[at].items.iter().map(Into::into).collect(),
            endpoints: requests.as_ref().map_or_else(Vec::new, |requests| {
                requests[at].items.iter().map(Into::into).collect()
            }),
        });
        let comparison = Comparison::of(before, after, thresholds);
        let report = report(&operations, requests.as_ref(), &comparison, thresholds);
        let [before, after] = &operations;
        let mut charts = comparison_charts(&before.items, &after.items, periods);
        if let Some([before, after]) = &requests {
            charts.endpoints = endpoint_charts(&before.items, &after.items);
        }
        (report, charts)
    });
    let asked = requests.map_or_else(Default::default, |requests| requests.map(|it| it.history));
    let mut consulted = None;
    let mut counted = [None, None];
    for (at, (of_operations, of_requests)) in operations.into_iter().zip(asked).enumerate() {
        let of_period = Consultation::either(of_operations.history, of_requests);
        counted[at] = of_period.as_ref().and_then(|it| it.counted);
        consulted = Consultation::either(consulted, of_period);
    }
    if counted.iter().any(Option::is_some) {
        let [first, second] =
            counted.map(|range| Field::optional(range.map(|range| bounds(range, Zone::Local))));
        report.counted = CountedPeriods {
            period1: first,
            period2: second,
        }
        .into();
    }
    report.history = Field::optional(consulted.map(|history| history.entry()));
    Drawn {
        report,
        charts,
        rest: None,
    }
}

fn report(
    operations: &Both<RecordedOperation>,
    requests: Option<&Both<RecordedEndpoint>>,
    comparison: &Comparison,
    thresholds: &Thresholds,
) -> ComparisonReport {
    let [before, after] = operations;
    let changes: Named<ChangeEntry> = comparison
        .changes
        .iter()
        .map(|(name, change)| (Arc::clone(name), change_entry(change)))
        .collect();
    ComparisonReport {
        period1: period_entries(before, &comparison.before).into(),
        period2: period_entries(after, &comparison.after).into(),
        changes: changes.into(),
        api: Field::optional(requests.map(|requests| compared_requests(requests, comparison))),
        thresholds: ThresholdsEntry {
            confidence: thresholds.confidence.into(),
            significance: thresholds.significance.into(),
            min_change: thresholds.min_change.into(),
            min_samples: thresholds.min_samples.into(),
            adjust: thresholds.adjust.into(),
        }
        .into(),
        ..ComparisonReport::default()
    }
}

fn period_entries(
    collection: &Collection<RecordedOperation>,
    period: &Period,
) -> Named<ComparedEntry> {
    let has_history = collection.history.is_some();
    let entries = collection.items.iter().zip(&period.operations);
    let entries = entries.map(|(recorded, operation)| {
        let samples = &recorded.samples;
        let mut entry = figures(operation).with_unit(&recorded.unit);
        if let Some(failures) = recorded.known_failures(has_history) {
            entry.failures = failures.into();
            entry.failure_rate = (failures as f64 / samples.len() as f64).into();
        }
        entry.units = recorded.mixed_units();
        (entry.recorded, entry.counted_from) =
            uncounted(recorded.uncounted, samples.len(), Zone::Local);
        if has_history {
            (entry.source, entry.accuracy) = source(recorded.origin, samples.accuracy());
        }
        (Arc::clone(&operation.operation), entry)
    });
    entries.collect()
}

/// What a comparison says of requests.
fn compared_requests(
    requests: &Both<RecordedEndpoint>,
    comparison: &Comparison,
) -> ComparedRequests {
    let unit: Arc<str> = MILLISECONDS.into();
    let period =
        |collection: &Collection<RecordedEndpoint>, period: &Period| -> Named<ComparedEntry> {
            let entries = collection.items.iter().zip(&period.endpoints);
            let entries = entries.map(|(recorded, endpoint)| {
                let mut entry = figures(&endpoint.durations).with_unit(&unit);
                entry.error_rate = endpoint.failures.rate().into();
                entry.client_error_rate = endpoint.failures.client_rate().into();
                if collection.history.is_some() {
                    (entry.source, entry.accuracy) =
                        source(recorded.origin, recorded.durations.accuracy());
                }
                (Arc::clone(&recorded.endpoint), entry)
            });
            entries.collect()
        };
    let [before, after] = requests;
    let changes = comparison.requests.iter().map(|(endpoint, change)| {
        let entry = ChangeEntry {
            error_rate: judged_rates(&change.failures).into(),
            client_error_rate: rates(&change.failures, Failures::client_rate).into(),
            ..change_entry(&change.durations)
        };
        (Arc::clone(endpoint), entry)
    });
    ComparedRequests {
        period1: period(before, &comparison.before).into(),
        period2: period(after, &comparison.after).into(),
        changes: changes.collect::<Named<_>>().into(),
    }
}

fn figures(operation: &PeriodOperation) -> ComparedEntry {
    let figures = operation.distribution.figures();
    ComparedEntry {
        mean: figures.mean.into(),
        count: figures.count.into(),
        median: figures.median.into(),
        p95: figures.p95.into(),
        p99: figures.p99.into(),
        nan_count: figures.nans.into(),
        ..ComparedEntry::default()
    }
}

impl ComparedEntry {
    fn with_unit(self, unit: &Arc<str>) -> Self {
        Self {
            unit: Arc::clone(unit).into(),
            ..self
        }
    }
}

fn rates(change: &FailureChange, rate: fn(&Failures) -> f64) -> RateChange {
    RateChange {
        period1: rate(&change.before).into(),
        period2: rate(&change.after).into(),
        ..RateChange::default()
    }
}

fn judged_rates(change: &FailureChange) -> RateChange {
    RateChange {
        p_value: change.p_value.into(),
        verdict: change.verdict.as_str().to_owned().into(),
        ..rates(change, Failures::rate)
    }
}

fn change_entry(change: &Change) -> ChangeEntry {
    let (interval, in_percent) = (change.interval, change.interval_percentage);
    ChangeEntry {
        absolute: change.absolute.into(),
        percentage: change.percentage.into(),
        direction: change.direction.as_str().to_owned().into(),
        confidence_interval: IntervalEntry {
            low: Field::nullable(interval.map(|it| it.low)),
            high: Field::nullable(interval.map(|it| it.high)),
            low_percentage: Field::nullable(in_percent.map(|it| it.low)),
            high_percentage: Field::nullable(in_percent.map(|it| it.high)),
        }
        .into(),
        p_value: Field::nullable(change.ranks.map(|ranks| ranks.p_value)),
        effect_size: Field::nullable(change.ranks.map(|ranks| ranks.effect_size)),
        verdict: change.verdict.as_str().to_owned().into(),
        reason: Field::nullable(change.reason.map(Reason::as_str)),
        failure_rate: Field::optional(change.failures.as_ref().map(judged_rates)),
        ..ChangeEntry::default()
    }
}
