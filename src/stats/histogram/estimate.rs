//! Figures that the buckets answer within their width.

use super::{
    Histogram, USUAL_BUCKETS,
    scale::{bounds, middle},
};
use crate::stats::quantile::Rank;

impl Histogram {
    /// The percentiles asked for as 0 to 100, as [`validate_percentile`](crate::stats::validate_percentile)
    /// checks, in the order of asking; none of no samples.
    ///
    /// They are defined as by `numpy.percentile`, from samples known within
    /// [`RELATIVE_ERROR`](super::RELATIVE_ERROR), so of numbers of one sign each lies within that
    /// of the exact percentile; where a positive and a negative sample are its neighbours, within
    /// that of the larger one's magnitude. The first and the last sample are exact.
    #[must_use]
    pub fn percentiles(&self, asked: &[f64]) -> Vec<f64> {
        let (Some(min), Some(max)) = (self.min(), self.max()) else {
            return Vec::new();
        };
        // The place of a sample is the first one up to whose end there are more samples.
        let mut before = 0_u64;
        let mut ends: Vec<(u64, i32)> = Vec::with_capacity(USUAL_BUCKETS);
        self.buckets.places().for_each(|(place, count)| {
            before = before.saturating_add(count);
            ends.push((before, place));
        });
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let sample = |rank: usize| {
            if rank == 0 {
                return min;
            }
            let index = ends.partition_point(|&(end, _)| end <= rank as u64);
            match ends.get(index) {
                Some(&(_, place)) if rank < count - 1 => middle(place, min, max),
                _ => max,
            }
        };
        asked
            .iter()
            .map(|percentile| {
                let rank = Rank::of(percentile.clamp(0.0, 100.0), count);
                between(sample(rank.below), sample(rank.above), rank.weight)
            })
            .collect()
    }

    /// One percentile of 0 to 100, as [`Histogram::percentiles`]; `None` of no samples.
    #[must_use]
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        self.percentiles(&[percentile]).first().copied()
    }

    /// The standard deviation of the population, as `numpy.std`; `None` of no samples.
    ///
    /// It follows from the sums. Where it is below some 1.5e-7 of the mean their rounding hides it, and
    /// it is NaN, unless the range tells it: it is 0 where all samples are equal. NaN if a sample is
    /// infinite or the squares' sum is, as beyond 1e154; and where the squares vanish, as below 1e-162.
    #[must_use]
    pub fn std(&self) -> Option<f64> {
        let (count, mean) = (self.count as f64, self.mean()?);
        let mean_square = self.sum_squares() / count;
        let variance = mean_square - mean * mean;
        if !variance.is_finite() {
            return Some(f64::NAN);
        }
        // Popoviciu's inequality, and that of von Szőkefalvi-Nagy.
        let range = self.range.max - self.range.min;
        let (least, most) = (range / (2.0 * count).sqrt(), range / 2.0);
        // Each square is rounded by half an epsilon, and so are the sums; one percent of that is left.
        let is_told = variance > 100.0 * f64::EPSILON * mean_square || most <= 1.01 * least;
        let std = variance.max(0.0).sqrt().max(least).min(most);
        Some(if is_told { std } else { f64::NAN })
    }

    /// How many samples are at most `bound`, NaN for a bound that is NaN. Exact between buckets and
    /// at the upper bounds of those of positive numbers; within a bucket it grows evenly.
    #[must_use]
    pub fn count_le(&self, bound: f64) -> f64 {
        if bound.is_nan() {
            return f64::NAN;
        }
        let mut count = 0.0;
        for (place, samples) in self.buckets.places() {
            let (lower, upper) = bounds(place);
            let (lower, upper) = (lower.max(self.range.min), upper.min(self.range.max));
            let samples = samples as f64;
            if upper <= bound {
                count += samples;
            } else if lower < bound {
                count += samples * ((bound - lower) / (upper - lower));
            } else {
                break;
            }
        }
        count
    }
}

/// Interpolates without a difference, which would overflow or be no number between infinities.
#[expect(
    clippy::float_cmp,
    reason = "the same sample twice, or no way to the next one"
)]
fn between(a: f64, b: f64, weight: f64) -> f64 {
    if a == b || weight == 0.0 {
        return a;
    }
    let value = a * (1.0 - weight) + b * weight;
    if value.is_nan() {
        // From one infinity to the other there is nothing between: the nearer one.
        return if weight < 0.5 { a } else { b };
    }
    value.max(a).min(b)
}
