//! The requests of a period, of memory and a history together.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::samples::{Origin, Samples, Taken};
use crate::{
    history::Found,
    requests::{EndpointStats, Group, OwnGroup, route},
    rollup::{Key, Rollup, is_error, is_server_error},
};

/// An endpoint's requests of a period.
#[derive(Debug, Clone)]
pub struct RecordedEndpoint {
    /// The endpoint.
    pub endpoint: Arc<str>,
    /// Milliseconds.
    pub durations: Samples,
    /// How many of the requests were errors.
    pub errors: usize,
    /// How many of these were the server's.
    pub server_errors: usize,
    /// Where they come from.
    pub origin: Origin,
}

impl RecordedEndpoint {
    /// Its figures, or `None` of no requests.
    pub(super) fn stats(&self) -> Option<EndpointStats> {
        Some(EndpointStats {
            errors: self.errors,
            server_errors: self.server_errors,
            durations: self.durations.summary()?,
        })
    }
}

impl From<(Arc<str>, Group)> for RecordedEndpoint {
    /// What memory alone knows.
    fn from((endpoint, group): (Arc<str>, Group)) -> Self {
        Self {
            endpoint,
            durations: Samples::Each(group.durations),
            errors: group.errors,
            server_errors: group.server_errors,
            origin: Origin::Memory,
        }
    }
}

/// How many requests were errors, and how many of these the server's.
#[derive(Default)]
struct Errors {
    all: usize,
    of_server: usize,
}

impl Errors {
    fn add(&mut self, status_class: u8, rollup: &Rollup) {
        let count = usize::try_from(rollup.histogram.count()).unwrap_or(usize::MAX);
        if is_error(status_class) {
            self.all += count;
        }
        if is_server_error(status_class) {
            self.of_server += count;
        }
    }
}

#[derive(Default)]
struct Requests {
    own: Rollup,
    others: Rollup,
    own_errors: Errors,
    others_errors: Errors,
}

/// The requests that memory has, by endpoint or by route, and whether none of the period have fallen
/// off.
pub type EndpointsInMemory = (Vec<(Arc<str>, OwnGroup)>, bool);

/// The endpoints that have requests, ordered as [`operations`].
#[must_use]
pub fn endpoints(memory: EndpointsInMemory, found: &[Found]) -> Vec<RecordedEndpoint> {
    requests(memory, found, |_, endpoint| Arc::clone(endpoint))
}

/// The same with the requests of each method apart; an endpoint is called by its [`route`].
#[must_use]
pub fn routes(memory: EndpointsInMemory, found: &[Found]) -> Vec<RecordedEndpoint> {
    requests(memory, found, |method, endpoint| route(method, endpoint))
}

fn requests(
    (memory, complete): EndpointsInMemory,
    found: &[Found],
    name: impl Fn(&Arc<str>, &Arc<str>) -> Arc<str>,
) -> Vec<RecordedEndpoint> {
    let mut on_disk: IndexMap<Arc<str>, Requests, RandomState> = IndexMap::default();
    for found in found {
        if let Key::Endpoint {
            endpoint,
            method,
            status_class,
        } = &found.key
        {
            let requests = on_disk.entry(name(method, endpoint)).or_default();
            requests.own.merge(&found.own);
            requests.others.merge(&found.others);
            requests.own_errors.add(*status_class, &found.own);
            requests.others_errors.add(*status_class, &found.others);
        }
    }
    let join = |endpoint: Arc<str>, memory: OwnGroup, disk: Requests| {
        let left = memory.all.durations.len() - memory.alone.durations.len();
        let taken = Taken::of(left, complete, &disk.own);
        let (counted, own_errors) = match taken {
            Taken::InMemory => (memory.all, Errors::default()),
            Taken::OnDisk => (memory.alone, disk.own_errors),
        };
        let on_disk = taken.on_disk(&disk.own, disk.others);
        let (durations, origin) = Samples::joined(counted.durations, on_disk);
        RecordedEndpoint {
            endpoint,
            durations,
            errors: counted.errors + own_errors.all + disk.others_errors.all,
            server_errors: counted.server_errors
                + own_errors.of_server
                + disk.others_errors.of_server,
            origin,
        }
    };
    let mut recorded: Vec<_> = memory
        .into_iter()
        .map(|(endpoint, group)| {
            let disk = on_disk.shift_remove(&endpoint).unwrap_or_default();
            join(endpoint, group, disk)
        })
        .collect();
    on_disk.sort_by_key(|_, disk| disk.own.first.min(disk.others.first));
    recorded.extend(
        on_disk
            .into_iter()
            .map(|(endpoint, disk)| join(endpoint, OwnGroup::default(), disk)),
    );
    recorded.retain(|endpoint| !endpoint.durations.is_empty());
    recorded
}
