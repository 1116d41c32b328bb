use std::sync::Arc;

use ptpd_monitoring::{
    calendar::TimeRange,
    clock::{Clock, ManualClock, Monotonic},
    requests::Requests,
};

use crate::{at_once, explore, pairs};

type Shared = Arc<Requests>;

#[derive(Debug, Clone, Copy)]
enum Work {
    Record(&'static str),
    Bound(usize),
    Read,
    Groups,
    Endpoint,
}

const WORK: [Work; 7] = [
    Work::Record("/a"),
    Work::Record("/new"),
    Work::Bound(1),
    Work::Bound(4),
    Work::Read,
    Work::Groups,
    Work::Endpoint,
];

fn requests(bound: usize) -> Shared {
    Arc::new(Requests::new(bound, Clock::Manual(Arc::new(ManualClock::new(0)))).unwrap())
}

/// A request whose number is its duration in milliseconds and, where odd, its error.
fn record(requests: &Shared, endpoint: &str, number: u32) {
    let error = (number % 2 == 1).then(|| number.to_string());
    let status = if error.is_some() { 500 } else { 200 };
    let seconds = f64::from(number) / 1_000.0;
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
    fn run(self, requests: &Shared, first: u32) -> Vec<u32> {
        match self {
            Self::Record(endpoint) => {
                for number in [first, first + 1, first + 2] {
                    record(requests, endpoint, number);
                }
                return vec![first, first + 1, first + 2];
            }
            Self::Bound(bound) => requests.set_max_history(bound).unwrap(),
            Self::Read => drop(
                (0..4)
                    .map(|index| requests.request_at(index))
                    .collect::<Vec<_>>(),
            ),
            Self::Groups => {
                for (endpoint, group) in requests.groups(TimeRange::ALL) {
                    let stats = group.stats().unwrap();
                    assert!(stats.errors <= stats.count(), "{endpoint}");
                    assert!((1..=4).contains(&stats.count()), "{endpoint}");
                }
            }
            Self::Endpoint => {
                let group = requests.endpoint("/a", TimeRange::ALL);
                assert!(group.durations.len() <= 4 && group.error_rate() <= 1.0);
            }
        }
        Vec::new()
    }
}

#[test]
fn no_pair_of_operations_loses_or_doubles_a_request_or_exceeds_the_capacity() {
    for (one, other) in pairs(&WORK) {
        explore(move || {
            let shared = requests(3);
            let before = [1, 2];
            for number in before {
                record(&shared, "/a", number);
            }
            let jobs = [(one, 11), (other, 21)].map(|(work, first)| {
                let shared = Arc::clone(&shared);
                Box::new(move || {
                    let recorded = work.run(&shared, first);
                    assert!(shared.len() <= 4, "{one:?}, {other:?}: capacity exceeded");
                    recorded
                }) as _
            });
            let recorded = at_once(jobs);
            let kept: Vec<u32> = kept(&shared)
                .into_iter()
                .map(|(_, number)| number)
                .collect();
            assert!(kept.len() <= shared.max_history(), "capacity exceeded");
            let all = before.len() + recorded.iter().map(Vec::len).sum::<usize>();
            let least = [one, other].iter().fold(3, |least, work| match work {
                Work::Bound(bound) => least.min(*bound),
                _ => least,
            });
            assert!(
                kept.len() >= all.min(least),
                "{one:?}, {other:?}: {kept:?} kept"
            );
            // The oldest go first, so of each thread's requests the latest stay, in order.
            for numbers in recorded.iter().map(Vec::as_slice).chain([&before[..]]) {
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
