//! What an operation's samples say of a change.
//!
//! Three ways are looked at, since none of them sees everything.
//!
//! - The *typical sample* changed where the rank test is significant and the median moved with the
//!   ranks by at least [`Thresholds::min_change`]. Outliers have no say in it.
//! - The *mean* changed where its whole confidence interval lies beyond `min_change`, which says more
//!   than that the change is significant and that it is large. The interval is right only for enough samples: 25 times
//!   their squared skewness in each period, by Cochran's rule. The squared skewness of `n` samples
//!   with `k` outliers is about `n / k`: it takes some 25 of them, however far they lie. A period
//!   that had none by chance does not know of them, so the period whose mean lies away from the
//!   other's tail needs as many samples as that tail asks for, too. Nothing is pooled: outliers of a
//!   short period would be the rarer, and its skewness the greater, the longer the other one is.
//! - The *tail* changed where the share of samples beyond the first period's 95th or 99th percentile
//!   did by Fisher's exact test, and would have even if the percentile had been `min_change` farther
//!   on.
//!
//! The ways share what chance may do. Ranks are tested at most of the significance, and the shares at
//! a hundredth of it each; the rest is for the mean, whose interval holds at the full confidence, but
//! has to lie beyond `min_change`.
//!
//! One of them is enough for a verdict. Where they contradict each other it is `unchanged`, since
//! none of them would be the whole truth; the report has the figures.

use super::{
    difference::{difference, percent},
    verdict::{Judged, Judgement, Reason, Thresholds, Verdict},
};
use crate::stats::{
    Distribution, Figures,
    inference::{
        Group, Interval, Moments, RankTest, Share, least_p_value, proportions_p_value, skewness,
        welch_interval,
    },
};

/// How far the medians of two histograms may be from each other, in percent, although nothing but
/// a sample's place between neighbouring buckets has changed: a bucket's width, 2^(1/32) - 1.
const RESOLUTION: f64 = 2.2;

/// Samples by squared skewness that an interval of the mean takes (Cochran, Sampling Techniques).
const COCHRAN: f64 = 25.0;

/// The part of the significance that ranks are tested at.
const OF_RANKS: f64 = 0.85;

/// The part of the significance that each share beyond a percentile is tested at.
const OF_TAIL: f64 = 0.01;

/// What a judgement rests on.
pub(in crate::report) struct Evidence {
    samples: [u64; 2],
    pub moments: [Moments; 2],
    pub ranks: Option<RankTest>,
    /// The change of the median in percent.
    median: f64,
    skewness: [f64; 2],
    /// Of the percentiles 95 and 99, as far as they changed.
    tails: [Option<Tail>; 2],
    /// What matters.
    least: Least,
}

/// The least change that matters, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Least {
    /// Of the typical sample.
    pub typical: f64,
    /// Of the mean.
    pub mean: f64,
    /// Of the percentiles 95 and 99.
    pub tails: [f64; 2],
}

impl Least {
    /// The same of all.
    pub fn of_all(percent: f64) -> Self {
        Self {
            typical: percent,
            mean: percent,
            tails: [percent; 2],
        }
    }
}

impl Evidence {
    pub fn of(before: &Distribution, after: &Distribution, thresholds: &Thresholds) -> Self {
        Self::beyond(before, after, Least::of_all(thresholds.min_change))
    }

    /// The same where another change than that of the thresholds is the least that matters.
    pub fn beyond(before: &Distribution, after: &Distribution, least: Least) -> Self {
        let moments = [before, after].map(|distribution| distribution.figures().moments());
        if before.is_exact() && after.is_exact() {
            Self::of_alike(before, after, moments, least)
        } else {
            let least = Least {
                typical: least.typical.max(RESOLUTION),
                tails: least.tails.map(|percent| percent.max(RESOLUTION)),
                ..least
            };
            Self::of_alike(&before.bucketed(), &after.bucketed(), moments, least)
        }
    }

    /// Of two sets of samples, or of two histograms.
    fn of_alike(
        before: &Distribution,
        after: &Distribution,
        moments: [Moments; 2],
        least: Least,
    ) -> Self {
        let groups: [Vec<Group>; 2] = [before.groups(), after.groups()];
        let figures = [before, after].map(Distribution::figures);
        let samples = figures.map(Figures::numbers);
        let tail = |percentile, least| Tail::beyond(percentile, &groups, samples, least);
        Self {
            samples,
            moments,
            ranks: RankTest::of(&groups[0], &groups[1]),
            median: median_change(figures),
            skewness: groups.each_ref().map(|groups| skewness(groups.iter())),
            tails: [
                tail(figures[0].p95, least.tails[0]),
                tail(figures[0].p99, least.tails[1]),
            ],
            least,
        }
    }

    /// Where the change of the mean lies with the probability `confidence`.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let [before, after] = self.moments;
        welch_interval(before, after, confidence)
    }

    /// The same in percent of the first mean's magnitude.
    pub fn interval_percentage(&self, confidence: f64) -> Option<Interval> {
        interval_percentage(self.moments, confidence)
    }

    /// What the typical sample did, if it changed.
    fn typical(&self, thresholds: &Thresholds) -> Option<Verdict> {
        let ranks = self.ranks?;
        let matters =
            self.median.abs() >= self.least.typical && self.median * ranks.effect_size > 0.0;
        (matters && ranks.p_value < thresholds.significance * OF_RANKS)
            .then(|| Verdict::towards(self.median))
    }

    /// What the mean did, if it changed.
    fn mean(&self, thresholds: &Thresholds) -> Option<Verdict> {
        let nearest = nearest_change(self.moments, thresholds)?;
        (nearest.abs() >= self.least.mean && self.means_are_reliable())
            .then(|| Verdict::towards(nearest))
    }

    /// Whether each period has enough samples for its mean to be about normal.
    fn means_are_reliable(&self) -> bool {
        let [old, new] = self.moments.map(|moments| moments.mean);
        let (less, more) = if old < new { (0, 1) } else { (1, 0) };
        let mut skewness = self.skewness.map(f64::abs);
        skewness[less] = skewness[less].max(self.skewness[more]);
        skewness[more] = skewness[more].max(-self.skewness[less]);
        let mut each = self.samples.iter().zip(skewness);
        each.all(|(&samples, skewness)| samples as f64 >= COCHRAN * skewness.powi(2))
    }

    /// What the tail did, if it changed.
    fn tail(&self, thresholds: &Thresholds) -> Option<Verdict> {
        let significance = thresholds.significance * OF_TAIL;
        let tails = self.tails.iter().flatten();
        let significant = tails.filter(|tail| tail.p_value < significance);
        in_agreement(significant.map(|tail| tail.verdict))
    }
}

/// The change of the median in percent.
fn median_change([before, after]: [&Figures; 2]) -> f64 {
    percent(difference(before.median, after.median), before.median)
}

/// The change of the mean in percent.
fn mean_change([before, after]: [Moments; 2]) -> f64 {
    percent(difference(before.mean, after.mean), before.mean)
}

/// Where the change of the mean lies with the probability `confidence`, in percent of the first mean's
/// magnitude.
fn interval_percentage([before, after]: [Moments; 2], confidence: f64) -> Option<Interval> {
    let interval = welch_interval(before, after, confidence)?;
    Some(Interval {
        low: percent(interval.low, before.mean),
        high: percent(interval.high, before.mean),
    })
}

/// The end of that interval which is the nearest to no change, in percent; `None` where no change lies
/// in it.
fn nearest_change(moments: [Moments; 2], thresholds: &Thresholds) -> Option<f64> {
    let Interval { low, high } = interval_percentage(moments, thresholds.confidence)?;
    (low * high > 0.0).then_some(if low > 0.0 { low } else { high })
}

/// Whether a change could hold at these thresholds, and so at stricter ones: whether what it takes first
/// is there, which is found much sooner than [`Evidence`]. The median or a percentile moved, or all of the mean's
/// interval lies where it matters.
pub(in crate::report) fn could_change(
    [before, after]: &[Distribution; 2],
    thresholds: &Thresholds,
) -> bool {
    let figures = [before, after].map(Distribution::figures);
    let matters = |change: f64| change.abs() >= thresholds.min_change;
    let moments = figures.map(Figures::moments);
    let of_means = || nearest_change(moments, thresholds).is_some_and(matters);
    // The interval lies around the change of the mean, and takes longer to find.
    if matters(median_change(figures)) || (matters(mean_change(moments)) && of_means()) {
        return true;
    }
    let groups = [before.groups(), after.groups()];
    let samples = figures.map(Figures::numbers);
    let significance = thresholds.significance * OF_TAIL;
    [figures[0].p95, figures[0].p99]
        .into_iter()
        .any(|percentile| {
            let tail = Tail::beyond(percentile, &groups, samples, thresholds.min_change);
            tail.is_some_and(|tail| tail.p_value < significance)
        })
}

/// Of samples that [could not have changed](could_change).
pub(in crate::report) struct Unmoved {
    samples: [u64; 2],
}

impl Unmoved {
    pub fn of(distributions: &[Distribution; 2]) -> Self {
        Self {
            samples: distributions.each_ref().map(|it| it.figures().numbers()),
        }
    }
}

impl Judged for Unmoved {
    fn judge(&self, thresholds: &Thresholds) -> Judgement {
        if self.is_too_little(thresholds) {
            Judgement::NOT_ENOUGH_DATA
        } else {
            Judgement::without_reason(Verdict::Unchanged)
        }
    }

    fn is_too_little(&self, thresholds: &Thresholds) -> bool {
        are_too_few(self.samples, thresholds)
    }
}

/// Whether not even samples that are all greater after than before could show a change.
fn are_too_few([before, after]: [u64; 2], thresholds: &Thresholds) -> bool {
    before.min(after) < thresholds.min_samples
        || least_p_value(before, after) >= thresholds.significance * OF_RANKS
}

impl Judged for Evidence {
    fn judge(&self, thresholds: &Thresholds) -> Judgement {
        if self.is_too_little(thresholds) {
            return Judgement::NOT_ENOUGH_DATA;
        }
        let ways = [
            (Reason::Typical, self.typical(thresholds)),
            (Reason::Mean, self.mean(thresholds)),
            (Reason::Tail, self.tail(thresholds)),
        ];
        match in_agreement(ways.iter().filter_map(|(_, verdict)| *verdict)) {
            Some(verdict) => Judgement {
                verdict,
                reason: ways
                    .into_iter()
                    .find_map(|(reason, verdict)| verdict.map(|_| reason)),
            },
            None => Judgement::without_reason(Verdict::Unchanged),
        }
    }

    fn is_too_little(&self, thresholds: &Thresholds) -> bool {
        are_too_few(self.samples, thresholds)
    }
}

/// The change of the share beyond a percentile of the first period.
struct Tail {
    verdict: Verdict,
    p_value: f64,
}

impl Tail {
    /// Where the percentile is farther on, or less far, by what matters; `None` if it did not change
    /// by that.
    fn beyond(
        percentile: f64,
        groups: &[Vec<Group>; 2],
        totals: [u64; 2],
        min_change: f64,
    ) -> Option<Self> {
        let share = |period: usize, bound: f64| Share {
            hits: count_above(&groups[period], bound),
            total: totals[period],
        };
        let margin = percentile.abs() * min_change / 100.0;
        let before = share(0, percentile);
        let [farther, nearer] = [percentile + margin, percentile - margin].map(|it| share(1, it));
        let (after, verdict) = if farther.value() > before.value() {
            (farther, Verdict::Degraded)
        } else if nearer.value() < before.value() {
            (nearer, Verdict::Improved)
        } else {
            return None;
        };
        Some(Self {
            verdict,
            p_value: proportions_p_value(before, after),
        })
    }
}

/// How many of `groups`, in ascending order of value, lie above `bound`.
fn count_above(groups: &[Group], bound: f64) -> u64 {
    let above = groups.partition_point(|group| group.value <= bound);
    groups[above..].iter().map(|group| group.count).sum()
}

/// The one verdict that all of these are; none of none, or where they contradict each other.
fn in_agreement(mut verdicts: impl Iterator<Item = Verdict>) -> Option<Verdict> {
    let first = verdicts.next()?;
    verdicts.all(|verdict| verdict == first).then_some(first)
}
