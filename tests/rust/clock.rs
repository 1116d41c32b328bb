use std::{sync::Arc, time::SystemTime};

use ptpd_monitoring::clock::{Clock, ManualClock, Monotonic};

#[test]
fn system_wall_time_tracks_the_operating_system_clock() {
    for _ in 0..10_000 {
        let before = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let wall = u128::try_from(Clock::System.wall()).unwrap();
        let after = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        assert!(
            before.saturating_sub(2_000) <= wall && wall <= after + 2_000_000,
            "{before} <= {wall} <= {after}"
        );
    }
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
        let before = clock.monotonic();
        let moment = Monotonic(before.0 + ahead);
        let reached = clock.has_reached(moment);
        let after = clock.monotonic();
        assert!(reached || before < moment, "{moment:?} missed");
        assert!(!reached || after >= moment, "{moment:?} too early");
    }
}

#[test]
fn a_moment_is_never_said_to_come_before_it_does() {
    let clock = Clock::System;
    let end = Monotonic(clock.monotonic().0 + 150_000_000);
    let mut early = 0;
    while !clock.has_reached(end) {
        early += 1;
    }
    assert!(early > 0);
    let after = clock.monotonic();
    assert!(after >= end, "{end:?} said to be reached at {after:?}");
}

#[test]
fn a_moment_passed_long_after_the_first_reading_counts_as_reached() {
    let first = Clock::System.monotonic();
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert!(Clock::System.has_reached(first));
    assert!(Clock::System.has_reached(Clock::System.monotonic()));
    let later = Monotonic(Clock::System.monotonic().0 + 60_000_000_000);
    assert!(!Clock::System.has_reached(later));
}
