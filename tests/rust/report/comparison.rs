use std::sync::Arc;

use proptest::prelude::*;
use ptpd_monitoring::{
    calendar::TimeRange,
    clock::{Clock, ManualClock, Monotonic},
    monitor::{Monitor, SECONDS},
    report::{Change, Direction, PeriodMean, changes, period_means},
    series::LabelRef,
};

fn period(operation: &str, mean: f64) -> PeriodMean {
    PeriodMean {
        operation: operation.into(),
        mean,
        count: 1,
    }
}

fn change(before: f64, after: f64) -> Change {
    let found = changes(&[period("op", before)], &[period("op", after)]);
    found.into_iter().next().unwrap()
}

#[test]
fn lower_is_better_and_percent_are_of_the_first_mean() {
    let table = [
        (2.0, 1.0, -1.0, -50.0, Direction::Improved),
        (2.0, 5.0, 3.0, 150.0, Direction::Degraded),
        (2.0, 2.0, 0.0, 0.0, Direction::Unchanged),
        (2.0, 0.0, -2.0, -100.0, Direction::Improved),
        // The percentage has the sign of the change, also from a negative mean.
        (-2.0, -1.0, 1.0, 50.0, Direction::Degraded),
        (-2.0, -3.0, -1.0, -50.0, Direction::Improved),
        (-2.0, 2.0, 4.0, 200.0, Direction::Degraded),
    ];
    for (before, after, absolute, percentage, direction) in table {
        let found = change(before, after);
        let figures = (found.absolute, found.percentage, found.direction);
        assert_eq!(
            figures,
            (absolute, percentage, direction),
            "{before} to {after}"
        );
    }
}

#[test]
fn no_change_is_unchanged_also_at_zero_and_at_infinity() {
    for (before, after) in [
        (0.0, 0.0),
        (0.0, -0.0),
        (-0.0, 0.0),
        (f64::INFINITY, f64::INFINITY),
        (f64::NEG_INFINITY, f64::NEG_INFINITY),
    ] {
        let found = change(before, after);
        assert_eq!(found.direction, Direction::Unchanged);
        assert_eq!([found.absolute, found.percentage].map(f64::to_bits), [0, 0]);
    }
}

#[test]
fn a_change_from_zero_is_infinite_percent_in_its_direction() {
    let (up, down) = (change(0.0, 3.0), change(-0.0, -3.0));
    assert_eq!(
        (up.percentage, up.direction),
        (f64::INFINITY, Direction::Degraded)
    );
    assert_eq!(
        (down.percentage, down.direction),
        (f64::NEG_INFINITY, Direction::Improved)
    );
}

#[test]
fn infinite_means_have_a_direction() {
    assert_eq!(change(1.0, f64::INFINITY).direction, Direction::Degraded);
    assert_eq!(change(f64::INFINITY, 1.0).direction, Direction::Improved);
    assert_eq!(
        change(1.0, f64::NEG_INFINITY).direction,
        Direction::Improved
    );
}

#[test]
fn a_mean_that_is_no_number_has_no_direction() {
    for (before, after) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, f64::NAN)] {
        let found = change(before, after);
        assert_eq!(found.direction, Direction::Unknown);
        assert!(found.absolute.is_nan() && found.percentage.is_nan());
    }
}

#[test]
fn the_words_are_the_documented_ones() {
    use Direction::{Degraded, Improved, Unchanged, Unknown};
    let words = [Improved, Degraded, Unchanged, Unknown].map(Direction::as_str);
    assert_eq!(words, ["improved", "degraded", "unchanged", "unknown"]);
}

proptest! {
    #[test]
    fn swapping_the_periods_turns_the_direction_round(a in any::<f64>(), b in any::<f64>()) {
        let (there, back) = (change(a, b), change(b, a));
        let turned = match there.direction {
            Direction::Improved => Direction::Degraded,
            Direction::Degraded => Direction::Improved,
            same => same,
        };
        prop_assert_eq!(back.direction, turned);
    }
}

#[test]
fn only_operations_of_both_periods_are_compared_in_the_order_of_the_first() {
    let before = [period("a", 1.0), period("gone", 1.0), period("b", 1.0)];
    let after = [period("new", 1.0), period("b", 2.0), period("a", 0.5)];
    let found = changes(&before, &after);
    let names: Vec<&str> = found.iter().map(|change| &*change.operation).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(found[0].direction, Direction::Improved);
    assert_eq!(found[1].direction, Direction::Degraded);
}

#[test]
fn the_means_of_a_period_include_both_its_ends_and_nothing_else() {
    let clock = Arc::new(ManualClock::new(0));
    let monitor: Monitor<()> = Monitor::new(100, Clock::Manual(Arc::clone(&clock))).unwrap();
    let label = LabelRef {
        unit: SECONDS,
        timer: false,
        session: None,
    };
    for (wall, name, value) in [
        (9, "b", 100.0),
        (10, "b", 1.0),
        (20, "b", 3.0),
        (21, "b", 100.0),
        (15, "a", 7.0),
        (30, "late", 1.0),
    ] {
        clock.set_wall(wall);
        monitor.record(name, Monotonic(0), value, label, None);
    }
    let means = period_means(&monitor, TimeRange { start: 10, end: 20 });
    let figures: Vec<_> = means
        .iter()
        .map(|m| (&*m.operation, m.mean, m.count))
        .collect();
    assert_eq!(figures, [("b", 2.0, 2), ("a", 7.0, 1)]);
}
