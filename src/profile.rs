//! What profiles of image operations add up to.

use crate::{
    calendar::TimeRange,
    error::Result,
    monitor::Monitor,
    stats::{Summary, mean, percentiles, sum, validate_percentile},
};

/// The suffix of the series that holds an operation's wall times.
pub const WALL_TIME: &str = "_wall_time";

/// What a batch costs beyond its images: start-up, file handling, pauses.
const BATCH_OVERHEAD: f64 = 1.1;

/// A slow percentile this many times the median makes an operation a bottleneck.
const BOTTLENECK: f64 = 2.0;

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

/// The bottlenecks among `operations`, worst first. `percentile` is the slow one, 0 to 100.
pub fn bottlenecks<M>(
    monitor: &Monitor<M>,
    operations: &[String],
    percentile: f64,
) -> Result<Vec<Bottleneck>> {
    validate_percentile(percentile)?;
    let mut found: Vec<Bottleneck> = operations
        .iter()
        .filter_map(|operation| bottleneck(monitor, operation, percentile))
        .collect();
    found.sort_by(|a, b| b.slowdown.total_cmp(&a.slowdown));
    Ok(found)
}

fn bottleneck<M>(monitor: &Monitor<M>, operation: &str, percentile: f64) -> Option<Bottleneck> {
    let times = wall_times(monitor, operation);
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

/// Pixels a second of an operation on images of `pixels`; `None` without data or where the mean
/// wall time is zero.
#[must_use]
pub fn processing_speed<M>(monitor: &Monitor<M>, operation: &str, pixels: f64) -> Option<f64> {
    let times = wall_times(monitor, operation);
    let mean = mean(&times);
    (!times.is_empty() && mean > 0.0).then(|| pixels / mean)
}

/// Seconds that a batch of images of the given numbers of pixels will take.
///
/// Where the sizes of earlier images are known, `measured` holds what they add up to and the
/// estimate scales with the pixels; else it is images × mean wall time. Both times 1.1.
#[must_use]
pub fn batch_seconds<M>(
    monitor: &Monitor<M>,
    operation: &str,
    images: &[f64],
    measured: Throughput,
) -> Option<f64> {
    if let Some(seconds_a_pixel) = measured.seconds_a_pixel() {
        return Some(sum(images) * seconds_a_pixel * BATCH_OVERHEAD);
    }
    let times = wall_times(monitor, operation);
    (!times.is_empty()).then(|| images.len() as f64 * mean(&times) * BATCH_OVERHEAD)
}

/// The pixels that an operation went through, and the seconds it took for them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Throughput {
    /// Pixels in total.
    pub pixels: f64,
    /// Wall seconds in total.
    pub seconds: f64,
}

impl Throughput {
    /// Adds one call.
    pub fn add(&mut self, pixels: f64, seconds: f64) {
        self.pixels += pixels;
        self.seconds += seconds;
    }

    fn seconds_a_pixel(self) -> Option<f64> {
        (self.pixels > 0.0).then(|| self.seconds / self.pixels)
    }
}

fn wall_times<M>(monitor: &Monitor<M>, operation: &str) -> Vec<f64> {
    monitor
        .operation(&format!("{operation}{WALL_TIME}"))
        .map_or_else(Vec::new, |series| series.values(TimeRange::ALL))
}
