use std::collections::BTreeSet;

use proptest::prelude::*;
use ptpd_monitoring::{
    recording::timers::{Owner, RunningTimers},
    time::Monotonic,
};

const ME: Owner = (1, 0);
const OTHER: Owner = (2, 0);
const MY_TASK: Owner = (1, 7);
const BOUND: u64 = 10_000;

#[test]
fn a_stop_takes_its_own_owners_start_and_not_a_later_one() {
    let mut timers = RunningTimers::default();
    timers.start("op", ME, Monotonic(10));
    timers.start("op", MY_TASK, Monotonic(20));
    timers.start("op", OTHER, Monotonic(30));
    assert_eq!(timers.stop("op", ME), Some(Monotonic(10)));
    assert_eq!(timers.stop("op", OTHER), Some(Monotonic(30)));
    assert_eq!(timers.stop("op", MY_TASK), Some(Monotonic(20)));
    assert_eq!(timers.stop("op", ME), None);
}

#[test]
fn a_stop_from_elsewhere_takes_the_latest_start() {
    let mut timers = RunningTimers::default();
    timers.start("op", ME, Monotonic(10));
    timers.start("op", OTHER, Monotonic(20));
    timers.start("op", ME, Monotonic(30));
    assert_eq!(timers.stop("op", (9, 9)), Some(Monotonic(30)));
    assert_eq!(timers.stop("op", (9, 9)), Some(Monotonic(20)));
    assert_eq!(timers.stop("op", (9, 9)), None);
}

#[test]
fn starting_again_restarts_instead_of_piling_up() {
    let mut timers = RunningTimers::default();
    for time in 0..3 * BOUND {
        assert!(!timers.start("op", ME, Monotonic(time)));
    }
    assert_eq!(timers.stop("op", ME), Some(Monotonic(3 * BOUND - 1)));
    assert_eq!(timers.stop("op", ME), None);
}

#[test]
fn names_do_not_share_starts_and_vanish_with_their_last_one() {
    let mut timers = RunningTimers::default();
    timers.start("a", ME, Monotonic(1));
    timers.start("b", ME, Monotonic(2));
    assert!(timers.contains("a") && timers.contains("b"));
    assert_eq!(timers.stop("c", ME), None);
    assert_eq!(timers.stop("a", ME), Some(Monotonic(1)));
    assert!(!timers.contains("a"));
    assert_eq!(
        timers.names().map(|name| &**name).collect::<Vec<_>>(),
        ["b"]
    );
}

#[test]
fn starts_that_nobody_stops_are_bounded_and_the_first_started_go() {
    let mut timers = RunningTimers::default();
    let mut forgotten = Vec::new();
    for number in 0..BOUND + 3 {
        // Half share a name, half have one of their own.
        let name = if number % 2 == 0 {
            "shared".to_owned()
        } else {
            number.to_string()
        };
        if timers.start(&name, (number, 0), Monotonic(number)) {
            forgotten.push(number);
        }
    }
    assert_eq!(forgotten, [BOUND, BOUND + 1, BOUND + 2]);
    assert!(!timers.contains("1"));
    assert!(timers.contains("3"));
    // The starts 0 and 2 are gone too: their owners get the latest.
    assert_eq!(timers.stop("shared", (4, 0)), Some(Monotonic(4)));
    assert_eq!(timers.stop("shared", (2, 0)), Some(Monotonic(BOUND + 2)));
}

#[test]
fn what_was_stopped_or_restarted_makes_room_and_is_not_forgotten_again() {
    let mut timers = RunningTimers::default();
    for number in 0..BOUND {
        assert!(!timers.start(&number.to_string(), ME, Monotonic(number)));
    }
    timers.stop("0", ME);
    timers.start("1", ME, Monotonic(BOUND));
    // One stopped, so there is room for one; then the first is 2, because 1 was started again.
    assert!(!timers.start("new", ME, Monotonic(BOUND + 1)));
    assert!(timers.start("newer", ME, Monotonic(BOUND + 2)));
    assert!(timers.contains("1") && !timers.contains("2") && timers.contains("3"));
}

#[test]
fn a_hundred_thousand_starts_beyond_the_bound_do_not_look_at_all_names() {
    // Looking at each of 10,000 names would make a billion steps.
    let mut timers = RunningTimers::default();
    let starts = 100_000_u64;
    let forgotten = (0..starts)
        .filter(|&number| timers.start(&number.to_string(), ME, Monotonic(number)))
        .count();
    assert_eq!(forgotten as u64, starts - BOUND);
    assert_eq!(timers.names().count() as u64, BOUND);
    assert!(timers.contains(&(starts - BOUND).to_string()));
    assert!(!timers.contains(&(starts - BOUND - 1).to_string()));
}

/// The timers as a list in order of starting.
#[derive(Default)]
struct Model(Vec<(u8, Owner, u64)>);

impl Model {
    fn start(&mut self, name: u8, owner: Owner, now: u64) {
        self.0.retain(|timer| (timer.0, timer.1) != (name, owner));
        self.0.push((name, owner, now));
    }

    fn stop(&mut self, name: u8, owner: Owner) -> Option<u64> {
        let own = self.0.iter().rposition(|t| (t.0, t.1) == (name, owner));
        let at = own.or_else(|| self.0.iter().rposition(|timer| timer.0 == name))?;
        Some(self.0.remove(at).2)
    }
}

proptest! {
    #[test]
    fn every_sequence_of_starts_and_stops_agrees_with_a_list(
        steps in prop::collection::vec((any::<bool>(), 0..3_u8, (0..3_u64, 0..2_u64)), 0..200),
    ) {
        let (mut timers, mut model) = (RunningTimers::default(), Model::default());
        for (now, (start, name, owner)) in (0..).zip(steps) {
            let text = name.to_string();
            if start {
                timers.start(&text, owner, Monotonic(now));
                model.start(name, owner, now);
            } else {
                let stopped = timers.stop(&text, owner).map(|start| start.0);
                prop_assert_eq!(stopped, model.stop(name, owner));
            }
            let names: BTreeSet<String> = timers.names().map(ToString::to_string).collect();
            let expected: BTreeSet<String> = model.0.iter().map(|t| t.0.to_string()).collect();
            prop_assert_eq!(names, expected);
        }
    }
}
