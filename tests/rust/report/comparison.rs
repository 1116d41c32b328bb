use std::sync::Arc;

use proptest::prelude::*;
use ptpd_monitoring::{
    report::{Change, Comparison, Direction, PeriodOperation, Thresholds, Verdict, compare},
    stats::{Distribution, Histogram, inference::Interval},
};

fn period_operation(name: &str, units: &[&str], values: Vec<f64>) -> PeriodOperation {
    PeriodOperation {
        operation: name.into(),
        units: units.iter().map(|unit| Arc::from(*unit)).collect(),
        distribution: values.into(),
        failures: None,
    }
}

fn compared(before: &[f64], after: &[f64]) -> Change {
    let [before, after] = [before, after].map(|values| Distribution::from(values.to_vec()));
    compare(&before, &after, &Thresholds::DEFAULT)
}

fn change(before: f64, after: f64) -> Change {
    compared(&[before], &[after])
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
    let period = |operations: &[(&str, f64)]| -> Vec<PeriodOperation> {
        let operations = operations.iter();
        operations
            .map(|(name, value)| period_operation(name, &["s"], vec![*value]))
            .collect()
    };
    let before = period(&[("a", 1.0), ("gone", 1.0), ("b", 1.0)]);
    let after = period(&[("new", 1.0), ("b", 2.0), ("a", 0.5)]);
    let found = Comparison::of(before, after, &Thresholds::DEFAULT);
    let changes: Vec<_> = found
        .changes
        .iter()
        .map(|(name, change)| (&**name, change.direction))
        .collect();
    assert_eq!(
        changes,
        [("a", Direction::Improved), ("b", Direction::Degraded)]
    );
    let names = |period: &[PeriodOperation]| -> Vec<String> {
        period
            .iter()
            .map(|entry| entry.operation.to_string())
            .collect()
    };
    assert_eq!(names(&found.before.operations), ["a", "gone", "b"]);
    assert_eq!(names(&found.after.operations), ["new", "b", "a"]);
}

#[test]
fn the_interval_in_percent_is_of_the_first_means_magnitude() {
    let found = compared(&[-2.0; 5], &[-1.0; 5]);
    assert_eq!(
        found.interval,
        Some(Interval {
            low: 1.0,
            high: 1.0
        })
    );
    assert_eq!(
        found.interval_percentage,
        Some(Interval {
            low: 50.0,
            high: 50.0
        })
    );
    let from_zero = compared(&[0.0; 5], &[1.0, 1.0, -2.0]);
    let infinite = Interval {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    };
    assert_eq!(from_zero.interval_percentage, Some(infinite));
    // No change is none in percent either, of whatever.
    let none = Interval {
        low: 0.0,
        high: 0.0,
    };
    assert_eq!(
        compared(&[0.0; 5], &[0.0; 5]).interval_percentage,
        Some(none)
    );
}

#[test]
fn one_sample_each_tells_a_direction_and_nothing_else() {
    let found = change(1.0, 2.0);
    assert_eq!(found.direction, Direction::Degraded);
    assert_eq!((found.interval, found.interval_percentage), (None, None));
    let ranks = found.ranks.unwrap();
    assert_eq!((ranks.p_value, ranks.effect_size), (1.0, 1.0));
    assert_eq!(found.verdict, Verdict::NotEnoughData);
}

#[test]
fn periods_without_a_number_have_no_ranks() {
    for (before, after) in [(&[f64::NAN][..], &[1.0][..]), (&[], &[1.0]), (&[1.0], &[])] {
        let found = compared(before, after);
        assert_eq!(found.ranks, None);
        assert_eq!(found.direction, Direction::Unknown);
        assert_eq!(found.verdict, Verdict::NotEnoughData);
    }
}

#[test]
fn a_histogram_has_the_mean_of_its_samples_and_the_interval_too() {
    let [before, after] = [1.0, 1.3].map(|scale| -> Vec<f64> {
        (0..200)
            .map(|n| scale * (1.0 + f64::from(n) / 200.0))
            .collect()
    });
    let buckets =
        |values: &[f64]| -> Distribution { values.iter().copied().collect::<Histogram>().into() };
    let exact = compared(&before, &after);
    let bucketed = compare(&buckets(&before), &buckets(&after), &Thresholds::DEFAULT);
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(near(exact.absolute, bucketed.absolute));
    let (a, b) = (exact.interval.unwrap(), bucketed.interval.unwrap());
    assert!(near(a.low, b.low) && near(a.high, b.high), "{a:?} {b:?}");
    let (a, b) = (exact.ranks.unwrap(), bucketed.ranks.unwrap());
    assert!((a.effect_size - b.effect_size).abs() < 0.02, "{a:?} {b:?}");
    assert_eq!(
        (exact.verdict, bucketed.verdict),
        (Verdict::Degraded, Verdict::Degraded)
    );
}

#[test]
fn samples_compared_with_the_histogram_of_the_same_samples_have_not_changed() {
    // Each lies well below the middle of its bucket, so beside it all would count as less.
    let values: Vec<f64> = (0..500)
        .map(|n| 2.0_f64.powf(f64::from(n % 50) / 32.0) * 1.0001)
        .collect();
    let samples = Distribution::from(values);
    for (before, after) in [
        (samples.clone(), samples.bucketed()),
        (samples.bucketed(), samples.clone()),
    ] {
        let found = compare(
            &before,
            &after,
            &Thresholds {
                min_change: 0.0,
                ..Thresholds::DEFAULT
            },
        );
        let ranks = found.ranks.unwrap();
        assert_eq!((ranks.p_value, ranks.effect_size), (1.0, 0.0));
        assert_eq!(found.verdict, Verdict::Unchanged);
    }
}

#[test]
fn samples_in_different_units_have_no_change_however_much_their_numbers_differ() {
    let milliseconds = || (0..50).map(|n| 100.0 + f64::from(n)).collect::<Vec<_>>();
    let seconds = || milliseconds().iter().map(|it| it / 1e3).collect::<Vec<_>>();
    let judged = |before: (&[&str], Vec<f64>), after: (&[&str], Vec<f64>)| {
        let [before, after] = [before, after].map(|(units, values)| {
            vec![
                period_operation("changed", units, values),
                period_operation("other", &["s"], milliseconds()),
            ]
        });
        let found = Comparison::of(before, after, &Thresholds::DEFAULT);
        assert_eq!(found.changes[1].1.verdict, Verdict::Unchanged);
        found.changes[0].1
    };
    let mixed = || [milliseconds(), seconds()].concat();
    for (before, after) in [
        ((&["ms"][..], milliseconds()), (&["seconds"][..], seconds())),
        (
            (&["ms", "seconds"], mixed()),
            (&["ms", "seconds"], milliseconds()),
        ),
        ((&["ms"], milliseconds()), (&["ms", "seconds"], mixed())),
        ((&["px"], milliseconds()), (&["Px"], seconds())),
    ] {
        let found = judged(before, after);
        assert_eq!(
            (found.verdict, found.direction),
            (Verdict::NotEnoughData, Direction::Unknown)
        );
        assert!(found.absolute.is_nan() && found.percentage.is_nan());
        assert!(found.interval.is_none() && found.ranks.is_none());
    }
    // The same unit by another name.
    let found = judged((&["s"], seconds()), (&["seconds"], milliseconds()));
    assert_eq!(found.verdict, Verdict::Degraded);
}
