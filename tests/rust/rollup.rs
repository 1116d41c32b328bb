use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use ptpd_monitoring::{
    monitor::Monitor,
    recording::series::{LabelRef, Outcome},
    requests::{Grouping, Requests},
    rollup::{Delta, Key, MAX_OPEN, MINUTE, Rollup, Sink, Source},
    stats::Histogram,
    time::{Clock, ManualClock, NANOS_PER_SEC, TimeRange},
};

/// A history that only keeps what it is given.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Delta>>);

impl Sink for Kept {
    fn absorb(&self, deltas: Vec<Delta>) {
        self.0.lock().unwrap().extend(deltas);
    }
}

impl Kept {
    fn take(&self) -> Vec<Delta> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

type Table = BTreeMap<(Key, i64), Rollup>;

fn merged(deltas: Vec<Delta>) -> Table {
    let mut table = Table::new();
    for delta in deltas {
        let row = table.entry((delta.key, delta.minute)).or_default();
        row.merge(&delta.rollup);
    }
    table
}

fn counts(table: &Table) -> Vec<(&Key, i64, u64, i64, i64)> {
    table
        .iter()
        .map(|((key, minute), rollup)| {
            let Rollup { first, last, .. } = rollup;
            (key, *minute, rollup.histogram.count(), *first, *last)
        })
        .collect()
}

fn drained(source: &dyn Source) -> Table {
    let mut out = Vec::new();
    source.drain(&mut out);
    merged(out)
}

fn monitor(clock: &Arc<ManualClock>) -> (Monitor<()>, Arc<Kept>) {
    let monitor = Monitor::new(100, Clock::Manual(Arc::clone(clock))).unwrap();
    let kept = Arc::new(Kept::default());
    assert!(monitor.roll_up_for(Arc::clone(&kept) as _));
    (monitor, kept)
}

fn record(monitor: &Monitor<()>, name: &str, value: f64, unit: &str, session: Option<&str>) {
    let label = LabelRef {
        unit,
        timer: false,
        outcome: Outcome::None,
        session,
    };
    monitor.record(name, monitor.clock().monotonic(), value, label, None);
}

fn operation(name: &str, unit: &str, session: Option<&str>) -> Key {
    Key::Operation {
        name: name.into(),
        unit: unit.into(),
        session: session.map(Into::into),
    }
}

#[test]
fn a_cleared_operation_leaves_what_was_not_drained_to_the_history() {
    let clock = Arc::new(ManualClock::new(90 * NANOS_PER_SEC));
    let (monitor, kept) = monitor(&clock);
    record(&monitor, "decode", 2.0, "ms", None);
    record(&monitor, "encode", 3.0, "ms", None);
    drop(monitor.clear(Some("decode")));
    assert_eq!(
        counts(&merged(kept.take())),
        [(
            &operation("decode", "ms", None),
            1,
            1,
            90_000_000_000,
            90_000_000_000
        )]
    );
    drop(monitor);
    assert_eq!(
        counts(&merged(kept.take())),
        [(
            &operation("encode", "ms", None),
            1,
            1,
            90_000_000_000,
            90_000_000_000
        )]
    );
}

#[test]
fn a_monitor_that_gets_its_history_late_rolls_up_from_then_on() {
    let monitor: Monitor<()> = Monitor::new(100, Clock::System).unwrap();
    record(&monitor, "decode", 1.0, "ms", None);
    assert!(drained(&monitor).is_empty());
    assert!(monitor.roll_up_for(Arc::new(Kept::default())));
    record(&monitor, "decode", 1.0, "ms", None);
    assert_eq!(drained(&monitor).len(), 1);
    assert!(!monitor.roll_up_for(Arc::new(Kept::default())));
}

#[test]
fn what_was_drained_is_not_handed_over_again() {
    let clock = Arc::new(ManualClock::new(0));
    let (monitor, kept) = monitor(&clock);
    for _ in 0..3 {
        record(&monitor, "decode", 2.0, "ms", None);
        let table = drained(&monitor);
        assert_eq!(
            counts(&table),
            [(&operation("decode", "ms", None), 0, 1, 0, 0)]
        );
    }
    monitor.record_many(
        "decode",
        &[1.0, 2.0],
        LabelRef {
            unit: "ms",
            timer: false,
            outcome: Outcome::None,
            session: None,
        },
    );
    monitor.forget();
    drop(monitor);
    assert!(kept.take().is_empty());
}

#[test]
fn a_sample_of_a_session_counts_for_the_operation_and_for_the_session() {
    let clock = Arc::new(ManualClock::new(0));
    let (monitor, _) = monitor(&clock);
    record(&monitor, "decode", 2.0, "ms", Some("a"));
    record(&monitor, "decode", 4.0, "ms", None);
    record(&monitor, "decode", 8.0, "ms", Some("a"));
    let table = drained(&monitor);
    assert_eq!(
        table[&(operation("decode", "ms", None), 0)].histogram.sum(),
        14.0
    );
    assert_eq!(
        table[&(operation("decode", "ms", Some("a")), 0)]
            .histogram
            .sum(),
        10.0
    );
    assert_eq!(table.len(), 2);
}

#[test]
fn a_run_that_failed_counts_on_top_for_the_failures_of_its_operation_and_of_its_session() {
    let clock = Arc::new(ManualClock::new(0));
    let (monitor, _) = monitor(&clock);
    let run = |value, outcome, session| {
        let label = LabelRef {
            unit: "s",
            timer: true,
            outcome,
            session,
        };
        monitor.record("decode", monitor.clock().monotonic(), value, label, None);
    };
    for _ in 0..3 {
        run(1.0, Outcome::Success, None);
        run(2.0, Outcome::Failure("OSError"), None);
        run(4.0, Outcome::Failure("ValueError"), Some("a"));
        run(8.0, Outcome::Success, Some("a"));
    }
    let table = drained(&monitor);
    let failures = |session: Option<&str>| Key::Failures {
        name: "decode".into(),
        unit: "s".into(),
        session: session.map(Into::into),
    };
    let sum = |key| table[&(key, 0)].histogram.sum();
    assert_eq!(sum(operation("decode", "s", None)), 45.0);
    assert_eq!(sum(operation("decode", "s", Some("a"))), 36.0);
    assert_eq!(sum(failures(None)), 18.0);
    assert_eq!(sum(failures(Some("a"))), 12.0);
    assert_eq!(table.len(), 4);
}

#[test]
fn rollups_that_nobody_takes_are_handed_over_and_none_is_kept_or_lost() {
    let clock = Arc::new(ManualClock::new(0));
    let (monitor, kept) = monitor(&clock);
    let minutes = 3 * i64::try_from(MAX_OPEN).unwrap();
    for minute in 0..minutes {
        let session = (minute * 7 % 1_000).to_string();
        record(&monitor, "decode", 1.0, "ms", Some(&session));
        record(&monitor, "decode", 1.0, "ms", None);
        clock.advance(MINUTE.cast_unsigned());
    }
    let mut deltas = Vec::new();
    monitor.drain(&mut deltas);
    assert!(deltas.len() <= MAX_OPEN);
    deltas.extend(kept.take());
    let table = merged(deltas);
    let count = |minute, session: Option<&str>| {
        let rollup = &table[&(operation("decode", "ms", session), minute)];
        rollup.histogram.count()
    };
    for minute in 0..minutes {
        let session = (minute * 7 % 1_000).to_string();
        assert_eq!((count(minute, None), count(minute, Some(&session))), (2, 1));
    }
    assert_eq!(i64::try_from(table.len()).unwrap(), 2 * minutes);
}

#[test]
fn requests_that_nobody_takes_are_handed_over_and_none_is_lost() {
    let clock = Arc::new(ManualClock::new(0));
    let kept = Arc::new(Kept::default());
    let requests = Requests::new(1, Clock::Manual(Arc::clone(&clock))).unwrap();
    assert!(requests.roll_up_for(Arc::clone(&kept) as _));
    for minute in 0..3 {
        for number in 0..3_000 {
            let now = requests.clock().monotonic();
            requests.record(&format!("/{number}"), "GET", now, 0.5, 200, None);
        }
        assert!(!kept.0.lock().unwrap().is_empty(), "{minute}");
        clock.advance(MINUTE.cast_unsigned());
    }
    let mut deltas = Vec::new();
    requests.drain(&mut deltas);
    assert!(deltas.len() < 3_000);
    deltas.extend(kept.take());
    let table = merged(deltas);
    assert_eq!(table.len(), 9_000);
    assert!(table.values().all(|rollup| rollup.histogram.count() == 1));
}

#[test]
fn a_child_hands_over_nothing_that_it_inherited_however_much_that_is() {
    let clock = Arc::new(ManualClock::new(0));
    let kept = Arc::new(Kept::default());
    let requests = Requests::new(1, Clock::Manual(Arc::clone(&clock))).unwrap();
    assert!(requests.roll_up_for(Arc::clone(&kept) as _));
    for number in 0..1_500 {
        let now = requests.clock().monotonic();
        requests.record(&format!("/{number}"), "GET", now, 0.5, 200, None);
        if number == 1_000 {
            clock.advance(MINUTE.cast_unsigned());
        }
    }
    kept.take();
    requests.forget();
    assert!(drained(&requests).is_empty());
    assert!(kept.take().is_empty());
}

#[test]
fn a_source_whose_history_is_closed_gathers_nothing_for_nobody() {
    let clock = Arc::new(ManualClock::new(0));
    let (monitor, kept) = monitor(&clock);
    let requests = Requests::new(10, Clock::Manual(Arc::clone(&clock))).unwrap();
    assert!(requests.roll_up_for(Arc::clone(&kept) as _));
    let record_both = || {
        for name in ["decode", "encode"] {
            record(&monitor, name, 1.0, "ms", None);
            requests.record(name, "GET", requests.clock().monotonic(), 0.5, 200, None);
        }
    };
    record(&monitor, "decode", 1.0, "ms", None);
    requests.record(
        "decode",
        "GET",
        requests.clock().monotonic(),
        0.5,
        200,
        None,
    );
    monitor.detach();
    requests.detach();
    record_both();
    assert!(drained(&monitor).is_empty() && drained(&requests).is_empty());
    // Nor does one that was closed before it was to.
    let late: Monitor<()> = Monitor::new(10, Clock::System).unwrap();
    late.detach();
    late.roll_up_for(Arc::clone(&kept) as _);
    record(&late, "decode", 1.0, "ms", None);
    assert!(drained(&late).is_empty());
    drop((monitor, requests, late));
    assert!(kept.take().is_empty());
}

/// The values of `name` that no history has.
fn alone(monitor: &Monitor<()>, name: &str, session: Option<&str>) -> Vec<f64> {
    let operation = monitor.operation(name).unwrap();
    let alone = operation.own(TimeRange::ALL, session, false).alone;
    alone.map_or_else(Vec::new, |measured| measured.values)
}

#[test]
fn what_a_history_did_not_take_before_it_was_closed_is_in_memory_alone() {
    let (monitor, kept) = monitor(&Arc::new(ManualClock::new(0)));
    for value in [1.0, 2.0] {
        record(&monitor, "decode", value, "ms", None);
    }
    assert!(alone(&monitor, "decode", None).is_empty());
    assert_eq!(drained(&monitor).len(), 1);
    record(&monitor, "decode", 3.0, "ms", None);
    record(&monitor, "decode", f64::NAN, "s", Some("roll-7"));
    monitor.detach();
    record(&monitor, "decode", 5.0, "MB", Some("roll-7"));
    record(&monitor, "late", 6.0, "ms", None);
    let own = monitor.operation("decode").unwrap();
    let own = own.own(TimeRange::ALL, None, false);
    assert_eq!(own.measured.unwrap().values.len(), 5);
    let of_decode = own.alone.unwrap();
    assert_eq!((of_decode.values.len(), of_decode.values[0]), (3, 3.0));
    assert_eq!(&*of_decode.unit, "ms");
    assert_eq!(of_decode.other_units, ["s".into(), "MB".into()]);
    assert_eq!(alone(&monitor, "decode", Some("roll-7")).len(), 2);
    assert_eq!(alone(&monitor, "late", None), [6.0]);
    // It is closed once.
    monitor.detach();
    assert_eq!(alone(&monitor, "decode", None).len(), 3);
    // In a fork, whose parent's history has the rest.
    monitor.forget();
    let own = monitor.operation("decode").unwrap();
    let own = own.own(TimeRange::ALL, None, false).measured.unwrap();
    assert_eq!((own.values.len(), own.values[0]), (3, 3.0));
    // Those that were cleared are nowhere.
    drop(monitor.clear(None));
    record(&monitor, "decode", 7.0, "ms", None);
    assert_eq!(alone(&monitor, "decode", None), [7.0]);
    drop(monitor);
    assert!(kept.take().is_empty());
}

#[test]
fn what_was_handed_over_for_there_was_too_much_of_it_is_not_in_memory_alone() {
    let (monitor, kept) = monitor(&Arc::new(ManualClock::new(0)));
    for number in 0..MAX_OPEN {
        let session = number.to_string();
        record(&monitor, "decode", 1.0, "ms", Some(&session));
    }
    monitor.detach();
    let taken: u64 = merged(kept.take())
        .iter()
        .filter(|((key, _), _)| matches!(key, Key::Operation { session: None, .. }))
        .map(|(_, rollup)| rollup.len())
        .sum();
    let waited = alone(&monitor, "decode", None).len() as u64;
    assert!(taken > 0 && waited > 0);
    assert_eq!(taken + waited, MAX_OPEN as u64);
}

#[test]
fn requests_that_a_history_did_not_take_before_it_was_closed_are_in_memory_alone() {
    let clock = Arc::new(ManualClock::new(0));
    let requests = Requests::new(4, Clock::Manual(Arc::clone(&clock))).unwrap();
    assert!(requests.roll_up_for(Arc::new(Kept::default()) as _));
    let track = |endpoint: &str, status| {
        let now = requests.clock().monotonic();
        requests.record(endpoint, "GET", now, 0.5, status, None);
    };
    let groups = || -> Vec<_> {
        let (groups, complete) = requests.own_grouped(TimeRange::ALL, Grouping::Endpoint);
        let groups = groups.into_iter().map(|(endpoint, group)| {
            let counts = [&group.all, &group.alone].map(|of| (of.durations.len(), of.errors));
            (endpoint.to_string(), counts)
        });
        groups
            .chain([(format!("{complete}"), [(0, 0); 2])])
            .collect()
    };
    let of = |endpoint: &str, all, alone| (endpoint.to_owned(), [all, alone]);
    let end = |complete: bool| of(&complete.to_string(), (0, 0), (0, 0));
    track("/a", 500);
    track("/a", 200);
    // One of them with its error.
    assert_eq!(drained(&requests).len(), 3);
    assert_eq!(groups(), [of("/a", (2, 1), (0, 0)), end(true)]);
    track("/a", 404);
    clock.advance(MINUTE.cast_unsigned());
    track("/b", 200);
    requests.detach();
    assert_eq!(
        groups(),
        [
            of("/a", (3, 2), (1, 1)),
            of("/b", (1, 0), (1, 0)),
            end(true)
        ]
    );
    track("/b", 503);
    requests.detach();
    assert_eq!(
        groups(),
        [
            of("/a", (2, 1), (1, 1)),
            of("/b", (2, 1), (2, 1)),
            end(false)
        ]
    );
    // In a fork, whose parent's history has the rest.
    requests.forget();
    assert_eq!(
        groups(),
        [
            of("/a", (1, 1), (1, 1)),
            of("/b", (2, 1), (2, 1)),
            end(false)
        ]
    );
    // Of one that never had a history, or one that only looks, all are.
    let plain = Requests::new(4, Clock::Manual(clock)).unwrap();
    plain.record("/a", "GET", plain.clock().monotonic(), 0.5, 200, None);
    plain.detach();
    assert!(!plain.roll_up_for(Arc::new(Kept::default()) as _));
    let (groups, _) = plain.own_grouped(TimeRange::ALL, Grouping::Endpoint);
    assert_eq!(groups[0].1.alone.durations, [500.0]);
}

#[test]
fn requests_roll_up_by_endpoint_method_and_kind_of_status() {
    let clock = Arc::new(ManualClock::new(0));
    let kept = Arc::new(Kept::default());
    // Too small to keep the names of all that it has seen.
    let requests = Requests::new(1, Clock::Manual(Arc::clone(&clock))).unwrap();
    assert!(requests.roll_up_for(Arc::clone(&kept) as _));
    let track = |endpoint: &str, method: &str, status| {
        let now = requests.clock().monotonic();
        requests.record(endpoint, method, now, 0.5, status, None);
    };
    for (endpoint, method, status) in [
        ("/a", "GET", 200),
        ("/b", "GET", 204),
        ("/a", "GET", 201),
        ("/a", "GET", 503),
        ("/a", "PUT", 200),
        ("/c", "GET", 999),
        ("/c", "GET", 65_535),
        ("/c", "GET", 99),
    ] {
        track(endpoint, method, status);
    }
    clock.advance(MINUTE.cast_unsigned());
    track("/a", "GET", 200);
    let key = |endpoint: &str, method: &str, status_class| Key::Endpoint {
        endpoint: endpoint.into(),
        method: method.into(),
        status_class,
    };
    let table = drained(&requests);
    let is_error = |key: &Key| matches!(key, Key::Error(_));
    let errors = table.iter().filter(|((key, _), _)| is_error(key));
    assert_eq!(errors.count(), 3);
    let seen: Vec<_> = table
        .iter()
        .filter(|((key, _), _)| !is_error(key))
        .map(|((key, minute), rollup)| (key.clone(), *minute, rollup.histogram.count()))
        .collect();
    assert_eq!(
        seen,
        [
            (key("/a", "GET", 2), 0, 2),
            (key("/a", "GET", 2), 1, 1),
            (key("/a", "GET", 5), 0, 1),
            (key("/a", "PUT", 2), 0, 1),
            (key("/b", "GET", 2), 0, 1),
            (key("/c", "GET", 0), 0, 1),
            (key("/c", "GET", 6), 0, 2),
        ]
    );
    assert_eq!(table[&(key("/a", "GET", 5), 0)].histogram.sum(), 500.0);
    track("/a", "GET", 200);
    drop(requests);
    assert_eq!(merged(kept.take()).len(), 1);
}

#[derive(Debug, Clone)]
struct Step {
    name: usize,
    unit: usize,
    session: Option<usize>,
    value: f64,
    /// Seconds by which the wall clock moves first, perhaps backwards.
    seconds: i64,
    drain: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (
        0..3_usize,
        0..2_usize,
        // Also more than wait at once, of few operations.
        prop_oneof![2 => proptest::option::of(0..3_usize), 1 => (0..300_usize).prop_map(Some)],
        prop_oneof![-1e3..1e3, Just(f64::NAN), Just(0.0)],
        prop_oneof![4 => Just(0), 2 => 0..50_i64, 1 => -4_000..4_000_i64],
        proptest::bool::weighted(0.01),
    )
        .prop_map(|(name, unit, session, value, seconds, drain)| Step {
            name,
            unit,
            session,
            value,
            seconds,
            drain,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whenever_it_is_drained_a_monitor_hands_over_each_sample_once(
        steps in proptest::collection::vec(step(), 1..1_200)
    ) {
        let clock = Arc::new(ManualClock::new(1_000_000 * NANOS_PER_SEC));
        let (monitor, kept) = monitor(&clock);
        let mut out = Vec::new();
        let mut model: BTreeMap<(Key, i64), (Histogram, i64, i64)> = BTreeMap::new();
        for step in steps {
            clock.set_wall(clock.wall() + step.seconds * NANOS_PER_SEC);
            let (name, unit) = (["a", "b", "c"][step.name], ["ms", "MB"][step.unit]);
            let session = step.session.map(|session| session.to_string());
            let session = session.as_deref();
            record(&monitor, name, step.value, unit, session);
            let now = clock.wall();
            for session in [None, session].into_iter().take(1 + usize::from(session.is_some())) {
                let key = (operation(name, unit, session), now.div_euclid(MINUTE));
                let row = model.entry(key).or_insert((Histogram::default(), now, now));
                row.0.record(step.value);
                row.1 = row.1.min(now);
                row.2 = row.2.max(now);
            }
            if step.drain {
                monitor.drain(&mut out);
            }
        }
        monitor.drain(&mut out);
        out.extend(kept.take());
        let table = merged(out);
        prop_assert_eq!(table.len(), model.len());
        for (key, rollup) in &table {
            let (histogram, first, last) = &model[key];
            prop_assert_eq!((rollup.first, rollup.last), (*first, *last));
            prop_assert_eq!(rollup.histogram.buckets(), histogram.buckets());
        }
    }
}

/// A history that counts how often it heard that something is recorded.
#[derive(Debug, Default)]
struct Hears(Mutex<usize>);

impl Sink for Hears {
    fn begin(&self) {
        *self.0.lock().unwrap() += 1;
    }

    fn absorb(&self, _: Vec<Delta>) {}
}

fn heard_of(source: &dyn Source, hears: &Hears, record: impl Fn()) -> Vec<usize> {
    (0..3)
        .map(|_| {
            record();
            record();
            let times = std::mem::take(&mut *hears.0.lock().unwrap());
            drained(source);
            times
        })
        .collect()
}

#[test]
fn a_history_hears_of_the_first_sample_since_it_took_those_before_and_of_no_other() {
    let clock = Clock::Manual(Arc::new(ManualClock::new(0)));
    let hears = Arc::new(Hears::default());
    let monitor = Monitor::<()>::new(10, clock.clone()).unwrap();
    assert!(monitor.roll_up_for(hears.clone()));
    let label = LabelRef {
        unit: "s",
        timer: false,
        outcome: Outcome::None,
        session: None,
    };
    let record = || drop(monitor.record_many("a", &[1.0, 2.0], label));
    assert_eq!(heard_of(&monitor, &hears, record), [1, 1, 1]);
    let requests = Requests::new(10, clock).unwrap();
    assert!(requests.roll_up_for(hears.clone()));
    let record = || {
        let now = requests.clock().monotonic();
        requests.record("/a", "GET", now, 1.0, 200, None);
        requests.record("/b", "GET", now, 1.0, 500, None);
    };
    assert_eq!(heard_of(&requests, &hears, record), [1, 1, 1]);
}
