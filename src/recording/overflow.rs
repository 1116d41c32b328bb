//! What happens beyond a bound: it is counted, and told of once.

use std::sync::Arc;

use crate::{
    error::{Error, Result},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// How many operations a monitor keeps unless asked otherwise.
pub const DEFAULT_MAX_OPERATIONS: usize = 10_000;

/// How many endpoints a tracker keeps unless asked otherwise.
pub const DEFAULT_MAX_ENDPOINTS: usize = 10_000;

/// The operation that samples of further names go to.
pub const OTHER_OPERATIONS: &str = "(other operations)";

/// The session that samples of further sessions go to in a history.
pub const OTHER_SESSIONS: &str = "(other sessions)";

/// The unit in a history of what goes to all others, whatever it was measured in.
pub const OTHER_UNITS: &str = "(other units)";

/// The endpoint that requests to further endpoints count for.
pub const OTHER_ENDPOINTS: &str = "(other endpoints)";

/// What further HTTP methods are called.
pub const OTHER_METHODS: &str = "(other)";

/// The error that requests with further ones count for.
pub const OTHER_ERRORS: &str = "(other errors)";

/// How many characters of an error's text are kept.
pub const MAX_ERROR_LENGTH: usize = 1_000;

/// What there is a bound to the number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Operations that a monitor keeps apart.
    Operations,
    /// Timers started by name and not stopped yet.
    RunningTimers,
    /// Blocks of one timer that are entered and not left yet.
    TimerBlocks,
    /// Blocks of one session that are entered and not left yet.
    SessionBlocks,
    /// Endpoints that a tracker keeps apart.
    Endpoints,
    /// HTTP methods that a tracker keeps apart.
    Methods,
    /// Blocks of one request that are entered and not left yet.
    RequestBlocks,
}

/// Is told of the first thing beyond a bound: which bound, where it lies, and the name concerned.
/// It is called with no lock held, so it may do anything.
pub type Notice = fn(Bound, usize, &str);

/// Counts what went beyond one bound.
#[derive(Debug)]
pub struct Beyond {
    bound: Bound,
    count: AtomicU64,
    notice: Option<Notice>,
}

impl Beyond {
    /// Nothing so far, and nobody to be told.
    #[must_use]
    pub fn new(bound: Bound) -> Self {
        Self {
            bound,
            count: AtomicU64::new(0),
            notice: None,
        }
    }

    /// Tells `notice` of the first.
    pub fn tell(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// How many so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Counts `more` under `name`, of a bound that lies at `limit`. Must be called without locks.
    #[cold]
    pub fn add(&self, more: u64, limit: usize, name: &str) {
        let before = self.count.fetch_add(more, Relaxed);
        if before == 0
            && more > 0
            && let Some(notice) = self.notice
        {
            notice(self.bound, limit, name);
        }
    }
}

/// `value`, unless it is zero: a bound lets at least one through.
pub fn at_least_one(name: &'static str, value: usize) -> Result<usize> {
    if value == 0 {
        return Err(Error::argument(name, value, "at least 1"));
    }
    Ok(value)
}

/// `text`, or of a long one the beginning with an ellipsis.
#[must_use]
pub fn shortened(text: &str) -> Arc<str> {
    // No text has more characters than bytes, and those few need not be counted.
    if text.len() <= MAX_ERROR_LENGTH || text.chars().nth(MAX_ERROR_LENGTH).is_none() {
        return text.into();
    }
    text.chars()
        .take(MAX_ERROR_LENGTH - 1)
        .chain(['…'])
        .collect::<String>()
        .into()
}
