use std::collections::BTreeMap;

use allocation_counter::measure;
use proptest::prelude::*;
use ptpd_monitoring::stats::{
    Histogram, Summary,
    histogram::{Bucket, Buckets, RELATIVE_ERROR},
    mean, percentiles,
};

use crate::accuracy;

pub fn of(values: &[f64]) -> Histogram {
    values.iter().copied().collect()
}

/// The index of the one bucket that holds a positive number.
fn index(value: f64) -> i32 {
    let histogram = of(&[value]);
    let found: Vec<(i32, u64)> = histogram.buckets().positive().collect();
    assert_eq!(found.len(), 1, "{value:e}");
    assert_eq!(found[0].1, 1);
    found[0].0
}

/// The digits of `a * b`, the lowest first, in base 2^32.
fn product(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut digits = vec![0_u32; a.len() + b.len()];
    for (i, &x) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, &y) in b.iter().enumerate() {
            let sum = u64::from(digits[i + j]) + u64::from(x) * u64::from(y) + carry;
            digits[i + j] = u32::try_from(sum & 0xFFFF_FFFF).unwrap();
            carry = sum >> 32;
        }
        digits[i + b.len()] = u32::try_from(carry).unwrap();
    }
    digits
}

/// The least `i` with value^32 <= 2^(i + 1), by the length of the whole number mantissa^32.
fn exact_index(value: f64) -> i32 {
    let bits = value.to_bits();
    let (mantissa, exponent) = match bits >> 52 {
        0 => (bits, -1074),
        field => (
            bits & ((1 << 52) - 1) | 1 << 52,
            i32::try_from(field).unwrap() - 1075,
        ),
    };
    let mut power = vec![
        u32::try_from(mantissa & 0xFFFF_FFFF).unwrap(),
        u32::try_from(mantissa >> 32).unwrap(),
    ];
    for _ in 0..5 {
        power = product(&power, &power);
    }
    let digits = power.iter().rposition(|&digit| digit != 0).unwrap();
    let length = 32 * u32::try_from(digits + 1).unwrap() - power[digits].leading_zeros();
    let length = i32::try_from(length).unwrap() + 32 * exponent;
    let ones: u32 = power.iter().map(|digit| digit.count_ones()).sum();
    if ones == 1 { length - 2 } else { length - 1 }
}

#[test]
fn every_boundary_parts_neighbouring_numbers_as_whole_arithmetic_does() {
    let ends = of(&[f64::MIN_POSITIVE, f64::MAX]);
    let (first, last) = (-1022 * 32 - 1, 1024 * 32 - 1);
    let indices: Vec<i32> = ends.buckets().positive().map(|(index, _)| index).collect();
    assert_eq!(indices, [first, last]);
    let octaves = [-1074, -1073, -1070, -1023, -1022, -1, 0, 1, 3, 1022, 1023];
    for octave in octaves {
        for k in 0..32 {
            let near = (f64::from(octave) + f64::from(k) / 32.0).exp2();
            let mut value = near.next_down().next_down();
            for _ in 0..5 {
                if value > 0.0 {
                    assert_eq!(index(value), exact_index(value), "{value:e}");
                }
                value = value.next_up();
            }
        }
    }
}

#[test]
fn the_bounds_of_a_bucket_enclose_its_first_and_last_number() {
    for octave in [-1074, -1060, -1023, -1022, -5, 0, 1, 1023] {
        for k in 0..32 {
            let value = (f64::from(octave) + f64::from(k) / 32.0).exp2();
            let Bucket { lower, upper, .. } = of(&[value]).buckets().iter().next().unwrap();
            assert!(lower < value && value <= upper, "{value:e}");
            assert_eq!(index(upper), index(value), "{value:e}");
            assert_eq!(index(lower.next_up()), index(value), "{value:e}");
            if lower > 0.0 {
                assert_eq!(index(lower), exact_index(lower), "{value:e}");
                assert_ne!(index(lower), index(value), "{value:e}");
            }
        }
    }
}

#[test]
fn numbers_that_are_not_ordinary_have_their_places() {
    let mut histogram = of(&[0.0, -0.0, f64::from_bits(1), f64::INFINITY, -2.0, 1.0]);
    histogram.extend([f64::NEG_INFINITY, f64::NAN, -f64::from_bits(1), f64::NAN]);
    assert_eq!(histogram.count(), 8);
    assert_eq!(histogram.nans(), 2);
    assert_eq!(histogram.buckets().zeros(), 2);
    assert_eq!(histogram.buckets().infinities(), [1, 1]);
    let least = f64::from_bits(1);
    let bounds: Vec<(f64, f64, u64)> = histogram
        .buckets()
        .iter()
        .map(|bucket| (bucket.lower, bucket.upper, bucket.count))
        .collect();
    let below_two = of(&[2.0]).buckets().iter().next().unwrap().lower;
    let below_one = of(&[1.0]).buckets().iter().next().unwrap().lower;
    assert_eq!(
        bounds,
        [
            (f64::NEG_INFINITY, f64::NEG_INFINITY, 1),
            (-2.0, -below_two, 1),
            (-least, 0.0, 1),
            (0.0, 0.0, 2),
            (0.0, least, 1),
            (below_one, 1.0, 1),
            (f64::INFINITY, f64::INFINITY, 1),
        ]
    );
    assert_eq!(histogram.min(), Some(f64::NEG_INFINITY));
    assert_eq!(histogram.max(), Some(f64::INFINITY));
    assert!(histogram.sum().is_nan());
    assert!(histogram.std().unwrap().is_nan());
    histogram.record(1.0);
    let asked = [0.0, 12.5, 25.0, 37.5, 99.0, 100.0];
    let values = histogram.percentiles(&asked);
    assert_eq!(values[0], f64::NEG_INFINITY);
    assert!((values[1] + 2.0).abs() < 0.022);
    assert_eq!(values[2], -least);
    assert_eq!(values[3], 0.0);
    assert_eq!(values[4..], [f64::INFINITY; 2]);
    assert!(of(&[f64::NAN]).min().is_none() && !of(&[f64::NAN]).is_empty());
}

#[test]
fn between_the_infinities_lies_the_nearer_one() {
    let histogram = of(&[f64::NEG_INFINITY, f64::INFINITY]);
    assert_eq!(histogram.percentile(49.0), Some(f64::NEG_INFINITY));
    assert_eq!(histogram.percentile(51.0), Some(f64::INFINITY));
    let histogram = of(&[f64::MIN, f64::MAX]);
    assert_eq!(histogram.percentile(50.0), Some(0.0));
}

#[test]
fn no_samples_have_no_figures() {
    let histogram = Histogram::new();
    assert!(histogram.is_empty() && histogram.buckets().is_empty());
    assert!(histogram.percentiles(&[50.0]).is_empty());
    assert_eq!(histogram.mean(), None);
    assert_eq!(histogram.std(), None);
    assert_eq!(histogram.count_le(1.0), 0.0);
    assert_eq!(
        Buckets::decode(&histogram.buckets().encode()).unwrap(),
        *histogram.buckets()
    );
}

#[test]
fn equal_samples_are_known_exactly() {
    for value in [0.1, -0.1, 1.0, 1e-300, 3e-320, 1e150] {
        let histogram = of(&[value; 1_000]);
        let asked: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(histogram.percentiles(&asked), vec![value; 101]);
        assert_eq!(histogram.std(), Some(0.0));
        assert_eq!(histogram.count_le(value), 1_000.0);
        assert_eq!(histogram.count_le(value.next_down()), 0.0);
    }
}

#[test]
fn percentiles_lie_within_the_stated_error_of_the_exact_ones() {
    for (name, values) in accuracy::data_sets(10_000) {
        accuracy::assert_accurate(name, &values, &of(&values));
    }
}

#[test]
fn a_hundred_million_equal_terms_lose_nothing_by_rounding() {
    let million = of(&vec![0.1; 1_000_000]);
    let mut histogram = Histogram::new();
    for _ in 0..100 {
        histogram.merge(&million);
    }
    assert_eq!(histogram.count(), 100_000_000);
    assert_eq!(histogram.sum(), 0.1 * 1e8);
    assert_eq!(histogram.sum_squares(), 0.1 * 0.1 * 1e8);
}

#[test]
fn counts_grow_past_sixteen_and_thirty_two_bits() {
    let mut histogram = of(&vec![1.5; 65_536]);
    assert_eq!(histogram.buckets().iter().next().unwrap().count, 65_536);
    for _ in 0..20 {
        histogram.merge(&histogram.clone());
    }
    assert_eq!(histogram.buckets().count(), 1 << 36);
    for _ in 0..40 {
        histogram.merge(&histogram.clone());
    }
    assert_eq!(histogram.count(), u64::MAX);
    assert_eq!(
        histogram.buckets().count(),
        1 << 62,
        "the count of a bucket stops there"
    );
    let again = Buckets::decode(&histogram.buckets().encode()).unwrap();
    assert_eq!(again, *histogram.buckets());
    assert_eq!(histogram.percentile(50.0), Some(1.5));
}

#[test]
fn a_minute_takes_little_memory() {
    assert!(size_of::<Histogram>() <= 128, "{}", size_of::<Histogram>());
    let mut histogram = Histogram::new();
    let made = measure(|| histogram.extend((100..400).map(|i| f64::from(i) * 1e-5)));
    let current = made.bytes_current + i64::try_from(size_of::<Histogram>()).unwrap();
    assert!(
        current <= 600,
        "{current} bytes for values within a factor of 4"
    );
    let mut histogram = Histogram::new();
    let made = measure(|| histogram.extend([f64::from_bits(1), f64::MAX, -f64::MAX]));
    assert!(
        made.bytes_current <= 40_000,
        "{} bytes for three values",
        made.bytes_current
    );
    let again = measure(|| histogram.extend([f64::from_bits(1), f64::MAX, -f64::MAX]));
    assert_eq!(again.count_total, 0, "allocations for touched buckets");
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<u64>().prop_map(f64::from_bits),
        8 => (-20.0..20.0_f64).prop_map(f64::exp),
        4 => (-3.0..3.0_f64).prop_map(|x| -x.exp()),
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
    ]
}

pub fn numbers(most: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(any_number(), 0..=most)
}

fn ordinary() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![1e-9..1e9_f64, -1e6..1e6_f64], 1..200)
}

proptest! {
    #[test]
    fn any_number_is_in_the_bucket_that_whole_arithmetic_says(bits in 1..f64::INFINITY.to_bits()) {
        let value = f64::from_bits(bits);
        prop_assert_eq!(index(value), exact_index(value));
        let negative: Vec<_> = of(&[-value]).buckets().negative().collect();
        prop_assert_eq!(negative, [(index(value), 1)]);
    }

    #[test]
    fn merging_in_any_order_and_grouping_gives_the_same_buckets(
        values in numbers(200),
        parts in prop::collection::vec((0..6_usize, any::<u64>()), 200),
        through_bytes in any::<bool>(),
    ) {
        let mut groups = vec![Histogram::new(); 6];
        for (value, (group, _)) in values.iter().zip(&parts) {
            groups[*group].record(*value);
        }
        // Pairs of whatever is left are merged until one is.
        for (_, pick) in &parts {
            if groups.len() > 1 {
                let pick = usize::try_from(*pick % groups.len() as u64).unwrap();
                let taken = groups.swap_remove(pick);
                let into = pick % groups.len();
                if through_bytes && !taken.sum().is_nan() {
                    let bytes = taken.buckets().encode();
                    groups[into].merge_encoded(&bytes, taken.figures()).unwrap();
                } else {
                    groups[into].merge(&taken);
                }
            }
        }
        let (merged, whole) = (&groups[0], of(&values));
        prop_assert_eq!(merged.buckets(), whole.buckets());
        prop_assert_eq!(merged.buckets().encode(), whole.buckets().encode());
        prop_assert_eq!(merged.count(), whole.count());
        prop_assert_eq!(merged.count(), merged.buckets().count());
        prop_assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
        let asked = [0.0, 1.0, 50.0, 99.9, 100.0];
        prop_assert_eq!(merged.percentiles(&asked), whole.percentiles(&asked));
        prop_assert_eq!(Buckets::decode(&whole.buckets().encode()).unwrap(), whole.buckets().clone());
    }

    #[test]
    fn merged_counts_of_any_size_are_their_sums(
        values in prop::collection::vec((1.0..1.2_f64, 0..66_u32, any::<bool>()), 1..20),
    ) {
        let most = 1_u64 << 62;
        let (mut all, mut expected) = (Histogram::new(), BTreeMap::new());
        for (value, doublings, is_negative) in values {
            let value = if is_negative { -value } else { value };
            let mut histogram = of(&[value]);
            for _ in 0..doublings {
                histogram.merge(&histogram.clone());
            }
            all.merge(&histogram);
            let upper = histogram.buckets().iter().next().unwrap().upper;
            let sum: &mut u64 = expected.entry(upper.to_bits()).or_default();
            *sum = (*sum + (1 << doublings.min(62))).min(most);
        }
        let found: BTreeMap<_, _> = all.buckets().iter().map(|it| (it.upper.to_bits(), it.count)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(&Buckets::decode(&all.buckets().encode()).unwrap(), all.buckets());
    }

    #[test]
    fn the_exact_figures_are_numpys(values in ordinary()) {
        let histogram = of(&values);
        let summary = Summary::of(&values).unwrap();
        let scale = mean(&values.iter().map(|value| value.abs()).collect::<Vec<_>>());
        prop_assert_eq!(histogram.count(), summary.count as u64);
        prop_assert_eq!(histogram.min(), Some(summary.min));
        prop_assert_eq!(histogram.max(), Some(summary.max));
        prop_assert!((histogram.mean().unwrap() - summary.mean).abs() <= 1e-14 * scale);
        let std = histogram.std().unwrap();
        let is_close = (std - summary.std).abs() <= 0.02 * summary.std;
        prop_assert!(is_close || std.is_nan() && summary.std < 2e-7 * scale, "{std}");
    }

    #[test]
    fn a_spread_that_rounding_hides_is_not_made_up(
        offset in 1e6_f64..1e13,
        spread in 0.0_f64..10.0,
        shares in proptest::collection::vec(0.0_f64..1.0, 3..200),
    ) {
        let values: Vec<f64> = shares.iter().map(|share| offset + spread * share).collect();
        let (std, exact) = (of(&values).std().unwrap(), Summary::of(&values).unwrap().std);
        prop_assert!(std.is_nan() || (std - exact).abs() <= 0.02 * exact, "{std} for {exact}");
    }

    #[test]
    fn any_few_samples_have_percentiles_within_the_stated_error(values in ordinary()) {
        accuracy::assert_accurate("few", &values, &of(&values));
    }

    #[test]
    fn percentiles_and_counts_up_to_a_bound_grow(values in numbers(50), asked in prop::collection::vec(0.0..=100.0_f64, 20)) {
        let histogram = of(&values);
        let mut asked = asked;
        asked.sort_by(f64::total_cmp);
        let found = histogram.percentiles(&asked);
        prop_assert!(found.is_sorted(), "{:?}", found);
        if let (Some(min), Some(max)) = (histogram.min(), histogram.max()) {
            prop_assert!(found.iter().all(|value| (min..=max).contains(value)));
            prop_assert_eq!(histogram.percentile(0.0), Some(min));
            prop_assert_eq!(histogram.percentile(100.0), Some(max));
        }
        let mut bounds = values.clone();
        bounds.retain(|value| !value.is_nan());
        bounds.sort_by(f64::total_cmp);
        let counts: Vec<f64> = bounds.iter().map(|bound| histogram.count_le(*bound)).collect();
        prop_assert!(counts.is_sorted(), "{:?}", counts);
        prop_assert_eq!(histogram.count_le(f64::INFINITY), histogram.count() as f64);
        for bucket in histogram.buckets().iter().filter(|bucket| bucket.lower > 0.0) {
            let exact = bounds.iter().filter(|value| **value <= bucket.upper).count() as f64;
            prop_assert!((histogram.count_le(bucket.upper) - exact).abs() < 1e-9);
        }
    }
}

#[test]
fn the_stated_error_is_that_of_a_bucket() {
    let base = (1.0_f64 / 32.0).exp2();
    let error = (base - 1.0) / (base + 1.0);
    assert!(error < RELATIVE_ERROR && RELATIVE_ERROR < error + 1e-4);
    // The worst case: a bucket's first and last number, whose estimate is the same.
    let bucket = of(&[1.25]).buckets().iter().next().unwrap();
    let (first, last) = (bucket.lower.next_up(), bucket.upper);
    let mut values = vec![first; 50];
    values.extend([last; 50]);
    values.extend([0.5, 2.0]);
    let histogram = of(&values);
    for percentile in [20.0, 80.0] {
        let exact = percentiles(&values, &[percentile])[0];
        let relative = (histogram.percentile(percentile).unwrap() - exact).abs() / exact;
        assert!((relative - error).abs() < 1e-9, "{relative}");
    }
}
