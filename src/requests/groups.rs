//! Requests that belong together.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{EndpointStats, Row, State};
use crate::stats::Summary;

/// Durations and errors of one group of requests, to be looked at without holding up the log.
#[derive(Debug, Default)]
pub struct Group {
    /// Milliseconds, oldest first.
    pub durations: Vec<f64>,
    /// How many of the requests were errors.
    pub errors: usize,
    /// How many of these were the server's.
    pub server_errors: usize,
}

impl Group {
    pub(super) fn add(&mut self, row: &Row) {
        self.durations.push(row.duration_ms);
        self.errors += usize::from(row.is_error());
        self.server_errors += usize::from(row.is_server_error());
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

/// What memory has of the requests to an endpoint that this process tracked.
#[derive(Debug, Default)]
pub struct OwnGroup {
    /// All of them.
    pub all: Group,
    /// Those that are in memory alone: the history was closed before it took them.
    pub alone: Group,
}

impl From<Group> for OwnGroup {
    /// Of which a history might have all.
    fn from(all: Group) -> Self {
        let alone = Group::default();
        Self { all, alone }
    }
}

/// What requests of one method to an endpoint are called, as in `GET /films`.
#[must_use]
pub fn route(method: &str, endpoint: &str) -> Arc<str> {
    format!("{method} {endpoint}").into()
}

/// What requests are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// The endpoint, whatever the method.
    Endpoint,
    /// Method and endpoint, called by their [`route`].
    Route,
}

impl State {
    pub(super) fn group<'a, G: Default>(
        &'a self,
        rows: impl Iterator<Item = (u64, &'a Row)>,
        by: Grouping,
        add: impl Fn(&mut G, u64, &Row),
    ) -> Vec<(Arc<str>, G)> {
        let mut groups: Vec<(Arc<str>, G)> = Vec::new();
        let mut by_endpoint: Vec<Option<usize>> = vec![None; self.endpoints.ids_given()];
        let mut by_route: HashMap<(u32, u32), Option<usize>, RandomState> = HashMap::default();
        for (number, row) in rows {
            let place = match by {
                Grouping::Endpoint => &mut by_endpoint[row.endpoint as usize],
                Grouping::Route => by_route.entry((row.endpoint, row.method)).or_default(),
            };
            let place = *place.get_or_insert_with(|| {
                groups.push((self.group_name(row, by), G::default()));
                groups.len() - 1
            });
            add(&mut groups[place].1, number, row);
        }
        groups
    }

    fn group_name(&self, row: &Row, by: Grouping) -> Arc<str> {
        let endpoint = self.endpoints.name(row.endpoint);
        match by {
            Grouping::Endpoint => endpoint,
            Grouping::Route => route(&self.methods.name(row.method), &endpoint),
        }
    }
}
