use proptest::prelude::*;
use ptpd_monitoring::stats::{
    Distribution,
    inference::{Group, RankTest, least_p_value},
};

use super::close;

fn test(before: &[f64], after: &[f64]) -> Option<RankTest> {
    let [before, after] = [before, after].map(|values| Distribution::from(values.to_vec()));
    RankTest::of(&before.groups(), &after.groups())
}

/// Columns of a table: how many samples of each period have the same value.
fn tabled(counts: &[(u64, u64)]) -> RankTest {
    let column = |pick: fn(&(u64, u64)) -> u64| -> Vec<Group> {
        let groups = counts.iter().enumerate();
        groups
            .map(|(at, row)| Group {
                value: at as f64,
                count: pick(row),
            })
            .collect()
    };
    RankTest::of(&column(|row| row.0), &column(|row| row.1)).unwrap()
}

#[test]
fn a_set_of_samples_with_ties_has_scipys_p_value_and_the_effect_that_pairs_have() {
    let found = test(&[3.1, 2.2, 5.0, 4.4, 2.2, 9.9], &[5.0, 6.1, 2.2, 8.8, 7.0]).unwrap();
    assert!(
        close(found.p_value, 0.355_785_924_235_490_4, 1e-14),
        "{found:?}"
    );
    assert!(close(found.effect_size, 11.0 / 30.0, 1e-15), "{found:?}");
}

#[test]
fn counts_beyond_any_machines_memory_are_tested_to_the_last_digits() {
    // From the definition in whole numbers of any size, with scipy.stats.norm.sf.
    let (billion, huge) = (1_000_000_000, 1 << 61);
    let half = billion / 2;
    let table = [
        (
            vec![(half, half - 40_000), (half, half + 40_000)],
            0.073_638_269_961_818_1,
            4e-5,
        ),
        // All but four are tied: the tie correction takes nearly all of the variance.
        (
            vec![(billion - 1, billion - 3), (1, 3)],
            0.317_310_507_741_928_8,
            2e-9,
        ),
        (
            vec![(huge, huge - (1 << 31)), (huge / 2, huge / 2 + (1 << 31))],
            0.083_264_516_734_6,
            6.208_817_164_103_19e-10,
        ),
        (
            vec![(huge - 1, huge), (1, 0)],
            0.317_310_507_862_9,
            -4.336_808_689_942_018e-19,
        ),
    ];
    for (counts, p_value, effect_size) in table {
        let found = tabled(&counts);
        assert!(close(found.p_value, p_value, 1e-7), "{counts:?}: {found:?}");
        assert!(
            close(found.effect_size, effect_size, 1e-12),
            "{counts:?}: {found:?}"
        );
    }
}

#[test]
fn a_p_value_becomes_tiny_before_it_becomes_nothing() {
    let apart = |count: u64| tabled(&[(count, 0), (0, count)]);
    assert!(apart(100).p_value > 1e-50 && apart(100).p_value < 1e-40);
    assert!(apart(700).p_value > 0.0);
    let found = apart(1 << 61);
    assert_eq!((found.p_value, found.effect_size), (0.0, 1.0));
}

#[test]
fn samples_that_are_all_equal_show_no_difference() {
    for count in [1, 2, 1_000, 1 << 61] {
        let found = tabled(&[(count, count)]);
        assert_eq!((found.p_value, found.effect_size), (1.0, 0.0));
    }
    // Zero has no sign here.
    let found = test(&[0.0, -0.0], &[-0.0]).unwrap();
    assert_eq!((found.p_value, found.effect_size), (1.0, 0.0));
}

#[test]
fn infinite_samples_have_ranks_like_others() {
    let infinity = f64::INFINITY;
    assert_eq!(
        test(&[1.0, 2.0, infinity], &[-infinity, 3.0, infinity]),
        test(&[1.0, 2.0, 9.0], &[-9.0, 3.0, 9.0])
    );
}

#[test]
fn nothing_can_be_compared_with_no_samples() {
    assert_eq!(test(&[], &[1.0]), None);
    assert_eq!(test(&[1.0], &[]), None);
    assert_eq!(test(&[1.0], &[f64::NAN]), None);
    assert_eq!(least_p_value(0, 5), 1.0);
}

#[test]
fn four_samples_each_are_the_least_that_can_be_significant_at_5_percent() {
    assert!(least_p_value(3, 3) > 0.05 && least_p_value(4, 4) < 0.05);
    assert!(least_p_value(1, 1 << 60) > 0.05);
    // The ranks are as uneven as can be where the sets lie apart.
    let apart = test(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0]).unwrap();
    assert_eq!(apart.p_value, least_p_value(4, 3));
}

/// Few values, so that many are tied.
fn samples() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-6_i8..6).prop_map(|n| f64::from(n) / 2.0), 1..40)
}

proptest! {
    #[test]
    fn the_effect_is_the_share_of_pairs_above_less_that_below(
        before in samples(), after in samples(),
    ) {
        let pairs = before.iter().flat_map(|a| after.iter().map(move |b| b.total_cmp(a)));
        let expected = pairs.map(|order| f64::from(order as i8)).sum::<f64>() / (before.len() * after.len()) as f64;
        let found = test(&before, &after).unwrap();
        prop_assert!((found.effect_size - expected).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_sets_turns_the_effect_round_and_leaves_the_p_value(
        before in samples(), after in samples(),
    ) {
        let (there, back) = (test(&before, &after).unwrap(), test(&after, &before).unwrap());
        prop_assert_eq!(there.effect_size, -back.effect_size);
        prop_assert_eq!(there.p_value, back.p_value);
        prop_assert!((0.0..=1.0).contains(&there.p_value));
    }

    #[test]
    fn neither_scale_nor_place_matters(
        before in samples(), after in samples(), scale in 1e-9..1e9_f64,
    ) {
        let moved = |values: &[f64]| values.iter().map(|x| x * scale).collect::<Vec<_>>();
        prop_assert_eq!(test(&before, &after), test(&moved(&before), &moved(&after)));
    }
}
