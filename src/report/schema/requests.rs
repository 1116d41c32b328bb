//! What reports say of requests.

use std::sync::Arc;

use super::{Field, List, Named, Number, schema};

schema! {
    /// The requests of a period. Of none there is the number alone.
    pub struct RequestsReport {
        /// How many.
        total_requests: Number,
        /// How many had a status of 400 or above.
        total_errors: Number,
        /// Their share, 0 to 1.
        overall_error_rate: Number,
        /// The mean of the durations, in milliseconds.
        overall_mean_ms: Number,
        /// Their median.
        overall_median_ms: Number,
        /// Their 95th percentile.
        overall_p95_ms: Number,
        /// The endpoints.
        endpoints: Named<EndpointEntry>,
        /// The methods of endpoints that have several, as in `GET /films`.
        methods: Named<EndpointEntry>,
        /// The five endpoints with the highest 95th percentile.
        slowest_endpoints: List<RankedEndpoint>,
        /// The five with the highest share of errors.
        highest_error_endpoints: List<RankedEndpoint>,
        /// How many requests there were, where some have fallen off.
        recorded: Number,
        /// Since when the others are, as ISO 8601.
        counted_from: String,
    }
}

schema! {
    /// The requests to an endpoint.
    pub struct EndpointEntry {
        /// How many.
        count: Number,
        /// How many had a status of 400 or above.
        error_count: Number,
        /// Their share, 0 to 1.
        error_rate: Number,
        /// The least duration, in milliseconds.
        min_ms: Number,
        /// The greatest one.
        max_ms: Number,
        /// Their mean.
        mean_ms: Number,
        /// Their median.
        median_ms: Number,
        /// Their 90th percentile.
        p90_ms: Number,
        /// Their 95th percentile.
        p95_ms: Number,
        /// Their 99th percentile.
        p99_ms: Number,
        /// With a history: where they come from.
        source: String,
        /// With a history: how exact percentiles are.
        accuracy: String,
    }
}

schema! {
    /// An endpoint's place in a ranking.
    pub struct RankedEndpoint {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The 95th percentile of its durations, in milliseconds, where that is what counts.
        p95_ms: Number,
        /// Its share of errors, 0 to 1, where that is.
        error_rate: Number,
    }
}

schema! {
    /// How requests failed.
    pub struct RequestErrors {
        /// How many requests to each endpoint failed.
        endpoints: Named<FailureCounts>,
        /// The same of each method, where an endpoint has several.
        methods: Named<FailureCounts>,
        /// The different errors, those of the server first.
        errors: List<ErrorEntry>,
    }
}

schema! {
    /// How many requests failed, and through whose fault.
    pub struct FailureCounts {
        /// Those with a status of 400 to 499.
        client_errors: Number,
        /// Those with a status of 500 or above.
        server_errors: Number,
    }
}

schema! {
    /// An error of requests.
    pub struct ErrorEntry {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The method.
        method: Arc<str>,
        /// The status.
        status: Number,
        /// What the caller said of it.
        error: Arc<str>,
        /// How often it occurred.
        count: Number,
        /// When it first did, as ISO 8601.
        first: String,
        /// When it last did.
        last: String,
    }
}
