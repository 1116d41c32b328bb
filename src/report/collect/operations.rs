//! The operations of a period, of memory and a history together.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::samples::{Origin, Samples, Taken};
use crate::{
    history::Found,
    monitor::{Measured, OwnSamples},
    recording::evicted::Uncounted,
    report::schema::{Field, List},
    rollup::{Key, Rollup},
    units::Unit,
};

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
    /// With their times in UTC nanoseconds since the Unix epoch, where these were asked for: all of them, or
    /// where some come from a history those that no history has.
    pub points: Vec<(i64, f64)>,
    /// Where they come from.
    pub origin: Origin,
    /// How many of them failed; `None` where nothing tells that any of them could.
    pub failures: Option<u64>,
    /// What is missing of them, which no history has.
    pub uncounted: Option<Uncounted>,
}

impl RecordedOperation {
    /// Those that count of memory, and those of the disk beside them; `None` of none.
    fn of(
        name: Arc<str>,
        memory: Option<Measured>,
        alone: Vec<(i64, f64)>,
        taken: Taken,
        disk: OnDisk,
    ) -> Option<Self> {
        let points = memory.as_ref().map_or_else(Vec::new, Measured::points);
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
            points: if origin == Origin::Memory {
                points
            } else {
                alone
            },
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

    /// All of them, if there are several.
    pub(super) fn mixed_units(&self) -> Field<List<Arc<str>>> {
        let units = || self.units().cloned().collect::<List<_>>();
        Field::optional((!self.other_units.is_empty()).then(units))
    }

    /// How many samples failed, where that is known: a history knows of those that did.
    pub(super) fn known_failures(&self, has_history: bool) -> Option<u64> {
        self.failures.or(has_history.then_some(0))
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
            let alone = samples
                .alone
                .as_ref()
                .map_or_else(Vec::new, Measured::points);
            let counted = match taken {
                Taken::InMemory => samples.measured,
                Taken::OnDisk => samples.alone,
            };
            RecordedOperation::of(name, counted, alone, taken, disk)
        })
        .collect();
    on_disk.sort_by(|_, a, _, b| a.oldest.cmp(&b.oldest));
    recorded.extend(on_disk.into_iter().filter_map(|(name, disk)| {
        RecordedOperation::of(name.into(), None, Vec::new(), Taken::OnDisk, disk)
    }));
    recorded.retain(|operation| !operation.samples.is_empty());
    recorded
}
