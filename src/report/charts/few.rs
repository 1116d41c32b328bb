//! Few samples, which are told one by one.

use crate::{quantity, report::collect::Samples, stats::Histogram, units::Unit};

/// Fewer samples than these are told one by one. Shares of them would be those of one or two, and a
/// verdict asks for as many.
pub const FEW: u64 = 10;

/// Few samples, the least first.
#[derive(Debug, Clone, PartialEq)]
pub struct Few {
    /// Each of them; those that are no numbers last.
    pub values: Vec<f64>,
    /// Whether they are known exactly, and not by their buckets.
    pub is_exact: bool,
}

impl Few {
    /// The samples, if they are few.
    #[must_use]
    pub fn of(samples: &Samples) -> Option<Self> {
        match samples {
            Samples::Each(values) => Self::of_values(values.iter().copied()),
            Samples::Counted(histogram) => Self::of_histogram(histogram),
        }
    }

    /// These values, if they are few.
    #[must_use]
    pub fn of_values(values: impl ExactSizeIterator<Item = f64>) -> Option<Self> {
        if values.len() == 0 || values.len() as u64 >= FEW {
            return None;
        }
        let mut values: Vec<f64> = values.collect();
        values.sort_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
        Some(Self {
            values,
            is_exact: true,
        })
    }

    /// Those of a histogram, if they are few: the least and the greatest of them exactly.
    #[must_use]
    pub fn of_histogram(histogram: &Histogram) -> Option<Self> {
        let len = histogram.len();
        if len == 0 || len >= FEW {
            return None;
        }
        let mut values: Vec<f64> = Vec::new();
        for bucket in histogram.buckets().iter() {
            // Equal for zero and the infinities.
            let middle = if bucket.lower < bucket.upper {
                // As far from both ends, in parts of these.
                2.0 * bucket.lower / (1.0 + bucket.lower / bucket.upper)
            } else {
                bucket.lower
            };
            values.extend((0..bucket.count).map(|_| middle));
        }
        let numbers = values.len();
        if let (Some(min), Some(max)) = (histogram.min(), histogram.max())
            && numbers > 0
        {
            values[0] = min;
            values[numbers - 1] = max;
            let within = |value: &mut f64| *value = value.clamp(min, max);
            values.iter_mut().for_each(within);
        }
        values.extend((0..histogram.nans()).map(|_| f64::NAN));
        Some(Self {
            values,
            is_exact: numbers <= 2 || histogram.min() == histogram.max(),
        })
    }

    /// Those that can be drawn.
    pub fn finite(&self) -> impl Iterator<Item = f64> {
        self.values
            .iter()
            .copied()
            .filter(|value| value.is_finite())
    }

    /// All of them in words; a unit with one name alone is said once.
    #[must_use]
    pub fn words(&self, unit: &Unit) -> String {
        let show = |value: f64| match unit.named() {
            Some(_) => quantity::digits(value),
            None => unit.show(value).to_string(),
        };
        let shown: Vec<String> = self.values.iter().map(|&value| show(value)).collect();
        let about = if self.is_exact { "" } else { "about " };
        let unit = unit
            .named()
            .map_or_else(String::new, |unit| format!(" {unit}"));
        format!("{about}{}{unit}", shown.join(", "))
    }
}
