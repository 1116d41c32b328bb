//! Verdicts on many operations at once, and what chance makes of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ptpd_monitoring::report::{Comparison, PeriodOperation, Thresholds, Verdict, compare};

use crate::accuracy::Numbers;

const ALONE: Thresholds = Thresholds {
    adjust: false,
    ..Thresholds::DEFAULT
};

type Pair = [Vec<f64>; 2];

fn compared(operations: &[Pair], thresholds: &Thresholds) -> Vec<Verdict> {
    let period = |at: usize| -> Vec<PeriodOperation> {
        let of_period = operations.iter().enumerate();
        of_period
            .map(|(number, pair)| PeriodOperation {
                operation: format!("{number}").into(),
                units: vec!["s".into()],
                distribution: pair[at].clone().into(),
                failures: None,
            })
            .collect()
    };
    let found = Comparison::of(period(0), period(1), thresholds);
    let changes = found.changes.iter();
    changes.map(|(_, change)| change.verdict).collect()
}

fn is_change(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Improved | Verdict::Degraded)
}

/// In how many of `rounds` comparisons of `operations` that did not change there is a verdict on any.
fn mistaken(
    rounds: u64,
    operations: usize,
    thresholds: &Thresholds,
    sample: impl Fn(&mut Numbers) -> Vec<f64>,
) -> usize {
    let is_mistaken = |round: &u64| {
        let mut numbers = Numbers(round + 1);
        let unchanged: Vec<Pair> = (0..operations)
            .map(|_| [sample(&mut numbers), sample(&mut numbers)])
            .collect();
        compared(&unchanged, thresholds).into_iter().any(is_change)
    };
    (0..rounds).filter(is_mistaken).count()
}

fn lognormal(numbers: &mut Numbers, count: usize, sigma: f64) -> Vec<f64> {
    (0..count)
        .map(|_| (sigma * numbers.normal()).exp())
        .collect()
}

/// Five of a hundred, and what so many rounds may add by chance: three deviations.
fn most(rounds: u64) -> usize {
    let rounds = rounds as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive number"
    )]
    let most = (0.05 * rounds + 3.0 * (rounds * 0.05 * 0.95).sqrt()) as usize;
    most
}

#[test]
fn chance_degrades_no_more_comparisons_of_many_operations_than_of_one() {
    let few = |numbers: &mut Numbers| lognormal(numbers, 30, 0.7);
    // So many that the means have a say as well.
    let many = |numbers: &mut Numbers| lognormal(numbers, 300, 0.7);
    let any = Thresholds {
        min_change: 0.0,
        ..Thresholds::DEFAULT
    };
    for thresholds in [Thresholds::DEFAULT, any] {
        let found = mistaken(200, 20, &thresholds, few);
        assert!(found <= most(200), "{found} of 200, few samples");
        let found = mistaken(50, 20, &thresholds, many);
        assert!(found <= most(50), "{found} of 50, many samples");
    }
    let found = mistaken(50, 20, &ALONE, few);
    assert!(found > 20, "{found} of 50, each for itself");
}

#[test]
fn one_operation_is_judged_as_if_nothing_had_been_adjusted() {
    let mut numbers = Numbers(7);
    for round in 0..200 {
        let factor = 1.0 + f64::from(round % 20) / 20.0;
        let before = lognormal(&mut numbers, 40, 0.7);
        let after: Vec<f64> = lognormal(&mut numbers, 40, 0.7)
            .iter()
            .map(|value| value * factor)
            .collect();
        let alone = compare(
            &before.clone().into(),
            &after.clone().into(),
            &Thresholds::DEFAULT,
        );
        let pair = [[before, after]];
        assert_eq!(compared(&pair, &Thresholds::DEFAULT), [alone.verdict]);
    }
}

#[test]
fn a_clear_change_is_found_among_many_operations_that_did_not() {
    let mut numbers = Numbers(3);
    let mut operations: Vec<Pair> = (0..40)
        .map(|_| [0, 0].map(|_| lognormal(&mut numbers, 100, 0.3)))
        .collect();
    operations[17][1].iter_mut().for_each(|value| *value *= 1.5);
    operations[29][1].iter_mut().for_each(|value| *value *= 0.6);
    let verdicts = compared(&operations, &Thresholds::DEFAULT);
    assert_eq!(verdicts[17], Verdict::Degraded);
    assert_eq!(verdicts[29], Verdict::Improved);
    assert_eq!(verdicts.into_iter().filter(|it| is_change(*it)).count(), 2);
}

#[test]
fn samples_that_could_not_show_a_change_among_so_many_are_not_enough() {
    // Ten samples each come to a p-value of 0.00018 at least.
    let unchanged = || [0, 0].map(|_| (0..10).map(f64::from).collect::<Vec<f64>>());
    let all = |number: usize| -> BTreeSet<&str> {
        let operations: Vec<Pair> = (0..number).map(|_| unchanged()).collect();
        let verdicts = compared(&operations, &Thresholds::DEFAULT);
        verdicts.into_iter().map(Verdict::as_str).collect()
    };
    assert_eq!(all(200), ["unchanged"].into());
    assert_eq!(all(250), ["not enough data"].into());
}

proptest! {
    #[test]
    fn ranks_alone_are_judged_as_holm_says(
        shifts in prop::collection::vec(0.0..1.5_f64, 1..15),
        seed in 1..u64::MAX,
    ) {
        let mut numbers = Numbers(seed);
        let operations: Vec<Pair> = shifts
            .iter()
            .map(|shift| {
                let mut pair = [0.0, *shift].map(|shift| -> Vec<f64> {
                    (0..30).map(|_| 10.0 + shift + numbers.normal()).collect()
                });
                // An outlier on each side, so that means have no say.
                pair[0].push(1e9);
                pair[1].push(1e9);
                pair
            })
            .collect();
        let any = Thresholds { min_change: 0.0, ..Thresholds::DEFAULT };
        let raw: Vec<_> = operations
            .iter()
            .map(|[before, after]| {
                let found = compare(&before.clone().into(), &after.clone().into(), &any);
                // A median that went against the ranks makes no verdict however clear they are.
                (is_change(found.verdict), found.ranks.unwrap().p_value)
            })
            .collect();
        // What the tails and the mean leave to the ranks.
        let significance = any.significance * 0.85;
        let holds = |(can, p): &(bool, f64)| *can || *p >= significance;
        prop_assume!(raw.iter().all(holds));
        let mut sorted: Vec<f64> = raw.iter().map(|(_, p)| *p).collect();
        sorted.sort_by(f64::total_cmp);
        let rejected = sorted
            .iter()
            .enumerate()
            .take_while(|(k, p)| **p < significance / (sorted.len() - k) as f64)
            .count();
        let expected: Vec<bool> = raw
            .iter()
            .map(|(_, p)| rejected > 0 && *p <= sorted[rejected - 1])
            .collect();
        let found: Vec<bool> = compared(&operations, &any).into_iter().map(is_change).collect();
        prop_assert_eq!(found, expected);
    }
}
