//! What profiles of image operations add up to.
//!
//! Calls that failed tell nothing about how long one takes that works, so that all of these leave
//! them out.

use crate::{
    error::Result,
    stats::{Summary, mean, percentiles, sum, validate_percentile},
};

/// The suffix of the series that holds an operation's wall times.
pub const WALL_TIME: &str = "_wall_time";

/// That of the series of what the calls took of memory.
pub const MEMORY: &str = "_memory";

/// What a batch costs beyond its images: start-up, file handling, pauses.
const BATCH_OVERHEAD: f64 = 1.1;

/// A slow percentile this many times the median makes an operation a bottleneck.
const BOTTLENECK: f64 = 2.0;

/// A call of an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// Its wall time.
    pub seconds: f64,
    /// The pixels of its images, where they are known.
    pub pixels: Option<f64>,
    /// Whether it was on an image whose size could not be told.
    pub is_unsized: bool,
    /// Whether it raised an exception.
    pub failed: bool,
}

/// An operation whose slow calls are much slower than its usual ones. Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Bottleneck {
    /// The operation.
    pub operation: String,
    /// Median wall time.
    pub median: f64,
    /// 90th percentile of the wall times.
    pub p90: f64,
    /// The longest.
    pub max: f64,
    /// The asked percentile over the median.
    pub slowdown: f64,
    /// How many calls.
    pub count: usize,
}

/// The bottlenecks among operations and their calls, worst first. `percentile` is the slow one, 0 to
/// 100.
pub fn bottlenecks(operations: &[(String, Vec<Call>)], percentile: f64) -> Result<Vec<Bottleneck>> {
    validate_percentile(percentile)?;
    let mut found: Vec<Bottleneck> = operations
        .iter()
        .filter_map(|(operation, calls)| bottleneck(operation, calls, percentile))
        .collect();
    found.sort_by(|a, b| b.slowdown.total_cmp(&a.slowdown));
    Ok(found)
}

fn bottleneck(operation: &str, calls: &[Call], percentile: f64) -> Option<Bottleneck> {
    let times = Performance::of(calls).times;
    let summary = Summary::of(&times)?;
    let slow = percentiles(&times, &[percentile])[0];
    let slowdown = slow / summary.median;
    // A median of zero tells nothing, and a NaN compares false.
    (summary.median > 0.0 && slowdown > BOTTLENECK).then(|| Bottleneck {
        operation: operation.to_owned(),
        median: summary.median,
        p90: summary.p90,
        max: summary.max,
        slowdown,
        count: summary.count,
    })
}

/// What the calls of an operation that worked add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Performance {
    /// The wall times of all of them.
    times: Vec<f64>,
    /// How many calls failed, which are in no other figure.
    pub failed: usize,
    /// How many were on images whose size could not be told.
    pub unsized_images: usize,
    /// How many were on images of known size.
    pub sized: usize,
    /// The pixels of those.
    pub pixels: f64,
    /// The wall seconds of those.
    pub seconds: f64,
}

impl Performance {
    /// Adds `calls` up.
    #[must_use]
    pub fn of(calls: &[Call]) -> Self {
        let mut performance = Self::default();
        for call in calls {
            if call.failed {
                performance.failed += 1;
                continue;
            }
            performance.times.push(call.seconds);
            performance.unsized_images += usize::from(call.is_unsized);
            if let Some(pixels) = call
                .pixels
                .filter(|pixels| *pixels > 0.0 && pixels.is_finite())
            {
                performance.sized += 1;
                performance.pixels += pixels;
                performance.seconds += call.seconds;
            }
        }
        performance
    }

    /// How many calls worked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// How many calls were on images of which nobody knows the size, though speed and estimates are of
    /// those: the calls that these leave out, since others are known, or else the images that they
    /// count as images of the size that is asked about.
    #[must_use]
    pub fn unknown(&self) -> usize {
        if self.sized == 0 {
            self.unsized_images
        } else {
            self.count() - self.sized
        }
    }

    /// Pixels a second of the calls on images of known size; `None` without any, or if they took no
    /// time.
    #[must_use]
    pub fn pixels_per_second(&self) -> Option<f64> {
        (self.pixels > 0.0 && self.seconds > 0.0).then(|| self.pixels / self.seconds)
    }

    /// Pixels a second. Where no call's own pixels are known they are taken for `pixels` each; `None`
    /// without data or where the mean wall time is zero.
    #[must_use]
    pub fn processing_speed(&self, pixels: f64) -> Option<f64> {
        if self.sized > 0 {
            return self.pixels_per_second();
        }
        let mean = mean(&self.times);
        (!self.times.is_empty() && mean > 0.0).then(|| pixels / mean)
    }

    /// Seconds that a batch of images of the given numbers of pixels will take: pixels × seconds a
    /// pixel, or images × mean wall time where no call's own pixels are known. Both times 1.1.
    #[must_use]
    pub fn batch_seconds(&self, images: &[f64]) -> Option<f64> {
        if self.sized > 0 {
            return Some(sum(images) * (self.seconds / self.pixels) * BATCH_OVERHEAD);
        }
        let count = images.len() as f64;
        (!self.times.is_empty()).then(|| count * mean(&self.times) * BATCH_OVERHEAD)
    }
}
