//! The requests that are kept, and what is known of them.

use std::{collections::VecDeque, sync::Arc};

use super::{Request, errors::ErrorLog};
use crate::{
    recording::{evicted::FallenOff, interned::Names, overflow::shortened},
    rollup::{Delta, ErrorKey, OpenRequests},
    time::TimeRange,
};

#[derive(Debug)]
pub(super) struct Row {
    pub time: i64,
    pub duration_ms: f64,
    pub endpoint: u32,
    pub method: u32,
    pub status: u16,
}

impl Row {
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }

    pub fn is_server_error(&self) -> bool {
        self.status >= 500
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub rows: VecDeque<Row>,
    /// The number of rows that have fallen off.
    pub first: u64,
    pub endpoints: Names,
    pub methods: Names,
    /// The texts of the rows that have one.
    pub texts: VecDeque<(u64, Arc<str>)>,
    /// The last different errors, of whatever rows.
    pub errors: ErrorLog,
    /// What a history has not taken yet, if there is one.
    pub rollups: Option<OpenRequests>,
    /// Whether there is one, or has been.
    pub attached: bool,
    /// The number of the first request that is this process's own and not inherited by a fork.
    pub own_from: u64,
    /// The number of the first request that no history takes, once it takes nothing any more.
    pub alone_from: Option<u64>,
    /// When requests fell off, or may have been another log's.
    pub fallen: FallenOff,
}

impl State {
    pub fn pop(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.endpoints.release(row.endpoint);
            self.methods.release(row.method);
            self.fallen.add(row.time, self.first);
            self.first += 1;
            if self.texts.front().is_some_and(|(at, _)| *at < self.first) {
                self.texts.pop_front();
            }
        }
    }

    /// Forgets all requests until `now`, but not what a history is still to take of them.
    pub fn clear(&mut self, now: i64) {
        for row in &self.rows {
            self.endpoints.release(row.endpoint);
            self.methods.release(row.method);
        }
        self.first = self.next();
        let last = self.rows.iter().map(|row| row.time).max();
        self.fallen.forget_until(last.unwrap_or(i64::MIN).max(now));
        self.rows = VecDeque::new();
        self.texts = VecDeque::new();
        self.errors = ErrorLog::default();
    }

    #[inline]
    pub fn roll_up(&mut self, row: &Row) {
        if let Some(rollups) = &mut self.rollups {
            let names = (&mut self.endpoints, &mut self.methods);
            let kind = (row.endpoint, row.method, row.status);
            rollups.record(row.time, row.duration_ms, kind, names);
        }
    }

    /// Notes what the request `row` failed with, which comes next and has been rolled up.
    #[cold]
    pub fn note_error(&mut self, row: &Row, text: Option<&str>) {
        let text = text.map(shortened);
        if let Some(text) = &text {
            let number = self.next();
            self.texts.push_back((number, Arc::clone(text)));
        }
        let key = self.error_key(row, text);
        self.errors.add(&key, row.time);
        if let Some(rollups) = &mut self.rollups {
            rollups.record_error(row.time, row.duration_ms, key);
        }
    }

    fn error_key(&self, row: &Row, text: Option<Arc<str>>) -> ErrorKey {
        ErrorKey {
            endpoint: self.endpoints.name(row.endpoint),
            method: self.methods.name(row.method),
            status: row.status,
            text: text.unwrap_or_default(),
        }
    }

    pub fn drain(&mut self, out: &mut Vec<Delta>) {
        if let Some(rollups) = &mut self.rollups {
            rollups.drain(&mut self.endpoints, &mut self.methods, out);
        }
    }

    /// The number of the next request.
    pub fn next(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    pub fn request(&self, index: usize) -> Option<Request> {
        let row = self.rows.get(index)?;
        Some(Request {
            endpoint: self.endpoints.name(row.endpoint),
            method: self.methods.name(row.method),
            time: row.time,
            duration_ms: row.duration_ms,
            status: row.status,
            error: self.text(self.first + index as u64),
        })
    }

    fn text(&self, number: u64) -> Option<Arc<str>> {
        let found = self.texts.binary_search_by_key(&number, |(at, _)| *at);
        found.ok().map(|found| Arc::clone(&self.texts[found].1))
    }

    /// What a row failed with; `None` if it did not.
    pub fn error_of(&self, number: u64, row: &Row) -> Option<ErrorKey> {
        let text = self.text(number);
        (row.is_error() || text.is_some()).then(|| self.error_key(row, text))
    }

    pub fn numbered_in(&self, range: TimeRange) -> impl Iterator<Item = (u64, &Row)> {
        let numbered = (self.first..).zip(&self.rows);
        numbered.filter(move |(_, row)| range.contains(row.time))
    }
}
