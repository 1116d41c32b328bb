//! The requests of a tracker: the newest of them, and what there is beyond the bounds.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    error::Result,
    recording::{
        blocks::MAX_ENTERED,
        evicted::{FallenOff, Uncounted},
        interned::Names,
        overflow::{
            Beyond, Bound, DEFAULT_MAX_ENDPOINTS, Notice, OTHER_ENDPOINTS, OTHER_METHODS,
            at_least_one,
        },
    },
    rollup::{ErrorKey, Occurrences, OpenRequests, Sink},
    stats::Summary,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Clock, Monotonic, TimeRange},
};

use super::{
    Request,
    errors::ErrorLog,
    state::{Row, State},
};

/// How many HTTP methods are kept apart. There are some forty registered ones, but a client may
/// send any text for a method.
pub const MAX_METHODS: usize = 100;

/// Figures of an endpoint's requests; durations in milliseconds.
#[derive(Debug, Clone)]
pub struct EndpointStats {
    /// Requests answered with a status of 400 or above.
    pub errors: usize,
    /// How many of them were the server's: with one of 500 or above.
    pub server_errors: usize,
    /// The durations' figures.
    pub durations: Summary,
}

impl EndpointStats {
    /// How many requests.
    #[must_use]
    pub fn count(&self) -> usize {
        self.durations.count
    }

    /// The share of errors, 0 to 1.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        self.errors as f64 / self.count() as f64
    }
}

/// The newest requests, over all endpoints.
#[derive(Debug)]
pub struct Requests {
    clock: Clock,
    max_history: AtomicUsize,
    pub(super) state: Mutex<State>,
    /// Requests to endpoints beyond the bound.
    other_endpoints: Beyond,
    /// Requests with methods beyond the bound.
    other_methods: Beyond,
    /// Blocks of one request pushed out by later ones.
    forgotten: Beyond,
}

impl Requests {
    /// A log of the newest `max_history` requests, to up to [`DEFAULT_MAX_ENDPOINTS`].
    pub fn new(max_history: usize, clock: Clock) -> Result<Self> {
        Ok(Self {
            clock,
            max_history: AtomicUsize::new(at_least_one("max_history", max_history)?),
            state: Mutex::new(State {
                rows: VecDeque::new(),
                first: 0,
                endpoints: Names::new(DEFAULT_MAX_ENDPOINTS, OTHER_ENDPOINTS),
                methods: Names::new(MAX_METHODS, OTHER_METHODS),
                texts: VecDeque::new(),
                errors: ErrorLog::default(),
                rollups: None,
                attached: false,
                own_from: 0,
                alone_from: None,
                fallen: FallenOff::default(),
            }),
            other_endpoints: Beyond::new(Bound::Endpoints),
            other_methods: Beyond::new(Bound::Methods),
            forgotten: Beyond::new(Bound::RequestBlocks),
        })
    }

    /// Has `notice` told of the first request to an endpoint too many, of the first with a
    /// method too many, and of the first block forgotten.
    #[must_use]
    pub fn telling(mut self, notice: Notice) -> Self {
        self.other_endpoints.tell(notice);
        self.other_methods.tell(notice);
        self.forgotten.tell(notice);
        self
    }

    /// From now on rolls requests up for a history, which drains this log; what would be lost to
    /// it goes to `sink`. `false` if there is one already, which stays, or was.
    pub fn roll_up_for(&self, sink: Arc<dyn Sink>) -> bool {
        let mut state = self.state.lock();
        let new = !std::mem::replace(&mut state.attached, true);
        if new {
            state.rollups = Some(OpenRequests::new(sink));
        }
        new
    }

    /// Its clock.
    #[must_use]
    #[inline]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many requests are kept.
    #[must_use]
    pub fn max_history(&self) -> usize {
        self.max_history.load(Relaxed)
    }

    /// Changes how many requests are kept; the oldest go at once where there are more.
    pub fn set_max_history(&self, max_history: usize) -> Result<()> {
        at_least_one("max_history", max_history)?;
        // Under the lock: the truncation to a bound that another has replaced would lose requests.
        let mut state = self.state.lock();
        self.max_history.store(max_history, Relaxed);
        while state.rows.len() > max_history {
            state.pop();
        }
        state.rows.shrink_to(max_history);
        state.texts.shrink_to(max_history);
        Ok(())
    }

    /// How many endpoints are kept apart.
    #[must_use]
    pub fn max_endpoints(&self) -> usize {
        self.state.lock().endpoints.bound()
    }

    /// Changes how many endpoints are kept apart. Those that are there stay as long as their
    /// requests, however many.
    pub fn set_max_endpoints(&self, max_endpoints: usize) -> Result<()> {
        let bound = at_least_one("max_endpoints", max_endpoints)?;
        self.state.lock().endpoints.set_bound(bound);
        Ok(())
    }

    /// How many requests count for [`OTHER_ENDPOINTS`] because their endpoints were too many.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.other_endpoints.count()
    }

    /// How many requests have [`OTHER_METHODS`] for a method because theirs were too many.
    #[must_use]
    pub fn methods_overflowed(&self) -> u64 {
        self.other_methods.count()
    }

    /// How many blocks of requests were forgotten because too many were not left.
    #[must_use]
    pub fn requests_forgotten(&self) -> u64 {
        self.forgotten.count()
    }

    /// Counts a block of a request to `endpoint` that was forgotten for a later one of the same
    /// object.
    #[cold]
    pub fn block_forgotten(&self, endpoint: &str) {
        self.forgotten.add(1, MAX_ENTERED, endpoint);
    }

    /// Records a request that ended at `moment` and took `seconds`. Of a long `error` the
    /// beginning is kept, with an ellipsis.
    #[inline]
    pub fn record(
        &self,
        endpoint: &str,
        method: &str,
        moment: Monotonic,
        seconds: f64,
        status: u16,
        error: Option<&str>,
    ) {
        let time = self.clock.wall_at(moment);
        let mut state = self.state.lock();
        // Read under the lock: a bound that is out of date is followed by the truncation of
        // whoever changed it.
        let bound = self.max_history();
        while state.rows.len() >= bound {
            state.pop();
        }
        // An endpoint is worth keeping once it answers by anything but that there is nothing here.
        let answers = !matches!(status, 404 | 405);
        let (endpoint_id, other_endpoint) = state.endpoints.take(endpoint, answers);
        let (method_id, other_method) = state.methods.take(method, true);
        let row = Row {
            time,
            duration_ms: seconds * 1_000.0,
            endpoint: endpoint_id,
            method: method_id,
            status,
        };
        state.roll_up(&row);
        if row.is_error() || error.is_some() {
            state.note_error(&row, error);
        }
        state.rows.push_back(row);
        if other_endpoint || other_method {
            let bound = state.endpoints.bound();
            let displaced = state.endpoints.displaced();
            drop(state);
            if let Some((name, requests)) = displaced {
                self.other_endpoints.add(requests, bound, &name);
            } else {
                let beyond = u64::from(other_endpoint);
                self.other_endpoints.add(beyond, bound, endpoint);
            }
            self.other_methods
                .add(u64::from(other_method), MAX_METHODS, method);
        }
    }

    /// The number of requests kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The request at `index`, 0 being the oldest.
    #[must_use]
    pub fn request_at(&self, index: usize) -> Option<Request> {
        self.state.lock().request(index)
    }

    /// Forgets all requests and errors. What a history has, or is about to take, stays there.
    pub fn clear(&self) {
        let now = self.clock.wall();
        self.state.lock().clear(now);
    }

    /// The last different errors of `endpoint`, or of all, the one that occurred last first. There are up
    /// to [`MAX_ERRORS`], and [`MAX_ENDPOINT_ERRORS`] of an endpoint, for as long as nothing pushes them
    /// out, whether their requests are kept or not.
    #[must_use]
    pub fn errors(&self, endpoint: Option<&str>) -> Vec<(ErrorKey, Occurrences)> {
        self.state.lock().errors.of(endpoint)
    }

    /// What is missing of the requests in `range`, as it has fallen off; `None` if nothing is, or all.
    #[must_use]
    pub fn uncounted(&self, range: TimeRange) -> Option<Uncounted> {
        let state = self.state.lock();
        let kept = state.rows.iter().map(|row| row.time);
        state.fallen.uncounted(range, state.first, kept)
    }
}
