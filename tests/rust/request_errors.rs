//! The last different errors of requests, and forgetting them.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use ptpd_monitoring::{
    requests::{Grouping, MAX_ENDPOINT_ERRORS, MAX_ERRORS, Requests},
    rollup::{Delta, ErrorKey, Key, Occurrences, Sink, Source},
    time::{Clock, ManualClock, Monotonic, TimeRange},
};

const NOW: Monotonic = Monotonic(0);

fn new_log(max_history: usize) -> (Requests, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(0));
    let log = Requests::new(max_history, Clock::Manual(Arc::clone(&clock)));
    (log.unwrap(), clock)
}

fn key(endpoint: &str, method: &str, status: u16, text: &str) -> ErrorKey {
    ErrorKey {
        endpoint: endpoint.into(),
        method: method.into(),
        status,
        text: text.into(),
    }
}

fn occurred(count: u64, first: i64, last: i64) -> Occurrences {
    Occurrences { count, first, last }
}

#[test]
fn an_error_is_a_status_from_400_on_or_a_text_and_each_kind_is_counted() {
    let (log, clock) = new_log(3);
    let requests = [
        ("GET", 200, None),
        ("GET", 500, Some("no paper")),
        ("GET", 404, None),
        ("GET", 500, Some("no paper")),
        ("POST", 500, Some("no paper")),
        ("GET", 200, Some("odd")),
        ("GET", 503, Some("no paper")),
        ("GET", 404, Some("")),
        ("GET", 200, None),
    ];
    for (time, (method, status, error)) in (0..).zip(requests) {
        clock.set_wall(time);
        log.record("/print", method, NOW, 0.1, status, error);
    }
    // Also of requests that have fallen off.
    assert_eq!(
        log.errors(Some("/print")),
        [
            (key("/print", "GET", 404, ""), occurred(2, 2, 7)),
            (key("/print", "GET", 503, "no paper"), occurred(1, 6, 6)),
            (key("/print", "GET", 200, "odd"), occurred(1, 5, 5)),
            (key("/print", "POST", 500, "no paper"), occurred(1, 4, 4)),
            (key("/print", "GET", 500, "no paper"), occurred(2, 1, 3)),
        ]
    );
    assert_eq!(log.errors(None), log.errors(Some("/print")));
    assert_eq!(log.errors(Some("/other")), []);
    // Those of the requests that are kept.
    let kept = log.errors_in(TimeRange::ALL);
    assert_eq!(
        kept,
        [
            (key("/print", "GET", 503, "no paper"), occurred(1, 6, 6)),
            (key("/print", "GET", 404, ""), occurred(1, 7, 7)),
        ]
    );
}

/// The plain form of what is kept: oldest occurrence first.
#[derive(Default)]
struct Model(Vec<(ErrorKey, Occurrences)>);

impl Model {
    fn add(&mut self, key: ErrorKey, time: i64) {
        let mut known = occurred(0, i64::MAX, i64::MIN);
        if let Some(at) = self.0.iter().position(|(known, _)| *known == key) {
            known = self.0.remove(at).1;
        } else {
            let is_same = |(other, _): &(ErrorKey, _)| other.endpoint == key.endpoint;
            let same = self.0.iter().filter(|known| is_same(known)).count();
            if same == MAX_ENDPOINT_ERRORS {
                let at = self.0.iter().position(is_same).unwrap();
                self.0.remove(at);
            } else if self.0.len() == MAX_ERRORS {
                self.0.remove(0);
            }
        }
        known.add(time);
        self.0.push((key, known));
    }
}

proptest! {
    #[test]
    fn the_errors_that_are_kept_are_the_last_ones(
        requests in prop::collection::vec((0..30_u8, 0..40_u8, 0..2_usize), 0..1_500),
    ) {
        let (log, clock) = new_log(10);
        let mut model = Model::default();
        for (time, (endpoint, text, status)) in (0..).zip(requests) {
            let (endpoint, text) = (format!("/{endpoint}"), format!("no {text}"));
            let status = [404, 500][status];
            clock.set_wall(time);
            log.record(&endpoint, "GET", NOW, 0.1, status, Some(&text));
            model.add(key(&endpoint, "GET", status, &text), time);
        }
        let kept = log.errors(None);
        let expected: Vec<_> = model.0.iter().rev().cloned().collect();
        prop_assert_eq!(&kept, &expected);
        for number in 0..30 {
            let name = format!("/{number}");
            let of: Vec<_> = expected
                .iter()
                .filter(|(key, _)| *key.endpoint == *name)
                .cloned()
                .collect();
            prop_assert!(of.len() <= MAX_ENDPOINT_ERRORS);
            prop_assert_eq!(log.errors(Some(&name)), of);
        }
    }
}

#[derive(Debug, Default)]
struct Absorbing(Mutex<Vec<Delta>>);

impl Sink for Absorbing {
    fn absorb(&self, deltas: Vec<Delta>) {
        self.0.lock().unwrap().extend(deltas);
    }
}

#[test]
fn clearing_forgets_requests_and_errors_but_not_what_a_history_is_to_take() {
    let (log, clock) = new_log(10);
    let sink = Arc::new(Absorbing::default());
    assert!(log.roll_up_for(sink));
    clock.set_wall(1_000);
    for status in [200, 500, 404] {
        log.record("/a", "GET", NOW, 0.1, status, Some("text"));
    }
    log.clear();
    assert!(log.is_empty());
    assert_eq!(log.errors(None), []);
    assert_eq!(log.groups(TimeRange::ALL).len(), 0);
    assert!(log.request_at(0).is_none());
    assert_eq!(log.uncounted(TimeRange::ALL), None);
    let mut taken = Vec::new();
    log.drain(&mut taken);
    let endpoints = taken
        .iter()
        .filter(|delta| matches!(delta.key, Key::Endpoint { .. }));
    assert_eq!(endpoints.map(|delta| delta.rollup.len()).sum::<u64>(), 3);
    // A report of that time asks the history for them.
    let (_, complete) = log.own_grouped(TimeRange::ALL, Grouping::Endpoint);
    assert!(!complete);
    // What comes then has its own text.
    clock.set_wall(2_000);
    log.record("/b", "GET", NOW, 0.1, 500, Some("later"));
    let request = log.request_at(0).unwrap();
    assert_eq!(request.error.as_deref(), Some("later"));
    assert_eq!(log.errors(None).len(), 1);
    assert!(log.request_at(1).is_none());
    // Of a time that begins later, nothing is missing.
    let later = TimeRange {
        start: 1_500,
        end: i64::MAX,
    };
    assert!(log.own_grouped(later, Grouping::Endpoint).1);
}

#[test]
fn a_history_takes_each_error_of_a_minute_and_of_too_many_the_kind_of_status() {
    const MINUTE: i64 = 60_000_000_000;
    let (log, clock) = new_log(1_000);
    log.roll_up_for(Arc::new(Absorbing::default()));
    let mut taken = Vec::new();
    for number in 0..150 {
        clock.set_wall(MINUTE + number);
        let text = format!("no print {number}");
        log.record("/print", "GET", NOW, 0.1, 503, Some(&text));
        if number % 20 == 0 {
            // As often as once a second.
            log.drain(&mut taken);
        }
    }
    clock.set_wall(2 * MINUTE);
    log.record("/print", "GET", NOW, 0.1, 503, Some("no print 140"));
    log.drain(&mut taken);
    let count = |wanted: &str, minute: i64| {
        let of = taken.iter().filter(|delta| {
            delta.minute == minute
                && matches!(&delta.key, Key::Error(key) if *key.text == *wanted && &*key.endpoint == "/print")
        });
        of.map(|delta| delta.rollup.len()).sum::<u64>()
    };
    assert_eq!(count("no print 99", 1), 1);
    assert_eq!(count("no print 100", 1), 0);
    assert_eq!(count("(other errors)", 1), 50);
    assert_eq!(count("no print 140", 2), 1);
    let others = taken.iter().find_map(|delta| match &delta.key {
        Key::Error(key) if &*key.text == "(other errors)" => Some(key.status),
        _ => None,
    });
    assert_eq!(others, Some(500));
}
