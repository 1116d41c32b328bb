use proptest::prelude::*;
use ptpd_monitoring::stats::{Summary, mean, percentiles, sum, validate_percentile};

/// Around the sizes at which the summation changes its way.
const SIZES: [usize; 12] = [1, 2, 7, 8, 9, 15, 16, 127, 128, 129, 136, 1_000];

/// Bits, so that -0.0 differs from 0.0; all NaNs are alike.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}

fn assert_same(ours: f64, expected: f64) {
    assert_eq!(
        bits(ours),
        bits(expected),
        "{ours:?}, expected {expected:?}"
    );
}

/// Among zeros of both signs order statistics may answer with either.
fn assert_equal(ours: f64, expected: f64) {
    assert_same(ours + 0.0, expected + 0.0);
}

/// The definition in `NumPy`'s documentation, over a full sort.
fn naive_percentile(values: &[f64], percentile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let position = last as f64 * (percentile / 100.0);
    let below = (0..=last).rev().find(|&i| i as f64 <= position).unwrap();
    let above = (below + 1).min(last);
    let weight = position - below as f64;
    if weight >= 0.5 {
        sorted[above] - (sorted[above] - sorted[below]) * (1.0 - weight)
    } else {
        sorted[below] + (sorted[above] - sorted[below]) * weight
    }
}

/// Pairwise summation as `NumPy` describes it: blocks of at most 128 in eight columns, which are
/// added up like a tournament; what does not fill a row of eight comes last.
fn naive_sum(values: &[f64]) -> f64 {
    let one_by_one = |start: f64, rest: &[f64]| rest.iter().fold(start, |sum, value| sum + value);
    if values.len() < 8 {
        return one_by_one(-0.0, values);
    }
    if values.len() > 128 {
        let half = values.len() / 2 / 8 * 8;
        return naive_sum(&values[..half]) + naive_sum(&values[half..]);
    }
    let rows = values.chunks_exact(8);
    let rest = rows.remainder();
    let column = |i: usize| rows.clone().map(|row| row[i]).reduce(|a, b| a + b).unwrap();
    let pair = |i: usize| column(i) + column(i + 1);
    one_by_one((pair(0) + pair(2)) + (pair(4) + pair(6)), rest)
}

fn naive_deviation(values: &[f64]) -> f64 {
    let mean = naive_sum(values) / values.len() as f64;
    let squares: Vec<f64> = values.iter().map(|v| (v - mean) * (v - mean)).collect();
    (naive_sum(&squares) / values.len() as f64).sqrt()
}

fn check_against_the_naive_figures(values: &[f64]) {
    let summary = Summary::of(values).unwrap();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    assert_eq!(summary.count, count);
    assert_equal(summary.min, sorted[0]);
    assert_equal(summary.max, sorted[count - 1]);
    assert_same(sum(values), naive_sum(values));
    assert_same(mean(values), naive_sum(values) / count as f64);
    assert_same(summary.mean, mean(values));
    assert_same(summary.std, naive_deviation(values));
    let middle = &sorted[(count - 1) / 2..=count / 2];
    assert_same(summary.median, naive_sum(middle) / middle.len() as f64);
    let figures = [summary.p50, summary.p90, summary.p95, summary.p99];
    for (figure, percentile) in figures.into_iter().zip([50.0, 90.0, 95.0, 99.0]) {
        assert_equal(figure, naive_percentile(values, percentile));
    }
}

fn finite() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![
        NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE,
        -1e3..1e3,
        (-5..5_i8).prop_map(f64::from),
        prop::sample::select(&[0.0, -0.0, 1e308, -1e308, f64::MIN_POSITIVE, 5e-324]),
    ]
}

fn sized() -> impl Strategy<Value = usize> {
    prop_oneof![1..300_usize, prop::sample::select(&SIZES)]
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    sized().prop_flat_map(|size| prop::collection::vec(finite(), size))
}

proptest! {
    #[test]
    fn every_figure_equals_its_definition(values in values()) {
        check_against_the_naive_figures(&values);
    }

    #[test]
    fn percentiles_come_in_the_order_of_asking(
        values in values(),
        asked in prop::collection::vec(
            prop_oneof![0.0..=100.0, prop::sample::select(&[0.0, 25.0, 50.0, 99.9, 100.0])],
            0..12,
        ),
    ) {
        let answers = percentiles(&values, &asked);
        prop_assert_eq!(answers.len(), asked.len());
        for (answer, percentile) in answers.into_iter().zip(asked) {
            assert_equal(answer, naive_percentile(&values, percentile));
        }
    }

    #[test]
    fn the_order_of_samples_changes_no_order_statistic(values in values(), seed in any::<u64>()) {
        let mut shuffled = values.clone();
        shuffled.rotate_left(usize::try_from(seed % values.len() as u64).unwrap());
        shuffled.reverse();
        let asked = [0.0, 12.5, 50.0, 90.0, 100.0];
        let (ours, theirs) = (percentiles(&values, &asked), percentiles(&shuffled, &asked));
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert_same(ours, theirs);
        }
    }

    #[test]
    fn one_nan_makes_every_figure_nan_and_nothing_else_does(
        mut values in prop::collection::vec(-1e3..1e3, 1..200),
        at in any::<prop::sample::Index>(),
    ) {
        let figures = |values: &[f64]| {
            let s = Summary::of(values).unwrap();
            let mut all = vec![s.min, s.max, s.mean, s.median, s.std, s.p50, s.p90, s.p95, s.p99];
            all.extend(percentiles(values, &[0.0, 50.0, 100.0]));
            all
        };
        prop_assert!(figures(&values).iter().all(|figure| figure.is_finite()));
        let at = at.index(values.len());
        for nan in [f64::NAN, -f64::NAN] {
            values[at] = nan;
            prop_assert!(figures(&values).iter().all(|figure| figure.is_nan()));
            prop_assert_eq!(Summary::of(&values).unwrap().count, values.len());
        }
    }
}

#[test]
fn every_size_at_which_the_summation_changes_its_way_is_right() {
    for size in SIZES.into_iter().chain([10_000]) {
        // Thirds are inexact, so another order of adding them shows in the last bits.
        let values: Vec<f64> = (0..size)
            .map(|i| (i * 7_919 % 104_729) as f64 / 3.0)
            .collect();
        check_against_the_naive_figures(&values);
    }
}

#[test]
fn constant_samples_have_no_spread_of_any_kind() {
    for size in SIZES {
        for value in [0.1, -0.0, 5e-324, 1e300] {
            let summary = Summary::of(&vec![value; size]).unwrap();
            for figure in [
                summary.min,
                summary.max,
                summary.median,
                summary.p50,
                summary.p99,
            ] {
                assert_equal(figure, value);
            }
        }
        assert_same(Summary::of(&vec![0.25; size]).unwrap().std, 0.0);
    }
}

#[test]
fn a_sum_that_overflows_leaves_the_order_statistics_right() {
    let summary = Summary::of(&[1e308, 1e308, 1e308, -1.0]).unwrap();
    assert_same(summary.mean, f64::INFINITY);
    assert_same(summary.min, -1.0);
    assert_same(summary.max, 1e308);
    assert_same(summary.p90, 1e308);
}

#[test]
fn infinities_stay_where_the_order_puts_them() {
    let values = [f64::INFINITY, 1.0, 2.0, f64::NEG_INFINITY, 3.0];
    let summary = Summary::of(&values).unwrap();
    assert_same(summary.min, f64::NEG_INFINITY);
    assert_same(summary.max, f64::INFINITY);
    assert_same(summary.median, 2.0);
    assert_same(summary.p50, 2.0);
    assert!(summary.mean.is_nan() && summary.std.is_nan());
    // On the last finite value, but next to infinity: NaN, as NumPy has it.
    assert!(percentiles(&values, &[75.0])[0].is_nan());
}

#[test]
fn no_values_give_no_figures_instead_of_a_panic() {
    assert_eq!(Summary::of(&[]), None);
    assert!(percentiles(&[], &[50.0]).is_empty());
    assert!(mean(&[]).is_nan());
    assert_same(sum(&[]), 0.0);
    assert!(percentiles(&[1.0], &[]).is_empty());
}

#[test]
fn a_percentile_outside_0_to_100_is_refused_with_its_value() {
    for good in [0.0, -0.0, 1e-300, 50.0, 100.0] {
        assert!(validate_percentile(good).is_ok(), "{good}");
    }
    for (bad, shown) in [
        (-0.1, "-0.1"),
        (100.1, "100.1"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        let error = validate_percentile(bad).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("percentiles must be numbers from 0 to 100, got {shown}")
        );
    }
}
