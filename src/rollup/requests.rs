//! The rollups of requests that wait to be taken.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{
    Delta, ErrorKey, Key, MINUTE, Rollup, Sink, errors::OpenErrors, minute_of, status::status_class,
};
use crate::recording::interned::Names;

/// How many rollups wait at most until the history takes them by itself, of the present minute and
/// of others. More are handed over at once.
const MAX_OPEN: usize = 1_024;

/// Endpoint and method by number, and the kind of status.
type Kind = (u32, u32, u8);

/// The rollups of requests that wait to be taken.
#[derive(Debug)]
pub struct OpenRequests {
    sink: Arc<dyn Sink>,
    /// The minute of those below.
    minute: i64,
    open: IndexMap<Kind, Rollup, RandomState>,
    /// Where the last request went, which is often where the next one goes.
    last: usize,
    /// Of the same minute.
    errors: OpenErrors,
    /// Those of other minutes.
    closed: Vec<Delta>,
}

impl OpenRequests {
    /// None yet, for the history behind `sink`.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Self {
            sink,
            minute: 0,
            open: IndexMap::default(),
            last: 0,
            errors: OpenErrors::default(),
            closed: Vec::new(),
        }
    }

    /// Adds a request. The names used are held until they are handed over.
    #[inline]
    pub fn record(
        &mut self,
        time: i64,
        duration_ms: f64,
        (endpoint, method, status): (u32, u32, u16),
        (endpoints, methods): (&mut Names, &mut Names),
    ) {
        let start = self.minute.saturating_mul(MINUTE);
        let within = time.wrapping_sub(start).cast_unsigned() < MINUTE.cast_unsigned();
        if !within || self.open.len() >= MAX_OPEN {
            self.close(endpoints, methods);
            self.turn_to(minute_of(time));
            if self.closed.len() >= MAX_OPEN {
                self.sink.absorb(std::mem::take(&mut self.closed));
            }
        }
        let kind = (endpoint, method, status_class(status));
        match self.open.get_index_mut(self.last) {
            Some((last, rollup)) if *last == kind => rollup.record(time, duration_ms),
            _ => {
                let entry = self.open.entry(kind);
                self.last = entry.index();
                let is_first = self.last == 0;
                let new = || {
                    if is_first {
                        self.sink.begin();
                    }
                    endpoints.hold(endpoint);
                    methods.hold(method);
                    Rollup::default()
                };
                entry.or_insert_with(new).record(time, duration_ms);
            }
        }
    }

    #[cold]
    fn turn_to(&mut self, minute: i64) {
        if minute != self.minute {
            self.errors.begin();
            self.minute = minute;
        }
    }

    /// Adds what a request failed with, which was recorded just before.
    pub fn record_error(&mut self, time: i64, duration_ms: f64, key: ErrorKey) {
        self.errors.record(key, time, duration_ms);
    }

    #[cold]
    fn close(&mut self, endpoints: &mut Names, methods: &mut Names) {
        let minute = self.minute;
        self.closed.extend(self.open.drain(..).map(
            |((endpoint, method, status_class), rollup)| {
                let key = Key::Endpoint {
                    endpoint: endpoints.name(endpoint),
                    method: methods.name(method),
                    status_class,
                };
                endpoints.let_go(endpoint);
                methods.let_go(method);
                Delta {
                    key,
                    minute,
                    rollup,
                }
            },
        ));
        if !self.errors.is_empty() {
            self.errors.drain(minute, &mut self.closed);
        }
    }

    /// Hands what waits over to the sink.
    pub fn hand_over(&mut self, endpoints: &mut Names, methods: &mut Names) {
        let mut deltas = Vec::new();
        self.drain(endpoints, methods, &mut deltas);
        if !deltas.is_empty() {
            self.sink.absorb(deltas);
        }
    }

    /// Hands over what waits.
    pub fn drain(&mut self, endpoints: &mut Names, methods: &mut Names, out: &mut Vec<Delta>) {
        self.close(endpoints, methods);
        out.append(&mut self.closed);
    }
}
