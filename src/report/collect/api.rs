//! The report of API requests.

use std::sync::Arc;

use super::recorded::{Origin, RecordedEndpoint, Samples};
use crate::requests::EndpointStats;

/// How many endpoints the two rankings hold.
const RANKED: usize = 5;

/// Figures of all requests, and of each endpoint's.
#[derive(Debug, Clone)]
pub struct ApiReport {
    /// How many requests.
    pub requests: usize,
    /// How many of them were errors.
    pub errors: usize,
    /// Mean duration in milliseconds.
    pub mean_ms: f64,
    /// Median duration in milliseconds.
    pub median_ms: f64,
    /// 95th percentile of the durations in milliseconds.
    pub p95_ms: f64,
    /// Each endpoint's figures, in the order of what the report was made of.
    pub endpoints: Vec<EndpointReport>,
    /// Those of each method, as in `GET /films`, where an endpoint has several.
    pub methods: Vec<EndpointReport>,
}

/// What a report says of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointReport {
    /// The endpoint.
    pub endpoint: Arc<str>,
    /// Its figures.
    pub stats: EndpointStats,
    /// Where they come from.
    pub origin: Origin,
    /// How close the percentiles are.
    pub accuracy: String,
}

impl ApiReport {
    /// The report over `endpoints`, and `methods` of those that have several; `None` of no requests.
    #[must_use]
    pub fn of<E: Into<RecordedEndpoint>>(endpoints: Vec<E>, methods: Vec<E>) -> Option<Self> {
        let endpoints: Vec<RecordedEndpoint> = endpoints.into_iter().map(Into::into).collect();
        let mut all = Samples::default();
        for endpoint in &endpoints {
            all.append(&endpoint.durations);
        }
        let overall = all.summary()?;
        Some(Self {
            requests: overall.count,
            errors: endpoints.iter().map(|endpoint| endpoint.errors).sum(),
            mean_ms: overall.mean,
            median_ms: overall.median,
            p95_ms: overall.p95,
            endpoints: endpoints
                .into_iter()
                .filter_map(EndpointReport::of)
                .collect(),
            methods: methods
                .into_iter()
                .filter_map(|methods| EndpointReport::of(methods.into()))
                .collect(),
        })
    }

    /// The endpoints with the highest 95th percentile, slowest first.
    #[must_use]
    pub fn slowest(&self) -> Vec<(&Arc<str>, f64)> {
        self.ranked(|stats| stats.durations.p95)
    }

    /// The endpoints with the highest share of errors, worst first.
    #[must_use]
    pub fn most_failing(&self) -> Vec<(&Arc<str>, f64)> {
        self.ranked(EndpointStats::error_rate)
    }

    fn ranked(&self, figure: impl Fn(&EndpointStats) -> f64) -> Vec<(&Arc<str>, f64)> {
        let mut ranked: Vec<_> = self
            .endpoints
            .iter()
            .map(|report| (&report.endpoint, figure(&report.stats)))
            .collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranked.truncate(RANKED);
        ranked
    }
}

impl EndpointReport {
    fn of(recorded: RecordedEndpoint) -> Option<Self> {
        Some(Self {
            accuracy: recorded.durations.accuracy(),
            stats: EndpointStats {
                errors: recorded.errors,
                server_errors: recorded.server_errors,
                durations: recorded.durations.summary()?,
            },
            endpoint: recorded.endpoint,
            origin: recorded.origin,
        })
    }
}
