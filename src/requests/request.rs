//! One request.

use std::sync::Arc;

/// One request as readers get it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The endpoint's path or name.
    pub endpoint: Arc<str>,
    /// The HTTP method.
    pub method: Arc<str>,
    /// UTC nanoseconds since the Unix epoch.
    pub time: i64,
    /// Milliseconds.
    pub duration_ms: f64,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, if the caller said.
    pub error: Option<Arc<str>>,
}
