//! The figures that `get_statistics` reports.

use super::{
    Histogram,
    quantile::{Order, Rank},
};

/// Figures of a set of values, each equal to `NumPy`'s function of that name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// `numpy.min`.
    pub min: f64,
    /// `numpy.max`.
    pub max: f64,
    /// `numpy.mean`.
    pub mean: f64,
    /// `numpy.median`.
    pub median: f64,
    /// `numpy.std`, of the population (`ddof=0`).
    pub std: f64,
    /// `numpy.percentile(values, 50)`; may differ from the median in the last bit.
    pub p50: f64,
    /// `numpy.percentile(values, 90)`.
    pub p90: f64,
    /// `numpy.percentile(values, 95)`.
    pub p95: f64,
    /// `numpy.percentile(values, 99)`.
    pub p99: f64,
}

impl Summary {
    /// The summary of `values`, or `None` of none. Any NaN makes every figure NaN.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let count = values.len();
        if values.iter().any(|value| value.is_nan()) {
            return Some(Self::unknown(count));
        }
        let average = mean(values);
        let mut order = Order::new(values);
        let ranks = [50.0, 90.0, 95.0, 99.0].map(|p| Rank::of(p, count));
        let (lower, upper) = ((count - 1) / 2, count / 2);
        order.settle(
            ranks
                .iter()
                .flat_map(|rank| [rank.below, rank.above])
                .chain([lower, upper]),
        );
        let [p50, p90, p95, p99] = ranks.map(|rank| rank.read(&order));
        Some(Self {
            count,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean: average,
            median: if lower == upper {
                order.value(lower)
            } else {
                mean(&[order.value(lower), order.value(upper)])
            },
            std: deviation(values, average),
            p50,
            p90,
            p95,
            p99,
        })
    }

    /// The summary of the samples that a histogram counted, or `None` of none: the percentiles within
    /// its error, the rest exact. Any NaN makes every figure NaN, as in [`Summary::of`].
    #[must_use]
    pub fn of_histogram(histogram: &Histogram) -> Option<Self> {
        let count = usize::try_from(histogram.len()).unwrap_or(usize::MAX);
        if histogram.nans() > 0 {
            return Some(Self::unknown(count));
        }
        let percentiles = histogram.percentiles(&[50.0, 90.0, 95.0, 99.0]);
        let [p50, p90, p95, p99] = percentiles.try_into().ok()?;
        Some(Self {
            count,
            min: histogram.min()?,
            max: histogram.max()?,
            mean: histogram.mean()?,
            median: p50,
            std: histogram.std()?,
            p50,
            p90,
            p95,
            p99,
        })
    }

    fn unknown(count: usize) -> Self {
        Self {
            count,
            min: f64::NAN,
            max: f64::NAN,
            mean: f64::NAN,
            median: f64::NAN,
            std: f64::NAN,
            p50: f64::NAN,
            p90: f64::NAN,
            p95: f64::NAN,
            p99: f64::NAN,
        }
    }
}

/// `numpy.sum`.
#[must_use]
pub fn sum(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0; // The neutral element that the summation starts from is -0.0.
    }
    pairwise_sum(values.len(), &|i| values[i])
}

/// `numpy.mean`; NaN of no values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares = pairwise_sum(values.len(), &|i| {
        let difference = values[i] - mean;
        difference * difference
    });
    (squares / values.len() as f64).sqrt()
}

/// Sums `term(0..count)` in `NumPy`'s order: halves down to blocks of at most 128, each summed in
/// eight interleaved lanes. Rounding errors grow with log n instead of n. `NumPy` before 2.3 did so
/// for each 8,192 values and added up their sums, which may differ in the last bits.
fn pairwise_sum(count: usize, term: &impl Fn(usize) -> f64) -> f64 {
    fn block(from: usize, count: usize, term: &impl Fn(usize) -> f64) -> f64 {
        if count < 8 {
            return (from..from + count).fold(-0.0, |sum, i| sum + term(i));
        }
        if count <= 128 {
            let mut lanes: [f64; 8] = std::array::from_fn(|lane| term(from + lane));
            let whole = count - count % 8;
            for start in (from + 8..from + whole).step_by(8) {
                for (lane, sum) in lanes.iter_mut().enumerate() {
                    *sum += term(start + lane);
                }
            }
            let sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
                + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
            return (from + whole..from + count).fold(sum, |sum, i| sum + term(i));
        }
        let half = count / 2;
        let half = half - half % 8;
        block(from, half, term) + block(from + half, count - half, term)
    }
    block(0, count, term)
}
