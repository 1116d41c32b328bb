//! How much the periods before differ from each other.
//!
//! A test takes the samples of all days for those of one distribution. They are not: days are slower or
//! faster as a whole, and hours within a day. With many samples any such difference is significant, so
//! the tests alone would call nearly every day a change.
//!
//! What a figure of a part came to in a period, less what it came to in all of them, is its *residual*;
//! there is one for each period before and each part of the same length. They tell how far one more
//! period may lie from the others (a prediction interval by Student's distribution). What whole periods
//! have in common is told apart from the rest, since there are only as many such values as periods,
//! however many parts: that one takes Student's distribution of fewer degrees of freedom.
//!
//! Bursts are no matter of such an interval. So a part has to lie beyond what parts came to in all of the
//! periods but one, besides: a single bad day before does not hide the next one.
//!
//! Residuals of few samples vary by their number, so each counts by it; and where the variation is all
//! by chance among samples, a part with fewer of them varies the more.

use crate::stats::inference::upper_quantile;

/// What a figure of a part came to in a period, less what it came to in all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residual {
    pub period: usize,
    pub part: usize,
    pub samples: f64,
    pub value: f64,
}

/// How much periods differ.
#[derive(Debug, Clone)]
pub(super) struct Variation {
    residuals: Vec<Residual>,
    periods: f64,
    /// The variance of what whole periods have in common. What chance adds to it is not taken off, as
    /// an estimate of the difference would be too small too often.
    of_periods: f64,
    /// The variance of the rest, and the same for a part of one sample, if that is all by chance.
    rest: f64,
    of_a_sample: f64,
    freedom: f64,
}

/// How likely a figure without a change may lie beyond, in one direction or the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    /// That of a part, among all parts of all that is judged.
    pub of_a_part: f64,
    /// What its whole period has to do with it, among all that is judged.
    pub of_a_period: f64,
}

impl Variation {
    /// That of `residuals`. `None` where there are fewer than two periods to differ.
    pub fn of(residuals: Vec<Residual>) -> Option<Self> {
        let by = |key: fn(&Residual) -> usize| {
            let mut all: Vec<usize> = residuals.iter().map(key).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let periods = by(|residual| residual.period);
        let parts = by(|residual| residual.part).len();
        if periods.len() < 2 {
            return None;
        }
        let common: Vec<f64> = periods
            .iter()
            .map(|&period| common(residuals.iter().filter(|it| it.period == period)))
            .collect();
        let freedom = periods.len() as f64 - 1.0;
        let between = common.iter().map(|mean| mean * mean).sum::<f64>() / freedom;
        let cells = residuals.len() as f64;
        let rest_freedom = cells - periods.len() as f64 - parts as f64 + 1.0;
        if parts == 1 || rest_freedom < 1.0 {
            return Some(Self {
                residuals,
                periods: periods.len() as f64,
                of_periods: between,
                rest: 0.0,
                of_a_sample: 0.0,
                freedom: 1.0,
            });
        }
        let (mut squares, mut samples) = (0.0, 0.0);
        for residual in &residuals {
            let at = periods.partition_point(|&period| period < residual.period);
            let rest = residual.value - common[at];
            squares += residual.samples * rest * rest;
            samples += residual.samples;
        }
        let lost = cells / rest_freedom;
        let rest = squares / samples * lost;
        Some(Self {
            residuals,
            periods: periods.len() as f64,
            of_periods: between,
            rest,
            of_a_sample: squares / cells * lost,
            freedom: rest_freedom,
        })
    }

    /// How far a part with so many samples may lie from all periods before.
    pub fn reach(&self, samples: f64, chance: Chance) -> f64 {
        // Each has a half of what is allowed, of which a half is for each direction.
        let of_periods = upper_quantile(chance.of_a_period / 4.0, self.periods - 1.0);
        let of_rest = upper_quantile(chance.of_a_part / 4.0, self.freedom);
        let rest = self.rest.max(self.of_a_sample / samples);
        // Nothing times infinity is nothing here.
        let squared = |quantile: f64, variance: f64| {
            if variance > 0.0 {
                quantile * quantile * variance
            } else {
                0.0
            }
        };
        let both = squared(of_periods, self.of_periods) + squared(of_rest, rest);
        let interval = (both * (1.0 + 1.0 / self.periods)).sqrt();
        interval.max(self.seen(samples))
    }

    /// What parts with as many samples came to on more than one of the periods: bursts that are there
    /// nearly every day lie far outside of what Student's distribution knows of.
    fn seen(&self, samples: f64) -> f64 {
        let mut farthest: Vec<(usize, f64)> = Vec::new();
        for residual in self
            .residuals
            .iter()
            .filter(|it| 2.0 * it.samples >= samples)
        {
            let value = residual.value.abs();
            match farthest
                .iter_mut()
                .find(|(period, _)| *period == residual.period)
            {
                Some((_, most)) => *most = most.max(value),
                None => farthest.push((residual.period, value)),
            }
        }
        farthest.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        farthest.get(1).map_or(0.0, |(_, value)| *value)
    }
}

/// What the parts of a period have in common.
fn common<'a>(residuals: impl Iterator<Item = &'a Residual>) -> f64 {
    let (mut samples, mut sum) = (0.0, 0.0);
    for residual in residuals {
        samples += residual.samples;
        sum += residual.samples * residual.value;
    }
    sum / samples
}
