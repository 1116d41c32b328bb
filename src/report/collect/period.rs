//! The report of a period or of a session.

use std::sync::Arc;

use super::{
    changed,
    endpoints::RecordedEndpoint,
    entries::{bounds, uncounted},
    operations::RecordedOperation,
    requests_report::requests_report,
    sources::{Caller, Collection, Consultation, RequestsOfPeriod, Sources, Wanted},
    versions,
};
use crate::{
    history::{Found, History},
    report::{
        charts::{Charts, Mark, collect::period_charts},
        schema::{
            ErrorEntry, FailureCounts, Field, HistoryEntry, List, Named, OperationEntry,
            PeriodEntry, ReadingEntry, Report, RequestErrors, VersionEntry,
        },
    },
    requests::Errors,
    rollup::Key,
    time::{TimeRange, Zone, iso_local},
};

/// A report, and what its charts are drawn from.
#[derive(Debug)]
pub struct Drawn<R> {
    /// The report.
    pub report: R,
    /// What of its charts is known without reading a history again.
    pub charts: Charts,
    /// Where the rest of them is: it takes longer to read than the report itself.
    pub rest: Option<(Arc<History>, TimeRange)>,
}

impl<M> Sources<'_, M> {
    /// The report of a period, without what is asked of resources and a cache.
    pub fn period_report(
        &self,
        caller: &impl Caller,
        range: TimeRange,
        zone: Zone,
    ) -> Drawn<Report> {
        let operations = self.operations(
            caller,
            Wanted {
                range,
                session: None,
                timed: true,
            },
        );
        let requests = self.tracker.map(|tracker| tracker.of_period(caller, range));
        let has_history = operations.history.is_some();
        let Collection {
            items: operations,
            history,
        } = operations;
        let (requests, asked) = match requests {
            Some(RequestsOfPeriod {
                endpoints,
                methods,
                errors,
            }) => (
                Some((endpoints.items, methods, errors)),
                Some(endpoints.history),
            ),
            None => (None, None),
        };
        let is_sourced = asked.as_ref().is_some_and(Option::is_some);
        let history = Consultation::either(history, asked.flatten());
        let counted = history.as_ref().and_then(|it| it.counted);
        let (changed, compared_with) = changed::entries(self, caller, range, zone);
        let samples = operations
            .iter()
            .map(|operation| operation.samples.single())
            .sum();
        let (entries, mut charts) = caller.compute(samples, || {
            let entries = named(&operations, |it| {
                OperationEntry::of_period(it, has_history, zone)
            });
            (entries, period_charts(&operations, range, zone))
        });
        let mut report = Report {
            generated_at: iso_local(self.monitor.clock().wall()).into(),
            period: period_entry(range, counted, zone).into(),
            changed,
            compared_with,
            operations: entries.into(),
            ..Report::default()
        };
        if let Some((endpoints, methods, errors)) = requests {
            report.request_errors =
                Field::optional(request_errors(&endpoints, &methods, &errors, zone));
            let counted = endpoints
                .iter()
                .map(|endpoint| endpoint.durations.len())
                .sum();
            let mut api = requests_report(caller, endpoints, methods, is_sourced);
            // A history has what fell off.
            let tracker = self.tracker.filter(|_| !is_sourced);
            let missing = tracker.and_then(|tracker| tracker.requests.uncounted(range));
            (api.recorded, api.counted_from) = uncounted(missing, counted, zone);
            report.api = api.into();
        }
        if let Some(history) = &history {
            report.history = history.entry().into();
            let versions = versions::within(caller, &history.history, range);
            charts.marks = versions
                .iter()
                .filter(|it| range.contains(it.first))
                .map(|it| Mark {
                    time: it.first,
                    label: it.name.clone(),
                })
                .collect();
            report.versions = list(versions.iter().map(|version| VersionEntry {
                version: version.name.clone().into(),
                first: zone.iso(version.first).into(),
                last: zone.iso(version.last).into(),
            }));
            report.resource_readings = readings(&history.resources);
        }
        Drawn {
            report,
            charts,
            rest: history.map(|consulted| (consulted.history, range)),
        }
    }

    /// The report of a session.
    pub fn session_report(&self, caller: &impl Caller, session: &str) -> Report {
        let wanted = Wanted {
            range: TimeRange::ALL,
            session: Some(session),
            timed: false,
        };
        let Collection { items, history } = self.operations(caller, wanted);
        let has_history = history.is_some();
        let operations = named(&items, |it| OperationEntry::of_session(it, has_history));
        Report {
            session_id: session.to_owned().into(),
            generated_at: iso_local(self.monitor.clock().wall()).into(),
            operations: operations.into(),
            history: Field::optional(history.map(|history| history.entry())),
            ..Report::default()
        }
    }
}

fn named<T>(operations: &[RecordedOperation], entry: impl Fn(&RecordedOperation) -> T) -> Named<T> {
    operations
        .iter()
        .map(|operation| (Arc::clone(&operation.name), entry(operation)))
        .collect()
}

/// A list, unless there is nothing in it.
fn list<T>(items: impl Iterator<Item = T>) -> Field<List<T>> {
    let list: List<T> = items.collect();
    Field::optional(Some(list).filter(|list| !list.0.is_empty()))
}

fn period_entry(range: TimeRange, counted: Option<TimeRange>, zone: Zone) -> PeriodEntry {
    let of = bounds(range, zone);
    PeriodEntry {
        start: of.start,
        end: of.end,
        timezone: zone.name().to_owned().into(),
        counted: Field::optional(counted.map(|counted| bounds(counted, zone))),
    }
}

impl Consultation {
    /// What a report says of it.
    pub fn entry(&self) -> HistoryEntry {
        HistoryEntry {
            path: self.history.path().to_string_lossy().into_owned().into(),
            problem: Field::nullable(self.problem.clone()),
        }
    }
}

/// The course of resources by a history.
fn readings(found: &[Found]) -> Field<Named<ReadingEntry>> {
    let entries = found.iter().filter_map(|found| {
        let Key::Resource { figure, unit } = &found.key else {
            return None;
        };
        let mut readings = found.own.histogram.clone();
        readings.merge(&found.others.histogram);
        let mut percentiles = readings.percentiles(&[50.0, 95.0, 99.0]).into_iter();
        let entry = ReadingEntry {
            count: readings.count().into(),
            min: Field::nullable(readings.min()),
            max: Field::nullable(readings.max()),
            mean: Field::nullable(readings.mean()),
            p50: Field::optional(percentiles.next()),
            p95: Field::optional(percentiles.next()),
            p99: Field::optional(percentiles.next()),
            unit: unit.clone().into(),
        };
        Some((Arc::clone(figure), entry))
    });
    let entries: Named<ReadingEntry> = entries.collect();
    Field::optional(Some(entries).filter(|entries| !entries.0.is_empty()))
}

/// How requests failed; nothing if none did.
fn request_errors(
    endpoints: &[RecordedEndpoint],
    methods: &[RecordedEndpoint],
    errors: &Errors,
    zone: Zone,
) -> Option<RequestErrors> {
    if errors.is_empty() && endpoints.iter().all(|endpoint| endpoint.errors == 0) {
        return None;
    }
    let counts = |endpoints: &[RecordedEndpoint]| -> Named<FailureCounts> {
        let of = |endpoint: &RecordedEndpoint| FailureCounts {
            client_errors: (endpoint.errors - endpoint.server_errors).into(),
            server_errors: endpoint.server_errors.into(),
        };
        endpoints
            .iter()
            .map(|endpoint| (Arc::clone(&endpoint.endpoint), of(endpoint)))
            .collect()
    };
    Some(RequestErrors {
        endpoints: counts(endpoints).into(),
        methods: Field::optional((!methods.is_empty()).then(|| counts(methods))),
        errors: errors
            .iter()
            .map(|(key, occurred)| ErrorEntry::of(key, occurred, zone))
            .collect::<List<_>>()
            .into(),
    })
}
