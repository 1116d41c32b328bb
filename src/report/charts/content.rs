//! What the charts of a report are drawn from.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, TimeDelta};

use super::few::Few;
use crate::{
    settings::Settings,
    stats::Histogram,
    time::{NANOS_PER_SEC, TimeRange, Times},
    units::Unit,
};

/// What the charts of a report are drawn from. A report without it has tables alone.
#[derive(Debug, Clone, Default)]
pub struct Charts {
    /// Where times are read.
    pub zone: Zone,
    /// What the report is about; the two periods of a comparison.
    pub periods: Vec<TimeRange>,
    /// The operations, found by name.
    pub operations: Vec<OperationChart>,
    /// The durations of requests in a comparison, found by method and endpoint.
    pub endpoints: Vec<OperationChart>,
    /// The resources, found by figure.
    pub resources: Vec<ResourceChart>,
    /// What happened meanwhile, in order of time.
    pub marks: Vec<Mark>,
}

/// Something that happened at a moment, such as the start of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When, in UTC nanoseconds since the Unix epoch.
    pub time: i64,
    /// What.
    pub label: String,
}

impl Charts {
    /// The same with its times read as an export wants them.
    #[must_use]
    pub fn read_in(&self, times: Times) -> Cow<'_, Self> {
        match times {
            Times::Local | Times::Offset => Cow::Borrowed(self),
            Times::Utc => Cow::Owned(Self {
                zone: Zone::default(),
                ..self.clone()
            }),
        }
    }
}

/// An operation's samples.
#[derive(Debug, Clone, Default)]
pub struct OperationChart {
    /// The operation.
    pub name: String,
    /// The unit.
    pub unit: String,
    /// The samples; in a comparison those of the second period.
    pub histogram: Histogram,
    /// Each of them, where they are few and known exactly.
    pub few: Option<Few>,
    /// In a comparison the samples of the first period.
    pub earlier: Option<Histogram>,
    /// Each of those, likewise.
    pub earlier_few: Option<Few>,
    /// How they went over time, in order of time. A slot without samples may be left out.
    pub slots: Vec<Slot>,
    /// Samples `(UTC nanoseconds, value)` that a course from disk has to have beside its own.
    pub beside: Vec<(i64, f64)>,
}

impl OperationChart {
    /// The samples one by one, if they are few.
    #[must_use]
    pub fn few(&self) -> Option<Few> {
        let known = self.few.clone();
        known.or_else(|| Few::of_histogram(&self.histogram))
    }

    /// Those of the first period one by one, if they are few.
    #[must_use]
    pub fn earlier_few(&self) -> Option<Few> {
        let known = self.earlier_few.clone();
        known.or_else(|| Few::of_histogram(self.earlier.as_ref()?))
    }
}

/// An operation's samples of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// The first nanosecond, UTC since the Unix epoch.
    pub start: i64,
    /// The first nanosecond after it.
    pub end: i64,
    /// How many samples.
    pub count: u64,
    /// Their median; NaN where no sample is a number.
    pub p50: f64,
    /// Their 95th percentile.
    pub p95: f64,
    /// Their 99th percentile.
    pub p99: f64,
}

/// Readings of a resource.
#[derive(Debug, Clone, Default)]
pub struct ResourceChart {
    /// The figure, such as `cpu_percent`.
    pub figure: String,
    /// The unit.
    pub unit: String,
    /// Above this there are alerts.
    pub threshold: Option<f64>,
    /// How they went over time, in order of time.
    pub slots: Vec<Band>,
}

impl ResourceChart {
    /// That of a figure in percent, still without readings.
    #[must_use]
    pub fn of_threshold(figure: &str, threshold: f64) -> Self {
        Self {
            figure: figure.to_owned(),
            unit: "%".to_owned(),
            threshold: Some(threshold),
            slots: Vec::new(),
        }
    }
}

/// The charts of resources where nobody says from where on there are alerts: each threshold is that
/// of the environment, or the usual one where it cannot be used.
#[must_use]
pub fn usual_thresholds() -> Vec<ResourceChart> {
    let set = |name| Settings::some_from_environment(&[name]).unwrap_or_default();
    [
        ("cpu_percent", set("cpu_threshold").cpu_threshold),
        ("memory_percent", set("memory_threshold").memory_threshold),
        ("disk_percent", set("disk_threshold").disk_threshold),
    ]
    .map(|(figure, threshold)| ResourceChart::of_threshold(figure, threshold))
    .to_vec()
}

/// Readings of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The first nanosecond, UTC since the Unix epoch.
    pub start: i64,
    /// The first nanosecond after it.
    pub end: i64,
    /// The lowest reading.
    pub min: f64,
    /// The mean of the readings.
    pub mean: f64,
    /// The highest reading.
    pub max: f64,
}

/// Where times are read: what clocks there show.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    label: String,
    /// From which UTC nanosecond on the clocks are so many seconds ahead of UTC.
    offsets: Vec<(i64, i32)>,
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            label: "UTC".to_owned(),
            offsets: vec![(i64::MIN, 0)],
        }
    }
}

impl Zone {
    /// The zone called `label`, as far as `range` goes. `offset_at` tells how many seconds its
    /// clocks are ahead of UTC at a UTC nanosecond. Without a label it is called by those.
    #[must_use]
    pub fn over(label: Option<&str>, range: TimeRange, offset_at: impl Fn(i64) -> i32) -> Self {
        /// No zone changes its clocks forth and back within it.
        const STEP: i64 = 7 * 86_400 * NANOS_PER_SEC;
        /// That is a lifetime; beyond it a change may be missed.
        const STEPS: i64 = 5_000;
        let length = range.end.saturating_sub(range.start).max(0);
        let step = STEP.max(length / STEPS);
        let (mut at, mut old) = (range.start, offset_at(range.start));
        let mut offsets = vec![(i64::MIN, old)];
        while at < range.end {
            let next = at.saturating_add(step).min(range.end);
            let new = offset_at(next);
            if old != new {
                offsets.push((change_between(at, next, old, &offset_at), new));
            }
            (at, old) = (next, new);
        }
        let label = label.map_or_else(|| offsets_label(&offsets), ToOwned::to_owned);
        Self { label, offsets }
    }

    /// What it is called.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How many seconds clocks are ahead of UTC at a UTC nanosecond.
    #[must_use]
    pub fn offset(&self, time: i64) -> i32 {
        let after = self.offsets.partition_point(|&(from, _)| from <= time);
        self.offsets[..after]
            .last()
            .map_or(0, |&(_, offset)| offset)
    }

    /// What clocks show at a UTC nanosecond.
    #[must_use]
    pub fn reading(&self, time: i64) -> NaiveDateTime {
        let utc = DateTime::from_timestamp_nanos(time).naive_utc();
        utc + TimeDelta::seconds(self.offset(time).into())
    }
}

/// The first nanosecond after `before`, to the second, from which on the offset is not `old`.
fn change_between(before: i64, after: i64, old: i32, offset_at: &impl Fn(i64) -> i32) -> i64 {
    let (mut before, mut after) = (before.div_euclid(NANOS_PER_SEC), after / NANOS_PER_SEC);
    while after - before > 1 {
        let middle = i64::midpoint(before, after);
        if offset_at(middle * NANOS_PER_SEC) == old {
            before = middle;
        } else {
            after = middle;
        }
    }
    after * NANOS_PER_SEC
}

fn offsets_label(offsets: &[(i64, i32)]) -> String {
    let (first, last) = (offsets[0].1, offsets[offsets.len() - 1].1);
    if first == last {
        offset_text(first)
    } else {
        format!("{}, then {}", offset_text(first), offset_text(last))
    }
}

/// An offset as in `UTC+01:00`.
fn offset_text(seconds: i32) -> String {
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let sign = if seconds < 0 { '−' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The names of the operations that have few samples, and these in words.
pub fn few_samples(charts: &Charts) -> impl Iterator<Item = (&str, String)> {
    charts.operations.iter().filter_map(|chart| {
        let words = chart.few()?.words(&Unit::parse(&chart.unit));
        Some((&*chart.name, words))
    })
}
