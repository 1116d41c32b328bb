//! Monitors and request logs that record for a history.

use std::sync::{Arc, Weak};

use ptpd_monitoring::{
    history::{Engine, Urgency},
    monitor::Monitor,
    recording::series::{LabelRef, Outcome},
    requests::Requests,
    rollup::{Delta, Key, Sink, Source},
    time::{Clock, Monotonic},
};

use super::{HOUR, NOON, Place, counts, everything, range};

/// Hands on to an engine, as an attachment does.
#[derive(Debug)]
struct ToEngine(Arc<Engine>, u64);

impl Sink for ToEngine {
    fn absorb(&self, deltas: Vec<Delta>) {
        self.0.absorb(self.1, deltas);
    }
}

fn attach<T: Source + 'static>(
    engine: &Arc<Engine>,
    number: u64,
    source: &Arc<T>,
) -> Arc<ToEngine> {
    let weak: Weak<dyn Source> = Arc::downgrade(source) as _;
    engine.add_source(number, 1, "source", weak);
    Arc::new(ToEngine(Arc::clone(engine), number))
}

fn engine(place: &Place) -> Arc<Engine> {
    let engine = Arc::new(Engine::new(1, &place.path, place.options(Place::access())));
    engine.add_user(1);
    engine
}

fn flush(engine: &Engine) {
    let pass = engine.options().access.gate.enter().unwrap();
    assert!(engine.flush(&pass, Urgency::Now).complete);
}

fn clock(place: &Place) -> Clock {
    Clock::Manual(Arc::clone(&place.clock))
}

fn label(session: Option<&str>) -> LabelRef<'_> {
    LabelRef {
        unit: "seconds",
        timer: true,
        outcome: Outcome::None,
        session,
    }
}

fn record(monitor: &Monitor<()>, name: &str, session: Option<&str>) {
    monitor.record(name, Monotonic(0), 1.0, label(session), None);
}

fn monitor(place: &Place, engine: &Arc<Engine>) -> Arc<Monitor<()>> {
    let monitor = Arc::new(Monitor::new(10, clock(place)).unwrap());
    let sink = attach(engine, 1, &monitor);
    assert!(monitor.roll_up_for(sink));
    monitor
}

#[test]
fn samples_reach_the_file_with_their_sessions_on_top() {
    let place = Place::new();
    let engine = engine(&place);
    let monitor = monitor(&place, &engine);
    for _ in 0..20 {
        record(&monitor, "op", None);
        record(&monitor, "op", Some("job"));
    }
    flush(&engine);
    let is_session = |key: &Key| {
        matches!(
            key,
            Key::Operation {
                session: Some(_),
                ..
            }
        )
    };
    let hour = range(NOON, NOON + HOUR);
    let all = place
        .reader()
        .read(hour, |key| !is_session(key), &[])
        .unwrap();
    assert_eq!(counts(&all), [("op".to_owned(), 0, 40)]);
    let sessions = place.reader().read(hour, is_session, &[]).unwrap();
    assert_eq!(counts(&sessions), [("op".to_owned(), 0, 20)]);
}

#[test]
fn what_is_cleared_or_dropped_before_a_flush_is_not_lost() {
    let place = Place::new();
    let engine = engine(&place);
    let monitor = monitor(&place, &engine);
    record(&monitor, "cleared", None);
    drop(monitor.clear(None));
    record(&monitor, "dropped", None);
    drop(monitor);
    flush(&engine);
    let found = place
        .reader()
        .read(range(NOON, NOON + HOUR), everything, &[])
        .unwrap();
    let expected = [("cleared".to_owned(), 0, 1), ("dropped".to_owned(), 0, 1)];
    assert_eq!(counts(&found), expected);
}

#[test]
fn a_child_hands_over_only_what_it_has_recorded_itself() {
    let place = Place::new();
    let engine = engine(&place);
    let monitor = monitor(&place, &engine);
    record(&monitor, "op", None);
    flush(&engine);
    let parent = engine.identity(1).unwrap();
    // Waiting in the monitor, handed over, and collected but not written.
    record(&monitor, "op", None);
    record(&monitor, "cleared", None);
    drop(monitor.clear(Some("cleared")));
    let lock = place.sqlite();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let pass = engine.options().access.gate.enter().unwrap();
    assert!(!engine.flush(&pass, Urgency::Now).complete);
    lock.execute_batch("COMMIT").unwrap();
    record(&monitor, "op", None);
    drop(pass);

    engine.close_for_fork();
    engine.begin_anew();
    record(&monitor, "op", None);
    flush(&engine);
    let child = engine.identity(1).unwrap();
    assert_ne!(parent, child);
    assert_eq!(parent.source, child.source);
    let found = place
        .reader()
        .read(range(NOON, NOON + HOUR), everything, &[child])
        .unwrap();
    assert_eq!(counts(&found), [("op".to_owned(), 1, 1)]);
}

#[test]
fn requests_reach_the_file_by_endpoint_method_and_kind_of_status() {
    let place = Place::new();
    let engine = engine(&place);
    let requests = Arc::new(Requests::new(10, clock(&place)).unwrap());
    assert!(requests.roll_up_for(attach(&engine, 1, &requests)));
    for (endpoint, method, status) in [
        ("/a", "GET", 200),
        ("/a", "GET", 204),
        ("/a", "GET", 503),
        ("/a", "POST", 200),
        ("/b", "GET", 200),
    ] {
        requests.record(endpoint, method, Monotonic(0), 0.25, status, None);
    }
    flush(&engine);
    let found = place
        .reader()
        .read(range(NOON, NOON + HOUR), everything, &[])
        .unwrap();
    let mut kinds: Vec<_> = found
        .iter()
        .map(|found| match &found.key {
            Key::Endpoint {
                endpoint,
                method,
                status_class,
            } => {
                assert_eq!(found.others.histogram.max(), Some(250.0));
                let count = found.others.histogram.count();
                format!("{method} {endpoint} {status_class}xx {count}")
            }
            other => panic!("{other:?}"),
        })
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "GET /a 2xx 2",
            "GET /a 5xx 1",
            "GET /b 2xx 1",
            "POST /a 2xx 1"
        ]
    );
}
