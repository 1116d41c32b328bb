use proptest::prelude::*;
use ptpd_monitoring::stats::inference::{Share, proportions_p_value};

use super::close;

fn p_value([hits1, total1]: [u64; 2], [hits2, total2]: [u64; 2]) -> f64 {
    let share = |hits, total| Share { hits, total };
    proportions_p_value(share(hits1, total1), share(hits2, total2))
}

/// Twice the smaller tail, by sums of whole numbers.
fn by_counting([hits1, total1]: [u64; 2], [hits2, total2]: [u64; 2]) -> f64 {
    let choose = |n: u64, k: u64| -> u128 {
        (0..k).fold(1, |ways, at| ways * u128::from(n - at) / u128::from(at + 1))
    };
    let hits = hits1 + hits2;
    let of = |second: u64| choose(total2, second) * choose(total1, hits - second);
    let (least, most) = (hits.saturating_sub(total1), hits.min(total2));
    let sum = |from: u64, to: u64| (from..=to).map(of).sum::<u128>();
    let smaller = sum(least, hits2).min(sum(hits2, most));
    (2.0 * smaller as f64 / sum(least, most) as f64).min(1.0)
}

const SCIPY: [([u64; 2], [u64; 2], f64); 10] = [
    ([1_000, 20_000], [160, 2_000], 9.119_191_810_802_921e-8),
    ([3_000, 60_000], [430, 5_000], 4.180_765_271_556_710_5e-24),
    ([600, 60_000], [0, 2_000], 5.182_401_429_664_781_5e-9),
    ([0, 100_000], [3, 50], 2.348_545_945_760_752_3e-10),
    ([1, 100], [2, 20], 0.143_426_862_270_331_86),
    ([10, 1_000], [20, 1_000], 0.096_216_391_086_412_96),
    ([2_000, 200_000], [90, 6_000], 0.000_424_725_899_802_511_45),
    ([10_000, 200_000], [230, 6_000], 2.481_669_720_422_592_6e-5),
    ([7, 13], [1, 9], 0.104_643_962_848_297_19),
    (
        [50_000, 1_000_000],
        [5_300, 100_000],
        4.081_773_718_128_19e-5,
    ),
];

#[test]
fn shares_have_the_p_value_of_scipys_fisher_exact() {
    // 2 * min of fisher_exact(..., alternative) of both alternatives.
    for (before, after, expected) in SCIPY {
        let found = p_value(before, after);
        assert!(
            close(found, expected, 1e-9),
            "{before:?} {after:?}: {found:e} and not {expected:e}"
        );
    }
}

#[test]
fn shares_of_nothing_and_equal_shares_tell_nothing() {
    for (before, after) in [
        ([0, 0], [3, 5]),
        ([3, 5], [0, 0]),
        ([0, 10], [0, 20]),
        ([10, 10], [20, 20]),
        ([5, 10], [10, 20]),
    ] {
        assert!(
            close(p_value(before, after), 1.0, 1e-12),
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn the_normal_approximation_takes_over_without_a_leap() {
    // Either side of a million expected in the smallest cell, 3.5 deviations apart.
    let at = |cell: u64| {
        let more = (3.5 * (2.0 * cell as f64 * 0.9).sqrt()).round();
        p_value([cell, 10 * cell], [cell + more as u64, 10 * cell])
    };
    let [exact, normal] = [at(999_000), at(1_001_000)];
    assert!(close(exact, normal, 0.02), "{exact:e} {normal:e}");
}

#[test]
fn counts_beyond_any_machines_memory_do_not_lose_the_digits() {
    // Three of 2^61 against thirty: the binomial test of 30 of 33 at one half.
    let found = p_value([3, 1 << 61], [30, 1 << 61]);
    assert!(close(found, 1.401_174_813_508_987_4e-6, 1e-9), "{found:e}");
}

proptest! {
    #[test]
    fn small_shares_have_the_p_value_that_counting_gives(
        total1 in 1_u64..40, total2 in 1_u64..40, part1 in 0.0..=1.0, part2 in 0.0..=1.0,
    ) {
        let of = |total: u64, part: f64| [(total as f64 * part) as u64, total];
        let (before, after) = (of(total1, part1), of(total2, part2));
        let (found, expected) = (p_value(before, after), by_counting(before, after));
        prop_assert!(close(found, expected, 1e-11), "{found:e} {expected:e}");
        prop_assert!(close(found, p_value(after, before), 1e-11));
    }
}
