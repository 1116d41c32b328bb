//! What a report says of requests beside their endpoints: methods, and errors.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use indexmap::IndexMap;

use crate::{
    history::{Found, FoundError},
    requests::{Errors, OwnErrors, Routes, route},
    rollup::{ErrorKey, Key, Occurrences},
};

/// How many different errors a report tells of.
pub const MAX_REPORTED_ERRORS: usize = 100;

/// The routes, as in `GET /films`, of the endpoints that were asked for by several methods: those that
/// memory has, and those `found` on disk.
#[must_use]
pub fn routes_of_several(memory: &Routes, found: &[Found]) -> HashSet<Arc<str>, RandomState> {
    let mut methods: HashMap<&Arc<str>, HashSet<&Arc<str>, RandomState>, RandomState> =
        HashMap::default();
    let on_disk = found.iter().filter_map(|found| match &found.key {
        Key::Endpoint {
            endpoint, method, ..
        } => Some((endpoint, method)),
        _ => None,
    });
    let in_memory = memory.iter().map(|(endpoint, method)| (endpoint, method));
    for (endpoint, method) in in_memory.chain(on_disk) {
        methods.entry(endpoint).or_default().insert(method);
    }
    methods.retain(|_, methods| methods.len() > 1);
    let routes = methods.into_iter().flat_map(|(endpoint, methods)| {
        let routes = methods.into_iter();
        routes.map(|method| route(method, endpoint))
    });
    routes.collect()
}

/// The errors of a period that memory has and that were `found` on disk: of a source's own, those in
/// memory as long as none of the period are gone from there, else those on disk. Those of the server come
/// first, and of these the most frequent; no more than [`MAX_REPORTED_ERRORS`].
#[must_use]
pub fn errors(memory: OwnErrors, found: Vec<FoundError>) -> Errors {
    let mut errors: IndexMap<ErrorKey, Occurrences, RandomState> = IndexMap::default();
    let counted = if memory.complete {
        memory.all
    } else {
        memory.alone
    };
    for (key, occurred) in counted {
        errors.entry(key).or_default().merge(&occurred);
    }
    for FoundError { key, own, others } in found {
        let mut occurred = others;
        if !memory.complete {
            occurred.merge(&own);
        }
        if !occurred.is_empty() {
            errors.entry(key).or_default().merge(&occurred);
        }
    }
    most_important(errors.into_iter().collect())
}

fn most_important(mut errors: Errors) -> Errors {
    errors.sort_by(|(one, of_one), (other, of_other)| {
        let order = |key: &ErrorKey, occurred: &Occurrences| {
            (key.status >= 500, occurred.count, occurred.last)
        };
        order(other, of_other).cmp(&order(one, of_one))
    });
    errors.truncate(MAX_REPORTED_ERRORS);
    errors
}
