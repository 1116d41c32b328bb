//! API requests and their summaries.

mod groups;

use std::{collections::VecDeque, sync::Arc};

use crate::{
    bounds::{
        Beyond, Bound, DEFAULT_MAX_ENDPOINTS, Notice, OTHER_ENDPOINTS, OTHER_METHODS, at_least_one,
        shortened,
    },
    calendar::TimeRange,
    clock::{Clock, Monotonic},
    entered::MAX_ENTERED,
    error::Result,
    fallen_off::{FallenOff, Uncounted},
    names::Names,
    rollup::{Delta, OpenRequests, Sink, Source},
    stats::Summary,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

pub use groups::{Group, Grouping, OwnGroup, route};

/// How many HTTP methods are kept apart. There are some forty registered ones, but a client may
/// send any text for a method.
pub const MAX_METHODS: usize = 100;

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

/// Figures of an endpoint's requests; durations in milliseconds.
#[derive(Debug, Clone)]
pub struct EndpointStats {
    /// Requests answered with a status of 400 or above.
    pub errors: usize,
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

#[derive(Debug)]
struct Row {
    time: i64,
    duration_ms: f64,
    endpoint: u32,
    method: u32,
    status: u16,
}

impl Row {
    fn is_error(&self) -> bool {
        self.status >= 400
    }

    fn is_server_error(&self) -> bool {
        self.status >= 500
    }
}

#[derive(Debug)]
struct State {
    rows: VecDeque<Row>,
    /// The number of rows that have fallen off.
    first: u64,
    endpoints: Names,
    methods: Names,
    errors: VecDeque<(u64, Arc<str>)>,
    /// What a history has not taken yet, if there is one.
    rollups: Option<OpenRequests>,
    /// Whether there is one, or has been.
    attached: bool,
    /// The number of the first request that is this process's own and not inherited by a fork.
    own_from: u64,
    /// The number of the first request that no history takes, once it takes nothing any more.
    alone_from: Option<u64>,
    /// When requests fell off, or may have been another log's.
    fallen: FallenOff,
}

impl State {
    fn pop(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.endpoints.release(row.endpoint);
            self.methods.release(row.method);
            self.fallen.add(row.time, self.first);
            self.first += 1;
            if self.errors.front().is_some_and(|(at, _)| *at < self.first) {
                self.errors.pop_front();
            }
        }
    }

    #[inline]
    fn roll_up(&mut self, time: i64, duration_ms: f64, kind: (u32, u32, u16)) {
        if let Some(rollups) = &mut self.rollups {
            let names = (&mut self.endpoints, &mut self.methods);
            rollups.record(time, duration_ms, kind, names);
        }
    }

    fn drain(&mut self, out: &mut Vec<Delta>) {
        if let Some(rollups) = &mut self.rollups {
            rollups.drain(&mut self.endpoints, &mut self.methods, out);
        }
    }

    /// The number of the next request.
    fn next(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    fn request(&self, index: usize) -> Option<Request> {
        let row = self.rows.get(index)?;
        let number = self.first + index as u64;
        let error = self.errors.binary_search_by_key(&number, |(at, _)| *at);
        Some(Request {
            endpoint: self.endpoints.name(row.endpoint),
            method: self.methods.name(row.method),
            time: row.time,
            duration_ms: row.duration_ms,
            status: row.status,
            error: error.ok().map(|found| Arc::clone(&self.errors[found].1)),
        })
    }

    fn numbered_in(&self, range: TimeRange) -> impl Iterator<Item = (u64, &Row)> {
        let numbered = (self.first..).zip(&self.rows);
        numbered.filter(move |(_, row)| range.contains(row.time))
    }
}

/// The newest requests, over all endpoints.
#[derive(Debug)]
pub struct Requests {
    clock: Clock,
    max_history: AtomicUsize,
    state: Mutex<State>,
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
                errors: VecDeque::new(),
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
        state.errors.shrink_to(max_history);
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
        if let Some(error) = error {
            let number = state.next();
            state.errors.push_back((number, shortened(error)));
        }
        let (endpoint_id, other_endpoint) = state.endpoints.take(endpoint);
        let (method_id, other_method) = state.methods.take(method);
        let duration_ms = seconds * 1_000.0;
        state.roll_up(time, duration_ms, (endpoint_id, method_id, status));
        state.rows.push_back(Row {
            time,
            duration_ms,
            endpoint: endpoint_id,
            method: method_id,
            status,
        });
        if other_endpoint || other_method {
            let bound = state.endpoints.bound();
            drop(state);
            self.other_endpoints
                .add(u64::from(other_endpoint), bound, endpoint);
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

    /// The durations and errors of an endpoint's requests in `range`.
    #[must_use]
    pub fn endpoint(&self, endpoint: &str, range: TimeRange) -> Group {
        let mut group = Group::default();
        let state = self.state.lock();
        if let Some(id) = state.endpoints.id(endpoint) {
            state
                .numbered_in(range)
                .filter(|(_, row)| row.endpoint == id)
                .for_each(|(_, row)| group.add(row));
        }
        group
    }

    /// The requests in `range` by endpoint, in order of each endpoint's oldest request kept.
    #[must_use]
    pub fn groups(&self, range: TimeRange) -> Vec<(Arc<str>, Group)> {
        self.grouped(range, Grouping::Endpoint)
    }

    /// The requests in `range`, in order of each group's oldest request kept.
    #[must_use]
    pub fn grouped(&self, range: TimeRange, by: Grouping) -> Vec<(Arc<str>, Group)> {
        let state = self.state.lock();
        let add = |group: &mut Group, _, row: &Row| group.add(row);
        state.group(state.numbered_in(range), by, add)
    }

    /// What is missing of the requests in `range`, as it has fallen off; `None` if nothing is, or all.
    #[must_use]
    pub fn uncounted(&self, range: TimeRange) -> Option<Uncounted> {
        let state = self.state.lock();
        let kept = state.rows.iter().map(|row| row.time);
        state.fallen.uncounted(range, state.first, kept)
    }

    /// The same as [`Requests::grouped`] without those that a process inherited when it was forked: its
    /// parent's history has them. And whether none of that range have fallen off.
    #[must_use]
    pub fn own_grouped(&self, range: TimeRange, by: Grouping) -> (Vec<(Arc<str>, OwnGroup)>, bool) {
        let state = self.state.lock();
        let own = state
            .numbered_in(range)
            .filter(|(number, _)| *number >= state.own_from);
        let groups = state.group(own, by, |group: &mut OwnGroup, number, row| {
            group.all.add(row);
            if state.alone_from.is_some_and(|from| number >= from) {
                group.alone.add(row);
            }
        });
        let gone_until = state.fallen.until();
        (groups, gone_until < range.start || gone_until == i64::MIN)
    }
}

impl Source for Requests {
    fn drain(&self, out: &mut Vec<Delta>) {
        self.state.lock().drain(out);
    }

    fn forget(&self) {
        let mut state = self.state.lock();
        state.drain(&mut Vec::new());
        // What its parent's history did not take, nobody but memory has.
        let next = state.next();
        state.own_from = state.alone_from.unwrap_or(next).max(state.own_from);
    }

    fn detach(&self) {
        let mut state = self.state.lock();
        // By which the names that were held go.
        let mut waiting = Vec::new();
        state.drain(&mut waiting);
        state.attached = true;
        let rollups = state.rollups.take();
        let waited = waiting.iter().map(|delta| delta.rollup.len()).sum();
        // Where nobody ever gathered, no history has any.
        let taken = match rollups {
            Some(_) => state.next().saturating_sub(waited),
            None => 0,
        };
        state.alone_from.get_or_insert(taken);
        drop(state);
        drop((rollups, waiting));
    }

    fn succeed(&self) {
        let now = self.clock.wall();
        let mut state = self.state.lock();
        state.fallen.extend_to(now);
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let state = &mut *state;
        if let Some(rollups) = &mut state.rollups {
            rollups.hand_over(&mut state.endpoints, &mut state.methods);
        }
    }
}
