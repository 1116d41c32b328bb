use std::sync::Arc;

use ptpd_monitoring::{
    monitor::{Monitor, Operation},
    recording::series::{LabelRef, Outcome},
    time::{Clock, ManualClock, Monotonic, TimeRange},
    units::SECONDS,
};

use crate::{
    at_once, each_at_once, explore,
    ledger::{Ledger, histogram_of},
    most_kept, pairs,
};

pub const LABEL: LabelRef<'static> = LabelRef {
    unit: "u",
    timer: false,
    outcome: Outcome::None,
    session: None,
};
const TIMER: LabelRef<'static> = LabelRef {
    unit: SECONDS,
    timer: true,
    outcome: Outcome::None,
    session: None,
};

/// Each sample's metadata is its value, so that what falls off can be told.
struct Shared {
    monitor: Monitor<u64>,
    history: Arc<Ledger>,
}

const BOUND: usize = 3;
const BEFORE: [u64; 2] = [1, 2];

#[derive(Debug, Clone, Copy)]
enum Work {
    Record(&'static str),
    RecordMany(&'static str),
    Start,
    Stop,
    Clear(Option<&'static str>),
    Drain,
    Samples,
    Statistics,
    Visit,
    Bound(usize),
}

const WORK: [Work; 14] = [
    Work::Record("a"),
    Work::Record("new"),
    Work::RecordMany("a"),
    Work::RecordMany("new"),
    Work::Start,
    Work::Stop,
    Work::Clear(Some("a")),
    Work::Clear(None),
    Work::Drain,
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
    /// Those without metadata: nobody is told when they fall off.
    bare: Vec<u64>,
    dropped: Vec<u64>,
    /// What operations that were cleared away had ever taken in.
    cleared: u64,
    started: usize,
    stopped: usize,
}

impl Shared {
    fn new(bound: usize) -> Self {
        let shared = Self {
            monitor: monitor(bound),
            history: Ledger::new(),
        };
        assert!(shared.monitor.roll_up_for(shared.history.clone()));
        shared
    }
}

pub fn monitor(bound: usize) -> Monitor<u64> {
    Monitor::new(bound, Clock::Manual(Arc::new(ManualClock::new(0)))).unwrap()
}

pub fn record(monitor: &Monitor<u64>, name: &str, value: u64) -> Option<u64> {
    monitor.record(name, Monotonic(0), value as f64, LABEL, Some(value))
}

/// The samples' values, and how many the operation has ever taken in.
fn look(operation: &Operation<u64>) -> (Vec<u64>, u64) {
    let samples = operation.samples(TimeRange::ALL);
    for pair in samples.windows(2) {
        assert_eq!(
            pair[0].sequence + 1,
            pair[1].sequence,
            "a gap in the series"
        );
    }
    let values = samples.iter().map(|sample| {
        let value: u64 = sample.value.to_string().parse().unwrap();
        let torn = sample.metadata.is_some_and(|other| other != value);
        assert!(!torn, "a torn sample: {sample:?}");
        value
    });
    let taken = samples.last().map_or(0, |sample| sample.sequence + 1);
    (values.collect(), taken)
}

pub fn held(operation: &Operation<u64>) -> Vec<u64> {
    look(operation).0
}

impl Work {
    fn bound(self) -> Option<usize> {
        match self {
            Self::Bound(bound) => Some(bound),
            _ => None,
        }
    }

    /// Never sees more than `most` samples of an operation.
    fn run(self, shared: &Shared, first: u64, most: usize) -> Account {
        let Shared { monitor, history } = shared;
        let owner = (first, 0);
        let mut account = Account::default();
        match self {
            Self::Record(name) => {
                for value in [first, first + 1] {
                    account.dropped.extend(record(monitor, name, value));
                    account.recorded.push(value);
                }
            }
            Self::RecordMany(name) => {
                account.bare = vec![first, first + 1];
                let values = [first as f64, (first + 1) as f64];
                account.dropped = monitor.record_many(name, &values, LABEL);
            }
            Self::Start => {
                monitor.start_timer("t", owner);
                account.started += 1;
            }
            Self::Stop => {
                if let Some((now, _)) = monitor.stop_timer("t", owner) {
                    account.stopped += 1;
                    account.recorded.push(first);
                    let (value, metadata) = (first as f64, Some(first));
                    account.dropped = monitor
                        .record("a", now, value, TIMER, metadata)
                        .into_iter()
                        .collect();
                }
            }
            Self::Clear(name) => {
                // As of now: what came to them later would be lost to everybody.
                for cleared in monitor.clear(name) {
                    let (values, taken) = look(&cleared);
                    account.dropped.extend(values);
                    account.cleared += taken;
                }
            }
            Self::Drain => history.drain(monitor),
            Self::Samples => {
                for operation in monitor.operations() {
                    let held = held(&operation);
                    assert!(held.len() <= most, "capacity exceeded: {held:?}");
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

/// Every sample is kept, or was handed out by exactly one operation, or fell off where nobody is
/// told; and the history was handed over each of them once. Every timer runs or was stopped once.
fn assert_accounted(shared: &Shared, accounts: &[Account]) {
    let Shared { monitor, history } = shared;
    let recorded = || accounts.iter().flat_map(|account| &account.recorded);
    let bare = || accounts.iter().flat_map(|account| &account.bare);
    let told: Vec<u64> = BEFORE.iter().chain(recorded()).copied().collect();
    let all: Vec<u64> = told.iter().chain(bare()).copied().collect();

    let mut found: Vec<u64> = Vec::new();
    let mut taken = 0;
    for account in accounts {
        found.extend(&account.dropped);
        taken += account.cleared;
    }
    for operation in monitor.operations() {
        let (kept, ever) = look(&operation);
        assert!(
            kept.len() <= monitor.max_history(),
            "capacity exceeded: {kept:?}"
        );
        for account in accounts {
            let put_in = account.recorded.iter().chain(&account.bare);
            let own = kept
                .iter()
                .filter(|value| put_in.clone().any(|own| own == *value));
            assert!(own.is_sorted(), "a thread's samples out of order: {kept:?}");
        }
        found.extend(kept);
        taken += ever;
    }
    assert_eq!(taken, all.len() as u64, "samples lost or doubled");
    let times = |value: &u64| found.iter().filter(|other| *other == value).count();
    assert!(
        told.iter().all(|value| times(value) == 1),
        "{found:?} of {told:?}"
    );
    assert!(bare().all(|value| times(value) <= 1), "{found:?} doubled");
    assert!(
        found.iter().all(|value| all.contains(value)),
        "{found:?} of {all:?}"
    );

    history.drain(monitor);
    assert_eq!(
        history.histogram(|_| true),
        histogram_of(&all),
        "samples lost or doubled on the way to the history"
    );

    let count = |of: fn(&Account) -> usize| accounts.iter().map(of).sum::<usize>();
    let running = std::iter::from_fn(|| monitor.stop_timer("t", (0, 0))).count();
    let (started, stopped) = (
        count(|account| account.started),
        count(|account| account.stopped),
    );
    assert_eq!(1 + started, stopped + running, "timers lost or doubled");
}

fn with_samples_and_a_timer() -> Arc<Shared> {
    let shared = Shared::new(BOUND);
    for value in BEFORE {
        assert_eq!(record(&shared.monitor, "a", value), None);
    }
    shared.monitor.start_timer("t", (0, 0));
    Arc::new(shared)
}

#[test]
fn no_pair_of_operations_loses_or_doubles_a_sample_or_exceeds_the_capacity() {
    for (one, other) in pairs(&WORK) {
        explore(move || {
            let shared = with_samples_and_a_timer();
            let jobs = [(one, other, 10), (other, one, 20)].map(|(work, others, first)| {
                let shared = Arc::clone(&shared);
                Box::new(move || {
                    let most = most_kept(BOUND, work.bound(), others.bound());
                    let account = work.run(&shared, first, most);
                    for operation in shared.monitor.operations() {
                        assert!(
                            operation.len() <= most,
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
fn nothing_recorded_is_lost_to_the_history_while_it_drains_what_is_being_cleared() {
    let recording = [
        Work::Record("a"),
        Work::Record("new"),
        Work::RecordMany("a"),
        Work::Stop,
    ];
    for clearing in [Work::Clear(Some("a")), Work::Clear(None)] {
        for recording in recording {
            explore(move || {
                let shared = with_samples_and_a_timer();
                let works = [(recording, 10), (clearing, 20), (Work::Drain, 30)];
                let run = |shared: &Arc<Shared>, (work, first): (Work, u64)| {
                    work.run(shared, first, BOUND)
                };
                assert_accounted(&shared, &each_at_once(&shared, works, run));
            });
        }
    }
}

#[test]
fn many_values_recorded_at_once_stay_together() {
    explore(|| {
        let shared = Arc::new(monitor(10));
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
        let shared = Arc::new(monitor(10));
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
        let shared = Arc::new(monitor(10));
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
        let shared = Arc::new(monitor(3));
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
        let manual = Clock::Manual(Arc::clone(&clock));
        let shared: Arc<Monitor<()>> = Arc::new(Monitor::new(3, manual).unwrap());
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
