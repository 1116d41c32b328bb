//! What charts are drawn from, of what was recorded.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{
    Band, Charts, OperationChart, ResourceChart, Slot, Zone, few::Few, slots::slot_length,
};
use crate::{
    history::{Period, Table, Timeline},
    report::{
        collect::{RecordedEndpoint, RecordedOperation, Samples},
        compare::comparison::are_same,
    },
    rollup::{Key, Rollup},
    time::{NANOS_PER_SEC, TimeRange, Zone as TimeZone},
    units::MILLISECONDS,
};

/// The charts of a period's operations. Those of which each sample is known come with them. Of those
/// that are counted the course over time is still missing, and they come with the samples that are in
/// memory alone.
#[must_use]
pub fn period_charts(operations: &[RecordedOperation], range: TimeRange, zone: TimeZone) -> Charts {
    let charts = operations.iter().map(|operation| match &operation.samples {
        Samples::Each(_) if !operation.points.is_empty() => {
            let (name, unit) = (&operation.name, &operation.unit);
            OperationChart::of_samples(name, unit, &operation.points, range.start)
        }
        counted => OperationChart {
            name: operation.name.to_string(),
            unit: operation.unit.to_string(),
            histogram: counted.histogram(),
            few: Few::of(counted),
            beside: operation.points.clone(),
            ..OperationChart::default()
        },
    });
    Charts {
        zone: drawn_zone(zone, range),
        periods: vec![range],
        operations: charts.collect(),
        ..Charts::default()
    }
}

fn drawn_zone(zone: TimeZone, range: TimeRange) -> Zone {
    let name = match zone {
        TimeZone::Local => None,
        TimeZone::Named(_) => Some(zone.name()),
    };
    Zone::over(name, range, |time| zone.offset(time))
}

/// The charts of the operations that both sides of a comparison have, which may be of two periods.
#[must_use]
pub fn comparison_charts(
    before: &[RecordedOperation],
    after: &[RecordedOperation],
    periods: &[TimeRange],
) -> Charts {
    let earlier: HashMap<&str, &RecordedOperation, RandomState> = before
        .iter()
        .map(|operation| (&*operation.name, operation))
        .collect();
    let charts = after.iter().filter_map(|operation| {
        let earlier = earlier.get(&*operation.name)?;
        // One axis has one unit.
        are_same(earlier.units().chain(operation.units())).then_some(())?;
        Some(OperationChart {
            name: operation.name.to_string(),
            unit: operation.unit.to_string(),
            histogram: operation.samples.histogram(),
            few: Few::of(&operation.samples),
            earlier: Some(earlier.samples.histogram()),
            earlier_few: Few::of(&earlier.samples),
            ..OperationChart::default()
        })
    });
    let start = periods.iter().map(|period| period.start).min();
    let end = periods.iter().map(|period| period.end).max();
    let zone = start.zip(end).map(|(start, end)| {
        let both = TimeRange { start, end };
        drawn_zone(TimeZone::Local, both)
    });
    Charts {
        operations: charts.collect(),
        zone: zone.unwrap_or_default(),
        periods: periods.to_vec(),
        ..Charts::default()
    }
}

/// The charts of the requests that both sides of a comparison have.
#[must_use]
pub fn endpoint_charts(
    before: &[RecordedEndpoint],
    after: &[RecordedEndpoint],
) -> Vec<OperationChart> {
    let earlier: HashMap<&str, &RecordedEndpoint, RandomState> = before
        .iter()
        .map(|endpoint| (&*endpoint.endpoint, endpoint))
        .collect();
    let charts = after.iter().filter_map(|endpoint| {
        let earlier = earlier.get(&*endpoint.endpoint)?;
        Some(OperationChart {
            name: endpoint.endpoint.to_string(),
            unit: MILLISECONDS.to_owned(),
            histogram: endpoint.durations.histogram(),
            few: Few::of(&endpoint.durations),
            earlier: Some(earlier.durations.histogram()),
            earlier_few: Few::of(&earlier.durations),
            ..OperationChart::default()
        })
    });
    charts.collect()
}

impl Charts {
    /// How many seconds the slots of courses over time should have, where there are some in `range`.
    #[must_use]
    pub fn slot_seconds(range: TimeRange) -> i64 {
        slot_length(range.end.saturating_sub(range.start)) / NANOS_PER_SEC
    }

    /// Whether it would have use for the course of `key` over time.
    #[must_use]
    pub fn wants(key: &Key) -> bool {
        matches!(
            key,
            Key::Operation { session: None, .. } | Key::Resource { .. }
        )
    }

    /// Adds courses over time, of one reading, where they are missing.
    pub fn add_courses(&mut self, timelines: &[Timeline]) {
        let mut by_name: HashMap<&str, HashMap<i64, Rollup, RandomState>, RandomState> =
            HashMap::default();
        let range = self.periods.first().copied().unwrap_or(TimeRange::ALL);
        let period = Period::of(range);
        // The same for all of a reading.
        let seconds = timelines.first().map_or_else(
            || Self::slot_seconds(range).max(Table::Minutes.seconds()),
            |timeline| timeline.seconds,
        );
        for timeline in timelines {
            match &timeline.key {
                // One that was recorded in several units has a timeline of each.
                Key::Operation { name, .. } => {
                    let slots = by_name.entry(name).or_default();
                    for (start, rollup) in &timeline.slots {
                        slots.entry(*start).or_default().merge(rollup);
                    }
                }
                Key::Resource { figure, unit } => {
                    self.add_readings(figure, unit, timeline);
                }
                Key::Endpoint { .. } | Key::Failures { .. } | Key::Error(_) => {}
            }
        }
        for chart in &mut self.operations {
            if !chart.slots.is_empty() {
                continue;
            }
            let mut slots = by_name.remove(&*chart.name).unwrap_or_default();
            for (time, value) in std::mem::take(&mut chart.beside) {
                let second = time.div_euclid(NANOS_PER_SEC).max(period.start);
                let start = period.slot_of(second, seconds);
                slots.entry(start).or_default().record(time, value);
            }
            let drawn = slots
                .iter()
                .filter_map(|(start, rollup)| slot(*start, seconds, rollup));
            chart.slots = drawn.collect();
            chart.slots.sort_by_key(|slot| slot.start);
        }
    }

    fn add_readings(&mut self, figure: &str, unit: &str, timeline: &Timeline) {
        let bands = timeline.slots.iter().filter_map(|(start, rollup)| {
            let readings = &rollup.histogram;
            Some(Band {
                start: start.saturating_mul(NANOS_PER_SEC),
                end: (start + timeline.seconds).saturating_mul(NANOS_PER_SEC),
                min: readings.min()?,
                mean: readings.mean()?,
                max: readings.max()?,
            })
        });
        let known = self
            .resources
            .iter()
            .position(|chart| chart.figure == figure);
        let at = known.unwrap_or_else(|| {
            self.resources.push(ResourceChart {
                figure: figure.to_owned(),
                unit: unit.to_owned(),
                ..ResourceChart::default()
            });
            self.resources.len() - 1
        });
        self.resources[at].slots = bands.collect();
    }
}

fn slot(start: i64, seconds: i64, rollup: &Rollup) -> Option<Slot> {
    let samples = &rollup.histogram;
    let [p50, p95, p99] = samples.percentiles(&[50.0, 95.0, 99.0]).try_into().ok()?;
    Some(Slot {
        start: start.saturating_mul(NANOS_PER_SEC),
        end: (start + seconds).saturating_mul(NANOS_PER_SEC),
        count: samples.count(),
        p50,
        p95,
        p99,
    })
}
