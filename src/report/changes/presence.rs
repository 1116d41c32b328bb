//! What is new, and what is gone.
//!
//! New is what has no sample in any of the periods before, and enough in this one to be no accident.
//!
//! Gone is what was there in the periods before, and has no sample from some hour on. What is rare may
//! be away by chance. Each hour of a day with samples is taken for one throw: of `n` of them among
//! `periods` before and this one, none falls into this one with the probability
//! (periods / (periods + 1))^n, which has to be less than chance may do among all that could be gone.
//! Besides, what ran on every day before in the same one or two hours has a timetable.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Entry, Frame, Outcome, PERIODS, Side,
    subjects::{Kind, Subject},
};
use crate::report::compare::verdict::Thresholds;

/// In how many hours what is new has to have samples, unless it has many.
const HOURS: usize = 3;

/// In how many hours of the day that has samples which has a timetable.
const TIMETABLE: usize = 2;

/// On how many days a timetable has to have been kept.
const DAYS: usize = 5;

/// What is new or gone.
pub(super) fn entries(
    subjects: &[Subject],
    recorded: &[usize],
    frame: &Frame,
    thresholds: &Thresholds,
) -> Vec<Entry> {
    // Where nothing at all is recorded any more, it is not this or that which is gone.
    let last = subjects.iter().filter_map(Subject::last).max();
    let over = frame.over().min(last.map_or(0, |last| last + 1));
    let before = subjects.iter().filter(|it| is_before(it, recorded)).count();
    let chance = thresholds.significance / before.max(1) as f64;
    subjects
        .iter()
        .filter_map(|subject| {
            if is_new(subject, thresholds) {
                return Some(new(subject, frame));
            }
            let from = gone_from(subject, recorded, over, chance)?;
            Some(gone(subject, frame, from..over))
        })
        .collect()
}

fn is_before(subject: &Subject, recorded: &[usize]) -> bool {
    recorded.iter().any(|&it| !subject.seen(it).is_empty())
}

fn is_new(subject: &Subject, thresholds: &Thresholds) -> bool {
    let hours = &subject.hours;
    let samples: u64 = hours.values().map(|hour| hour.samples.len()).sum();
    let of_clients: u64 = hours.values().map(|hour| hour.failures.client).sum();
    // What clients ask for without getting it is theirs to make up.
    let is_there = subject.kind == Kind::Operation || of_clients < samples;
    (1..=PERIODS).all(|it| subject.seen(it).is_empty())
        && is_there
        && (samples >= thresholds.min_samples || hours.len() >= HOURS)
}

/// The hour from which on there should have been samples, of those that are over.
fn gone_from(subject: &Subject, recorded: &[usize], over: usize, chance: f64) -> Option<usize> {
    let from = subject.last().map_or(0, |last| last + 1);
    if from >= over {
        return None;
    }
    let missing = |&period: &usize| subject.seen(period).range(from..over);
    let slots: Vec<usize> = recorded.iter().flat_map(missing).copied().collect();
    let first = slots.iter().min().copied()?;
    let periods = recorded.len() as f64;
    let by_chance = (periods / (periods + 1.0)).powf(slots.len() as f64);
    let is_unlikely = by_chance <= chance;
    (is_unlikely || has_timetable(subject, recorded, from..over)).then_some(first)
}

/// Whether it ran in the same hours on every day, and these are among `slots`.
fn has_timetable(subject: &Subject, recorded: &[usize], slots: std::ops::Range<usize>) -> bool {
    let all = recorded.iter().flat_map(|&it| subject.seen(it));
    let hours: BTreeSet<usize> = all.copied().collect();
    let is_daily = recorded.iter().all(|&it| !subject.seen(it).is_empty());
    recorded.len() >= DAYS
        && is_daily
        && hours.len() <= TIMETABLE
        && hours.iter().all(|hour| slots.contains(hour))
}

fn new(subject: &Subject, frame: &Frame) -> Entry {
    let first = subject.hours.keys().next().copied().unwrap_or(0);
    Entry {
        after: Side::of(subject.after(&(0..frame.hours()))),
        ..entry(subject, frame, Outcome::New, first)
    }
}

fn gone(subject: &Subject, frame: &Frame, slots: std::ops::Range<usize>) -> Entry {
    Entry {
        before: Side::of(subject.before(&slots)),
        ..entry(subject, frame, Outcome::Gone, slots.start)
    }
}

fn entry(subject: &Subject, frame: &Frame, outcome: Outcome, first: usize) -> Entry {
    Entry {
        kind: subject.kind,
        name: Arc::clone(&subject.name),
        unit: subject.unit(),
        outcome,
        reason: None,
        since: frame.moment(first),
        until: None,
        before: None,
        after: None,
    }
}
