//! The rank test of Wilcoxon, Mann and Whitney.

use std::{cmp::Ordering, f64::consts::SQRT_2};

use libm::erfc;

use super::Group;

/// Whether samples of one set tend to lie above those of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// How likely ranks at least as uneven are where both sets come from the same distribution:
    /// two-sided, by the normal approximation with corrections for ties and continuity, as
    /// `scipy.stats.mannwhitneyu(method="asymptotic")`.
    pub p_value: f64,
    /// How likely a sample of the second set lies above one of the first, less how likely below:
    /// Cliff's delta, or the rank-biserial correlation, from -1 to 1.
    pub effect_size: f64,
}

impl RankTest {
    /// The test of two sets, each in ascending order of value, none of which is NaN; `None` if one
    /// is empty. Counts may be anything up to 2^62 in all.
    #[must_use]
    pub fn of(before: &[Group], after: &[Group]) -> Option<Self> {
        let [n1, n2] = [before, after].map(count);
        if n1 == 0 || n2 == 0 {
            return None;
        }
        let (twice_u, uneven) = ranks(before, after, n1 + n2);
        let pairs = n1 * n2;
        let effect_size = if twice_u < pairs {
            -((pairs - twice_u) as f64)
        } else {
            (twice_u - pairs) as f64
        } / pairs as f64;
        let deviation = (pairs as f64 / 12.0 * uneven).sqrt();
        Some(Self {
            p_value: p_value(twice_u.abs_diff(pairs), deviation),
            effect_size,
        })
    }
}

/// The least p-value that sets of these sizes can have: where no sample of one lies among those of
/// the other. 1 if one is empty.
#[must_use]
pub fn least_p_value(before: u64, after: u64) -> f64 {
    let pairs = u128::from(before) * u128::from(after);
    let deviation = (pairs as f64 / 12.0 * (before as f64 + after as f64 + 1.0)).sqrt();
    p_value(pairs, deviation)
}

/// The p-value where twice U is so far from twice its mean, and U deviates as it does.
fn p_value(twice_distance: u128, deviation: f64) -> f64 {
    // Half a pair less: the correction for continuity. All samples are tied where U never deviates.
    if twice_distance <= 1 || deviation == 0.0 {
        return 1.0;
    }
    let z = (twice_distance - 1) as f64 / 2.0 / deviation;
    erfc(z / SQRT_2)
}

fn count(groups: &[Group]) -> u128 {
    groups.iter().map(|group| u128::from(group.count)).sum()
}

/// Twice the number of pairs whose second sample is the greater one, equal ones by half; and what
/// takes the place of n + 1 in the variance of U where there are ties.
fn ranks(mut before: &[Group], mut after: &[Group], n: u128) -> (u128, f64) {
    let mut below = 0;
    let mut twice_u = 0;
    let mut uneven = 0.0;
    while let Some(value) = least(before, after) {
        let (a, b) = (take(&mut before, value), take(&mut after, value));
        twice_u += b * (2 * below + a);
        below += a;
        // The sum of t(n - t)(n + t) is n^3 less the sum of t^3, which is how it is written where
        // nothing is tied; but that would lose all its digits where nearly everything is.
        let tied = a + b;
        uneven += tied as f64 * (n - tied) as f64 * (n + tied) as f64;
    }
    (twice_u, uneven / (n as f64 * (n - 1) as f64))
}

fn least(before: &[Group], after: &[Group]) -> Option<f64> {
    let heads = before.first().into_iter().chain(after.first());
    heads
        .map(|group| group.value)
        .min_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal))
}

/// Takes all groups of that value off the front.
fn take(groups: &mut &[Group], value: f64) -> u128 {
    let mut taken = 0;
    while let [first, rest @ ..] = groups
        && first.value <= value
    {
        taken += u128::from(first.count);
        *groups = rest;
    }
    taken
}
