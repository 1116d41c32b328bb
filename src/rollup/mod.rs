//! What a minute's samples come to, gathered while they are recorded.
//!
//! A source that is attached to a history keeps, beside the samples themselves, a rollup of those
//! that the history has not taken yet. Its cost is the same however many there are.

mod errors;
mod operation;
mod requests;
mod status;

use std::{sync::Arc, time::Duration};

use crate::stats::Histogram;

pub use errors::{ErrorKey, MAX_ERRORS, Occurrences};
pub use operation::{MAX_OPEN, OpenRollups};
pub(crate) use requests::OpenRequests;
pub(crate) use status::{is_error, is_server_error, status_class};

/// Nanoseconds in a minute.
pub const MINUTE: i64 = 60 * crate::time::NANOS_PER_SEC;

/// What a rollup is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// An operation's samples in one unit: all of them, or, on top, one session's share.
    Operation {
        /// The operation.
        name: Arc<str>,
        /// The unit.
        unit: Arc<str>,
        /// The session, if it is a session's share.
        session: Option<Arc<str>>,
    },
    /// On top of the same, those samples of an operation that failed, of all or of one session.
    Failures {
        /// The operation.
        name: Arc<str>,
        /// The unit.
        unit: Arc<str>,
        /// The session, if it is a session's share.
        session: Option<Arc<str>>,
    },
    /// Requests to an endpoint, in milliseconds.
    Endpoint {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The HTTP method.
        method: Arc<str>,
        /// The hundreds of the HTTP status: 2 for 200 to 299. 0 is for all below 100, 6 for all from
        /// 600 on.
        status_class: u8,
    },
    /// Readings of a resource.
    Resource {
        /// The figure, such as `cpu_percent`.
        figure: Arc<str>,
        /// The unit.
        unit: Arc<str>,
    },
    /// Requests that failed in one way, which count for their endpoint as well.
    Error(Box<ErrorKey>),
}

/// Samples of a stretch of time, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollup {
    /// The earliest stamp, in UTC nanoseconds since the Unix epoch.
    pub first: i64,
    /// The latest.
    pub last: i64,
    /// The values.
    pub histogram: Histogram,
}

impl Default for Rollup {
    /// Of no samples.
    fn default() -> Self {
        Self {
            first: i64::MAX,
            last: i64::MIN,
            histogram: Histogram::default(),
        }
    }
}

impl Rollup {
    /// Adds a sample.
    #[inline]
    pub fn record(&mut self, time: i64, value: f64) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.histogram.record(value);
    }

    /// Adds another rollup's samples.
    pub fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.histogram.merge(&other.histogram);
    }

    /// How many samples.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether it is of no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last < self.first
    }
}

/// What was recorded of one key in one minute since the history last asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// Of what.
    pub key: Key,
    /// The minute: whole minutes of UTC since the Unix epoch.
    pub minute: i64,
    /// The samples.
    pub rollup: Rollup,
}

/// Something that a history takes rollups from.
pub trait Source: Send + Sync {
    /// Hands over what was recorded since the last time. It keeps whoever records waiting for a moment
    /// at most.
    fn drain(&self, out: &mut Vec<Delta>);

    /// In how long it wants to be drained again, where it matters to it.
    fn drain_in(&self) -> Option<Duration> {
        None
    }

    /// Forgets what was recorded since the last time, and owns nothing of what is in memory any more:
    /// a forked child's is its parent's to hand over.
    fn forget(&self);

    /// Gathers nothing any more, as the history takes nothing any more. What waits stays in memory alone,
    /// as what is recorded from now on does.
    fn detach(&self) {}

    /// Its rows are added to those of a source that has gone, so that memory has only what came later
    /// than now of what they hold.
    fn succeed(&self) {}
}

/// Where a source puts what it cannot keep until it is drained: at its end, when it is cleared, or
/// where there is too much of it. May be called with the source's lock held.
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Hears that something is recorded, for the first time since the source was drained.
    fn begin(&self) {}

    /// Takes `deltas`.
    fn absorb(&self, deltas: Vec<Delta>);
}

/// The minute that `time` lies in.
#[must_use]
pub fn minute_of(time: i64) -> i64 {
    time.div_euclid(MINUTE)
}
