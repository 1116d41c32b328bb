use proptest::prelude::*;
use ptpd_monitoring::stats::{
    Distribution, Histogram, Summary,
    histogram::RELATIVE_ERROR,
    inference::{Group, RankTest},
};

fn histogram(values: &[f64]) -> Distribution {
    values.iter().copied().collect::<Histogram>().into()
}

#[test]
fn samples_have_the_figures_of_their_summary() {
    let values: Vec<f64> = (0..101).rev().map(|n| f64::from(n) * 0.1).collect();
    let summary = Summary::of(&values).unwrap();
    let samples = Distribution::from(values);
    let found = samples.figures();
    assert_eq!(
        [found.mean, found.std, found.median, found.p95, found.p99],
        [
            summary.mean,
            summary.std,
            summary.median,
            summary.p95,
            summary.p99
        ]
    );
    assert_eq!((found.count, found.nans, found.numbers()), (101, 0, 101));
    assert!(samples.is_exact() && !samples.bucketed().is_exact());
}

#[test]
fn what_is_not_a_number_counts_and_spoils_the_mean_but_not_the_percentiles() {
    let values = [3.0, f64::NAN, 1.0, 2.0];
    for distribution in [Distribution::from(values.to_vec()), histogram(&values)] {
        let found = distribution.figures();
        assert_eq!((found.count, found.nans, found.numbers()), (4, 1, 3));
        assert!(found.mean.is_nan() && found.std.is_nan());
        assert!(
            (found.median - 2.0).abs() < 2.0 * RELATIVE_ERROR,
            "{found:?}"
        );
        assert_eq!(distribution.groups().len(), 3);
    }
}

#[test]
fn of_no_samples_nothing_is_known() {
    for distribution in [Distribution::from(vec![]), histogram(&[])] {
        let found = distribution.figures();
        assert_eq!(found.count, 0);
        for figure in [found.mean, found.std, found.median, found.p95, found.p99] {
            assert!(figure.is_nan());
        }
        assert_eq!(distribution.groups(), []);
    }
}

#[test]
fn equal_samples_are_one_group_in_ascending_order() {
    let samples = Distribution::from(vec![2.0, -0.0, 2.0, f64::INFINITY, 0.0, -1.0]);
    let groups = [(-1.0, 1), (0.0, 2), (2.0, 2), (f64::INFINITY, 1)];
    assert_eq!(
        samples.groups(),
        groups.map(|(value, count)| Group { value, count })
    );
}

#[test]
fn a_sample_and_the_bucket_that_it_falls_into_are_tied() {
    // Each value a bucket of its own, at the far ends of the range of floats too.
    let values = [
        f64::NEG_INFINITY,
        f64::MIN,
        -1.5,
        -5e-324,
        0.0,
        5e-324,
        1e-310,
        1.0,
        1.5,
        f64::MAX,
        f64::INFINITY,
    ];
    let grouped = histogram(&values).groups();
    assert_eq!(grouped.len(), values.len());
    assert!(
        grouped.is_sorted_by(|a, b| a.value < b.value),
        "{grouped:?}"
    );
    let samples = Distribution::from(values.to_vec()).bucketed();
    assert_eq!(samples.groups(), grouped);
}

proptest! {
    #[test]
    fn buckets_tell_the_same_ranks_as_samples_but_for_ties_within_them(
        before in prop::collection::vec(1e-3..1e3_f64, 20..60),
        after in prop::collection::vec(1e-3..1e3_f64, 20..60),
    ) {
        let exact = [&before, &after].map(|values| Distribution::from(values.clone()).groups());
        let bucketed = [&before, &after].map(|values| histogram(values).groups());
        let [exact, bucketed] = [exact, bucketed].map(|[a, b]| RankTest::of(&a, &b).unwrap());
        // Of two random samples of three decades, about one pair in 300 shares a bucket.
        prop_assert!((exact.effect_size - bucketed.effect_size).abs() < 0.05);
        prop_assert!((exact.p_value - bucketed.p_value).abs() < 0.2);
    }
}
