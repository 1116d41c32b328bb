//! Samples to be compared: each of them, or the buckets that they fell into.

use super::{
    Histogram, Summary,
    histogram::USUAL_BUCKETS,
    inference::{Group, Moments},
};

/// Samples and their figures. `From` a `Vec` of them or a [`Histogram`].
#[derive(Debug, Clone)]
pub struct Distribution {
    data: Data,
    figures: Figures,
}

#[derive(Debug, Clone)]
enum Data {
    /// In ascending order, without those that are not a number.
    Samples(Vec<f64>),
    Histogram(Box<Histogram>),
}

/// What is known of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many samples, those that are not a number included.
    pub count: u64,
    /// How many samples are not a number.
    pub nans: u64,
    /// The mean: NaN of no samples, and if any is.
    pub mean: f64,
    /// The standard deviation of the population, likewise.
    pub std: f64,
    /// The median of the numbers among them; NaN of none. Of a histogram an estimate, as `p95`.
    pub median: f64,
    /// Their 95th percentile.
    pub p95: f64,
    /// Their 99th percentile.
    pub p99: f64,
}

impl Figures {
    /// How many samples are numbers.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.count.saturating_sub(self.nans)
    }

    /// Count, mean and standard deviation.
    #[must_use]
    pub fn moments(&self) -> Moments {
        Moments {
            count: self.count,
            mean: self.mean,
            std: self.std,
        }
    }

    /// A mean and a deviation that leave out samples tell nothing of all.
    fn of(count: u64, nans: u64, [mean, std]: [f64; 2], [median, p95, p99]: [f64; 3]) -> Self {
        let [mean, std] = [mean, std].map(|figure| if nans > 0 { f64::NAN } else { figure });
        Self {
            count,
            nans,
            mean,
            std,
            median,
            p95,
            p99,
        }
    }
}

impl Distribution {
    /// Its figures.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Whether every sample is known, rather than its bucket.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.data, Data::Samples(_))
    }

    /// The numbers by value, ascending. Those of a bucket are equal, to that bound of the bucket
    /// which is farther from zero: the same number in each histogram.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        match &self.data {
            Data::Samples(values) => values
                .chunk_by(|a, b| a >= b) // equal, as they ascend
                .map(|equal| Group {
                    value: equal[0],
                    count: equal.len() as u64,
                })
                .collect(),
            Data::Histogram(histogram) => {
                let mut groups = Vec::with_capacity(USUAL_BUCKETS);
                histogram.buckets().iter().for_each(|bucket| {
                    groups.push(Group {
                        value: if bucket.lower < 0.0 {
                            bucket.lower
                        } else {
                            bucket.upper
                        },
                        count: bucket.count,
                    });
                });
                groups
            }
        }
    }

    /// The same samples by buckets. A sample can be compared to a bucket only as part of one:
    /// beside what stands for the bucket it would count as less or more than an equal sample.
    #[must_use]
    pub fn bucketed(&self) -> Self {
        match &self.data {
            Data::Samples(values) => values.iter().copied().collect::<Histogram>().into(),
            Data::Histogram(_) => self.clone(),
        }
    }
}

impl From<Vec<f64>> for Distribution {
    fn from(mut values: Vec<f64>) -> Self {
        let count = values.len() as u64;
        values.retain(|value| !value.is_nan());
        let (moments, percentiles) = match Summary::of(&values) {
            Some(Summary {
                mean,
                std,
                median,
                p95,
                p99,
                ..
            }) => ([mean, std], [median, p95, p99]),
            None => ([f64::NAN; 2], [f64::NAN; 3]),
        };
        let nans = count - values.len() as u64;
        values.sort_unstable_by(f64::total_cmp);
        Self {
            data: Data::Samples(values),
            figures: Figures::of(count, nans, moments, percentiles),
        }
    }
}

impl From<Histogram> for Distribution {
    fn from(histogram: Histogram) -> Self {
        let known = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        let percentiles = histogram.percentiles(&[50.0, 95.0, 99.0]);
        let percentile = |index: usize| known(percentiles.get(index).copied());
        Self {
            figures: Figures::of(
                histogram.len(),
                histogram.nans(),
                [known(histogram.mean()), known(histogram.std())],
                [percentile(0), percentile(1), percentile(2)],
            ),
            data: Data::Histogram(Box::new(histogram)),
        }
    }
}
