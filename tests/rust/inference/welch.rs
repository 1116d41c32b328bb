use proptest::prelude::*;
use ptpd_monitoring::stats::{
    Distribution,
    inference::{Interval, Moments, welch_interval},
};

use super::close;

fn interval(before: &[f64], after: &[f64], confidence: f64) -> Option<Interval> {
    let [before, after] =
        [before, after].map(|values| Distribution::from(values.to_vec()).figures().moments());
    welch_interval(before, after, confidence)
}

#[test]
fn it_is_scipys_at_any_confidence() {
    let before = [3.1, 2.2, 5.0, 4.4, 2.2, 9.9];
    let after = [5.0, 6.1, 2.2, 8.8, 7.0];
    for (confidence, low, high) in [
        (0.95, -2.298_469_849_362_593_5, 5.005_136_516_029_259),
        (0.5, 0.219_106_095_707_213_5, 2.487_560_570_959_451_5),
    ] {
        let found = interval(&before, &after, confidence).unwrap();
        assert!(
            close(found.low, low, 1e-12) && close(found.high, high, 1e-12),
            "{found:?}"
        );
    }
}

#[test]
fn it_is_a_point_where_nothing_varies() {
    let found = interval(&[2.0; 3], &[5.0; 2], 0.95);
    assert_eq!(
        found,
        Some(Interval {
            low: 3.0,
            high: 3.0
        })
    );
    // With one that varies, the other's certainty helps.
    let found = interval(&[2.0; 3], &[5.0, 6.0], 0.95).unwrap();
    assert!(close(
        found.high - found.low,
        2.0 * 12.706_204_736_174_7 * 0.5,
        1e-12
    ));
}

#[test]
fn it_cannot_be_told_from_one_sample_or_from_figures_that_are_not_finite() {
    for (before, after) in [
        (&[1.0][..], &[1.0, 2.0][..]),
        (&[1.0, 2.0], &[]),
        (&[1.0, f64::NAN, 2.0], &[1.0, 2.0]),
        (&[1.0, f64::INFINITY], &[1.0, 2.0]),
        (&[f64::MAX, f64::MAX], &[-f64::MAX, -f64::MAX]),
    ] {
        assert_eq!(interval(before, after, 0.95), None, "{before:?} {after:?}");
    }
}

#[test]
fn a_thousand_million_samples_make_it_narrow() {
    let moments = |mean| Moments {
        count: 1_000_000_000,
        mean,
        std: 1.0,
    };
    let found = welch_interval(moments(1.0), moments(1.001), 0.95).unwrap();
    assert!(close(
        found.high - found.low,
        2.0 * 1.959_964 * 2e-9_f64.sqrt(),
        1e-6
    ));
}

proptest! {
    #[test]
    fn it_turns_round_with_the_sets_and_grows_with_their_scale(
        before in prop::collection::vec(-1e3..1e3_f64, 2..30),
        after in prop::collection::vec(-1e3..1e3_f64, 2..30),
        exponent in -200..200_i32,
    ) {
        let found = interval(&before, &after, 0.9).unwrap();
        let back = interval(&after, &before, 0.9).unwrap();
        prop_assert!((found.low + back.high).abs() <= 1e-9);
        prop_assert!((found.high + back.low).abs() <= 1e-9);
        let scale = 2.0_f64.powi(exponent);
        let scaled = |values: &[f64]| values.iter().map(|x| x * scale).collect::<Vec<_>>();
        let grown = interval(&scaled(&before), &scaled(&after), 0.9).unwrap();
        prop_assert!((grown.low / scale - found.low).abs() <= 1e-9, "{grown:?} {found:?}");
    }
}
