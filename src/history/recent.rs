//! What happened in the last few minutes, for whoever watches a program.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    engine::Reading,
    handle::History,
    problem::Problem,
    read::Timeline,
    spans::{Period, Table},
};
use crate::{
    error::{Error, Result},
    rollup::{Key, MINUTE, Rollup, is_error},
    time::{NANOS_PER_SEC, TimeRange},
};

/// How many minutes count as the last few: a day's.
const MOST: u32 = 1_440;

/// The last few minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    /// The first of them, in seconds since the Unix epoch.
    pub start: i64,
    /// For how many seconds something has been recorded in them: what rates are of.
    pub seconds: f64,
    /// By name and unit.
    pub operations: Vec<RecentOperation>,
    /// By endpoint and method.
    pub endpoints: Vec<RecentEndpoint>,
    /// By name.
    pub resources: Vec<RecentResource>,
    /// What kept the file from being read.
    pub problem: Option<Problem>,
}

/// The samples of something.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecentSamples {
    /// All of them.
    pub whole: Rollup,
    /// How many in each minute, from the first one on.
    pub by_minute: Vec<u64>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentOperation {
    /// Its name.
    pub name: Arc<str>,
    /// Its unit.
    pub unit: Arc<str>,
    /// Its samples.
    pub samples: RecentSamples,
    /// How many of them failed.
    pub failures: u64,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentEndpoint {
    /// Its name.
    pub endpoint: Arc<str>,
    /// The HTTP method.
    pub method: Arc<str>,
    /// Its requests, in milliseconds.
    pub samples: RecentSamples,
    /// How many of them had a status of 400 or above.
    pub errors: u64,
}

/// A resource.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentResource {
    /// The figure.
    pub figure: Arc<str>,
    /// Its unit.
    pub unit: Arc<str>,
    /// Its readings.
    pub samples: RecentSamples,
    /// Their mean in the last minute that has any.
    pub latest: Option<f64>,
}

impl RecentSamples {
    fn add(&mut self, slots: &[(i64, Rollup)], period: Period, minutes: usize) {
        self.by_minute.resize(minutes, 0);
        for (start, rollup) in slots {
            self.whole.merge(rollup);
            let at = start.saturating_sub(period.start) / Table::Minutes.seconds();
            if let Some(count) = usize::try_from(at)
                .ok()
                .and_then(|at| self.by_minute.get_mut(at))
            {
                *count += rollup.histogram.count();
            }
        }
    }
}

impl History {
    /// What happened in the present minute and in so many `minutes` before it, whoever recorded it.
    /// As [`History::flush`], which it begins with, not while attached to the interpreter.
    pub fn recent(&self, minutes: u32) -> Result<Recent> {
        if minutes > MOST {
            return Err(Error::argument("minutes", minutes, "0 to 1440"));
        }
        let now = self.clock().wall();
        let present = now.div_euclid(MINUTE) * MINUTE;
        let range = TimeRange {
            start: present.saturating_sub(i64::from(minutes) * MINUTE),
            end: now,
        };
        let is_wanted = |key: &Key| {
            !matches!(
                key,
                Key::Operation {
                    session: Some(_),
                    ..
                } | Key::Failures {
                    session: Some(_),
                    ..
                }
            )
        };
        let Reading { found, problem, .. } =
            self.timelines(range, |_| Table::Minutes.seconds(), is_wanted);
        let mut recent = Recent {
            start: range.start.div_euclid(NANOS_PER_SEC),
            seconds: seconds_of_record(&found, range),
            operations: Vec::new(),
            endpoints: Vec::new(),
            resources: Vec::new(),
            problem,
        };
        recent.fill(found, Period::of(range), minutes as usize + 1);
        Ok(recent)
    }
}

/// For how long something has been recorded in `range`: a program that began in the middle of it has
/// no rate before that. A second at least, since what has just begun has no rate yet.
fn seconds_of_record(found: &[Timeline], range: TimeRange) -> f64 {
    let rollups = found
        .iter()
        .filter(|timeline| !matches!(timeline.key, Key::Resource { .. }))
        .flat_map(|timeline| &timeline.slots);
    let first = rollups.map(|(_, rollup)| rollup.first).min();
    let since = first.unwrap_or(range.start).clamp(range.start, range.end);
    ((range.end - since) as f64 / NANOS_PER_SEC as f64).max(1.0)
}

impl Recent {
    fn fill(&mut self, found: Vec<Timeline>, period: Period, minutes: usize) {
        let mut operations: BTreeMap<_, (RecentSamples, u64)> = BTreeMap::new();
        let mut endpoints: BTreeMap<_, (RecentSamples, u64)> = BTreeMap::new();
        let mut resources: BTreeMap<_, (RecentSamples, Option<f64>)> = BTreeMap::new();
        for Timeline { key, slots, .. } in found {
            match key {
                Key::Operation { name, unit, .. } => {
                    let (samples, _) = operations.entry((name, unit)).or_default();
                    samples.add(&slots, period, minutes);
                }
                Key::Failures { name, unit, .. } => {
                    let (_, failures) = operations.entry((name, unit)).or_default();
                    *failures += slots.iter().map(|(_, rollup)| rollup.len()).sum::<u64>();
                }
                Key::Endpoint {
                    endpoint,
                    method,
                    status_class,
                } => {
                    let (samples, errors) = endpoints.entry((endpoint, method)).or_default();
                    let before = samples.whole.histogram.count();
                    samples.add(&slots, period, minutes);
                    if is_error(status_class) {
                        *errors += samples.whole.histogram.count() - before;
                    }
                }
                Key::Resource { figure, unit } => {
                    let (samples, latest) = resources.entry((figure, unit)).or_default();
                    samples.add(&slots, period, minutes);
                    *latest = slots.last().and_then(|(_, last)| last.histogram.mean());
                }
                // They count for their endpoints.
                Key::Error(_) => {}
            }
        }
        let operation = |((name, unit), (samples, failures))| RecentOperation {
            name,
            unit,
            samples,
            failures,
        };
        let endpoint = |((endpoint, method), (samples, errors))| RecentEndpoint {
            endpoint,
            method,
            samples,
            errors,
        };
        let resource = |((figure, unit), (samples, latest))| RecentResource {
            figure,
            unit,
            samples,
            latest,
        };
        self.operations = operations.into_iter().map(operation).collect();
        self.endpoints = endpoints.into_iter().map(endpoint).collect();
        self.resources = resources.into_iter().map(resource).collect();
    }
}
