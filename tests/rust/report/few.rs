use proptest::prelude::*;
use ptpd_monitoring::{
    report::{FEW, Few, Samples},
    stats::{Histogram, histogram::RELATIVE_ERROR},
    units::Unit,
};

fn histogram(values: &[f64]) -> Histogram {
    values.iter().copied().collect()
}

proptest! {
    #[test]
    fn few_samples_are_all_there_in_order_and_many_are_not_few(
        values in prop::collection::vec(any::<f64>(), 0..15),
    ) {
        let few = Few::of(&Samples::Each(values.clone()));
        if values.is_empty() || values.len() as u64 >= FEW {
            prop_assert!(few.is_none());
            prop_assert!(Few::of_histogram(&histogram(&values)).is_none());
            return Ok(());
        }
        let few = few.unwrap();
        let (nans, mut sorted): (Vec<f64>, Vec<f64>) = values.iter().partition(|it| it.is_nan());
        sorted.sort_by(f64::total_cmp);
        prop_assert!(few.is_exact);
        prop_assert!(few.values[sorted.len()..].iter().all(|it| it.is_nan()));
        prop_assert_eq!(few.values.len(), sorted.len() + nans.len());
        let bits = |values: &[f64]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&few.values[..sorted.len()]), bits(&sorted));
    }

    #[test]
    fn those_of_a_histogram_are_as_near_as_its_buckets(
        values in prop::collection::vec(-1e9..1e9, 1..10),
    ) {
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        let few = Few::of_histogram(&histogram(&sorted)).unwrap();
        prop_assert_eq!(few.values.len(), sorted.len());
        prop_assert_eq!(few.values[0].to_bits(), sorted[0].to_bits());
        prop_assert_eq!(few.values.last().unwrap().to_bits(), sorted.last().unwrap().to_bits());
        prop_assert_eq!(few.is_exact, sorted.len() <= 2);
        for (near, exact) in few.values.iter().zip(&sorted) {
            prop_assert!((near - exact).abs() <= 1.001 * RELATIVE_ERROR * exact.abs(), "{near} {exact}");
        }
    }
}

#[test]
fn what_is_no_number_is_among_the_samples_and_not_among_those_to_be_drawn() {
    let values = [f64::NAN, f64::INFINITY, 0.0, f64::NEG_INFINITY];
    let few = Few::of_histogram(&histogram(&values)).unwrap();
    assert_eq!(few.values[..3], [f64::NEG_INFINITY, 0.0, f64::INFINITY]);
    assert!(few.values[3].is_nan());
    assert_eq!(few.finite().collect::<Vec<_>>(), [0.0]);
}

#[test]
fn a_unit_of_one_name_is_said_once() {
    let few = Few::of_values([0.5, 2.0].into_iter()).unwrap();
    let words = |unit| few.words(&Unit::parse(unit)).replace('\u{202f}', " ");
    assert_eq!(words("seconds"), "500 ms, 2.00 s");
    assert_eq!(words("layers"), "0.500, 2.00 layers");
    assert_eq!(words(""), "0.500, 2.00");
}
