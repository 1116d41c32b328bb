use ptpd_monitoring::{
    report::{Reason, Thresholds, Verdict, compare},
    stats::{Distribution, Histogram},
};

use Verdict::{Degraded, Improved, NotEnoughData, Unchanged};

const DEFAULT: Thresholds = Thresholds::DEFAULT;

fn judged(before: &[f64], after: &[f64], thresholds: Thresholds) -> Verdict {
    let [before, after] = [before, after].map(|values| Distribution::from(values.to_vec()));
    compare(&before, &after, &thresholds).verdict
}

/// Both ways, which have to contradict each other.
fn there_and_back(before: &[f64], after: &[f64], thresholds: Thresholds) -> [Verdict; 2] {
    [
        judged(before, after, thresholds),
        judged(after, before, thresholds),
    ]
}

/// Evenly spread from `low` to `high`.
fn spread(low: f64, high: f64, count: u32) -> Vec<f64> {
    (0..count)
        .map(|n| low + (high - low) * (f64::from(n) + 0.5) / f64::from(count))
        .collect()
}

fn times(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

#[test]
fn a_clear_change_is_improved_or_degraded() {
    let usual = spread(1.0, 2.0, 50);
    let slower = times(&usual, 1.5);
    assert_eq!(
        there_and_back(&usual, &slower, DEFAULT),
        [Degraded, Improved]
    );
    // Lower is better on the other side of zero too.
    let [usual, less] = [&usual, &slower].map(|values| times(values, -1.0));
    assert_eq!(there_and_back(&usual, &less, DEFAULT), [Improved, Degraded]);
}

#[test]
fn no_change_is_unchanged() {
    for values in [vec![0.0; 20], vec![3.0; 20], spread(-1.0, 1.0, 1_000)] {
        assert_eq!(judged(&values, &values, DEFAULT), Unchanged);
        let any = Thresholds {
            min_change: 0.0,
            ..DEFAULT
        };
        assert_eq!(judged(&values, &values, any), Unchanged);
    }
}

#[test]
fn a_change_that_is_significant_and_too_small_to_matter_is_unchanged() {
    let usual = spread(1.0, 1.1, 10_000);
    let slower = times(&usual, 1.04);
    let least = |min_change| Thresholds {
        min_change,
        ..DEFAULT
    };
    assert_eq!(there_and_back(&usual, &slower, DEFAULT), [Unchanged; 2]);
    assert_eq!(
        there_and_back(&usual, &slower, least(3.0)),
        [Degraded, Improved]
    );
}

#[test]
fn a_change_that_would_matter_and_is_not_significant_is_unchanged() {
    let (usual, slower) = (spread(1.0, 5.0, 12), spread(1.2, 5.4, 12));
    assert_eq!(there_and_back(&usual, &slower, DEFAULT), [Unchanged; 2]);
    let lenient = Thresholds {
        significance: 0.8,
        ..DEFAULT
    };
    assert_eq!(
        there_and_back(&usual, &slower, lenient),
        [Degraded, Improved]
    );
}

#[test]
fn constants_that_differ_have_changed() {
    assert_eq!(
        there_and_back(&[1.0; 10], &[1.2; 10], DEFAULT),
        [Degraded, Improved]
    );
    assert_eq!(
        there_and_back(&[0.0; 10], &[1e-9; 10], DEFAULT),
        [Degraded, Improved]
    );
    // Five percent of the first median, but less of the other.
    assert_eq!(
        there_and_back(&[100.0; 10], &[105.0; 10], DEFAULT),
        [Degraded, Unchanged]
    );
    assert_eq!(
        there_and_back(&[1.0; 10], &[1.04; 10], DEFAULT),
        [Unchanged; 2]
    );
}

#[test]
fn too_few_samples_are_not_enough_data() {
    let (few, many) = (spread(1.0, 2.0, 9), spread(11.0, 12.0, 1_000));
    assert_eq!(there_and_back(&few, &many, DEFAULT), [NotEnoughData; 2]);
    let nine = Thresholds {
        min_samples: 9,
        ..DEFAULT
    };
    assert_eq!(there_and_back(&few, &many, nine), [Degraded, Improved]);
    // Samples that are not numbers do not count.
    let mut spoilt = few.clone();
    spoilt.push(f64::NAN);
    assert_eq!(there_and_back(&spoilt, &many, DEFAULT), [NotEnoughData; 2]);
}

#[test]
fn unchanged_is_never_said_of_numbers_of_samples_that_could_not_show_a_change() {
    let any = Thresholds {
        min_samples: 1,
        ..DEFAULT
    };
    assert_eq!(judged(&[1.0; 3], &[1.0; 3], any), NotEnoughData);
    assert_eq!(
        judged(&[1.0, 2.0, 3.0], &[7.0, 8.0, 9.0], any),
        NotEnoughData
    );
    assert_eq!(judged(&[1.0; 4], &[1.0; 4], any), Unchanged);
    assert_eq!(
        judged(&[1.0, 2.0, 3.0, 4.0], &[7.0, 8.0, 9.0, 9.5], any),
        Degraded
    );
    let strict = Thresholds {
        significance: 0.001,
        ..any
    };
    assert_eq!(
        judged(&[1.0, 2.0, 3.0, 4.0], &[7.0, 8.0, 9.0, 9.5], strict),
        NotEnoughData
    );
}

#[test]
fn a_few_outliers_make_no_verdict_however_far_they_lie() {
    let usual = spread(1.0, 2.0, 1_000);
    for outliers in [1, 5, 20] {
        for outlier in [1e2, 1e6, 1e300, f64::INFINITY] {
            let mut after = usual.clone();
            after[..outliers].fill(outlier);
            assert_eq!(
                there_and_back(&usual, &after, DEFAULT),
                [Unchanged; 2],
                "{outliers} of {outlier}"
            );
        }
    }
    // Nor do they hide what happened to the others, although the mean went the other way.
    let mut before = usual.clone();
    before[0] = 1e6;
    assert_eq!(
        there_and_back(&before, &times(&usual, 1.5), DEFAULT),
        [Degraded, Improved]
    );
}

#[test]
fn a_tail_that_many_samples_show_to_have_grown_is_degraded_although_ranks_and_median_stay() {
    // The slowest twentieth takes ten times as long: the same ranks, but half as much time again.
    let mut before = spread(1.0, 1.1, 9_500);
    let mut after = before.clone();
    before.extend(spread(1.2, 1.3, 500));
    after.extend(spread(12.0, 13.0, 500));
    let [before, after] = [before, after].map(|values| {
        let buckets: Histogram = values.iter().copied().collect();
        [Distribution::from(values), buckets.into()]
    });
    let found = compare(&before[0], &after[0], &DEFAULT);
    let ranks = found.ranks.unwrap();
    assert!(
        ranks.p_value > 0.5 && ranks.effect_size.abs() < 0.01,
        "{ranks:?}"
    );
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(compare(before, after, &DEFAULT).verdict, Degraded);
        assert_eq!(compare(after, before, &DEFAULT).verdict, Improved);
    }
    // Of the mean a rise that matters only possibly does not do, but the tail rose by more.
    let reason = |min_change| {
        let thresholds = Thresholds {
            min_change,
            ..DEFAULT
        };
        let found = compare(&before[0], &after[0], &thresholds);
        (found.verdict, found.reason)
    };
    assert_eq!(reason(5.0), (Degraded, Some(Reason::Mean)));
    assert_eq!(
        reason(found.percentage - 1.0),
        (Degraded, Some(Reason::Tail))
    );
    assert_eq!(reason(1_000.0), (Unchanged, None));
}

#[test]
fn a_slow_tail_is_found_beside_a_baseline_of_any_length() {
    // One of 25 takes 60 times as long: the mean more than threefold, the median as before.
    let usual = spread(1.0, 2.0, 4_800);
    let mut after = usual.clone();
    after.extend(times(&spread(1.0, 2.0, 200), 60.0));
    for length in [2_000, 60_000, 200_000] {
        let before = spread(1.0, 2.0, length);
        assert_eq!(
            there_and_back(&before, &after, DEFAULT),
            [Degraded, Improved],
            "{length}"
        );
    }
}

#[test]
fn a_tail_alone_makes_a_verdict_where_the_mean_cannot() {
    // Forty of 2,000, where less than twenty were beyond: too few for a mean of this skewness.
    let before = spread(1.0, 2.0, 100_000);
    let mut after = spread(1.0, 2.0, 1_960);
    after.extend(spread(3.0, 4.0, 39));
    after.push(1e5);
    let [before, after] = [before, after].map(Distribution::from);
    let found = compare(&before, &after, &DEFAULT);
    assert_eq!(
        (found.verdict, found.reason),
        (Degraded, Some(Reason::Tail))
    );
    let found = compare(&after, &before, &DEFAULT);
    assert_eq!(
        (found.verdict, found.reason),
        (Improved, Some(Reason::Tail))
    );
    // So few that chance could have made them.
    let few = [spread(1.0, 2.0, 1_970), vec![3.0; 30]].concat();
    let found = compare(&before, &few.into(), &DEFAULT);
    assert_eq!((found.verdict, found.reason), (Unchanged, None));
}

#[test]
fn a_tail_that_grew_by_less_than_matters_makes_no_verdict() {
    let before = spread(1.0, 2.0, 100_000);
    let after = |factor: f64| -> Vec<f64> {
        let grown = before.iter();
        grown
            .map(|&value| if value > 1.8 { value * factor } else { value })
            .collect()
    };
    assert_eq!(judged(&before, &after(1.04), DEFAULT), Unchanged);
    assert_eq!(judged(&before, &after(1.07), DEFAULT), Degraded);
}

#[test]
fn the_reason_is_the_first_way_that_shows_the_change() {
    let usual = spread(1.0, 2.0, 1_000);
    let reason = |after: Vec<f64>| {
        let found = compare(&usual.clone().into(), &after.into(), &DEFAULT);
        found.reason.map(Reason::as_str)
    };
    assert_eq!(reason(times(&usual, 1.5)), Some("typical"));
    assert_eq!(reason(usual.clone()), None);
    assert_eq!(reason(vec![9.0; 3]), None);
}

#[test]
fn a_short_period_that_saw_none_of_the_rare_slow_samples_is_not_the_faster_one() {
    let mut long = vec![1.0; 950];
    long.extend([100.0; 50]);
    assert_eq!(there_and_back(&[1.0; 20], &long, DEFAULT), [Unchanged; 2]);
}

#[test]
fn a_typical_sample_and_a_mean_that_contradict_each_other_are_unchanged() {
    let before = spread(1.0, 1.1, 10_000);
    let mut after = spread(0.8, 0.88, 8_000);
    after.extend(spread(10.0, 11.0, 2_000));
    assert_eq!(there_and_back(&before, &after, DEFAULT), [Unchanged; 2]);
}

#[test]
fn a_median_between_two_humps_alone_makes_no_verdict() {
    // It leaps with a few samples more on the other side.
    let humps = |low: u32| [spread(1.0, 1.1, low), spread(9.0, 9.1, 1_000 - low)].concat();
    assert_eq!(
        there_and_back(&humps(505), &humps(495), DEFAULT),
        [Unchanged; 2]
    );
}

#[test]
fn a_median_that_went_against_the_ranks_makes_no_verdict() {
    // Each hump got lower, but the median leapt from the one to the other.
    let before = [spread(1.0, 1.1, 520), spread(9.0, 9.1, 480)].concat();
    let after = [spread(0.8, 0.9, 480), spread(8.7, 8.8, 520)].concat();
    assert_eq!(there_and_back(&before, &after, DEFAULT), [Unchanged; 2]);
}

#[test]
fn neighbouring_buckets_are_no_change_however_little_would_matter() {
    let buckets = |value: f64| -> Distribution {
        spread(value, value * 1.0002, 1_000)
            .into_iter()
            .collect::<Histogram>()
            .into()
    };
    // On both sides of the boundary 2, less than a thousandth apart.
    let (below, above, beyond) = (buckets(1.9995), buckets(2.0001), buckets(2.2));
    let any = Thresholds {
        min_change: 0.5,
        ..DEFAULT
    };
    let ranks = compare(&below, &above, &any).ranks.unwrap();
    assert!(
        ranks.p_value < 1e-9 && ranks.effect_size == 1.0,
        "{ranks:?}"
    );
    assert_eq!(compare(&below, &above, &any).verdict, Unchanged);
    assert_eq!(compare(&above, &below, &any).verdict, Unchanged);
    assert_eq!(compare(&below, &beyond, &any).verdict, Degraded);
}

#[test]
fn what_is_not_a_number_takes_the_mean_out_of_the_verdict_and_no_more() {
    let mut usual = spread(1.0, 2.0, 50);
    let slower = times(&usual, 1.5);
    usual.push(f64::NAN);
    assert_eq!(
        there_and_back(&usual, &slower, DEFAULT),
        [Degraded, Improved]
    );
}

#[test]
fn thresholds_out_of_their_range_are_refused_by_name_and_value() {
    assert_eq!(DEFAULT.validated().unwrap(), DEFAULT);
    let refused = |thresholds: Thresholds| thresholds.validated().unwrap_err().to_string();
    for wrong in [0.0, 1.0, -0.5, 95.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            refused(Thresholds {
                confidence: wrong,
                ..DEFAULT
            }),
            format!("confidence must be above 0 and below 1, got {wrong:?}")
        );
        assert_eq!(
            refused(Thresholds {
                significance: wrong,
                ..DEFAULT
            }),
            format!("significance must be above 0 and below 1, got {wrong:?}")
        );
    }
    for wrong in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            refused(Thresholds {
                min_change: wrong,
                ..DEFAULT
            }),
            format!("min_change must be a number of percent, 0 or more, got {wrong:?}")
        );
    }
    assert_eq!(
        refused(Thresholds {
            min_samples: 0,
            ..DEFAULT
        }),
        "min_samples must be at least 1, got 0"
    );
}

#[test]
fn the_words_are_the_documented_ones() {
    let words = [Improved, Degraded, Unchanged, NotEnoughData].map(Verdict::as_str);
    assert_eq!(
        words,
        ["improved", "degraded", "unchanged", "not enough data"]
    );
}
