//! The mergeable histogram: exact figures, and counts of base-2 exponential buckets.
//!
//! 32 buckets to a doubling: bucket `i` holds the numbers above 2^(i/32) and at most 2^((i+1)/32).
//! That is scale 5 of an `OpenTelemetry` exponential histogram and schema 5 of a Prometheus native
//! histogram. Negative numbers have the same buckets by magnitude. Buckets never change their
//! scale, so histograms merge by addition, with the same buckets in whatever order and grouping.
//!
//! - Zero of either sign has a bucket of its own. Subnormal numbers have their proper buckets; only
//!   there an estimate may be off by more than the stated error, by the last of their few bits.
//! - An infinite sample counts, is the minimum or the maximum, and makes the sum and the mean
//!   infinite, the standard deviation NaN. Percentiles that fall among infinite samples are infinite.
//! - NaN is counted apart, and is left out of all else.
//! - Counts stop at 2^62 instead of overflowing.
//!
//! # Encoding
//!
//! [`Buckets::encode`] numbers everything that holds samples in the order of value. The place of a
//! positive bucket is its index `i`, from -34369 to 32767. Infinity is 32768 and zero -34370, and
//! `-68740 - p` is the place of the negative numbers whose magnitudes have place `p`. The bytes are
//!
//! 1. the version, 1;
//! 2. the number of samples that are NaN;
//! 3. the number of buckets that hold samples; unless it is 0,
//! 4. the place of the first one, zigzag-encoded (0, -1, 1, -2, ... are 0, 1, 2, 3, ...);
//! 5. for each bucket `(count - 1) * 4 + gap`, where `gap` is how many empty places precede it since
//!    the bucket before, and 0 for the first; if there are 3 or more, `gap` is 3 and `empty - 3`
//!    follows.
//!
//! All but the version are unsigned LEB128 numbers, as short as they can be, so that equal buckets
//! have equal bytes. In Python:
//!
//! ```python
//! def decode(data):
//!     """NaN count, and {place: count} in ascending order of value."""
//!     def number():
//!         value = shift = 0
//!         while True:
//!             byte = next(stream)
//!             value |= (byte & 127) << shift
//!             shift += 7
//!             if byte < 128:
//!                 return value
//!     stream = iter(data)
//!     assert next(stream) == 1
//!     nans, buckets, counts = number(), number(), {}
//!     if buckets:
//!         first = number()
//!         place = (first >> 1) ^ -(first & 1)
//!     for _ in range(buckets):
//!         token = number()
//!         gap = token & 3
//!         place += gap if gap < 3 else 3 + number()
//!         counts[place] = (token >> 2) + 1
//!         place += 1
//!     return nans, counts
//! ```

mod buckets;
mod encode;
mod estimate;
mod octaves;
mod scale;

pub use buckets::{Bucket, Buckets};

use self::encode::{Encoded, Extent};
use crate::error::{Error, Result};

/// How far an estimated percentile of numbers of one sign may lie from the exact one, relatively:
/// (b - 1) / (b + 1), where b is 2^(1/32), is 0.01083.
pub const RELATIVE_ERROR: f64 = 0.0109;

/// [`RELATIVE_ERROR`] for people.
pub const RELATIVE_ERROR_TEXT: &str = "1.1 %";

/// As many as buckets of most histograms hold samples: room for a list of them.
pub(super) const USUAL_BUCKETS: usize = 128;

/// Counts of buckets, and the exact figures beside them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    buckets: Buckets,
    count: u64,
    sums: Sums,
    range: Range,
}

/// What is known exactly, but for the count, which the buckets know as well: the columns beside the
/// buckets in a row on disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// The sum of the samples.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_squares: f64,
    /// The least sample; `None` of none.
    pub min: Option<f64>,
    /// The greatest sample; `None` of none.
    pub max: Option<f64>,
}

/// The sum of the samples and that of their squares, and what both lost by rounding (Knuth's
/// two-sum), so that the order of a thousand million samples hardly shows. As pairs, since one
/// instruction then adds both.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    rounded: [f64; 2],
    lost: [f64; 2],
}

impl Sums {
    #[inline]
    fn add(&mut self, terms: [f64; 2]) {
        for (i, term) in terms.into_iter().enumerate() {
            let before = self.rounded[i];
            let sum = before + term;
            let added = sum - before;
            self.lost[i] += (before - (sum - added)) + (term - added);
            self.rounded[i] = sum;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.add(other.rounded);
        self.lost[0] += other.lost[0];
        self.lost[1] += other.lost[1];
    }

    fn value(&self, i: usize) -> f64 {
        let value = self.rounded[i] + self.lost[i];
        // What is lost of an infinite sum is no number.
        if value.is_nan() {
            self.rounded[i]
        } else {
            value
        }
    }
}

/// The least and the greatest sample; of none, infinities that every sample replaces.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    min: f64,
    max: f64,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Range {
    #[inline]
    fn include(&mut self, other: Self) {
        self.min = if other.min < self.min {
            other.min
        } else {
            self.min
        };
        self.max = if other.max > self.max {
            other.max
        } else {
            self.max
        };
    }
}

impl Histogram {
    /// No samples yet; takes no memory of the heap.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The histogram of a row: its buckets and the figures beside them. An error if these cannot
    /// belong together.
    pub fn from_parts(buckets: Buckets, figures: Figures) -> Result<Self> {
        let extent = Extent::of(&buckets);
        let range = figures.range(&extent)?;
        Ok(Self {
            buckets,
            count: extent.count,
            sums: figures.sums(),
            range,
        })
    }

    /// Counts a sample.
    #[inline]
    pub fn record(&mut self, value: f64) {
        if self.buckets.record(value) {
            self.count = self.count.saturating_add(1);
            self.sums.add([value, value * value]);
            self.range.include(Range {
                min: value,
                max: value,
            });
        }
    }

    /// Adds the other's samples.
    pub fn merge(&mut self, other: &Self) {
        self.buckets.merge(&other.buckets);
        self.add_figures(other.count, &other.sums, other.range);
    }

    /// Adds the samples of a row: its encoded buckets and the figures beside them. Much cheaper than
    /// to make another histogram first. If the row is damaged, nothing is added.
    pub fn merge_encoded(&mut self, buckets: &[u8], figures: Figures) -> Result<()> {
        let encoded = Encoded::read(buckets)?;
        let range = figures.range(&encoded.extent)?;
        self.buckets.add_encoded(&encoded)?;
        self.add_figures(encoded.extent.count, &figures.sums(), range);
        Ok(())
    }

    fn add_figures(&mut self, count: u64, sums: &Sums, range: Range) {
        self.count = self.count.saturating_add(count);
        self.sums.merge(sums);
        self.range.include(range);
    }

    /// The part that a row on disk holds as bytes.
    #[must_use]
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// The part that a row on disk holds as columns.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            sum: self.sum(),
            sum_squares: self.sum_squares(),
            min: self.min(),
            max: self.max(),
        }
    }

    /// How many samples there are, those that are not a number included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count.saturating_add(self.nans())
    }

    /// Whether there are no samples, not even one that is not a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.nans() == 0
    }

    /// How many samples there are, without those that are not a number.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many samples were not a number.
    #[must_use]
    pub fn nans(&self) -> u64 {
        self.buckets.nans()
    }

    /// The sum of the samples.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sums.value(0)
    }

    /// The sum of the samples' squares.
    #[must_use]
    pub fn sum_squares(&self) -> f64 {
        self.sums.value(1)
    }

    /// The least sample; `None` of none.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        // Without the sign of a zero, which would depend on the order of merging.
        (self.count > 0).then_some(self.range.min + 0.0)
    }

    /// The greatest sample; `None` of none.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.range.max + 0.0)
    }

    /// The arithmetic mean; `None` of no samples.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / self.count as f64)
    }
}

impl Extend<f64> for Histogram {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, values: T) {
        for value in values {
            self.record(value);
        }
    }
}

impl FromIterator<f64> for Histogram {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut histogram = Self::new();
        histogram.extend(values);
        histogram
    }
}

impl Figures {
    fn sums(&self) -> Sums {
        Sums {
            rounded: [self.sum, self.sum_squares],
            lost: [0.0; 2],
        }
    }

    /// The range, checked against the buckets that hold the first and the last sample.
    fn range(&self, extent: &Extent) -> Result<Range> {
        let ends = (self.min.and_then(scale::place)).zip(self.max.and_then(scale::place));
        match (self.min, self.max) {
            (None, None) if extent.places.is_none() => Ok(Range::default()),
            (Some(min), Some(max)) if min <= max && ends == extent.places => Ok(Range { min, max }),
            _ => Err(Error::Damaged {
                what: "histogram",
                problem: format!(
                    "its minimum {:?} and maximum {:?} are not those of its buckets",
                    self.min, self.max
                ),
            }),
        }
    }
}
