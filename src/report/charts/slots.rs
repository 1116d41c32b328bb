//! From plain samples to what charts are drawn from.

use super::{OperationChart, Slot, few::Few};
use crate::{
    stats::{Histogram, percentiles},
    time::NANOS_PER_SEC,
};

/// Lengths of slots in seconds, each a part of the next but one at most.
const LENGTHS: [i64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 1_209_600, 2_419_200,
];

/// How many slots a chart has room for.
const MOST: i64 = 96;

/// The length of slots, in nanoseconds, that divide `span` nanoseconds well: a length that people
/// count in, and no more slots than a chart has room for. A whole day has slots of 15 minutes.
#[must_use]
pub fn slot_length(span: i64) -> i64 {
    let fits = |length: i64| span.max(0) / MOST <= length;
    LENGTHS
        .into_iter()
        .map(|seconds| seconds * NANOS_PER_SEC)
        .find(|&length| fits(length))
        .unwrap_or(span / MOST)
}

impl OperationChart {
    /// The chart of samples `(UTC nanoseconds, value)` in any order. Its slots are counted from
    /// `origin`, which the start of a day is, and as long as the samples' range asks for.
    #[must_use]
    pub fn of_samples(name: &str, unit: &str, samples: &[(i64, f64)], origin: i64) -> Self {
        let times = || samples.iter().map(|&(time, _)| time);
        let span = times()
            .max()
            .unwrap_or(0)
            .saturating_sub(times().min().unwrap_or(0));
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            histogram: samples
                .iter()
                .map(|&(_, value)| value)
                .collect::<Histogram>(),
            few: Few::of_values(samples.iter().map(|&(_, value)| value)),
            slots: slots(samples, origin, slot_length(span)),
            ..Self::default()
        }
    }
}

/// The slots that hold any of the samples `(UTC nanoseconds, value)`, which may come in any order.
/// Slots are `length` nanoseconds long, counted from `origin`. Percentiles are those of the samples
/// that are numbers, as `numpy.percentile` has them.
#[must_use]
pub fn slots(samples: &[(i64, f64)], origin: i64, length: i64) -> Vec<Slot> {
    let length = length.max(1);
    let slot_of = |time: i64| time.saturating_sub(origin).div_euclid(length);
    let mut numbered: Vec<(i64, f64)> = samples
        .iter()
        .map(|&(time, value)| (slot_of(time), value))
        .collect();
    // Samples mostly come in order, which a stable sort notices.
    numbered.sort_by_key(|&(slot, _)| slot);
    numbered
        .chunk_by(|(a, _), (b, _)| a == b)
        .map(|samples| {
            let start = samples[0].0.saturating_mul(length).saturating_add(origin);
            let numbers: Vec<f64> = samples
                .iter()
                .map(|&(_, value)| value)
                .filter(|value| !value.is_nan())
                .collect();
            let [p50, p95, p99] = match percentiles(&numbers, &[50.0, 95.0, 99.0])[..] {
                [p50, p95, p99] => [p50, p95, p99],
                _ => [f64::NAN; 3],
            };
            Slot {
                start,
                end: start.saturating_add(length),
                count: samples.len() as u64,
                p50,
                p95,
                p99,
            }
        })
        .collect()
}
