use proptest::prelude::*;
use ptpd_monitoring::stats::inference::{Group, skewness};

use super::close;

fn skew(values: &[f64]) -> f64 {
    let groups: Vec<Group> = values
        .iter()
        .map(|&value| Group { value, count: 1 })
        .collect();
    skewness(groups.iter())
}

#[test]
fn it_is_scipys() {
    let values = [3.1, 2.2, 5.0, 4.4, 2.2, 9.9, 5.0, 6.1, 2.2, 8.8, 7.0];
    assert!(close(skew(&values), 0.506_270_097_213_439_2, 1e-13));
}

#[test]
fn what_does_not_vary_is_not_lopsided_and_what_is_infinite_cannot_be_told() {
    assert_eq!(skew(&[3.0; 5]), 0.0);
    assert_eq!(skew(&[0.0, -0.0]), 0.0);
    assert!(skew(&[1.0, f64::INFINITY]).is_nan());
}

#[test]
fn one_outlier_makes_it_the_root_of_the_number_of_samples() {
    // The reason why no few outliers make a verdict: 25 times its square exceeds their number.
    let groups = [(1.0, 10_000), (1e6, 1)].map(|(value, count)| Group { value, count });
    assert!(close(skewness(groups.iter()), 100.0, 1e-3));
}

proptest! {
    #[test]
    fn neither_scale_nor_counting_equal_samples_at_once_matters(
        values in prop::collection::vec(-5_i8..=5, 2..20), exponent in -300..300_i32,
    ) {
        let scale = 10.0_f64.powi(exponent);
        let plain: Vec<f64> = values.iter().map(|&n| f64::from(n)).collect();
        let scaled: Vec<f64> = plain.iter().map(|x| x * scale).collect();
        prop_assert!((skew(&plain) - skew(&scaled)).abs() < 1e-9);
        let twice: Vec<Group> = plain.iter().map(|&value| Group { value, count: 2 }).collect();
        prop_assert!((skewness(twice.iter()) - skew(&plain)).abs() < 1e-12);
    }
}
