//! The report of a day, of another period, or of a session.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{ComparisonReport, Field, List, Named, Number, RequestErrors, RequestsReport, schema};

schema! {
    /// The report of a day, of another period, or of a session.
    pub struct Report {
        /// Of a day: which one, as ISO 8601.
        date: String,
        /// Of a session: its id.
        session_id: String,
        /// When it was made, as ISO 8601.
        generated_at: String,
        /// What it is about.
        period: PeriodEntry,
        /// With a history: what changed against the periods before.
        changed: List<ChangedEntry>,
        /// With a history: what that was compared with.
        compared_with: ComparedWith,
        /// The operations.
        operations: Named<OperationEntry>,
        /// The requests, where there is a tracker.
        api: RequestsReport,
        /// How requests failed, where any did.
        request_errors: RequestErrors,
        /// The history that was read.
        history: HistoryEntry,
        /// The versions of the program that wrote it in the period.
        versions: List<VersionEntry>,
        /// The resources in the period, by figure.
        resource_readings: Named<ReadingEntry>,
        /// The resources when it was made, by figure.
        resources: Map<String, Value>,
        /// The resources that were too busy then.
        resource_alerts: List<AlertEntry>,
        /// The cache when it was made.
        cache: CacheEntry,
        /// What a caller may add: a session's report.
        session: Box<Report>,
        /// What a caller may add: a comparison.
        comparison: Box<ComparisonReport>,
        /// What a caller may add: operations whose slow calls are much slower than usual.
        bottlenecks: List<BottleneckEntry>,
        /// The start of the period, where a caller says it here.
        start: String,
        /// Its end.
        end: String,
        /// Its time zone.
        timezone: String,
    }
}

schema! {
    /// A stretch of time, as ISO 8601.
    pub struct Bounds {
        /// Its first moment.
        start: String,
        /// The first moment after it.
        end: String,
    }
}

schema! {
    /// What a report is about.
    pub struct PeriodEntry {
        /// Its first moment, as ISO 8601.
        start: String,
        /// The first moment after it.
        end: String,
        /// The zone in which its bounds were meant: an IANA name, or `local`.
        timezone: String,
        /// Which samples on disk count, where their rows do not end with the period.
        counted: Bounds,
    }
}

schema! {
    /// An operation's samples.
    pub struct OperationEntry {
        /// How many.
        count: Number,
        /// Of a session: their sum.
        total: Number,
        /// The least one.
        min: Number,
        /// The greatest one.
        max: Number,
        /// Their mean.
        mean: Number,
        /// Their median.
        median: Number,
        /// Their standard deviation.
        std: Number,
        /// The unit of the oldest.
        unit: Arc<str>,
        /// Their median, as a percentile.
        p50: Number,
        /// Their 90th percentile.
        p90: Number,
        /// Their 95th percentile.
        p95: Number,
        /// Their 99th percentile.
        p99: Number,
        /// All units, where there are several.
        units: List<Arc<str>>,
        /// How many there were, where some have fallen off.
        recorded: Number,
        /// Since when the others are, as ISO 8601.
        counted_from: String,
        /// How many of them failed.
        failures: Number,
        /// Their share, 0 to 1.
        failure_rate: Number,
        /// With a history: where they come from.
        source: String,
        /// With a history: how exact percentiles are.
        accuracy: String,
    }
}

schema! {
    /// The history that was read.
    pub struct HistoryEntry {
        /// Its file.
        path: String,
        /// What kept it from being read.
        problem: String,
    }
}

schema! {
    /// A version of the program that wrote a history.
    pub struct VersionEntry {
        /// What the program called it.
        version: String,
        /// When it first wrote, as ISO 8601.
        first: String,
        /// When it last wrote.
        last: String,
    }
}

schema! {
    /// The readings of a resource.
    pub struct ReadingEntry {
        /// How many.
        count: Number,
        /// The least one.
        min: Number,
        /// The greatest one.
        max: Number,
        /// Their mean.
        mean: Number,
        /// Their median.
        p50: Number,
        /// Their 95th percentile.
        p95: Number,
        /// Their 99th percentile.
        p99: Number,
        /// Their unit.
        unit: Arc<str>,
    }
}

schema! {
    /// A resource that is too busy.
    pub struct AlertEntry {
        /// The resource.
        resource: String,
        /// How much of it is in use, in percent.
        usage: Number,
        /// How much may be.
        threshold: Number,
        /// How bad that is.
        severity: String,
        /// The same in words.
        message: String,
    }
}

schema! {
    /// A cache.
    pub struct CacheEntry {
        /// Look-ups that found a value.
        hits: Number,
        /// Those that did not.
        misses: Number,
        /// Entries that others took the place of.
        evictions: Number,
        /// Entries whose lifetime ended.
        expirations: Number,
        /// How many entries there are.
        size: Number,
        /// How many there may be.
        max_size: Number,
        /// How many bytes they hold.
        total_bytes: Number,
        /// How many they may hold.
        max_bytes: Number,
        /// The share of look-ups that found a value, 0 to 1.
        hit_rate: Number,
    }
}

schema! {
    /// An operation whose slow calls are much slower than usual.
    pub struct BottleneckEntry {
        /// The operation.
        operation: String,
        /// The median of its times, in seconds.
        median_time: Number,
        /// Their 90th percentile.
        p90_time: Number,
        /// The longest one.
        max_time: Number,
        /// How many times as long as usual the slow calls take.
        slowdown_factor: Number,
        /// How many calls.
        count: Number,
    }
}

schema! {
    /// An operation or endpoint that changed against the periods before.
    pub struct ChangedEntry {
        /// `operation` or `endpoint`.
        kind: String,
        /// Its name.
        name: Arc<str>,
        /// The unit of its samples.
        unit: Arc<str>,
        /// `degraded`, `improved`, `gone` or `new`.
        verdict: String,
        /// Which figure shows it.
        reason: String,
        /// The start of the first hour in which it shows, as ISO 8601.
        since: String,
        /// The end of the last one; null where it still shows.
        until: String,
        /// The change of that figure in percent.
        percentage: Number,
        /// What it came to in these hours of the periods before.
        before: SideEntry,
        /// What it came to in these hours.
        after: SideEntry,
    }
}

schema! {
    /// What an operation or endpoint came to in some hours.
    pub struct SideEntry {
        /// How many samples.
        count: Number,
        /// Their mean.
        mean: Number,
        /// Their median.
        median: Number,
        /// Their 95th percentile.
        p95: Number,
        /// Their 99th percentile.
        p99: Number,
        /// Of an operation: how many runs failed.
        failures: Number,
        /// Their share, 0 to 1.
        failure_rate: Number,
        /// Of an endpoint: the share of requests with a status of 500 or above.
        error_rate: Number,
        /// The share of requests with a status of 400 to 499.
        client_error_rate: Number,
    }
}

schema! {
    /// What a period was compared with.
    pub struct ComparedWith {
        /// `changed`, `unchanged` or `not enough data`.
        verdict: String,
        /// How many operations and endpoints could be judged.
        judged: Number,
        /// How many could not.
        unjudged: Number,
        /// The hours of the period that were compared.
        hours: Bounds,
        /// The same hours of the periods before that have anything recorded.
        periods: List<Bounds>,
    }
}
