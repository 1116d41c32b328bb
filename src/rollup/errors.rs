//! The errors of requests that wait to be taken.

use std::{
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{Delta, Key, Rollup, status::status_class};
use crate::recording::overflow::OTHER_ERRORS;

/// How many different errors of a minute are told apart. What is of a further one keeps its endpoint and
/// method, and what kind of status it had: of these there are no more than rollups of requests.
pub const MAX_ERRORS: usize = 100;

/// How often something happened, and from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrences {
    /// How often.
    pub count: u64,
    /// The first stamp, in UTC nanoseconds since the Unix epoch.
    pub first: i64,
    /// The last stamp.
    pub last: i64,
}

impl Default for Occurrences {
    /// Never.
    fn default() -> Self {
        Self {
            count: 0,
            first: i64::MAX,
            last: i64::MIN,
        }
    }
}

impl Occurrences {
    /// Adds one at `time`.
    pub fn add(&mut self, time: i64) {
        self.merge(&Self {
            count: 1,
            first: time,
            last: time,
        });
    }

    /// Adds those of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// Whether it never happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl From<&Rollup> for Occurrences {
    fn from(rollup: &Rollup) -> Self {
        Self {
            count: rollup.len(),
            first: rollup.first,
            last: rollup.last,
        }
    }
}

/// What errors are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorKey {
    /// The endpoint.
    pub endpoint: Arc<str>,
    /// The HTTP method.
    pub method: Arc<str>,
    /// The HTTP status. Of [`OTHER_ERRORS`] the least one of its hundred.
    pub status: u16,
    /// What went wrong; empty if nobody said.
    pub text: Arc<str>,
}

impl ErrorKey {
    /// What its requests count for.
    #[must_use]
    pub fn of_endpoint(&self) -> Key {
        Key::Endpoint {
            endpoint: Arc::clone(&self.endpoint),
            method: Arc::clone(&self.method),
            status_class: status_class(self.status),
        }
    }

    /// The kind of error that stands for all further ones of its endpoint.
    #[must_use]
    pub fn other(&self) -> Self {
        Self {
            status: u16::from(status_class(self.status)) * 100,
            text: OTHER_ERRORS.into(),
            ..self.clone()
        }
    }
}

/// The errors of one minute that wait to be taken.
#[derive(Debug, Default)]
pub struct OpenErrors {
    open: IndexMap<ErrorKey, Rollup, RandomState>,
    /// Those of the minute that there have been, taken or not, by their hashes.
    seen: Vec<u64>,
}

impl OpenErrors {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds one.
    pub fn record(&mut self, key: ErrorKey, time: i64, duration_ms: f64) {
        let hash = self.open.hasher().hash_one(&key);
        let key = if self.seen.contains(&hash) {
            key
        } else if self.seen.len() < MAX_ERRORS {
            self.seen.push(hash);
            key
        } else {
            key.other()
        };
        let open = self.open.entry(key).or_default();
        open.record(time, duration_ms);
    }

    /// Hands over what waits, which is of this `minute`.
    pub fn drain(&mut self, minute: i64, out: &mut Vec<Delta>) {
        let open = self.open.drain(..);
        out.extend(open.map(|(key, rollup)| Delta {
            key: Key::Error(Box::new(key)),
            minute,
            rollup,
        }));
    }

    /// Another minute begins.
    pub fn begin(&mut self) {
        self.seen.clear();
    }
}
