use std::{cell::Cell, sync::Arc, time::SystemTime};

use proptest::prelude::*;
use ptpd_monitoring::time::{
    Clock, LAG_NANOS, ManualClock, Monotonic, NANOS_PER_SEC, TRUST_NANOS, WallOffset, has_come,
    nanos_from_seconds, seconds_from_nanos,
};

const YEAR: i64 = 365 * 86_400 * NANOS_PER_SEC;
/// Late on New Year's Eve of 2023, in UTC.
const EVE: i64 = 1_704_067_199 * NANOS_PER_SEC;

/// What the operating system's clocks would say, and the offset that is kept between them.
struct Machine {
    offset: WallOffset,
    monotonic: Cell<u64>,
    /// How far the wall clock is ahead of the monotonic one.
    ahead: Cell<i64>,
    /// How long the reading of the wall clock takes, next one last; none is for at once.
    preemptions: Cell<Vec<u64>>,
    readings: Cell<usize>,
}

impl Machine {
    fn new(monotonic: u64, wall: i64) -> Self {
        Self {
            offset: WallOffset::new(),
            monotonic: Cell::new(monotonic),
            ahead: Cell::new(wall.saturating_sub_unsigned(monotonic)),
            preemptions: Cell::default(),
            readings: Cell::new(0),
        }
    }

    fn advance(&self, nanos: u64) {
        self.monotonic.set(self.monotonic.get() + nanos);
    }

    fn step(&self, nanos: i64) {
        self.ahead.set(self.ahead.get() + nanos);
    }

    fn wall(&self) -> i64 {
        self.ahead
            .get()
            .saturating_add_unsigned(self.monotonic.get())
    }

    fn read_wall(&self) -> i64 {
        self.readings.set(self.readings.get() + 1);
        let mut preemptions = self.preemptions.take();
        let preempted = preemptions.pop().unwrap_or(0);
        self.preemptions.set(preemptions);
        self.advance(preempted);
        self.wall()
    }

    fn stamp_of(&self, moment: u64) -> i64 {
        self.offset.wall_at(
            Monotonic(moment),
            || Monotonic(self.monotonic.get()),
            || self.read_wall(),
        )
    }

    fn stamp(&self) -> i64 {
        self.stamp_of(self.monotonic.get())
    }
}

/// How far the wall clock is set: a leap second, summer time, a year, and back.
const STEPS: [i64; 8] = [
    1,
    -1,
    NANOS_PER_SEC,
    -NANOS_PER_SEC,
    3_600 * NANOS_PER_SEC,
    -3_600 * NANOS_PER_SEC,
    YEAR,
    -YEAR,
];

#[test]
fn a_step_of_the_wall_clock_is_noticed_when_the_trust_in_the_last_reading_ends() {
    for step in STEPS {
        let machine = Machine::new(5 * TRUST_NANOS, EVE);
        assert_eq!(machine.stamp(), EVE);
        machine.step(step);
        machine.advance(TRUST_NANOS + 1);
        assert_eq!(machine.stamp(), machine.wall(), "after a step of {step} ns");
        assert_eq!(machine.readings.get(), 2);
    }
}

#[test]
fn stamps_follow_monotonic_time_without_a_reading_while_the_last_one_is_trusted() {
    let machine = Machine::new(5 * TRUST_NANOS, EVE);
    machine.stamp();
    machine.step(YEAR);
    for _ in 0..10 {
        machine.advance(TRUST_NANOS / 10);
        assert_eq!(machine.stamp(), machine.wall() - YEAR);
    }
    assert_eq!(machine.readings.get(), 1);
}

#[test]
fn the_first_nanoseconds_after_a_start_are_stamped_with_the_wall_time_too() {
    for moment in [0, 1, TRUST_NANOS, TRUST_NANOS + 1] {
        let machine = Machine::new(moment, EVE);
        assert_eq!(machine.stamp(), EVE, "{moment} ns after the start");
    }
}

#[test]
fn a_reading_that_was_interrupted_is_taken_again() {
    for interrupted in 1..=3 {
        let machine = Machine::new(5 * TRUST_NANOS, EVE);
        machine.preemptions.set(vec![TRUST_NANOS; interrupted]);
        machine.stamp();
        assert_eq!(machine.readings.get(), interrupted + 1);
        assert_eq!(machine.stamp(), machine.wall(), "{interrupted} times");
    }
}

#[test]
fn of_readings_that_were_all_interrupted_the_tightest_counts() {
    const LONG: u64 = 70 * TRUST_NANOS;
    const SHORT: u64 = 2_000;
    for tightest in 0..4 {
        let machine = Machine::new(5 * TRUST_NANOS, EVE);
        let mut preemptions = vec![LONG; 4];
        preemptions[tightest] = SHORT;
        machine.preemptions.set(preemptions);
        let before = machine.monotonic.get();
        let error = machine.stamp() - EVE;
        assert_eq!(error, i64::try_from(SHORT).unwrap());
        assert_eq!(machine.readings.get(), 4);
        assert_eq!(machine.monotonic.get() - before, 3 * LONG + SHORT);
    }
}

#[test]
fn a_reading_during_which_monotonic_time_ran_backwards_is_rejected() {
    let machine = Machine::new(5 * TRUST_NANOS, EVE);
    let now = || Monotonic(machine.monotonic.get());
    let wall = || {
        if machine.readings.get() > 0 {
            return machine.read_wall();
        }
        machine.readings.set(1);
        machine.monotonic.set(machine.monotonic.get() - 1);
        0
    };
    assert_eq!(machine.offset.wall_at(now(), now, wall), EVE);
    assert_eq!(machine.readings.get(), 2);
}

#[test]
fn a_moment_just_before_another_threads_reading_gets_its_own_time() {
    let machine = Machine::new(5 * TRUST_NANOS, EVE);
    let moment = machine.monotonic.get();
    machine.advance(700);
    machine.stamp();
    assert_eq!(machine.stamp_of(moment), EVE);
    assert_eq!(machine.stamp(), EVE + 700);
}

#[test]
fn monotonic_time_that_was_set_back_does_not_prolong_the_trust_in_an_old_reading() {
    // A process that was saved and goes on elsewhere finds other clocks.
    let hour = 3_600 * NANOS_PER_SEC.cast_unsigned();
    for back in [1, TRUST_NANOS, hour] {
        let machine = Machine::new(2 * hour, EVE);
        machine.stamp();
        machine.monotonic.set(2 * hour - back);
        machine.step(YEAR);
        assert_eq!(machine.stamp(), machine.wall(), "{back} ns back");
    }
}

#[test]
fn the_trust_in_a_reading_begins_before_it() {
    let machine = Machine::new(5 * TRUST_NANOS, EVE);
    machine.preemptions.set(vec![900]);
    machine.stamp();
    machine.step(YEAR);
    machine.advance(TRUST_NANOS + 1 - 900);
    assert_eq!(machine.stamp(), machine.wall());
}

#[test]
fn wall_time_beyond_all_stamps_ends_at_their_range() {
    for wall in [i64::MIN, i64::MIN + 1, -7, i64::MAX - 1, i64::MAX] {
        let offset = WallOffset::new();
        let start = 5 * TRUST_NANOS;
        let stamp = |moment| offset.wall_at(Monotonic(moment), || Monotonic(start), || wall);
        let first = stamp(start);
        // What is out of range is cut off before the time since the start is added.
        let cut = wall
            .saturating_sub_unsigned(start)
            .saturating_add_unsigned(start);
        assert_eq!(first, cut);
        let later = stamp(start + TRUST_NANOS);
        assert_eq!(later, first.saturating_add_unsigned(TRUST_NANOS));
    }
}

#[test]
fn seconds_beyond_what_stamps_can_hold_are_none() {
    assert_eq!(nanos_from_seconds(9.2e9), Some(9_200_000_000_000_000_000));
    assert_eq!(nanos_from_seconds(-9.2e9), Some(-9_200_000_000_000_000_000));
    for beyond in [9.3e9, -9.3e9, 1e300, f64::INFINITY, f64::NAN] {
        assert_eq!(nanos_from_seconds(beyond), None, "{beyond}");
    }
}

#[test]
fn nanoseconds_are_told_apart_where_a_double_of_seconds_has_room_for_them() {
    for nanos in [1, -1, 999, 1_001, 250_000_001, 999_999_999, 1_000_000_001] {
        assert_eq!(
            nanos_from_seconds(seconds_from_nanos(nanos.into())),
            Some(nanos)
        );
    }
}

proptest! {
    #[test]
    fn microseconds_survive_the_way_through_a_double_of_seconds(
        // Until 2242: from then on doubles are further apart.
        micros in -(1_000_000_i64 << 33)..1_000_000 << 33,
    ) {
        let seconds = micros as f64 / 1e6;
        prop_assert_eq!(nanos_from_seconds(seconds), Some(micros * 1_000));
        prop_assert_eq!(seconds_from_nanos(i128::from(micros) * 1_000), seconds);
    }

    #[test]
    fn a_stamp_is_what_the_wall_clock_said_at_most_the_trusted_time_ago(
        moves in prop::collection::vec(
            (0..2 * TRUST_NANOS, prop::option::of(prop::sample::select(&STEPS))), 1..50,
        ),
    ) {
        let machine = Machine::new(0, EVE);
        let mut steps = vec![(0, machine.ahead.get())];
        for (nanos, step) in moves {
            machine.advance(nanos);
            if let Some(step) = step {
                machine.step(step);
                steps.push((machine.monotonic.get(), machine.ahead.get()));
            }
            let now = machine.monotonic.get();
            let mut until = now;
            // Each distance held from its step until the next one.
            let allowed: Vec<_> = steps.iter().rev().filter_map(|&(since, ahead)| {
                let recent = until + TRUST_NANOS >= now;
                until = since;
                recent.then(|| ahead.saturating_add_unsigned(now))
            }).collect();
            let stamp = machine.stamp();
            prop_assert!(allowed.contains(&stamp), "{stamp} is none of {allowed:?}");
        }
    }

    #[test]
    fn a_moment_comes_exactly_when_the_precise_clock_gets_there_however_far_the_coarse_one_lags(
        now in 2 * LAG_NANOS..u64::MAX / 2,
        lag in 0..=LAG_NANOS,
        // More than any lag in both directions, and the very nanosecond.
        away in prop_oneof![-1_i64..=1, -150_000_000_i64..=150_000_000],
    ) {
        let moment = Monotonic(now.saturating_add_signed(away));
        let reached = has_come(moment, Monotonic(now - lag), || Monotonic(now));
        prop_assert_eq!(reached, away <= 0);
    }
}

#[test]
fn the_systems_wall_time_is_in_nanoseconds_since_the_unix_epoch() {
    const MINUTE: i128 = 60_000_000_000;
    // A minute, as only unit and epoch are the system's own: how near a stamp is has been tested above.
    let expected = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let error = i128::from(Clock::System.wall()) - i128::try_from(expected).unwrap();
    assert!(error.abs() < MINUTE, "off by {error} ns");
}

#[test]
fn monotonic_time_never_runs_backwards() {
    let mut last = Monotonic(0);
    for _ in 0..10_000 {
        let now = Clock::System.monotonic();
        assert!(now >= last);
        last = now;
    }
}

#[test]
fn stepping_the_wall_clock_leaves_monotonic_time_alone() {
    let manual = Arc::new(ManualClock::new(1_000));
    let clock = Clock::Manual(Arc::clone(&manual));
    manual.advance(500);
    manual.set_wall(-7);
    assert_eq!(clock.monotonic(), Monotonic(500));
    assert_eq!(clock.wall(), -7);
}

#[test]
fn a_later_start_gives_zero_seconds_not_a_negative_duration() {
    assert_eq!(
        Monotonic(5).seconds_since(Monotonic(9)).to_bits(),
        0.0_f64.to_bits()
    );
    assert_eq!(
        Monotonic(2_500_000_000)
            .seconds_since(Monotonic(0))
            .to_bits(),
        2.5_f64.to_bits()
    );
}

#[test]
fn a_moment_has_come_exactly_when_monotonic_time_says_so() {
    let clock = Clock::System;
    for ahead in [
        0,
        1,
        1_000,
        1_000_000,
        99_000_000,
        101_000_000,
        u64::MAX / 2,
    ] {
        // A machine that stood still for a tenth of a second may find out a little later.
        let is_right = || {
            let before = clock.monotonic();
            let moment = Monotonic(before.0 + ahead);
            let reached = clock.has_reached(moment);
            let after = clock.monotonic();
            assert!(!reached || after >= moment, "{moment:?} too early");
            reached || before < moment
        };
        assert!((0..10).any(|_| is_right()), "{ahead} ns ahead missed");
    }
}

#[test]
fn a_moment_long_past_or_far_away_is_told_without_the_precise_clock() {
    let coarse = Monotonic(3_600 * NANOS_PER_SEC.cast_unsigned());
    let unread = || -> Monotonic { panic!("it was read") };
    for past in [0, 1, LAG_NANOS, coarse.0] {
        assert!(has_come(Monotonic(coarse.0 - past), coarse, unread));
    }
    for away in [LAG_NANOS + 1, 60 * NANOS_PER_SEC.cast_unsigned()] {
        assert!(!has_come(Monotonic(coarse.0 + away), coarse, unread));
    }
    assert!(!has_come(Monotonic(u64::MAX), coarse, unread));
}

#[test]
fn a_clock_goes_with_the_systems_until_it_is_told_to_stand() {
    let clock = ManualClock::going();
    let near = |wall: i64| (wall - Clock::System.wall()).abs() < 60 * NANOS_PER_SEC;
    assert!(near(clock.wall()));
    let (before, system) = (clock.monotonic(), Clock::System.monotonic());
    assert!(clock.monotonic() >= before);
    let ahead = before - system.0;
    clock.stand(EVE, EVE);
    let stood = clock.monotonic();
    assert_eq!((clock.wall(), clock.monotonic()), (EVE, stood));
    // As far before as the wall time is.
    let real = Clock::System.wall();
    let expected = i128::from(before) - i128::from(real - EVE);
    assert!((i128::from(stood) - expected).abs() < i128::from(60 * NANOS_PER_SEC));
    clock.stand(EVE + 1, EVE + NANOS_PER_SEC);
    assert_eq!(clock.wall(), EVE + 1);
    assert_eq!(clock.monotonic() - stood, NANOS_PER_SEC.cast_unsigned());
    clock.go();
    assert!(near(clock.wall()));
    // On the same line as before, whatever was told meanwhile.
    assert!(clock.monotonic() >= before);
    let apart = (clock.monotonic() - Clock::System.monotonic().0).abs_diff(ahead);
    assert!(apart < 60 * NANOS_PER_SEC.cast_unsigned());
    let manual = Clock::Manual(Arc::new(clock));
    assert!(near(manual.wall()));
}

#[test]
fn a_clock_stands_in_any_century() {
    let clock = ManualClock::going();
    for century in [i64::MIN, -50 * YEAR, 0, 250 * YEAR, i64::MAX] {
        clock.stand(century, century);
        assert_eq!(clock.wall(), century);
        let before = Monotonic(clock.monotonic());
        clock.stand(century, century.saturating_add(NANOS_PER_SEC));
        assert!(Monotonic(clock.monotonic()) >= before);
    }
}
