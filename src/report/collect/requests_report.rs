//! The report of API requests.

use std::sync::Arc;

use super::{endpoints::RecordedEndpoint, entries::source, samples::Samples, sources::Caller};
use crate::{
    report::schema::{EndpointEntry, Field, List, Named, RankedEndpoint, RequestsReport},
    requests::EndpointStats,
};

/// How many endpoints the two rankings hold.
const RANKED: usize = 5;

/// The report over `endpoints`, and `methods` of those that have several; with the sources of the figures
/// if it is `sourced`.
pub fn requests_report<E: Into<RecordedEndpoint> + Send>(
    caller: &impl Caller,
    endpoints: Vec<E>,
    methods: Vec<E>,
    sourced: bool,
) -> RequestsReport {
    let into = |endpoints: Vec<E>| -> Vec<RecordedEndpoint> {
        endpoints.into_iter().map(Into::into).collect()
    };
    let (endpoints, methods) = (into(endpoints), into(methods));
    let all = endpoints.iter().chain(&methods);
    let samples = all.map(|endpoint| endpoint.durations.single()).sum();
    caller.compute(samples, || report(&endpoints, &methods, sourced))
}

fn report(
    endpoints: &[RecordedEndpoint],
    methods: &[RecordedEndpoint],
    sourced: bool,
) -> RequestsReport {
    let mut all = Samples::default();
    for endpoint in endpoints {
        all.append(&endpoint.durations);
    }
    let Some(overall) = all.summary() else {
        return RequestsReport {
            total_requests: 0_usize.into(),
            ..RequestsReport::default()
        };
    };
    let errors: usize = endpoints.iter().map(|endpoint| endpoint.errors).sum();
    let endpoints = with_stats(endpoints);
    let ranked = |figure: fn(&EndpointStats) -> f64| ranking(&endpoints, figure);
    RequestsReport {
        total_requests: overall.count.into(),
        total_errors: errors.into(),
        overall_error_rate: (errors as f64 / overall.count as f64).into(),
        overall_mean_ms: overall.mean.into(),
        overall_median_ms: overall.median.into(),
        overall_p95_ms: overall.p95.into(),
        endpoints: entries(&endpoints, sourced).into(),
        methods: Field::optional(
            (!methods.is_empty()).then(|| entries(&with_stats(methods), sourced)),
        ),
        slowest_endpoints: ranked(|stats| stats.durations.p95)
            .into_iter()
            .map(|(endpoint, p95)| RankedEndpoint {
                endpoint: endpoint.into(),
                p95_ms: p95.into(),
                ..RankedEndpoint::default()
            })
            .collect::<List<_>>()
            .into(),
        highest_error_endpoints: ranked(EndpointStats::error_rate)
            .into_iter()
            .map(|(endpoint, rate)| RankedEndpoint {
                endpoint: endpoint.into(),
                error_rate: rate.into(),
                ..RankedEndpoint::default()
            })
            .collect::<List<_>>()
            .into(),
        ..RequestsReport::default()
    }
}

/// The endpoints that have requests, with the figures of these, which take most of the work.
fn with_stats(endpoints: &[RecordedEndpoint]) -> Vec<(&RecordedEndpoint, EndpointStats)> {
    let endpoints = endpoints.iter();
    endpoints.filter_map(|it| Some((it, it.stats()?))).collect()
}

fn entries(
    endpoints: &[(&RecordedEndpoint, EndpointStats)],
    sourced: bool,
) -> Named<EndpointEntry> {
    let entries = endpoints.iter().map(|(endpoint, stats)| {
        let mut entry = EndpointEntry::of(Some(stats));
        if sourced {
            (entry.source, entry.accuracy) = source(endpoint.origin, endpoint.durations.accuracy());
        }
        (Arc::clone(&endpoint.endpoint), entry)
    });
    entries.collect()
}

/// The endpoints with the highest values of a figure, the highest first.
fn ranking(
    endpoints: &[(&RecordedEndpoint, EndpointStats)],
    figure: impl Fn(&EndpointStats) -> f64,
) -> Vec<(Arc<str>, f64)> {
    let mut ranked: Vec<_> = endpoints
        .iter()
        .map(|(endpoint, stats)| (Arc::clone(&endpoint.endpoint), figure(stats)))
        .collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranked.truncate(RANKED);
    ranked
}
