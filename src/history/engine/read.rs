//! Reading what is on disk together with what waits to be.

use std::{convert::Infallible, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{Engine, Work};
use crate::{
    history::{
        errors::FoundError,
        gate::Pass,
        hours::Hours,
        identity::Identity,
        pending::Slot,
        problem::Problem,
        read::{Found, Timeline},
        spans::{Kept, Period, Table},
    },
    rollup::{ErrorKey, Key, Rollup},
    time::TimeRange,
};

/// What was read, as far as it could be.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<T> {
    /// What was found.
    pub found: Vec<T>,
    /// The time that the rows are about, where an edge of the period cuts one: a row counts as a
    /// whole, if it begins within.
    pub counted: Option<TimeRange>,
    /// What kept the file from being read: then this is what waits to be written alone.
    pub problem: Option<Problem>,
}

impl Engine {
    /// What the file, and what waits to be written, hold of each key that is `wanted` in `range`;
    /// those of `own` apart from those of other writers.
    ///
    /// What a source has not handed over yet is not in it: flush first.
    pub fn read(
        &self,
        _pass: &Pass<'_>,
        range: TimeRange,
        wanted: impl Fn(&Key) -> bool,
        own: &[Arc<Identity>],
    ) -> Reading<Found> {
        // Nothing moves from memory to the disk meanwhile.
        let work = self.work.lock();
        let period = Period::of(range);
        let read = self
            .reader_beside(&work)
            .and_then(|mut reader| reader.read_covered(range, &wanted, own));
        let ((mut found, covered), problem) = match read {
            Ok(read) => (read, None),
            Err(problem) => {
                let kept = Kept::EVERYTHING;
                ((Vec::new(), period.covered(kept, 0)), Some(problem))
            }
        };
        let waits = waiting(&work, period).filter(|(slot, _)| counts(&slot.key, &wanted));
        add_found(&mut found, waits, own);
        Reading {
            found,
            counted: covered.counted(range, self.options.clock.wall()),
            problem,
        }
    }

    /// The errors of requests in `range`, on disk or waiting; those of `own` apart from those of other
    /// writers.
    pub fn errors(
        &self,
        _pass: &Pass<'_>,
        range: TimeRange,
        own: &[Arc<Identity>],
    ) -> Reading<FoundError> {
        let work = self.work.lock();
        let period = Period::of(range);
        let read = self
            .reader_beside(&work)
            .and_then(|mut reader| reader.errors(range, own));
        let (mut found, problem) = match read {
            Ok(found) => (found, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let mut places: HashMap<ErrorKey, usize, RandomState> = found
            .iter()
            .enumerate()
            .map(|(at, found)| (found.key.clone(), at))
            .collect();
        for (slot, rollup) in waiting(&work, period) {
            let Key::Error(key) = &slot.key else {
                continue;
            };
            let place = *places.entry((**key).clone()).or_insert_with(|| {
                found.push(FoundError::new((**key).clone()));
                found.len() - 1
            });
            let found = &mut found[place];
            let is_own = own.contains(&slot.writer);
            let occurred = if is_own {
                &mut found.own
            } else {
                &mut found.others
            };
            occurred.merge(&rollup.into());
        }
        Reading {
            found,
            counted: None,
            problem,
        }
    }

    /// What the writers of a version, as they noted it, have recorded of each key that is `wanted`.
    pub fn of_version(
        &self,
        _pass: &Pass<'_>,
        version: &str,
        wanted: impl Fn(&Key) -> bool,
    ) -> Reading<Found> {
        let work = self.work.lock();
        let read = self
            .reader_beside(&work)
            .and_then(|mut reader| reader.of_version(version, &wanted));
        let (mut found, problem) = match read {
            Ok(found) => (found, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let waits = waiting(&work, Period::of(TimeRange::ALL)).filter(|(slot, _)| {
            slot.writer.version.as_deref() == Some(version) && counts(&slot.key, &wanted)
        });
        add_found(&mut found, waits, &[]);
        Reading {
            found,
            counted: None,
            problem,
        }
    }

    /// The same by time, in slots that begin with the range, and of all writers together. `length`
    /// says how many seconds the slots are long, for the part of the range that there are rows of;
    /// they are no shorter than the longest of the rows that are read.
    pub fn timelines(
        &self,
        _pass: &Pass<'_>,
        range: TimeRange,
        length: impl Fn(TimeRange) -> i64,
        wanted: impl Fn(&Key) -> bool,
    ) -> Reading<Timeline> {
        let work = self.work.lock();
        let read = self
            .reader_beside(&work)
            .and_then(|mut reader| reader.timelines(range, &length, &wanted));
        let ((mut found, seconds), problem) = match read {
            Ok(read) => (read, None),
            Err(problem) => {
                let seconds = length(range).max(Table::Minutes.seconds());
                ((Vec::new(), seconds), Some(problem))
            }
        };
        let period = Period::of(range);
        add_waiting(&mut found, &work, period, seconds, &wanted);
        Reading {
            found,
            counted: None,
            problem,
        }
    }

    /// Hands on the same by the hour, in each of `ranges`, as of one moment, to what `empty` gives: the
    /// one that is found.
    pub fn hourly<H: Hours>(
        &self,
        _pass: &Pass<'_>,
        ranges: &[TimeRange],
        wanted: impl Fn(&Key) -> bool,
        empty: impl Fn() -> H,
    ) -> Reading<H> {
        let work = self.work.lock();
        let periods: Vec<Period> = ranges.iter().map(|range| Period::of(*range)).collect();
        let mut hours = empty();
        let read = self
            .reader_beside(&work)
            .and_then(|mut reader| reader.hourly(&periods, &wanted, &mut hours));
        let problem = read.err();
        if problem.is_some() {
            hours = empty();
        }
        for (number, period) in periods.into_iter().enumerate() {
            let waits = waiting(&work, period).filter(|(slot, _)| counts(&slot.key, &wanted));
            for (slot, rollup) in waits {
                let place = hours.place(number, &slot.key);
                let start = period.slot_of(start_of(slot), Table::Hours.seconds());
                let Ok(()) = hours.take(place, start, |samples| {
                    samples.merge(&rollup.histogram);
                    Ok::<_, Infallible>(())
                });
            }
        }
        Reading {
            found: vec![hours],
            counted: None,
            problem,
        }
    }
}

/// Whether a key is wanted of those that have rollups; errors are read by themselves.
fn counts(key: &Key, wanted: impl Fn(&Key) -> bool) -> bool {
    !matches!(key, Key::Error(_)) && wanted(key)
}

/// Adds what waits to what is on disk, those of `own` apart.
fn add_found<'a>(
    found: &mut Vec<Found>,
    waits: impl Iterator<Item = (&'a Slot, &'a Rollup)>,
    own: &[Arc<Identity>],
) {
    let mut places: HashMap<Key, usize, RandomState> = found
        .iter()
        .enumerate()
        .map(|(at, found)| (found.key.clone(), at))
        .collect();
    for (slot, rollup) in waits {
        let place = *places.entry(slot.key.clone()).or_insert_with(|| {
            found.push(Found {
                key: slot.key.clone(),
                own: Rollup::default(),
                others: Rollup::default(),
            });
            found.len() - 1
        });
        let found = &mut found[place];
        if own.contains(&slot.writer) {
            found.own.merge(rollup);
        } else {
            found.others.merge(rollup);
        }
    }
}

/// Adds what waits of `period` to what is on disk of it.
fn add_waiting(
    found: &mut Vec<Timeline>,
    work: &Work,
    period: Period,
    seconds: i64,
    wanted: impl Fn(&Key) -> bool,
) {
    for (slot, rollup) in waiting(work, period).filter(|(slot, _)| counts(&slot.key, &wanted)) {
        let known = found.iter().position(|timeline| timeline.key == slot.key);
        let at = known.unwrap_or_else(|| {
            found.push(Timeline {
                key: slot.key.clone(),
                seconds,
                slots: Vec::new(),
            });
            found.len() - 1
        });
        let start = period.slot_of(start_of(slot), seconds);
        found[at].slot(start).merge(rollup);
    }
}

fn start_of(slot: &Slot) -> i64 {
    slot.minute.saturating_mul(60)
}

/// What waits of `period`. What is in doubt is most likely not on disk, as a disk that fails has
/// failed; the next flush finds out.
fn waiting(work: &Work, period: Period) -> impl Iterator<Item = (&Slot, &Rollup)> {
    let in_doubt = work.in_doubt.iter().flat_map(|(batch, _)| batch);
    work.pending
        .iter()
        .chain(in_doubt)
        .filter(move |(slot, _)| period.contains(start_of(slot)))
}
