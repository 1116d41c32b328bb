//! Requests that belong together.

use std::{mem, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use indexmap::IndexMap;

use super::{
    EndpointStats, Requests,
    state::{Row, State},
};
use crate::{
    rollup::{ErrorKey, Occurrences},
    stats::Summary,
    time::TimeRange,
};

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
            server_errors: self.server_errors,
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

/// Errors, each with how often it occurred.
pub type Errors = Vec<(ErrorKey, Occurrences)>;

/// What memory has of the errors of requests that this process tracked.
#[derive(Debug, Default)]
pub struct OwnErrors {
    /// All of them.
    pub all: Errors,
    /// Those that are in memory alone.
    pub alone: Errors,
    /// Whether none of the period have fallen off.
    pub complete: bool,
}

/// Endpoints, each with one of its methods.
pub type Routes = Vec<(Arc<str>, Arc<str>)>;

impl Requests {
    /// The durations and errors of an endpoint's requests in `range`, of one `method` or of all.
    #[must_use]
    pub fn endpoint(&self, endpoint: &str, range: TimeRange, method: Option<&str>) -> Group {
        let mut group = Group::default();
        let state = self.state.lock();
        let Some(wanted) = state.endpoints.group_of(endpoint) else {
            return group;
        };
        let method = match method {
            None => None,
            Some(method) => match state.methods.id(method) {
                None => return group,
                id => id,
            },
        };
        state
            .numbered_in(range)
            .filter(|(_, row)| state.endpoints.group(row.endpoint) == wanted)
            .filter(|(_, row)| method.is_none_or(|method| row.method == method))
            .for_each(|(_, row)| group.add(row));
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

    /// The same as [`Requests::grouped`] without those that a process inherited when it was forked: its
    /// parent's history has them. And whether none of that range have fallen off.
    #[must_use]
    pub fn own_grouped(&self, range: TimeRange, by: Grouping) -> (Vec<(Arc<str>, OwnGroup)>, bool) {
        let state = self.state.lock();
        let groups = state.group(
            state.own_in(range),
            by,
            |group: &mut OwnGroup, number, row| {
                group.all.add(row);
                if state.is_alone(number) {
                    group.alone.add(row);
                }
            },
        );
        (groups, state.is_complete(range))
    }

    /// The methods by which each endpoint was asked for in `range`, each pair once.
    #[must_use]
    pub fn routes(&self, range: TimeRange) -> Routes {
        let state = self.state.lock();
        let mut routes = Routes::new();
        let mut seen: HashSet<(u32, u32), RandomState> = HashSet::default();
        // Most requests have the method of the one before to their endpoint, and need no hash.
        let mut methods_before = vec![u32::MAX; state.endpoints.ids_given()];
        let rows = state.rows.iter().filter(|row| range.contains(row.time));
        let changed = rows.filter(|row| {
            let before = &mut methods_before[row.endpoint as usize];
            mem::replace(before, row.method) != row.method
        });
        for row in changed {
            if seen.insert((state.endpoints.group(row.endpoint), row.method)) {
                let endpoint = state.endpoints.name(row.endpoint);
                routes.push((endpoint, state.methods.name(row.method)));
            }
        }
        routes
    }

    /// The errors of the requests in `range` that are kept, in order of the first of each.
    #[must_use]
    pub fn errors_in(&self, range: TimeRange) -> Errors {
        let state = self.state.lock();
        state.errors_of(state.numbered_in(range))
    }

    /// The same without those that a process inherited when it was forked.
    #[must_use]
    pub fn own_errors_in(&self, range: TimeRange) -> OwnErrors {
        let state = self.state.lock();
        let alone = state.own_in(range);
        OwnErrors {
            all: state.errors_of(state.own_in(range)),
            alone: state.errors_of(alone.filter(|(number, _)| state.is_alone(*number))),
            complete: state.is_complete(range),
        }
    }
}

impl State {
    fn own_in(&self, range: TimeRange) -> impl Iterator<Item = (u64, &Row)> {
        let own = self.numbered_in(range);
        own.filter(|(number, _)| *number >= self.own_from)
    }

    /// Whether no history has taken the request of this number.
    fn is_alone(&self, number: u64) -> bool {
        self.alone_from.is_some_and(|from| number >= from)
    }

    /// Whether no requests in `range` have fallen off.
    fn is_complete(&self, range: TimeRange) -> bool {
        let gone_until = self.fallen.until();
        gone_until < range.start || gone_until == i64::MIN
    }

    fn errors_of<'a>(&'a self, rows: impl Iterator<Item = (u64, &'a Row)>) -> Errors {
        let mut errors: IndexMap<ErrorKey, Occurrences, RandomState> = IndexMap::default();
        for (number, row) in rows {
            if let Some(key) = self.error_of(number, row) {
                errors.entry(key).or_default().add(row.time);
            }
        }
        errors.into_iter().collect()
    }

    fn group<'a, G: Default>(
        &'a self,
        rows: impl Iterator<Item = (u64, &'a Row)>,
        by: Grouping,
        add: impl Fn(&mut G, u64, &Row),
    ) -> Vec<(Arc<str>, G)> {
        let mut groups: Vec<(Arc<str>, G)> = Vec::new();
        let mut by_endpoint: Vec<Option<usize>> = vec![None; self.endpoints.ids_given()];
        // Those beyond the bound, which may have several numbers.
        let mut others = None;
        let mut by_route: HashMap<(u32, u32), Option<usize>, RandomState> = HashMap::default();
        for (number, row) in rows {
            let place = match by {
                Grouping::Endpoint => &mut by_endpoint[row.endpoint as usize],
                Grouping::Route => {
                    let endpoint = self.endpoints.group(row.endpoint);
                    by_route.entry((endpoint, row.method)).or_default()
                }
            };
            let place = *place.get_or_insert_with(|| {
                let mut begin = || {
                    groups.push((self.group_name(row, by), G::default()));
                    groups.len() - 1
                };
                match by {
                    Grouping::Endpoint if self.endpoints.is_other(row.endpoint) => {
                        *others.get_or_insert_with(begin)
                    }
                    _ => begin(),
                }
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
