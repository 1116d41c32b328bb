//! What memory and a history together know of a period.
//!
//! What a source records goes to both, so the two overlap: of a source's own samples those in memory
//! count as long as none of the period are gone from there, else those on disk, and never both. What
//! it recorded after its history was closed is in memory alone, and what other writers of the file
//! recorded on disk alone: both come on top.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::{
    history::Found,
    monitor::{Measured, OwnSamples},
    recording::evicted::Uncounted,
    requests::{Group, OwnGroup, route},
    rollup::{Key, Rollup, is_error, is_server_error},
    stats::{Distribution, Histogram, Summary, histogram::RELATIVE_ERROR_TEXT, sum},
    units::Unit,
};

/// The accuracy of figures that are no estimates.
pub const EXACT: &str = "exact";

/// Where figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Samples in memory.
    Memory,
    /// The history on disk.
    History,
    /// Samples in memory, and others on disk.
    Both,
}

impl Origin {
    /// The word that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::History => "history",
            Self::Both => "memory and history",
        }
    }
}

/// Samples: each of them, or counted by a histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Each value, in order of time.
    Each(Vec<f64>),
    /// How many fell where.
    Counted(Box<Histogram>),
}

impl Default for Samples {
    /// None.
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Samples {
    /// Their figures, or `None` of none.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        match self {
            Self::Each(values) => Summary::of(values),
            Self::Counted(histogram) => Summary::of_histogram(histogram),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Each(values) => values.len() as u64,
            Self::Counted(histogram) => histogram.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their sum; NaN if any is.
    #[must_use]
    pub fn sum(&self) -> f64 {
        match self {
            Self::Each(values) => sum(values),
            Self::Counted(histogram) if histogram.nans() > 0 => f64::NAN,
            Self::Counted(histogram) => histogram.sum(),
        }
    }

    /// How close percentiles are to the exact ones.
    #[must_use]
    pub fn accuracy(&self) -> String {
        match self {
            Self::Each(_) => EXACT.to_owned(),
            Self::Counted(_) => format!("histogram, {RELATIVE_ERROR_TEXT}"),
        }
    }

    /// Where they fell.
    #[must_use]
    pub fn histogram(&self) -> Histogram {
        match self {
            Self::Each(values) => values.iter().copied().collect(),
            Self::Counted(histogram) => (**histogram).clone(),
        }
    }

    /// Adds the other's.
    pub fn append(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Each(values), Self::Each(more)) => values.extend_from_slice(more),
            (Self::Counted(histogram), Self::Each(more)) => {
                histogram.extend(more.iter().copied());
            }
            (Self::Counted(histogram), Self::Counted(more)) => histogram.merge(more),
            (Self::Each(values), Self::Counted(more)) => {
                let mut histogram = more.clone();
                histogram.extend(values.iter().copied());
                *self = Self::Counted(histogram);
            }
        }
    }

    /// Those of `memory`, and what was found on disk beside them.
    fn joined(memory: Vec<f64>, disk: Histogram) -> (Self, Origin) {
        let mut samples = Self::Counted(Box::new(disk));
        if samples.is_empty() {
            return (Self::Each(memory), Origin::Memory);
        }
        let origin = if memory.is_empty() {
            Origin::History
        } else {
            Origin::Both
        };
        samples.append(&Self::Each(memory));
        (samples, origin)
    }
}

/// Where the samples count that a source's history took. Those that it did not count in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    InMemory,
    OnDisk,
}

impl Taken {
    /// `left` of them are in memory, which is `complete` or not.
    fn of(left: usize, complete: bool, own: &Rollup) -> Self {
        // A disk that could not be written may have fewer than are left in memory.
        if complete || left as u64 > own.len() {
            Self::InMemory
        } else {
            Self::OnDisk
        }
    }

    /// What counts of the disk.
    fn on_disk(self, own: &Rollup, others: Rollup) -> Histogram {
        let mut disk = others.histogram;
        if self == Self::OnDisk {
            disk.merge(&own.histogram);
        }
        disk
    }
}

impl From<Samples> for Distribution {
    fn from(samples: Samples) -> Self {
        match samples {
            Samples::Each(values) => values.into(),
            Samples::Counted(histogram) => (*histogram).into(),
        }
    }
}

/// An operation's samples of a period.
#[derive(Debug, Clone)]
pub struct RecordedOperation {
    /// Its name.
    pub name: Arc<str>,
    /// The unit of the oldest.
    pub unit: Arc<str>,
    /// The units that others are in: then the figures are of numbers that do not belong together.
    pub other_units: Vec<Arc<str>>,
    /// The samples.
    pub samples: Samples,
    /// Where they come from.
    pub origin: Origin,
    /// How many of them failed; `None` where nothing tells that any of them could.
    pub failures: Option<u64>,
    /// What is missing of them, which no history has.
    pub uncounted: Option<Uncounted>,
}

impl RecordedOperation {
    /// Those that count of memory, and those of the disk beside them; `None` of none.
    fn of(name: Arc<str>, memory: Option<Measured>, taken: Taken, disk: OnDisk) -> Option<Self> {
        let (values, in_memory, failed, uncounted) = match memory {
            Some(measured) => {
                let units = [vec![measured.unit], measured.other_units].concat();
                (
                    measured.values,
                    units,
                    measured.failures,
                    measured.uncounted,
                )
            }
            None => (Vec::new(), Vec::new(), None, None),
        };
        let failed_on_disk = disk.failures.counted(taken);
        let counted = taken.on_disk(&disk.own, disk.others);
        let (samples, origin) = Samples::joined(values, counted);
        let oldest = disk.oldest.filter(|_| origin != Origin::Memory);
        let counts = |others: bool| others || taken == Taken::OnDisk;
        let on_disk = disk.units.into_iter();
        let on_disk = on_disk.filter_map(|(unit, others)| counts(others).then_some(unit));
        let units: Vec<Arc<str>> = in_memory.into_iter().chain(on_disk).collect();
        let unit = oldest.map_or_else(|| units.first().cloned(), |(_, unit)| Some(unit))?;
        // Those that are not just another name for one.
        let mut other_units: Vec<Arc<str>> = Vec::new();
        for other in units {
            let mut known = std::iter::once(&unit).chain(&other_units);
            if !known.any(|known| Unit::is_same(known, &other)) {
                other_units.push(other);
            }
        }
        Some(Self {
            name,
            unit,
            other_units,
            samples,
            origin,
            failures: match failed_on_disk {
                0 => failed,
                _ => Some(failed.unwrap_or(0) + failed_on_disk),
            },
            uncounted: uncounted.filter(|_| taken == Taken::InMemory),
        })
    }

    /// The units, that of the oldest sample first.
    pub fn units(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.unit).chain(&self.other_units)
    }
}

#[derive(Default)]
struct OnDisk {
    own: Rollup,
    others: Rollup,
    /// The earliest stamp, and the unit there.
    oldest: Option<(i64, Arc<str>)>,
    /// The units, each with whether other writers used it.
    units: Vec<(Arc<str>, bool)>,
    failures: FailuresOnDisk,
}

/// How many samples of an operation failed, as a file says.
#[derive(Default)]
struct FailuresOnDisk {
    own: u64,
    others: u64,
}

impl FailuresOnDisk {
    fn counted(&self, taken: Taken) -> u64 {
        match taken {
            Taken::InMemory => self.others,
            Taken::OnDisk => self.own + self.others,
        }
    }
}

impl OnDisk {
    fn add(&mut self, found: &Found, unit: &Arc<str>) {
        self.own.merge(&found.own);
        self.others.merge(&found.others);
        let others = !found.others.is_empty();
        self.units.push((Arc::clone(unit), others));
        let first = found.own.first.min(found.others.first);
        if self
            .oldest
            .as_ref()
            .is_none_or(|(oldest, _)| first < *oldest)
        {
            self.oldest = Some((first, Arc::clone(unit)));
        }
    }
}

/// What memory has of an operation.
#[derive(Debug, Clone)]
pub struct InMemory {
    /// Its name.
    pub name: Arc<str>,
    /// Its samples of the period.
    pub samples: OwnSamples,
}

/// The operations that have samples: those in memory in order of first use, and after them those
/// that only the history knows, in order of their first sample. Of a session, if one is named.
#[must_use]
pub fn operations(
    memory: Vec<InMemory>,
    found: &[Found],
    of_session: Option<&str>,
) -> Vec<RecordedOperation> {
    let mut on_disk: IndexMap<&str, OnDisk, RandomState> = IndexMap::default();
    for found in found {
        match &found.key {
            Key::Operation {
                name,
                unit,
                session,
            } if session.as_deref() == of_session => {
                on_disk.entry(name).or_default().add(found, unit);
            }
            Key::Failures { name, session, .. } if session.as_deref() == of_session => {
                let failures = &mut on_disk.entry(name).or_default().failures;
                failures.own += found.own.len();
                failures.others += found.others.len();
            }
            _ => {}
        }
    }
    let mut recorded: Vec<_> = memory
        .into_iter()
        .filter_map(|InMemory { name, samples }| {
            let disk = on_disk.shift_remove(&*name).unwrap_or_default();
            let len = |of: &Option<Measured>| of.as_ref().map_or(0, |of| of.values.len());
            let left = len(&samples.measured) - len(&samples.alone);
            let taken = Taken::of(left, samples.complete, &disk.own);
            let counted = match taken {
                Taken::InMemory => samples.measured,
                Taken::OnDisk => samples.alone,
            };
            RecordedOperation::of(name, counted, taken, disk)
        })
        .collect();
    on_disk.sort_by(|_, a, _, b| a.oldest.cmp(&b.oldest));
    recorded.extend(
        on_disk.into_iter().filter_map(|(name, disk)| {
            RecordedOperation::of(name.into(), None, Taken::OnDisk, disk)
        }),
    );
    recorded.retain(|operation| !operation.samples.is_empty());
    recorded
}

/// An endpoint's requests of a period.
#[derive(Debug, Clone)]
pub struct RecordedEndpoint {
    /// The endpoint.
    pub endpoint: Arc<str>,
    /// Milliseconds.
    pub durations: Samples,
    /// How many of the requests were errors.
    pub errors: usize,
    /// How many of these were the server's.
    pub server_errors: usize,
    /// Where they come from.
    pub origin: Origin,
}

impl From<(Arc<str>, Group)> for RecordedEndpoint {
    /// What memory alone knows.
    fn from((endpoint, group): (Arc<str>, Group)) -> Self {
        Self {
            endpoint,
            durations: Samples::Each(group.durations),
            errors: group.errors,
            server_errors: group.server_errors,
            origin: Origin::Memory,
        }
    }
}

/// How many requests were errors, and how many of these the server's.
#[derive(Default)]
struct Errors {
    all: usize,
    of_server: usize,
}

impl Errors {
    fn add(&mut self, status_class: u8, rollup: &Rollup) {
        let count = usize::try_from(rollup.histogram.count()).unwrap_or(usize::MAX);
        if is_error(status_class) {
            self.all += count;
        }
        if is_server_error(status_class) {
            self.of_server += count;
        }
    }
}

#[derive(Default)]
struct Requests {
    own: Rollup,
    others: Rollup,
    own_errors: Errors,
    others_errors: Errors,
}

/// The requests that memory has, by endpoint or by route, and whether none of the period have fallen
/// off.
pub type EndpointsInMemory = (Vec<(Arc<str>, OwnGroup)>, bool);

/// The endpoints that have requests, ordered as [`operations`].
#[must_use]
pub fn endpoints(memory: EndpointsInMemory, found: &[Found]) -> Vec<RecordedEndpoint> {
    requests(memory, found, |_, endpoint| Arc::clone(endpoint))
}

/// The same with the requests of each method apart; an endpoint is called by its [`route`].
#[must_use]
pub fn routes(memory: EndpointsInMemory, found: &[Found]) -> Vec<RecordedEndpoint> {
    requests(memory, found, |method, endpoint| route(method, endpoint))
}

fn requests(
    (memory, complete): EndpointsInMemory,
    found: &[Found],
    name: impl Fn(&Arc<str>, &Arc<str>) -> Arc<str>,
) -> Vec<RecordedEndpoint> {
    let mut on_disk: IndexMap<Arc<str>, Requests, RandomState> = IndexMap::default();
    for found in found {
        if let Key::Endpoint {
            endpoint,
            method,
            status_class,
        } = &found.key
        {
            let requests = on_disk.entry(name(method, endpoint)).or_default();
            requests.own.merge(&found.own);
            requests.others.merge(&found.others);
            requests.own_errors.add(*status_class, &found.own);
            requests.others_errors.add(*status_class, &found.others);
        }
    }
    let join = |endpoint: Arc<str>, memory: OwnGroup, disk: Requests| {
        let left = memory.all.durations.len() - memory.alone.durations.len();
        let taken = Taken::of(left, complete, &disk.own);
        let (counted, own_errors) = match taken {
            Taken::InMemory => (memory.all, Errors::default()),
            Taken::OnDisk => (memory.alone, disk.own_errors),
        };
        let on_disk = taken.on_disk(&disk.own, disk.others);
        let (durations, origin) = Samples::joined(counted.durations, on_disk);
        RecordedEndpoint {
            endpoint,
            durations,
            errors: counted.errors + own_errors.all + disk.others_errors.all,
            server_errors: counted.server_errors
                + own_errors.of_server
                + disk.others_errors.of_server,
            origin,
        }
    };
    let mut recorded: Vec<_> = memory
        .into_iter()
        .map(|(endpoint, group)| {
            let disk = on_disk.shift_remove(&endpoint).unwrap_or_default();
            join(endpoint, group, disk)
        })
        .collect();
    on_disk.sort_by_key(|_, disk| disk.own.first.min(disk.others.first));
    recorded.extend(
        on_disk
            .into_iter()
            .map(|(endpoint, disk)| join(endpoint, OwnGroup::default(), disk)),
    );
    recorded.retain(|endpoint| !endpoint.durations.is_empty());
    recorded
}
