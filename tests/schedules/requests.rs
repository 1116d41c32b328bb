use std::sync::Arc;

use ptpd_monitoring::{
    requests::Requests,
    rollup::Key,
    stats::Histogram,
    time::{Clock, ManualClock, Monotonic, TimeRange},
};

use crate::{at_once, explore, ledger::Ledger, most_kept, pairs};

type Shared = Arc<Requests>;

const BOUND: usize = 3;
const BEFORE: [u32; 2] = [1, 2];

#[derive(Debug, Clone, Copy)]
enum Work {
    Record(&'static str),
    Bound(usize),
    Drain,
    Read,
    Groups,
    Endpoint,
}

const WORK: [Work; 8] = [
    Work::Record("/a"),
    Work::Record("/new"),
    Work::Bound(1),
    Work::Bound(4),
    Work::Drain,
    Work::Read,
    Work::Groups,
    Work::Endpoint,
];

fn requests(bound: usize) -> Shared {
    Arc::new(Requests::new(bound, Clock::Manual(Arc::new(ManualClock::new(0)))).unwrap())
}

fn seconds(number: u32) -> f64 {
    f64::from(number) / 1_000.0
}

/// A request whose number is its duration in milliseconds and, where odd, its error.
fn record(requests: &Shared, endpoint: &str, number: u32) {
    let error = (number % 2 == 1).then(|| number.to_string());
    let status = if error.is_some() { 500 } else { 200 };
    let seconds = seconds(number);
    requests.record(
        endpoint,
        "GET",
        Monotonic(0),
        seconds,
        status,
        error.as_deref(),
    );
}

fn kept(requests: &Shared) -> Vec<(Arc<str>, u32)> {
    let found = (0..).map_while(|index| requests.request_at(index));
    found
        .map(|request| {
            let number: u32 = request.duration_ms.round().to_string().parse().unwrap();
            let error = (number % 2 == 1).then(|| number.to_string());
            assert_eq!(
                request.error.as_deref(),
                error.as_deref(),
                "another's error"
            );
            (request.endpoint, number)
        })
        .collect()
}

impl Work {
    fn bound(self) -> Option<usize> {
        match self {
            Self::Bound(bound) => Some(bound),
            _ => None,
        }
    }

    /// The numbers of the requests recorded, and their endpoint. Never sees more than `most`.
    fn run(
        self,
        requests: &Shared,
        history: &Ledger,
        first: u32,
        most: usize,
    ) -> (&'static str, Vec<u32>) {
        match self {
            Self::Record(endpoint) => {
                let numbers = vec![first, first + 1, first + 2];
                for &number in &numbers {
                    record(requests, endpoint, number);
                }
                return (endpoint, numbers);
            }
            Self::Bound(bound) => requests.set_max_history(bound).unwrap(),
            Self::Drain => history.drain(&**requests),
            Self::Read => drop(
                (0..4)
                    .map(|index| requests.request_at(index))
                    .collect::<Vec<_>>(),
            ),
            Self::Groups => {
                for (endpoint, group) in requests.groups(TimeRange::ALL) {
                    let stats = group.stats().unwrap();
                    assert!(stats.errors <= stats.count(), "{endpoint}");
                    assert!((1..=most).contains(&stats.count()), "{endpoint}");
                }
            }
            Self::Endpoint => {
                let group = requests.endpoint("/a", TimeRange::ALL, None);
                assert!(group.durations.len() <= most && group.error_rate() <= 1.0);
            }
        }
        ("", Vec::new())
    }
}

/// The history was handed over each request once, under its own endpoint.
fn assert_handed_over(history: &Ledger, recorded: &[(&'static str, Vec<u32>)]) {
    for name in ["/a", "/new"] {
        let expected: Histogram = recorded
            .iter()
            .filter(|(endpoint, _)| *endpoint == name)
            .flat_map(|(_, numbers)| numbers)
            .map(|&number| seconds(number) * 1_000.0)
            .collect();
        let found = history
            .histogram(|key| matches!(key, Key::Endpoint { endpoint, .. } if **endpoint == *name));
        assert_eq!(found, expected, "requests to {name} lost or doubled");
    }
}

#[test]
fn no_pair_of_operations_loses_or_doubles_a_request_or_exceeds_the_capacity() {
    for (one, other) in pairs(&WORK) {
        explore(move || {
            let (shared, history) = (requests(BOUND), Ledger::new());
            assert!(shared.roll_up_for(history.clone()));
            for number in BEFORE {
                record(&shared, "/a", number);
            }
            let jobs = [(one, other, 11), (other, one, 21)].map(|(work, others, first)| {
                let (shared, history) = (Arc::clone(&shared), Arc::clone(&history));
                Box::new(move || {
                    let most = most_kept(BOUND, work.bound(), others.bound());
                    let recorded = work.run(&shared, &history, first, most);
                    assert!(
                        shared.len() <= most,
                        "{one:?}, {other:?}: capacity exceeded"
                    );
                    recorded
                }) as _
            });
            let mut recorded = at_once(jobs);
            recorded.push(("/a", BEFORE.to_vec()));
            let kept: Vec<u32> = kept(&shared)
                .into_iter()
                .map(|(_, number)| number)
                .collect();
            assert!(kept.len() <= shared.max_history(), "capacity exceeded");
            let all: usize = recorded.iter().map(|(_, numbers)| numbers.len()).sum();
            let bounds = [one, other].into_iter().filter_map(Work::bound);
            let least = bounds.fold(BOUND, usize::min);
            assert!(
                kept.len() >= all.min(least),
                "{one:?}, {other:?}: {kept:?} kept"
            );
            // The oldest go first, so of each thread's requests the latest stay, in order.
            for (_, numbers) in &recorded {
                let own: Vec<u32> = kept
                    .iter()
                    .copied()
                    .filter(|n| numbers.contains(n))
                    .collect();
                assert!(numbers.ends_with(&own), "{one:?}, {other:?}: {kept:?} kept");
            }
            let grouped: usize = shared
                .groups(TimeRange::ALL)
                .iter()
                .map(|(_, group)| group.durations.len())
                .sum();
            assert_eq!(grouped, kept.len(), "names mixed up");
            history.drain(&*shared);
            assert_handed_over(&history, &recorded);
        });
    }
}

#[test]
fn a_bound_that_was_replaced_by_a_higher_one_cuts_nothing_off() {
    explore(|| {
        let shared = requests(3);
        record(&shared, "/a", 1);
        let (lower, higher) = (Arc::clone(&shared), Arc::clone(&shared));
        let jobs: [Box<dyn FnOnce() + Send>; 2] = [
            Box::new(move || lower.set_max_history(1).unwrap()),
            Box::new(move || {
                higher.set_max_history(10).unwrap();
                (2..6).for_each(|number| record(&higher, "/a", number));
            }),
        ];
        at_once(jobs);
        let kept: Vec<u32> = kept(&shared)
            .into_iter()
            .map(|(_, number)| number)
            .collect();
        if shared.max_history() == 10 {
            assert!(kept.ends_with(&[2, 3, 4, 5]), "{kept:?}");
        } else {
            assert_eq!(kept, [5]);
        }
    });
}
