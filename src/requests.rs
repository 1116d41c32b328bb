//! API requests and their summaries.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    bounds::{
        Beyond, Bound, DEFAULT_MAX_ENDPOINTS, Notice, OTHER_ENDPOINTS, OTHER_METHODS, at_least_one,
        shortened,
    },
    calendar::TimeRange,
    clock::{Clock, Monotonic},
    error::Result,
    names::Names,
    stats::Summary,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// How many endpoints the two rankings of a report hold.
const RANKED: usize = 5;

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

/// Figures of all requests, and of each endpoint's.
#[derive(Debug, Clone)]
pub struct ApiReport {
    /// How many requests.
    pub requests: usize,
    /// How many of them were errors.
    pub errors: usize,
    /// Mean duration in milliseconds.
    pub mean_ms: f64,
    /// Median duration in milliseconds.
    pub median_ms: f64,
    /// 95th percentile of the durations in milliseconds.
    pub p95_ms: f64,
    /// Each endpoint's figures, in order of its oldest request kept.
    pub endpoints: Vec<(Arc<str>, EndpointStats)>,
}

impl ApiReport {
    /// The report over `groups`, or `None` of no requests.
    #[must_use]
    pub fn of(groups: Vec<(Arc<str>, Group)>) -> Option<Self> {
        let durations: Vec<f64> = groups
            .iter()
            .flat_map(|(_, group)| group.durations.iter().copied())
            .collect();
        let overall = Summary::of(&durations)?;
        Some(Self {
            requests: overall.count,
            errors: groups.iter().map(|(_, group)| group.errors).sum(),
            mean_ms: overall.mean,
            median_ms: overall.median,
            p95_ms: overall.p95,
            endpoints: groups
                .into_iter()
                .filter_map(|(endpoint, group)| Some((endpoint, group.stats()?)))
                .collect(),
        })
    }

    /// The endpoints with the highest 95th percentile, slowest first.
    #[must_use]
    pub fn slowest(&self) -> Vec<(&Arc<str>, f64)> {
        self.ranked(|stats| stats.durations.p95)
    }

    /// The endpoints with the highest share of errors, worst first.
    #[must_use]
    pub fn most_failing(&self) -> Vec<(&Arc<str>, f64)> {
        self.ranked(EndpointStats::error_rate)
    }

    fn ranked(&self, figure: impl Fn(&EndpointStats) -> f64) -> Vec<(&Arc<str>, f64)> {
        let mut ranked: Vec<_> = self
            .endpoints
            .iter()
            .map(|(endpoint, stats)| (endpoint, figure(stats)))
            .collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranked.truncate(RANKED);
        ranked
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
}

#[derive(Debug)]
struct State {
    rows: VecDeque<Row>,
    /// The number of rows that have fallen off.
    first: u64,
    endpoints: Names,
    methods: Names,
    errors: VecDeque<(u64, Arc<str>)>,
}

impl State {
    fn pop(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.endpoints.release(row.endpoint);
            self.methods.release(row.method);
            self.first += 1;
            if self.errors.front().is_some_and(|(at, _)| *at < self.first) {
                self.errors.pop_front();
            }
        }
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

    fn rows_in(&self, range: TimeRange) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| range.contains(row.time))
    }
}

/// Durations and errors of one group of requests, to be looked at without holding up the log.
#[derive(Debug, Default)]
pub struct Group {
    /// Milliseconds, oldest first.
    pub durations: Vec<f64>,
    /// How many of the requests were errors.
    pub errors: usize,
}

impl Group {
    fn add(&mut self, row: &Row) {
        self.durations.push(row.duration_ms);
        self.errors += usize::from(row.is_error());
    }

    /// Its figures, or `None` of none.
    #[must_use]
    pub fn stats(&self) -> Option<EndpointStats> {
        Summary::of(&self.durations).map(|durations| EndpointStats {
            errors: self.errors,
            durations,
        })
    }

    /// The share of errors, 0 to 1; 0 of none.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        if self.durations.is_empty() {
            0.0
        } else {
            self.errors as f64 / self.durations.len() as f64
        }
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
            }),
            other_endpoints: Beyond::new(Bound::Endpoints),
            other_methods: Beyond::new(Bound::Methods),
        })
    }

    /// Has `notice` told of the first request to an endpoint too many, and of the first with a
    /// method too many.
    #[must_use]
    pub fn telling(mut self, notice: Notice) -> Self {
        self.other_endpoints.tell(notice);
        self.other_methods.tell(notice);
        self
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
            let number = state.first + state.rows.len() as u64;
            state.errors.push_back((number, shortened(error)));
        }
        let (endpoint_id, other_endpoint) = state.endpoints.take(endpoint);
        let (method_id, other_method) = state.methods.take(method);
        state.rows.push_back(Row {
            time,
            duration_ms: seconds * 1_000.0,
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
                .rows_in(range)
                .filter(|row| row.endpoint == id)
                .for_each(|row| group.add(row));
        }
        group
    }

    /// The requests in `range` by endpoint, in order of each endpoint's oldest request kept.
    #[must_use]
    pub fn groups(&self, range: TimeRange) -> Vec<(Arc<str>, Group)> {
        let mut groups: Vec<(Arc<str>, Group)> = Vec::new();
        let state = self.state.lock();
        let mut places: Vec<Option<usize>> = vec![None; state.endpoints.ids_given()];
        for row in state.rows_in(range) {
            let place = *places[row.endpoint as usize].get_or_insert_with(|| {
                groups.push((state.endpoints.name(row.endpoint), Group::default()));
                groups.len() - 1
            });
            groups[place].1.add(row);
        }
        groups
    }
}
