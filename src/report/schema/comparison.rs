//! The report of a comparison of two periods, sessions or versions.

use std::sync::Arc;

use super::{Bounds, Field, HistoryEntry, List, Named, Number, schema};

schema! {
    /// The report of a comparison of two periods, sessions or versions.
    pub struct ComparisonReport {
        /// Of sessions: the first one.
        session1: String,
        /// The second one.
        session2: String,
        /// Of versions: the first one.
        version1: String,
        /// The second one.
        version2: String,
        /// The operations of the first period.
        period1: Named<ComparedEntry>,
        /// Those of the second one.
        period2: Named<ComparedEntry>,
        /// How those of both changed.
        changes: Named<ChangeEntry>,
        /// The requests, where there are any to tell of.
        api: ComparedRequests,
        /// What verdicts took.
        thresholds: ThresholdsEntry,
        /// Which samples on disk count, where their rows do not end with the periods.
        counted: CountedPeriods,
        /// The history that was read.
        history: HistoryEntry,
        /// When it was made, as ISO 8601, where a caller says so.
        generated_at: String,
        /// How sure intervals are, where a caller says it here.
        confidence: Number,
    }
}

schema! {
    /// The requests of a comparison, each method to each endpoint, as in `GET /films`.
    pub struct ComparedRequests {
        /// Those of the first period.
        period1: Named<ComparedEntry>,
        /// Those of the second one.
        period2: Named<ComparedEntry>,
        /// How those of both changed.
        changes: Named<ChangeEntry>,
    }
}

schema! {
    /// The samples of an operation, or the durations of requests, in one of two periods.
    pub struct ComparedEntry {
        /// Their mean.
        mean: Number,
        /// How many.
        count: Number,
        /// Their median.
        median: Number,
        /// Their 95th percentile.
        p95: Number,
        /// Their 99th percentile.
        p99: Number,
        /// How many are not a number.
        nan_count: Number,
        /// The unit of the oldest.
        unit: Arc<str>,
        /// Of requests: the share of those with a status of 500 or above.
        error_rate: Number,
        /// The share of those with a status of 400 to 499.
        client_error_rate: Number,
        /// Of an operation: how many runs failed.
        failures: Number,
        /// Their share, 0 to 1.
        failure_rate: Number,
        /// All units, where there are several.
        units: List<Arc<str>>,
        /// How many samples there were, where some have fallen off.
        recorded: Number,
        /// Since when the others are, as ISO 8601.
        counted_from: String,
        /// With a history: where they come from.
        source: String,
        /// With a history: how exact percentiles are.
        accuracy: String,
        /// Their median, where a caller calls it so.
        p50: Number,
    }
}

schema! {
    /// How an operation, or requests, changed.
    pub struct ChangeEntry {
        /// The second mean minus the first.
        absolute: Number,
        /// The same in percent of the first.
        percentage: Number,
        /// Which way the mean went.
        direction: String,
        /// Where the change of the mean lies.
        confidence_interval: IntervalEntry,
        /// How likely samples as different as these would be if nothing had changed.
        p_value: Number,
        /// By how much the samples of one period tend to be greater, from -1 to 1.
        effect_size: Number,
        /// What all that comes to; of requests, of their durations.
        verdict: String,
        /// Which way it improved or degraded.
        reason: String,
        /// Of an operation: how the share of runs that failed changed.
        failure_rate: RateChange,
        /// Of requests: how the share of those changed that the server failed.
        error_rate: RateChange,
        /// The share of those that clients failed.
        client_error_rate: RateChange,
        /// Its unit, where a caller says it here.
        unit: Arc<str>,
        /// How sure the interval is, where a caller says it here.
        confidence: Number,
    }
}

schema! {
    /// Where the change of a mean lies.
    pub struct IntervalEntry {
        /// The least that it may be.
        low: Number,
        /// The most.
        high: Number,
        /// The least in percent of the first mean.
        low_percentage: Number,
        /// The most.
        high_percentage: Number,
    }
}

schema! {
    /// A share in both periods, 0 to 1.
    pub struct RateChange {
        /// That of the first period.
        period1: Number,
        /// That of the second one.
        period2: Number,
        /// How likely shares as different as these would be if nothing had changed.
        p_value: Number,
        /// What that comes to.
        verdict: String,
    }
}

schema! {
    /// What verdicts took.
    pub struct ThresholdsEntry {
        /// How sure intervals are.
        confidence: Number,
        /// How likely a verdict may be by chance.
        significance: Number,
        /// The least change that matters, in percent.
        min_change: Number,
        /// How many samples each period had to have.
        min_samples: Number,
        /// Whether all verdicts shared what chance may do.
        adjust: bool,
    }
}

schema! {
    /// Which samples on disk count of each of two periods.
    pub struct CountedPeriods {
        /// Of the first period.
        period1: Bounds,
        /// Of the second one.
        period2: Bounds,
    }
}
