use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
};

use allocation_counter::measure;
use proptest::prelude::*;
use ptpd_monitoring::{
    monitor::Monitor,
    recording::{
        blocks::MAX_ENTERED,
        overflow::{
            Bound, MAX_ERROR_LENGTH, OTHER_ENDPOINTS, OTHER_METHODS, OTHER_OPERATIONS, shortened,
        },
        series::{LabelRef, Outcome},
        timers::MAX_RUNNING,
    },
    requests::{MAX_METHODS, Requests},
    time::{Clock, ManualClock, Monotonic, TimeRange},
    units::SECONDS,
};

const NOW: Monotonic = Monotonic(0);
const PLAIN: LabelRef<'static> = LabelRef {
    unit: SECONDS,
    timer: false,
    outcome: Outcome::None,
    session: None,
};

thread_local!(static NOTICES: RefCell<Vec<(Bound, usize, String)>> = const { RefCell::new(Vec::new()) });

fn notice(bound: Bound, limit: usize, name: &str) {
    NOTICES.with_borrow_mut(|notices| notices.push((bound, limit, name.to_owned())));
}

fn notices() -> Vec<(Bound, usize, String)> {
    NOTICES.take()
}

fn clock() -> Clock {
    Clock::Manual(Arc::new(ManualClock::new(0)))
}

fn new_monitor(max_operations: usize) -> Monitor<usize> {
    let monitor = Monitor::new(1_000, clock()).unwrap().telling(notice);
    monitor.set_max_operations(max_operations).unwrap();
    monitor
}

fn new_log(max_history: usize, max_endpoints: usize) -> Requests {
    let log = Requests::new(max_history, clock()).unwrap().telling(notice);
    log.set_max_endpoints(max_endpoints).unwrap();
    log
}

fn record(monitor: &Monitor<usize>, name: &str, value: f64) {
    monitor.record(name, NOW, value, PLAIN, None);
}

fn values(monitor: &Monitor<usize>, name: &str) -> Vec<f64> {
    let operation = monitor.operation(name);
    operation.map_or_else(Vec::new, |operation| operation.values(TimeRange::ALL))
}

fn names(monitor: &Monitor<usize>) -> Vec<String> {
    let operations = monitor.operations();
    operations.iter().map(|o| o.name().to_string()).collect()
}

#[test]
fn samples_of_names_too_many_go_to_one_operation_and_are_counted() {
    let monitor = new_monitor(2);
    for (name, value) in [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0), ("a", 5.0)] {
        record(&monitor, name, value);
    }
    monitor.record_many("e", &[6.0, 7.0], PLAIN);
    monitor.record_many("b", &[8.0], PLAIN);
    assert_eq!(names(&monitor), ["a", "b", OTHER_OPERATIONS]);
    assert_eq!(values(&monitor, OTHER_OPERATIONS), [3.0, 4.0, 6.0, 7.0]);
    assert_eq!(values(&monitor, "a"), [1.0, 5.0]);
    assert_eq!(values(&monitor, "b"), [2.0, 8.0]);
    assert_eq!(monitor.overflowed(), 4);
}

#[test]
fn a_bound_tells_of_its_first_excess_only_and_of_no_use_within_it() {
    let monitor = new_monitor(2);
    record(&monitor, "a", 1.0);
    record(&monitor, "b", 1.0);
    assert!(notices().is_empty());
    for name in ["c", "d", "c"] {
        record(&monitor, name, 1.0);
    }
    let _ = monitor.clear(None);
    for name in ["a", "b", "c"] {
        record(&monitor, name, 1.0);
    }
    assert_eq!(notices(), [(Bound::Operations, 2, "c".to_owned())]);
}

#[test]
fn the_notice_may_record_into_the_same_monitor() {
    thread_local!(static MONITOR: RefCell<Option<Arc<Monitor<usize>>>> = const { RefCell::new(None) });
    fn record_too(_: Bound, _: usize, _: &str) {
        let monitor = MONITOR.with_borrow(Clone::clone).unwrap();
        record(&monitor, "from the notice", 2.0);
    }
    let monitor = Monitor::new(10, clock()).unwrap().telling(record_too);
    monitor.set_max_operations(1).unwrap();
    let monitor = Arc::new(monitor);
    MONITOR.set(Some(Arc::clone(&monitor)));
    record(&monitor, "a", 0.0);
    record(&monitor, "b", 1.0);
    assert_eq!(values(&monitor, OTHER_OPERATIONS), [1.0, 2.0]);
    assert_eq!(monitor.overflowed(), 2);
}

#[test]
fn clearing_frees_names_and_the_operation_of_all_others_takes_none() {
    let monitor = new_monitor(2);
    for name in ["a", "b", "c"] {
        record(&monitor, name, 1.0);
    }
    assert_eq!(monitor.clear(Some("a")).len(), 1);
    record(&monitor, "c", 2.0);
    record(&monitor, "d", 3.0);
    assert_eq!(names(&monitor), ["b", OTHER_OPERATIONS, "c"]);
    assert_eq!(monitor.clear(Some(OTHER_OPERATIONS)).len(), 1);
    record(&monitor, "d", 4.0);
    assert_eq!(names(&monitor), ["b", "c", OTHER_OPERATIONS]);
    assert_eq!(values(&monitor, OTHER_OPERATIONS), [4.0]);
    let _ = monitor.clear(None);
    record(&monitor, "e", 5.0);
    record(&monitor, "f", 6.0);
    assert_eq!(names(&monitor), ["e", "f"]);
    assert_eq!(monitor.overflowed(), 3, "the count stays");
}

#[test]
fn recording_under_the_name_of_all_others_is_no_excess() {
    let monitor = new_monitor(1);
    record(&monitor, OTHER_OPERATIONS, 1.0);
    record(&monitor, "a", 2.0);
    record(&monitor, OTHER_OPERATIONS, 3.0);
    assert_eq!(names(&monitor), [OTHER_OPERATIONS, "a"]);
    assert_eq!(monitor.overflowed(), 0);
    record(&monitor, "b", 4.0);
    assert_eq!(values(&monitor, OTHER_OPERATIONS), [1.0, 3.0, 4.0]);
    assert_eq!(monitor.overflowed(), 1);
}

#[test]
fn a_lower_bound_keeps_what_is_there_and_takes_nothing_new() {
    let monitor = new_monitor(3);
    for name in ["a", "b", "c"] {
        record(&monitor, name, 1.0);
    }
    monitor.set_max_operations(1).unwrap();
    for name in ["a", "d"] {
        record(&monitor, name, 2.0);
    }
    assert_eq!(names(&monitor), ["a", "b", "c", OTHER_OPERATIONS]);
    monitor.set_max_operations(4).unwrap();
    record(&monitor, "d", 3.0);
    assert_eq!(values(&monitor, "d"), [3.0]);
}

#[test]
fn a_bound_of_none_is_refused_and_changes_nothing() {
    let monitor = new_monitor(7);
    let error = monitor.set_max_operations(0).unwrap_err().to_string();
    assert_eq!(error, "max_operations must be at least 1, got 0");
    assert_eq!(monitor.max_operations(), 7);
    let log = new_log(3, 7);
    let error = log.set_max_endpoints(0).unwrap_err().to_string();
    assert_eq!(error, "max_endpoints must be at least 1, got 0");
    assert_eq!(log.max_endpoints(), 7);
}

#[test]
fn a_flood_of_names_takes_no_memory_past_the_bound() {
    let monitor = new_monitor(100);
    monitor.set_max_history(10).unwrap();
    let fill = |number: u32| {
        record(&monitor, &format!("user {number:08}"), 1.0);
    };
    (0..1_000).for_each(fill);
    assert_eq!(measure(|| (1_000..50_000).for_each(fill)).bytes_current, 0);
    assert_eq!(monitor.operations().len(), 101);
    assert_eq!(monitor.overflowed(), 49_900);
}

#[test]
fn threads_that_bring_new_names_never_exceed_the_bound_and_lose_no_sample() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    for _ in 0..10 {
        let monitor = new_monitor(10);
        let together = Barrier::new(THREADS);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (monitor, together) = (&monitor, &together);
                scope.spawn(move || {
                    together.wait();
                    for number in 0..EACH {
                        record(monitor, &format!("{thread}-{number}"), 1.0);
                    }
                });
            }
        });
        let operations = monitor.operations();
        assert_eq!(operations.len(), 11);
        let kept: usize = operations.iter().map(|operation| operation.len()).sum();
        let others = monitor.operation(OTHER_OPERATIONS).unwrap().len();
        assert_eq!(others, 1_000, "its own bound");
        assert_eq!(monitor.overflowed(), (THREADS * EACH - 10) as u64);
        assert_eq!(kept, 10 + 1_000);
    }
}

#[test]
fn forgotten_timers_are_counted_and_told_of_once() {
    let monitor = new_monitor(1);
    for number in 0..MAX_RUNNING + 3 {
        monitor.start_timer(&number.to_string(), (1, 0));
    }
    assert_eq!(monitor.timers_forgotten(), 3);
    let expected = (Bound::RunningTimers, MAX_RUNNING, MAX_RUNNING.to_string());
    assert_eq!(notices(), [expected]);
}

#[test]
fn forgotten_blocks_are_counted_and_each_kind_is_told_of_once() {
    let (monitor, log) = (new_monitor(1), new_log(1, 1));
    for name in ["a", "b", "c"] {
        monitor.block_forgotten(name);
        monitor.session_forgotten(name);
        log.block_forgotten(name);
    }
    assert_eq!(monitor.timers_forgotten(), 3);
    assert_eq!(monitor.sessions_forgotten(), 3);
    assert_eq!(log.requests_forgotten(), 3);
    let first = |bound| (bound, MAX_ENTERED, "a".to_owned());
    let told = [
        Bound::TimerBlocks,
        Bound::SessionBlocks,
        Bound::RequestBlocks,
    ];
    assert_eq!(notices(), told.map(first));
}

fn request(log: &Requests, endpoint: &str, method: &str) {
    log.record(endpoint, method, NOW, 0.001, 200, None);
}

#[test]
fn endpoints_and_methods_too_many_are_counted_under_one_name_each() {
    let log = new_log(1_000, 2);
    for endpoint in ["/a", "/b", "/c", "/a", "/d"] {
        request(&log, endpoint, "GET");
    }
    let groups = log.groups(TimeRange::ALL);
    let counts: Vec<_> = groups
        .iter()
        .map(|(endpoint, group)| (&**endpoint, group.durations.len()))
        .collect();
    assert_eq!(counts, [("/a", 2), ("/b", 1), (OTHER_ENDPOINTS, 2)]);
    assert_eq!((log.overflowed(), log.methods_overflowed()), (2, 0));
    for number in 0..=MAX_METHODS {
        request(&log, "/a", &number.to_string());
    }
    let method = |index| log.request_at(index).unwrap().method.to_string();
    // With GET there are as many as the bound, and then two more.
    assert_eq!(method(5 + MAX_METHODS - 2), (MAX_METHODS - 2).to_string());
    assert_eq!(method(5 + MAX_METHODS - 1), OTHER_METHODS);
    assert_eq!(method(5 + MAX_METHODS), OTHER_METHODS);
    assert_eq!((log.overflowed(), log.methods_overflowed()), (2, 2));
    let told = [
        (Bound::Endpoints, 2, "/c".to_owned()),
        (Bound::Methods, MAX_METHODS, (MAX_METHODS - 1).to_string()),
    ];
    assert_eq!(notices(), told);
}

#[test]
fn a_flood_of_endpoints_methods_and_long_errors_takes_no_memory_past_the_bounds() {
    let log = new_log(1_000, 100);
    let error = "x".repeat(100_000);
    let fill = |number: u32| {
        let name = format!("/items/{number:08}");
        log.record(&name, &name, NOW, 0.1, 500, Some(&error));
    };
    (0..3_000).for_each(fill);
    let more = measure(|| (3_000..20_000).for_each(fill)).bytes_current;
    assert!(more.abs() < 10_000, "{more}");
}

proptest! {
    /// The endpoints kept are those of the requests kept; a new one is kept while they are few.
    #[test]
    fn every_sequence_of_requests_keeps_endpoints_like_a_list(
        endpoints in prop::collection::vec(0_u8..12, 1..200),
        max_history in 1_usize..20,
        max_endpoints in 1_usize..8,
    ) {
        let log = new_log(max_history, max_endpoints);
        let mut kept: Vec<Option<u8>> = Vec::new();
        let mut others = 0;
        for endpoint in endpoints {
            if kept.len() == max_history {
                kept.remove(0);
            }
            let named: BTreeSet<u8> = kept.iter().flatten().copied().collect();
            if named.contains(&endpoint) || named.len() < max_endpoints {
                kept.push(Some(endpoint));
            } else {
                kept.push(None);
                others += 1;
            }
            request(&log, &endpoint.to_string(), "GET");
            let expected: Vec<String> = kept
                .iter()
                .map(|name| name.map_or(OTHER_ENDPOINTS.to_owned(), |name| name.to_string()))
                .collect();
            let found: Vec<String> = (0..log.len())
                .map(|index| log.request_at(index).unwrap().endpoint.to_string())
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(log.overflowed(), others);
        }
        NOTICES.take();
    }

    #[test]
    fn long_texts_are_cut_visibly_and_between_characters(text in "[aé漢🦀]{0,1100}") {
        let kept = shortened(&text);
        let length = text.chars().count();
        if length <= MAX_ERROR_LENGTH {
            prop_assert_eq!(&*kept, text.as_str());
        } else {
            prop_assert_eq!(kept.chars().count(), MAX_ERROR_LENGTH);
            prop_assert!(text.starts_with(kept.strip_suffix('…').unwrap()));
        }
    }
}

#[test]
fn a_text_of_just_the_most_characters_is_kept_whole() {
    for character in ["a", "🦀"] {
        let whole = character.repeat(MAX_ERROR_LENGTH);
        assert_eq!(*shortened(&whole), whole);
        let cut = character.repeat(MAX_ERROR_LENGTH - 1) + "…";
        assert_eq!(*shortened(&(whole + "b")), cut);
    }
}
