//! Percentiles by linear interpolation (Hyndman and Fan's type 7), as `numpy.percentile`.

use crate::error::{Error, Result};

/// Checks that `percentile` lies within 0 and 100.
pub fn validate_percentile(percentile: f64) -> Result<()> {
    if (0.0..=100.0).contains(&percentile) {
        Ok(())
    } else {
        Err(Error::argument(
            "percentiles",
            percentile,
            "numbers from 0 to 100",
        ))
    }
}

/// The percentiles of `values`, each asked for as 0 to 100 and answered in the order of asking.
///
/// All are NaN if any value is, as `numpy.percentile` has it; none are given for no values.
#[must_use]
pub fn percentiles(values: &[f64], asked: &[f64]) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    if values.iter().any(|value| value.is_nan()) {
        return vec![f64::NAN; asked.len()];
    }
    let mut order = Order::new(values);
    let ranks: Vec<Rank> = asked.iter().map(|&p| Rank::of(p, values.len())).collect();
    order.settle(ranks.iter().flat_map(|rank| [rank.below, rank.above]));
    ranks.iter().map(|rank| rank.read(&order)).collect()
}

/// Where a percentile lies between two ranks of the sorted values.
pub(super) struct Rank {
    pub below: usize,
    pub above: usize,
    pub weight: f64,
}

impl Rank {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the position lies between 0 and the number of values"
    )]
    pub fn of(percentile: f64, count: usize) -> Self {
        let last = count - 1;
        let position = last as f64 * (percentile / 100.0);
        if position >= last as f64 {
            // NumPy marks this case by index -1 and lets the weight follow from it; the weight
            // shows only where the neighbours' difference is not a number.
            return Self {
                below: last,
                above: last,
                weight: position + 1.0,
            };
        }
        let floor = position.floor();
        Self {
            below: floor as usize,
            above: floor as usize + 1,
            weight: position - floor,
        }
    }

    /// Interpolates from the nearer neighbour, the form that `NumPy` uses since 1.22.
    pub fn read(&self, order: &Order) -> f64 {
        let (a, b) = (order.value(self.below), order.value(self.above));
        let step = b - a;
        if self.weight >= 0.5 {
            b - step * (1.0 - self.weight)
        } else {
            a + step * self.weight
        }
    }
}

/// Values under selection: after [`Order::settle`] the asked ranks hold what a full sort would
/// put there, for a fraction of its work.
pub(super) struct Order(Vec<i64>);

impl Order {
    pub fn new(values: &[f64]) -> Self {
        Self(values.iter().copied().map(to_key).collect())
    }

    pub fn settle(&mut self, ranks: impl Iterator<Item = usize>) {
        let mut ranks: Vec<usize> = ranks.collect();
        ranks.sort_unstable();
        ranks.dedup();
        // From the highest down, each selection leaves its lower part to the next.
        let mut end = self.0.len();
        for &rank in ranks.iter().rev() {
            self.0[..end].select_nth_unstable(rank);
            end = rank;
        }
    }

    pub fn value(&self, rank: usize) -> f64 {
        from_key(self.0[rank])
    }
}

/// Maps to integers in the order of IEEE 754's `totalOrder`, which compare in one instruction.
fn to_key(value: f64) -> i64 {
    flip(value.to_bits().cast_signed())
}

fn from_key(key: i64) -> f64 {
    f64::from_bits(flip(key).cast_unsigned())
}

/// Reverses the magnitude bits of negative numbers; its own inverse.
fn flip(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}
