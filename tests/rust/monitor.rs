use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use ptpd_monitoring::{
    monitor::{Monitor, Operation},
    recording::series::{LabelRef, Outcome},
    stats::percentiles,
    time::{Clock, ManualClock, Monotonic, TimeRange},
    units::SECONDS,
};

const PLAIN: LabelRef<'static> = LabelRef {
    unit: SECONDS,
    timer: false,
    outcome: Outcome::None,
    session: None,
};

fn session(session: &str) -> LabelRef<'_> {
    LabelRef {
        session: Some(session),
        ..PLAIN
    }
}

fn new_monitor(max_history: usize) -> (Monitor<usize>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(0));
    let monitor = Monitor::new(max_history, Clock::Manual(Arc::clone(&clock)));
    (monitor.unwrap(), clock)
}

fn record(monitor: &Monitor<usize>, name: &str, value: f64) {
    monitor.record(name, Monotonic(0), value, PLAIN, None);
}

fn values(monitor: &Monitor<usize>, name: &str) -> Vec<f64> {
    let operation = monitor.operation(name);
    operation.map_or_else(Vec::new, |operation| operation.values(TimeRange::ALL))
}

fn names<M>(operations: &[Arc<Operation<M>>]) -> Vec<&str> {
    operations
        .iter()
        .map(|operation| &**operation.name())
        .collect()
}

#[test]
fn samples_are_stamped_with_the_wall_time_of_their_recording() {
    let (monitor, clock) = new_monitor(10);
    for wall in [5, 3, -7] {
        clock.set_wall(wall);
        record(&monitor, "op", 1.0);
    }
    monitor.record_many("op", &[1.0, 2.0], PLAIN);
    assert_eq!(monitor.operation("op").unwrap().times(), [5, 3, -7, -7, -7]);
}

#[test]
fn operations_come_in_order_of_first_use_also_after_one_is_cleared() {
    let (monitor, _) = new_monitor(10);
    for name in ["c", "a", "b", "a", "c"] {
        record(&monitor, name, 1.0);
    }
    assert_eq!(names(&monitor.operations()), ["c", "a", "b"]);
    assert_eq!(names(&monitor.clear(Some("c"))), ["c"]);
    record(&monitor, "c", 1.0);
    assert_eq!(names(&monitor.operations()), ["a", "b", "c"]);
    assert_eq!(names(&monitor.clear(None)), ["a", "b", "c"]);
    assert!(monitor.operations().is_empty());
}

#[test]
fn clearing_what_nobody_recorded_removes_nothing() {
    let (monitor, _) = new_monitor(10);
    record(&monitor, "op", 1.0);
    assert!(monitor.clear(Some("other")).is_empty());
    assert_eq!(values(&monitor, "op"), [1.0]);
}

#[test]
fn an_operation_held_while_it_is_cleared_keeps_its_samples_and_gets_no_new_ones() {
    let (monitor, _) = new_monitor(10);
    record(&monitor, "op", 1.0);
    let held = monitor.operation("op").unwrap();
    let removed = monitor.clear(Some("op"));
    record(&monitor, "op", 2.0);
    assert!(Arc::ptr_eq(&held, &removed[0]));
    assert_eq!(held.values(TimeRange::ALL), [1.0]);
    assert_eq!(values(&monitor, "op"), [2.0]);
}

#[test]
fn the_newest_samples_stay_and_the_metadata_of_the_others_comes_back_once() {
    let (monitor, _) = new_monitor(3);
    let dropped: Vec<Option<usize>> = (0..6)
        .map(|number| {
            let metadata = (number % 2 == 0).then_some(number);
            monitor.record("op", Monotonic(0), number as f64, PLAIN, metadata)
        })
        .collect();
    assert_eq!(dropped, [None, None, None, Some(0), None, Some(2)]);
    assert_eq!(values(&monitor, "op"), [3.0, 4.0, 5.0]);
    assert_eq!(monitor.record_many("op", &[6.0, 7.0], PLAIN), [4]);
    assert_eq!(values(&monitor, "op"), [5.0, 6.0, 7.0]);
}

#[test]
fn recording_more_at_once_than_fits_keeps_the_last_of_them() {
    let (monitor, _) = new_monitor(4);
    monitor.record("op", Monotonic(0), -1.0, PLAIN, Some(9));
    let many: Vec<f64> = (0..1_000).map(f64::from).collect();
    assert_eq!(monitor.record_many("op", &many, PLAIN), [9]);
    assert_eq!(values(&monitor, "op"), [996.0, 997.0, 998.0, 999.0]);
    let newest = monitor.operation("op").unwrap().sample_at(3).unwrap();
    assert_eq!(newest.sequence, 1_000);
}

#[test]
fn recording_no_values_makes_no_operation() {
    let (monitor, _) = new_monitor(4);
    assert!(monitor.record_many("op", &[], PLAIN).is_empty());
    assert!(monitor.operation("op").is_none());
}

#[test]
fn the_newest_samples_come_alone_with_the_unit_of_the_oldest_of_them() {
    let (monitor, _) = new_monitor(3);
    let metres = LabelRef { unit: "m", ..PLAIN };
    for (value, label) in [(1.0, PLAIN), (2.0, PLAIN), (3.0, metres), (4.0, PLAIN)] {
        monitor.record("op", Monotonic(0), value, label, None);
    }
    let operation = monitor.operation("op").unwrap();
    let newest = |most| {
        let (values, unit) = operation.newest(most)?;
        Some((values, unit.to_string()))
    };
    assert_eq!(newest(0), None);
    assert_eq!(newest(1), Some((vec![4.0], SECONDS.to_owned())));
    assert_eq!(newest(2), Some((vec![3.0, 4.0], "m".to_owned())));
    for most in [3, 4, usize::MAX] {
        assert_eq!(
            newest(most),
            Some((vec![2.0, 3.0, 4.0], SECONDS.to_owned()))
        );
    }
}

#[test]
fn a_history_of_one_keeps_the_newest_sample() {
    let (monitor, _) = new_monitor(1);
    for (value, unit) in [(1.0, "s"), (2.0, "MB"), (3.0, "s")] {
        let label = LabelRef { unit, ..PLAIN };
        monitor.record("op", Monotonic(0), value, label, None);
        let measured = monitor
            .operation("op")
            .unwrap()
            .measured(TimeRange::ALL, None, false)
            .unwrap();
        assert_eq!((measured.values, &*measured.unit), (vec![value], unit));
    }
}

#[test]
fn a_history_of_none_is_refused_and_changes_nothing() {
    let refusal = "max_history must be at least 1, got 0";
    let error = Monitor::<usize>::new(0, Clock::System).unwrap_err();
    assert_eq!(error.to_string(), refusal);
    let (monitor, _) = new_monitor(3);
    monitor.record_many("op", &[1.0, 2.0], PLAIN);
    assert_eq!(monitor.set_max_history(0).unwrap_err().to_string(), refusal);
    assert_eq!(monitor.max_history(), 3);
    assert_eq!(values(&monitor, "op"), [1.0, 2.0]);
}

#[test]
fn a_shorter_history_drops_the_oldest_at_once_and_a_longer_one_keeps_more() {
    let (monitor, _) = new_monitor(5);
    for number in 0..5 {
        for name in ["a", "b"] {
            monitor.record(name, Monotonic(0), number as f64, PLAIN, Some(number));
        }
    }
    assert_eq!(monitor.set_max_history(2).unwrap(), [0, 1, 2, 0, 1, 2]);
    assert_eq!(values(&monitor, "a"), [3.0, 4.0]);
    assert!(monitor.set_max_history(3).unwrap().is_empty());
    monitor.record_many("b", &[5.0, 6.0], PLAIN);
    assert_eq!(values(&monitor, "b"), [4.0, 5.0, 6.0]);
}

#[test]
fn averages_and_percentiles_are_of_that_operation_alone() {
    let (monitor, _) = new_monitor(10);
    monitor.record_many("op", &[1.0, 2.0, 6.0], PLAIN);
    monitor.record_many("broken", &[f64::NAN], PLAIN);
    assert_eq!(monitor.average("op"), Some(3.0));
    assert_eq!(monitor.percentiles("op", &[50.0, 0.0]).unwrap(), [2.0, 1.0]);
    assert!(monitor.average("broken").unwrap().is_nan());
    assert_eq!(monitor.average("unknown"), None);
    assert!(monitor.percentiles("unknown", &[50.0]).unwrap().is_empty());
}

#[test]
fn a_bad_percentile_is_refused_also_for_an_unknown_operation() {
    let (monitor, _) = new_monitor(10);
    for name in ["unknown", "op"] {
        assert!(monitor.percentiles(name, &[50.0, 101.0]).is_err());
        record(&monitor, "op", 1.0);
    }
}

#[test]
fn a_session_counts_its_own_samples_only() {
    let (monitor, _) = new_monitor(10);
    let unit = "MB";
    monitor.record_many("op", &[1.0, 2.0], session("a"));
    monitor.record_many("op", &[100.0], PLAIN);
    monitor.record_many(
        "op",
        &[3.0],
        LabelRef {
            unit,
            ..session("b")
        },
    );
    monitor.record_many(
        "op",
        &[6.0],
        LabelRef {
            unit,
            ..session("a")
        },
    );
    let operation = monitor.operation("op").unwrap();
    let of_session = operation
        .measured(TimeRange::ALL, Some("a"), false)
        .unwrap();
    assert_eq!(of_session.values.len(), 3);
    assert_eq!(of_session.values.iter().sum::<f64>(), 9.0);
    assert_eq!(&*of_session.unit, SECONDS);
    assert!(
        operation
            .measured(TimeRange::ALL, Some("c"), false)
            .is_none()
    );
}

#[test]
fn a_restamped_sample_moves_between_ranges() {
    let (monitor, clock) = new_monitor(2);
    for wall in [10, 20, 30] {
        clock.set_wall(wall);
        record(&monitor, "op", wall as f64);
    }
    let operation = monitor.operation("op").unwrap();
    assert!(operation.set_time(2, 12));
    assert!(!operation.set_time(0, 12) && !operation.set_time(3, 12));
    let range = TimeRange { start: 10, end: 19 };
    assert_eq!(operation.values(range), [30.0]);
    assert!(
        operation
            .measured(TimeRange { start: 31, end: 99 }, None, false)
            .is_none()
    );
}

#[test]
fn a_timer_measures_from_its_own_start_and_stops_once() {
    let (monitor, clock) = new_monitor(10);
    monitor.start_timer("op", (1, 0));
    clock.advance(500_000_000);
    monitor.start_timer("op", (2, 0));
    clock.advance(1_000_000_000);
    let (moment, seconds) = monitor.stop_timer("op", (1, 0)).unwrap();
    assert_eq!((moment, seconds), (Monotonic(1_500_000_000), 1.5));
    assert!(monitor.with_running(|running| running.contains("op")));
    assert_eq!(monitor.stop_timer("op", (2, 0)).unwrap().1, 1.0);
    assert!(monitor.stop_timer("op", (2, 0)).is_none());
    assert!(
        monitor.operation("op").is_none(),
        "recording is the caller's"
    );
}

#[test]
fn every_metadata_is_visited_and_a_refusal_stops_the_visit() {
    let (monitor, _) = new_monitor(10);
    for number in 0..6 {
        let name = (number % 2).to_string();
        monitor.record(&name, Monotonic(0), 0.0, PLAIN, Some(number));
    }
    let mut seen = BTreeSet::new();
    let visited: Result<(), ()> = monitor.try_visit_metadata(|number| {
        seen.insert(*number);
        Ok(())
    });
    assert_eq!((visited, seen), (Ok(()), (0..6).collect()));
    let mut visits = 0;
    let refused = monitor.try_visit_metadata(|number| {
        visits += 1;
        if *number == 2 { Err("enough") } else { Ok(()) }
    });
    assert_eq!((refused, visits), (Err("enough"), 2));
}

/// Runs `threads` threads that each do `work`, and `beside` again and again until they are done.
fn hammer(threads: usize, work: impl Fn(usize) + Sync, mut beside: impl FnMut()) {
    let running = AtomicUsize::new(threads);
    thread::scope(|scope| {
        for number in 0..threads {
            let (work, running) = (&work, &running);
            scope.spawn(move || {
                work(number);
                running.fetch_sub(1, Relaxed);
            });
        }
        while running.load(Relaxed) > 0 {
            beside();
        }
    });
}

#[test]
fn no_sample_is_lost_or_counted_twice_while_operations_are_cleared() {
    const EACH: usize = 5_000;
    let monitor = Monitor::<usize>::new(1_000_000, Clock::System).unwrap();
    let mut cleared = Vec::new();
    let record = |thread: usize| {
        for number in 0..EACH {
            let value = (thread * EACH + number) as f64;
            let moment = monitor.clock().monotonic();
            let metadata = Some(thread * EACH + number);
            monitor.record(["a", "b"][number % 2], moment, value, PLAIN, metadata);
        }
    };
    let mut turn = 0;
    hammer(4, record, || {
        turn += 1;
        let removed = monitor.clear([None, Some("a"), Some("b")][turn % 3]);
        cleared.extend(
            removed
                .into_iter()
                .map(|operation| (operation.len(), operation)),
        );
    });
    let rest = monitor.clear(None).into_iter();
    cleared.extend(rest.map(|operation| (operation.len(), operation)));
    let mut all: Vec<usize> = Vec::new();
    for (length, operation) in &cleared {
        assert_eq!(operation.len(), *length, "recorded after it was cleared");
        for sample in operation.samples(TimeRange::ALL) {
            assert_eq!(
                sample.metadata.map(|number| number as f64),
                Some(sample.value)
            );
            all.extend(sample.metadata);
        }
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..4 * EACH));
}

#[test]
fn readers_see_whole_samples_while_threads_record() {
    let monitor = Monitor::<usize>::new(50, Clock::System).unwrap();
    let dropped = AtomicUsize::new(0);
    let record = |thread: usize| {
        for number in 0..5_000 {
            let (unit, metadata) = (["even", "odd"][number % 2], thread * 5_000 + number);
            let label = LabelRef { unit, ..PLAIN };
            let moment = monitor.clock().monotonic();
            let gone = monitor.record("op", moment, metadata as f64, label, Some(metadata));
            dropped.fetch_add(usize::from(gone.is_some()), Relaxed);
        }
    };
    hammer(4, record, || {
        let Some(operation) = monitor.operation("op") else {
            return;
        };
        let samples = operation.samples(TimeRange::ALL);
        assert!(samples.len() <= 50);
        assert!(
            samples
                .windows(2)
                .all(|pair| pair[0].sequence + 1 == pair[1].sequence)
        );
        for sample in samples {
            let number = sample.metadata.unwrap();
            assert_eq!((number as f64).to_bits(), sample.value.to_bits());
            assert_eq!(&*sample.label.unit, ["even", "odd"][number % 2]);
        }
    });
    assert_eq!(dropped.load(Relaxed), 4 * 5_000 - 50);
    let last = monitor.operation("op").unwrap().sample_at(49).unwrap();
    assert_eq!(last.sequence, 4 * 5_000 - 1);
}

#[test]
fn a_history_shortened_while_threads_record_is_never_exceeded_afterwards() {
    for _ in 0..300 {
        let monitor = Monitor::<usize>::new(1_000, Clock::System).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        record(&monitor, "op", 1.0);
                    }
                });
            }
            while monitor
                .operation("op")
                .is_none_or(|operation| operation.len() < 20)
            {}
            monitor.set_max_history(5).unwrap();
            let lengths = (0..20).map(|_| monitor.operation("op").unwrap().len());
            let longest = lengths.max();
            stop.store(true, Relaxed);
            assert!(longest <= Some(5), "{longest:?} samples");
        });
    }
}

#[test]
fn two_threads_naming_an_operation_first_share_it() {
    for _ in 0..200 {
        let monitor = Monitor::<usize>::new(10, Clock::System).unwrap();
        hammer(3, |_| record(&monitor, "op", 1.0), || ());
        assert_eq!(values(&monitor, "op"), [1.0; 3]);
        assert_eq!(percentiles(&values(&monitor, "op"), &[50.0]), [1.0]);
    }
}
