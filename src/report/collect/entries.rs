//! What samples and requests come to, as the entries of reports.

use std::sync::Arc;

use super::{
    operations::RecordedOperation,
    samples::{EXACT, Origin, Samples},
};
use crate::{
    recording::evicted::Uncounted,
    report::schema::{Bounds, EndpointEntry, ErrorEntry, Field, Number, OperationEntry},
    requests::EndpointStats,
    rollup::{ErrorKey, Occurrences},
    stats::Summary,
    time::{TimeRange, Zone},
};

impl OperationEntry {
    /// The figures of samples in a unit; of none their number alone.
    #[must_use]
    pub fn of_samples(samples: &Samples, unit: &Arc<str>) -> Self {
        let Some(summary) = samples.summary() else {
            return Self::none();
        };
        let Summary {
            count,
            min,
            max,
            mean,
            median,
            std,
            p50,
            p90,
            p95,
            p99,
        } = summary;
        Self {
            count: count.into(),
            min: min.into(),
            max: max.into(),
            mean: mean.into(),
            median: median.into(),
            std: std.into(),
            unit: unit.clone().into(),
            p50: p50.into(),
            p90: p90.into(),
            p95: p95.into(),
            p99: p99.into(),
            ..Self::default()
        }
    }

    /// Of no samples.
    #[must_use]
    pub fn none() -> Self {
        Self {
            count: 0_usize.into(),
            ..Self::default()
        }
    }

    /// The same with how many of the samples failed, where that is known.
    #[must_use]
    pub fn with_failures(mut self, failures: Option<u64>) -> Self {
        if let (Some(failures), Some(count)) = (failures, self.count.number()) {
            self.failures = failures.into();
            self.failure_rate = (failures as f64 / count).into();
        }
        self
    }

    /// What the report of a period says of an operation.
    pub(super) fn of_period(operation: &RecordedOperation, has_history: bool, zone: Zone) -> Self {
        let samples = &operation.samples;
        let accuracy = has_history.then(|| samples.accuracy());
        Self::of_samples(samples, &operation.unit)
            .with_failures(operation.known_failures(has_history))
            .with_origin(operation, accuracy, zone)
    }

    /// What the report of a session says of an operation.
    pub(super) fn of_session(operation: &RecordedOperation, has_history: bool) -> Self {
        let (count, total) = (operation.samples.len(), operation.samples.sum());
        let entry = Self {
            count: count.into(),
            total: total.into(),
            mean: (total / count as f64).into(),
            unit: operation.unit.clone().into(),
            ..Self::default()
        };
        // None of these is an estimate, wherever it comes from.
        let accuracy = has_history.then(|| EXACT.to_owned());
        entry.with_origin(operation, accuracy, Zone::Local)
    }

    /// The same with the units of the samples, with how many there were, and if the `accuracy` is to be told,
    /// with where they come from.
    fn with_origin(
        mut self,
        operation: &RecordedOperation,
        accuracy: Option<String>,
        zone: Zone,
    ) -> Self {
        let count = operation.samples.len();
        self.units = operation.mixed_units();
        (self.recorded, self.counted_from) = uncounted(operation.uncounted, count, zone);
        if let Some(accuracy) = accuracy {
            (self.source, self.accuracy) = source(operation.origin, accuracy);
        }
        self
    }
}

impl EndpointEntry {
    /// The figures of requests; of none their number alone.
    #[must_use]
    pub fn of(stats: Option<&EndpointStats>) -> Self {
        let Some(stats) = stats else {
            return Self {
                count: 0_usize.into(),
                ..Self::default()
            };
        };
        let durations = &stats.durations;
        Self {
            count: stats.count().into(),
            error_count: stats.errors.into(),
            error_rate: stats.error_rate().into(),
            min_ms: durations.min.into(),
            max_ms: durations.max.into(),
            mean_ms: durations.mean.into(),
            median_ms: durations.median.into(),
            p90_ms: durations.p90.into(),
            p95_ms: durations.p95.into(),
            p99_ms: durations.p99.into(),
            ..Self::default()
        }
    }
}

impl ErrorEntry {
    /// An error of requests, with its times as ISO 8601 in `zone`.
    #[must_use]
    pub fn of(key: &ErrorKey, occurred: &Occurrences, zone: Zone) -> Self {
        Self {
            endpoint: key.endpoint.clone().into(),
            method: key.method.clone().into(),
            status: u64::from(key.status).into(),
            error: Field::nullable(Some(key.text.clone()).filter(|text| !text.is_empty())),
            count: occurred.count.into(),
            first: zone.iso(occurred.first).into(),
            last: zone.iso(occurred.last).into(),
        }
    }
}

/// A stretch of time: up to, but not including, `end`.
pub(super) fn bounds(range: TimeRange, zone: Zone) -> Bounds {
    Bounds {
        start: zone.iso(range.start).into(),
        end: zone.iso(range.end.saturating_add(1)).into(),
    }
}

/// Where figures come from, and how exact they are.
pub(super) fn source(origin: Origin, accuracy: String) -> (Field<String>, Field<String>) {
    (origin.as_str().to_owned().into(), accuracy.into())
}

/// Of how many samples `count` are and since when, if some have fallen off.
pub(super) fn uncounted(
    uncounted: Option<Uncounted>,
    count: u64,
    zone: Zone,
) -> (Field<Number>, Field<String>) {
    uncounted.map_or_else(Default::default, |Uncounted { samples, since }| {
        ((count + samples).into(), zone.iso(since).into())
    })
}
