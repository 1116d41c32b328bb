//! A full log keeps the endpoints that answer rather than those that never did.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use ptpd_monitoring::{
    recording::overflow::OTHER_ENDPOINTS,
    requests::{Grouping, Requests, route},
    time::{Clock, ManualClock, Monotonic, TimeRange},
};

fn new_log(max_history: usize, max_endpoints: usize) -> Requests {
    let clock = Clock::Manual(Arc::new(ManualClock::new(0)));
    let log = Requests::new(max_history, clock).unwrap();
    log.set_max_endpoints(max_endpoints).unwrap();
    log
}

fn record(log: &Requests, endpoint: &str, method: &str, status: u16) {
    log.record(endpoint, method, Monotonic(0), 0.1, status, None);
}

fn counts(log: &Requests, by: Grouping) -> BTreeMap<String, usize> {
    let groups = log.grouped(TimeRange::ALL, by).into_iter();
    let counts: Vec<_> = groups
        .map(|(name, group)| (name.to_string(), group.durations.len()))
        .collect();
    let map: BTreeMap<_, _> = counts.iter().cloned().collect();
    assert_eq!(
        map.len(),
        counts.len(),
        "two groups of one name: {counts:?}"
    );
    map
}

#[test]
fn an_endpoint_that_answers_takes_the_place_of_one_that_never_did() {
    let log = new_log(1_000, 3);
    for scanned in ["/wp-admin", "/.env", "/backup.zip"] {
        record(&log, scanned, "GET", 404);
    }
    for _ in 0..2 {
        record(&log, "/curves", "GET", 200);
        record(&log, "/prints", "POST", 500);
    }
    record(&log, "/login.php", "GET", 404);
    assert_eq!(
        counts(&log, Grouping::Endpoint),
        BTreeMap::from([
            ("/curves".to_owned(), 2),
            ("/prints".to_owned(), 2),
            ("/backup.zip".to_owned(), 1),
            (OTHER_ENDPOINTS.to_owned(), 3),
        ])
    );
    assert_eq!(log.overflowed(), 3);
    let others = log.endpoint(OTHER_ENDPOINTS, TimeRange::ALL, None);
    assert_eq!(others.durations.len(), 3);
    assert_eq!(
        log.endpoint("/.env", TimeRange::ALL, None).durations.len(),
        0
    );
    let others = log.endpoint(OTHER_ENDPOINTS, TimeRange::ALL, Some("POST"));
    assert_eq!(others.durations.len(), 0);
}

#[test]
fn an_endpoint_that_has_answered_once_stays() {
    let log = new_log(1_000, 2);
    record(&log, "/curves", "GET", 200);
    for _ in 0..5 {
        record(&log, "/curves", "GET", 404);
    }
    record(&log, "/scanned", "GET", 405);
    record(&log, "/prints", "GET", 304);
    record(&log, "/third", "GET", 200);
    assert_eq!(
        counts(&log, Grouping::Endpoint),
        BTreeMap::from([
            ("/curves".to_owned(), 6),
            ("/prints".to_owned(), 1),
            (OTHER_ENDPOINTS.to_owned(), 2),
        ])
    );
}

#[test]
fn one_that_was_put_aside_comes_back_once_it_answers() {
    let log = new_log(1_000, 1);
    record(&log, "/late", "GET", 404);
    record(&log, "/early", "GET", 200);
    record(&log, "/late", "GET", 404);
    log.set_max_endpoints(2).unwrap();
    record(&log, "/late", "GET", 200);
    assert_eq!(
        counts(&log, Grouping::Endpoint),
        BTreeMap::from([
            ("/early".to_owned(), 1),
            ("/late".to_owned(), 1),
            (OTHER_ENDPOINTS.to_owned(), 2),
        ])
    );
}

proptest! {
    /// Whatever comes, names stay as many as may be, nothing is lost or counted twice, and no endpoint
    /// that answers is put aside while one that never did is kept.
    #[test]
    fn names_are_bounded_and_those_that_answer_come_first(
        bound in 1..6_usize,
        max_history in 1..40_usize,
        requests in prop::collection::vec((0..12_u8, 0..2_u8, any::<bool>()), 1..200),
        clears in prop::collection::btree_set(0..200_usize, 0..3),
    ) {
        let log = new_log(max_history, bound);
        let mut answered: BTreeSet<String> = BTreeSet::new();
        let mut all = 0_usize;
        for (number, (name, method, answers)) in requests.into_iter().enumerate() {
            if clears.contains(&number) {
                log.clear();
                all = 0;
            }
            let name = format!("/{name}");
            let before = counts(&log, Grouping::Endpoint);
            let method = ["GET", "POST"][usize::from(method)];
            record(&log, &name, method, if answers { 200 } else { 404 });
            all = (all + 1).min(max_history);
            let after = counts(&log, Grouping::Endpoint);
            prop_assert_eq!(after.values().sum::<usize>(), all);
            let named = after.keys().filter(|name| *name != OTHER_ENDPOINTS).count();
            prop_assert!(named <= bound, "{after:?}");
            // What has fallen off altogether begins anew.
            answered.retain(|name| after.contains_key(name));
            if answers && after.contains_key(&name) {
                answered.insert(name.clone());
            }
            let is_worse = |other: &&String| {
                *other != OTHER_ENDPOINTS && **other != name && !answered.contains(*other)
            };
            if answers && !after.contains_key(&name) {
                prop_assert_eq!(after.keys().find(is_worse), None, "{} was put aside", name);
            }
            if !before.contains_key(&name) && !answers && after.contains_key(&name) {
                // Only where there was room, or what fell off made some.
                prop_assert!(before.len() <= bound || all == max_history);
            }
            let routes = counts(&log, Grouping::Route);
            let mut by_method: BTreeMap<String, usize> = BTreeMap::new();
            for (endpoint, count) in &after {
                for method in ["GET", "POST"] {
                    let group = log.endpoint(endpoint, TimeRange::ALL, Some(method));
                    if !group.durations.is_empty() {
                        by_method.insert(route(method, endpoint).to_string(), group.durations.len());
                    }
                }
                let whole = log.endpoint(endpoint, TimeRange::ALL, None);
                prop_assert_eq!(whole.durations.len(), *count);
            }
            prop_assert_eq!(routes, by_method);
        }
    }
}
