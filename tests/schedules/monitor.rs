use std::sync::Arc;

use ptpd_monitoring::{
    calendar::TimeRange,
    clock::{Clock, ManualClock, Monotonic},
    monitor::{Monitor, Operation},
    series::LabelRef,
};

use crate::{at_once, explore, pairs};

const LABEL: LabelRef<'static> = LabelRef {
    unit: "u",
    timer: false,
    session: None,
};

/// Each sample's metadata is its value, so that what falls off can be told.
type Shared = Arc<Monitor<u64>>;

const BEFORE: [u64; 2] = [1, 2];

#[derive(Debug, Clone, Copy)]
enum Work {
    Record(&'static str),
    Clear(Option<&'static str>),
    Samples,
    Statistics,
    Visit,
    Bound(usize),
}

const WORK: [Work; 9] = [
    Work::Record("a"),
    Work::Record("new"),
    Work::Clear(Some("a")),
    Work::Clear(None),
    Work::Samples,
    Work::Statistics,
    Work::Visit,
    Work::Bound(1),
    Work::Bound(4),
];

/// What one thread put in and what it was handed out.
#[derive(Default)]
struct Account {
    recorded: Vec<u64>,
    dropped: Vec<u64>,
}

fn monitor(bound: usize) -> Shared {
    Arc::new(Monitor::new(bound, Clock::Manual(Arc::new(ManualClock::new(0)))).unwrap())
}

fn record(monitor: &Shared, name: &str, value: u64) -> Option<u64> {
    monitor.record(name, Monotonic(0), value as f64, LABEL, Some(value))
}

fn held(operation: &Operation<u64>) -> Vec<u64> {
    let samples = operation.samples(TimeRange::ALL);
    for pair in samples.windows(2) {
        assert_eq!(
            pair[0].sequence + 1,
            pair[1].sequence,
            "a gap in the series"
        );
    }
    let held = samples.iter().map(|sample| {
        let value = sample.metadata.unwrap();
        assert_eq!(
            sample.value.to_bits(),
            (value as f64).to_bits(),
            "a torn sample"
        );
        value
    });
    held.collect()
}

impl Work {
    fn run(self, monitor: &Shared, first: u64) -> Account {
        let mut account = Account::default();
        match self {
            Self::Record(name) => {
                for value in [first, first + 1] {
                    account.dropped.extend(record(monitor, name, value));
                    account.recorded.push(value);
                }
            }
            Self::Clear(name) => {
                // As of now: what came to them later would be lost to everybody.
                let cleared = monitor.clear(name);
                account
                    .dropped
                    .extend(cleared.iter().flat_map(|cleared| held(cleared)));
            }
            Self::Samples => {
                for operation in monitor.operations() {
                    held(&operation);
                }
            }
            Self::Statistics => {
                let found = monitor.percentiles("a", &[0.0, 100.0]).unwrap();
                assert!(found.len() != 1 && found.is_sorted(), "{found:?}");
                let mean = monitor.average("a");
                assert!(mean.is_none_or(|mean| mean >= 1.0), "{mean:?}");
            }
            Self::Visit => {
                monitor
                    .try_visit_metadata(|&value| if value > 0 { Ok(()) } else { Err(value) })
                    .unwrap();
            }
            Self::Bound(bound) => account
                .dropped
                .extend(monitor.set_max_history(bound).unwrap()),
        }
        account
    }
}

/// Every sample is kept, or was handed out by exactly one operation.
fn assert_accounted(monitor: &Shared, accounts: &[Account]) {
    let mut expected: Vec<u64> = BEFORE.to_vec();
    let mut found = Vec::new();
    for account in accounts {
        expected.extend(&account.recorded);
        found.extend(&account.dropped);
    }
    for operation in monitor.operations() {
        let kept = held(&operation);
        assert!(
            kept.len() <= monitor.max_history(),
            "capacity exceeded: {kept:?}"
        );
        for account in accounts {
            let own = kept.iter().filter(|value| account.recorded.contains(value));
            assert!(own.is_sorted(), "a thread's samples out of order: {kept:?}");
        }
        found.extend(kept);
    }
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "samples lost or doubled");
}

#[test]
fn no_pair_of_operations_loses_or_doubles_a_sample_or_exceeds_the_capacity() {
    for (one, other) in pairs(&WORK) {
        explore(move || {
            let shared = monitor(3);
            for value in BEFORE {
                assert_eq!(record(&shared, "a", value), None);
            }
            let jobs = [(one, 10), (other, 20)].map(|(work, first)| {
                let shared = Arc::clone(&shared);
                Box::new(move || {
                    let account = work.run(&shared, first);
                    for operation in shared.operations() {
                        assert!(
                            operation.len() <= 4,
                            "{one:?}, {other:?}: capacity exceeded"
                        );
                    }
                    account
                }) as _
            });
            assert_accounted(&shared, &at_once(jobs));
        });
    }
}

#[test]
fn many_values_recorded_at_once_stay_together() {
    explore(|| {
        let shared = monitor(10);
        let jobs = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].map(|values| {
            let shared = Arc::clone(&shared);
            Box::new(move || assert!(shared.record_many("new", &values, LABEL).is_empty())) as _
        });
        at_once(jobs);
        let kept = shared.operation("new").unwrap().values(TimeRange::ALL);
        assert!(
            kept == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] || kept == [4.0, 5.0, 6.0, 1.0, 2.0, 3.0],
            "{kept:?}"
        );
    });
}

#[test]
fn threads_that_use_a_new_name_first_share_one_operation() {
    explore(|| {
        let shared = monitor(10);
        let jobs = [1, 2, 3].map(|value| {
            let shared = Arc::clone(&shared);
            Box::new(move || assert_eq!(record(&shared, "new", value), None)) as _
        });
        at_once(jobs);
        assert_eq!(shared.operations().len(), 1);
        let mut kept = held(&shared.operation("new").unwrap());
        kept.sort_unstable();
        assert_eq!(kept, [1, 2, 3]);
    });
}

#[test]
fn what_is_recorded_after_a_clearing_is_not_cleared_by_it() {
    explore(|| {
        let shared = monitor(10);
        record(&shared, "a", 1);
        let other = Arc::clone(&shared);
        let jobs: [Box<dyn FnOnce() + Send>; 2] = [
            Box::new(move || {
                drop(other.clear(Some("a")));
                record(&other, "a", 7);
            }),
            {
                let shared = Arc::clone(&shared);
                Box::new(move || assert_eq!(record(&shared, "a", 8), None))
            },
        ];
        at_once(jobs);
        let kept = held(&shared.operation("a").unwrap());
        assert!(kept.contains(&7) && !kept.contains(&1), "{kept:?}");
    });
}

#[test]
fn a_bound_that_was_replaced_by_a_higher_one_cuts_nothing_off() {
    explore(|| {
        let shared = monitor(3);
        record(&shared, "a", 1);
        let (lower, higher) = (Arc::clone(&shared), Arc::clone(&shared));
        let jobs: [Box<dyn FnOnce() + Send>; 2] = [
            Box::new(move || drop(lower.set_max_history(1).unwrap())),
            Box::new(move || {
                higher.set_max_history(10).unwrap();
                for value in 2..6 {
                    record(&higher, "a", value);
                }
            }),
        ];
        at_once(jobs);
        let kept = held(&shared.operation("a").unwrap());
        if shared.max_history() == 10 {
            assert!(kept.ends_with(&[2, 3, 4, 5]), "{kept:?}");
        } else {
            assert_eq!(kept, [5]);
        }
    });
}

#[test]
fn each_thread_stops_the_timer_that_it_started() {
    explore(|| {
        let clock = Arc::new(ManualClock::new(0));
        let shared: Shared = Arc::new(Monitor::new(3, Clock::Manual(Arc::clone(&clock))).unwrap());
        let jobs = [1, 2, 3].map(|thread| {
            let (shared, clock) = (Arc::clone(&shared), Arc::clone(&clock));
            Box::new(move || {
                shared.start_timer("t", (thread, 0));
                let running = shared.with_running(|running| running.contains("t"));
                assert!(running, "an own timer vanished");
                clock.advance(1);
                let (now, seconds) = shared.stop_timer("t", (thread, 0)).unwrap();
                assert!(seconds > 0.0 && now.0 <= 3);
                // Started again and left to whoever comes last.
                shared.start_timer("left", (thread, 0));
            }) as _
        });
        at_once(jobs);
        assert!(!shared.with_running(|running| running.contains("t")));
        for _ in 0..3 {
            assert!(shared.stop_timer("left", (9, 9)).is_some());
        }
        assert!(shared.stop_timer("left", (9, 9)).is_none());
    });
}
