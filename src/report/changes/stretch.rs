//! From when to when a change shows.
//!
//! Each hour's samples are hits or not: above the percentile that tells the change best, or failed. How
//! many there are is more likely as usual, or as much more as in one of the parts that have a verdict;
//! the logarithm of the ratio of both is what speaks for the hour. The hours in which the change shows
//! are the stretch for which most speaks in sum: where a change begins and ends is most likely there.

use std::ops::Range;

use super::{
    Frame,
    parts::{Held, What},
    subjects::{Hour, Subject},
};
use crate::{
    report::compare::verdict::{Reason, Verdict},
    stats::inference::{Group, Share},
};

/// What a hit is.
#[derive(Debug, Clone, Copy)]
enum Hit {
    /// A sample above a percentile of those of the periods before.
    Above(f64),
    /// One below the median of these.
    Below,
    /// One that failed.
    Failed,
}

const OF_FAILURES: [Hit; 1] = [Hit::Failed];
const OF_GREATER: [Hit; 3] = [Hit::Above(0.5), Hit::Above(0.95), Hit::Above(0.99)];
const OF_LESS: [Hit; 3] = [Hit::Below, Hit::Above(0.95), Hit::Above(0.99)];

/// How often what a stretch came to is looked at for a better one.
const ROUNDS: usize = 4;

/// How much has to speak for a stretch: e to this number is how much more likely it is than chance. A
/// change that no hours show is one of when there are how many samples.
const CONVINCING: f64 = 3.0;

/// The hours in which what is `held` shows, and which way it shows best: `None` of failures. Nothing if it
/// does not show in hours, each beside the same ones before.
pub(super) fn stretch(
    subject: &Subject,
    frame: &Frame,
    held: &Held,
) -> Option<(Range<usize>, Option<Reason>)> {
    let is_more = held.verdict == Verdict::Degraded;
    let ways = match (held.what, is_more) {
        (What::Failures, _) => &OF_FAILURES[..],
        (What::Durations, true) => &OF_GREATER,
        (What::Durations, false) => &OF_LESS,
    };
    let pairs: Vec<[Hour; 2]> = (0..frame.hours())
        .map(|slot| {
            let slots = slot..slot + 1;
            [subject.before(&slots), subject.after(&slots)]
        })
        .collect();
    let best = ways
        .iter()
        .map(|hit| {
            let shares: Vec<[Share; 2]> = pairs.iter().map(|pair| hit.shares(pair)).collect();
            (most_likely(&shares, held, hit.sign(is_more)), hit)
        })
        .max_by(|((a, _), _), ((b, _), _)| a.total_cmp(b));
    best.filter(|((weight, _), _)| *weight >= CONVINCING)
        .map(|((_, slots), hit)| (slots, hit.reason(held)))
}

/// The stretch for which most speaks, and how much that is. Hits have to become more where `sign` is
/// positive, and else fewer.
fn most_likely(shares: &[[Share; 2]], held: &Held, sign: f64) -> (f64, Range<usize>) {
    let odds_in = |slots: &Range<usize>| {
        let sum = |side: usize| {
            let of_side = shares[slots.clone()].iter().map(|pair| pair[side]);
            of_side.fold(Share { hits: 0, total: 0 }, |a, b| Share {
                hits: a.hits + b.hits,
                total: a.total + b.total,
            })
        };
        log_odds(sum(1)) - log_odds(sum(0))
    };
    let stretch_at = |odds: f64| {
        if odds * sign <= 0.0 {
            return (0.0, 0..0);
        }
        let weights = shares.iter().map(|[before, after]| {
            if before.total == 0 || after.total == 0 {
                return 0.0;
            }
            let usual = log_odds(*before);
            let [usual, changed] = [usual, usual + odds].map(|odds| 1.0 / (1.0 + (-odds).exp()));
            let (hits, misses) = (after.hits as f64, (after.total - after.hits) as f64);
            hits * (changed / usual).ln() + misses * ((1.0 - changed) / (1.0 - usual)).ln()
        });
        greatest_sum(weights)
    };
    let of_part = |part: &Range<usize>| {
        let mut best = stretch_at(odds_in(part));
        for _ in 0..ROUNDS {
            let next = stretch_at(odds_in(&best.1));
            if next.0 <= best.0 {
                break;
            }
            best = next;
        }
        best
    };
    let stretches = held.parts.iter().map(of_part);
    let best = stretches.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.unwrap_or((0.0, 0..0))
}

/// The logarithm of the odds of a hit. Half a hit and half a miss more keep it finite.
fn log_odds(share: Share) -> f64 {
    let (hits, misses) = (share.hits as f64, (share.total - share.hits) as f64);
    ((hits + 0.5) / (misses + 0.5)).ln()
}

/// The stretch of `weights` whose sum is the greatest, and that.
fn greatest_sum(weights: impl Iterator<Item = f64>) -> (f64, Range<usize>) {
    let mut best = (0.0, 0..0);
    let (mut sum, mut start) = (0.0, 0);
    for (at, weight) in weights.enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, at);
        }
        sum += weight;
        if sum > best.0 {
            best = (sum, start..at + 1);
        }
    }
    best
}

impl Hit {
    /// Whether there are more or fewer of them where samples are greater, or less.
    fn sign(self, is_more: bool) -> f64 {
        match self {
            Self::Below => 1.0,
            Self::Above(_) | Self::Failed if is_more => 1.0,
            Self::Above(_) | Self::Failed => -1.0,
        }
    }

    /// Which way a change shows of which these hits tell most.
    fn reason(self, held: &Held) -> Option<Reason> {
        match self {
            Self::Failed => None,
            Self::Below => Some(Reason::Typical),
            Self::Above(share) if share <= 0.5 => Some(Reason::Typical),
            Self::Above(_) if held.reason == Some(Reason::Mean) => held.reason,
            Self::Above(_) => Some(Reason::Tail),
        }
    }

    /// How many of the samples before, and of those of the period, are hits.
    fn shares(self, [before, after]: &[Hour; 2]) -> [Share; 2] {
        if matches!(self, Self::Failed) {
            return [before, after].map(|hour| Share {
                hits: hour.failures.server,
                total: hour.failures.requests,
            });
        }
        let groups = [before, after].map(|hour| hour.clone().distribution().groups());
        let totals = groups.each_ref().map(|groups| count(groups));
        let share = match self {
            Self::Above(share) => share,
            Self::Below | Self::Failed => 0.5,
        };
        let Some(bound) = percentile(&groups[0], totals[0] as f64 * share) else {
            return totals.map(|total| Share { hits: 0, total });
        };
        let is_hit = |group: &&Group| match self {
            Self::Below => group.value < bound,
            Self::Above(_) | Self::Failed => group.value > bound,
        };
        [0, 1].map(|side| Share {
            hits: groups[side].iter().filter(is_hit).map(|it| it.count).sum(),
            total: totals[side],
        })
    }
}

fn count(groups: &[Group]) -> u64 {
    groups.iter().map(|group| group.count).sum()
}

/// The value of the group in which so many samples are reached.
fn percentile(groups: &[Group], samples: f64) -> Option<f64> {
    let mut count = 0.0;
    groups
        .iter()
        .find(|group| {
            count += group.count as f64;
            count >= samples
        })
        .map(|group| group.value)
}
