//! The recent samples of one name, in columns.

use std::{collections::VecDeque, sync::Arc};

use super::evicted::{FallenOff, Uncounted};
use crate::{text::short::is_equal, time::TimeRange};

/// What consecutive samples mostly share, kept once for a run of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The unit of the values.
    pub unit: Arc<str>,
    /// Whether a timer recorded them.
    pub timer: bool,
    /// How what was measured ended.
    pub outcome: Outcome<Arc<str>>,
    /// The session they belong to.
    pub session: Option<Arc<str>>,
}

/// How what a sample measures ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is of nothing that could fail: a value that somebody recorded.
    #[default]
    None,
    /// It worked.
    Success,
    /// It failed, with this name of the failure's type; empty if that is not known.
    Failure(T),
}

impl<T> Outcome<T> {
    /// Whether it failed.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failure(_))
    }
}

/// How many of the labels before the last one are looked at for one to use again.
const RECENT_LABELS: usize = 4;

/// A label as the caller holds it, before anything is allocated for it.
#[derive(Debug, Clone, Copy)]
pub struct LabelRef<'a> {
    /// The unit of the value.
    pub unit: &'a str,
    /// Whether a timer records it.
    pub timer: bool,
    /// How what it measures ended.
    pub outcome: Outcome<&'a str>,
    /// The session it belongs to.
    pub session: Option<&'a str>,
}

impl LabelRef<'_> {
    #[inline]
    fn matches(&self, label: &Label) -> bool {
        let is_outcome = match (self.outcome, &label.outcome) {
            (Outcome::None, Outcome::None) | (Outcome::Success, Outcome::Success) => true,
            (Outcome::Failure(one), Outcome::Failure(other)) => *one == **other,
            _ => false,
        };
        self.timer == label.timer
            && is_outcome
            && is_equal(self.unit, &label.unit)
            && self.session == label.session.as_deref()
    }

    fn to_label(self) -> Label {
        Label {
            unit: self.unit.into(),
            timer: self.timer,
            outcome: match self.outcome {
                Outcome::None => Outcome::None,
                Outcome::Success => Outcome::Success,
                Outcome::Failure(name) => Outcome::Failure(name.into()),
            },
            session: self.session.map(Into::into),
        }
    }
}

/// One sample as readers get it.
#[derive(Debug, Clone)]
pub struct Sample<M> {
    /// Its number since the series began; stays the same while older samples fall off.
    pub sequence: u64,
    /// UTC nanoseconds since the Unix epoch.
    pub time: i64,
    /// The value, in the label's unit.
    pub value: f64,
    /// Unit, origin and session.
    pub label: Arc<Label>,
    /// What the caller attached.
    pub metadata: Option<M>,
}

/// A bounded series, oldest first: 16 bytes a sample, and more only for samples that carry
/// metadata or whose label differs from their predecessor's.
#[derive(Debug)]
pub struct Series<M> {
    times: VecDeque<i64>,
    values: VecDeque<f64>,
    /// The sequence number of the oldest sample.
    first: u64,
    /// When those before it did fall off.
    fallen: FallenOff,
    /// Each label with the sequence number of the first sample it holds for.
    labels: VecDeque<(u64, Arc<Label>)>,
    metadata: VecDeque<(u64, M)>,
}

impl<M> Default for Series<M> {
    fn default() -> Self {
        Self {
            times: VecDeque::new(),
            values: VecDeque::new(),
            first: 0,
            fallen: FallenOff::default(),
            labels: VecDeque::new(),
            metadata: VecDeque::new(),
        }
    }
}

impl<M> Series<M> {
    /// The number of samples kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Appends a sample and lets the oldest go where there would be more than `bound`. Returns the
    /// sample's label, and the metadata that fell off, for the caller to drop where that is safe.
    #[inline]
    pub fn push(
        &mut self,
        time: i64,
        value: f64,
        label: LabelRef<'_>,
        metadata: Option<M>,
        bound: usize,
    ) -> (&Arc<Label>, Option<M>) {
        let dropped = if self.len() >= bound {
            self.pop()
        } else {
            if self.len() == self.values.capacity() {
                self.grow(bound);
            }
            None
        };
        let sequence = self.first + self.len() as u64;
        let known = self.labels.back();
        if !known.is_some_and(|(_, last)| label.matches(last)) {
            self.label_from(sequence, label);
        }
        if let Some(metadata) = metadata {
            self.metadata.push_back((sequence, metadata));
        }
        self.times.push_back(time);
        self.values.push_back(value);
        (&self.labels[self.labels.len() - 1].1, dropped)
    }

    /// Has `label` hold from the sample numbered `sequence` on.
    #[cold]
    fn label_from(&mut self, sequence: u64, label: LabelRef<'_>) {
        // Where successes and failures, or a few sessions, take turns, it is one of the latest.
        let mut recent = self.labels.iter().rev().take(RECENT_LABELS);
        let known = recent.find(|(_, known)| label.matches(known));
        let label = known.map_or_else(|| Arc::new(label.to_label()), |(_, it)| Arc::clone(it));
        self.labels.push_back((sequence, label));
    }

    /// Removes the oldest samples until at most `bound` are left, and gives back the memory that
    /// more would take; returns their metadata.
    pub fn truncate(&mut self, bound: usize) -> Vec<M> {
        let mut dropped = Vec::new();
        while self.len() > bound {
            dropped.extend(self.pop());
        }
        self.times.shrink_to(bound);
        self.values.shrink_to(bound);
        self.labels.shrink_to(bound);
        self.metadata.shrink_to(bound);
        dropped
    }

    fn pop(&mut self) -> Option<M> {
        if let Some(time) = self.times.pop_front() {
            self.fallen.add(time, self.first);
        }
        self.values.pop_front();
        self.first += 1;
        if self
            .labels
            .get(1)
            .is_some_and(|(start, _)| *start <= self.first)
        {
            self.labels.pop_front();
        }
        if self
            .metadata
            .front()
            .is_some_and(|(at, _)| *at < self.first)
        {
            return self.metadata.pop_front().map(|(_, metadata)| metadata);
        }
        None
    }

    /// Grows by half, never past the bound: a full series has no slack.
    #[cold]
    fn grow(&mut self, bound: usize) {
        let more = (self.len() / 2).max(16).min(bound - self.len());
        self.times.reserve_exact(more);
        self.values.reserve_exact(more);
        if self.len() + more == bound {
            self.fallen.prepare();
        }
    }

    /// Appends the values whose stamps lie in `range` to `out`.
    pub fn values_in(&self, range: TimeRange, out: &mut Vec<f64>) {
        if range == TimeRange::ALL {
            let (front, back) = self.values.as_slices();
            out.reserve(self.len());
            out.extend_from_slice(front);
            out.extend_from_slice(back);
        } else {
            out.extend(
                self.times
                    .iter()
                    .zip(&self.values)
                    .filter(|(time, _)| range.contains(**time))
                    .map(|(_, value)| *value),
            );
        }
    }

    /// The stamps, oldest first, in UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn times(&self) -> impl ExactSizeIterator<Item = i64> {
        self.times.iter().copied()
    }

    /// The stamps that lie in `range` of the samples from the one numbered `from` on, oldest first.
    #[must_use]
    pub fn times_from(&self, from: u64, range: TimeRange) -> Vec<i64> {
        let times = self.times.iter().copied().skip(self.index_of(from));
        times.filter(|time| range.contains(*time)).collect()
    }

    /// Stamps and values of the samples from the one numbered `from` on whose stamps lie in `range`,
    /// oldest first.
    #[must_use]
    pub fn points_from(&self, from: u64, range: TimeRange) -> Vec<(i64, f64)> {
        let points = self.times.iter().copied().zip(self.values.iter().copied());
        points
            .skip(self.index_of(from))
            .filter(|(time, _)| range.contains(*time))
            .collect()
    }

    /// How many samples come before the one numbered `sequence`.
    fn index_of(&self, sequence: u64) -> usize {
        let index = sequence.saturating_sub(self.first);
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    /// The unit of the oldest sample from the one numbered `from` on whose stamp lies in `range`.
    #[must_use]
    pub fn unit_from(&self, from: u64, range: TimeRange) -> Option<Arc<str>> {
        let skipped = self.index_of(from);
        let mut times = self.times.iter().skip(skipped);
        let index = skipped + times.position(|time| range.contains(*time))?;
        let sequence = self.first + index as u64;
        let run = self.labels.partition_point(|(start, _)| *start <= sequence);
        Some(Arc::clone(&self.labels[run - 1].1.unit))
    }

    /// Every sample kept, with its metadata by reference.
    fn walk(&self) -> impl Iterator<Item = Sample<&M>> {
        let mut labels = self.labels.iter().peekable();
        let mut metadata = self.metadata.iter().peekable();
        let mut label = None;
        (self.first..)
            .zip(self.times.iter().zip(&self.values))
            .filter_map(move |(sequence, (&time, &value))| {
                while let Some((_, next)) = labels.next_if(|(start, _)| *start <= sequence) {
                    label = Some(next);
                }
                let metadata = metadata.next_if(|(at, _)| *at == sequence);
                label.map(|label| Sample {
                    sequence,
                    time,
                    value,
                    label: Arc::clone(label),
                    metadata: metadata.map(|(_, metadata)| metadata),
                })
            })
    }

    /// The values and the first unit of the samples from the one numbered `from` on whose stamps lie
    /// in `range`; only those of `session`, if one is named.
    #[must_use]
    pub fn values_from(
        &self,
        from: u64,
        range: TimeRange,
        session: Option<&str>,
    ) -> Option<(Vec<f64>, Arc<str>)> {
        if session.is_none() && self.index_of(from) == 0 {
            let unit = self.unit_from(from, range)?;
            let mut values = Vec::new();
            self.values_in(range, &mut values);
            return Some((values, unit));
        }
        // Mostly it is of few operations; the samples of the others are then not gone through.
        let is_of_it = |label: &Label| session.is_none() || label.session.as_deref() == session;
        if !self.labels.iter().any(|(_, label)| is_of_it(label)) {
            return None;
        }
        let mut unit = None;
        let values = self
            .walk()
            .filter(|sample| {
                sample.sequence >= from && range.contains(sample.time) && is_of_it(&sample.label)
            })
            .map(|sample| {
                unit.get_or_insert_with(|| Arc::clone(&sample.label.unit));
                sample.value
            })
            .collect();
        unit.map(|unit| (values, unit))
    }

    /// The units other than `unit`, each once, of the samples from the one numbered `from` on whose
    /// stamps lie in `range`; only of those of `session`, if one is named.
    #[must_use]
    pub fn other_units(
        &self,
        unit: &str,
        from: u64,
        range: TimeRange,
        session: Option<&str>,
    ) -> Vec<Arc<str>> {
        let mut others: Vec<Arc<str>> = Vec::new();
        // Nearly always; samples are then not gone through.
        if self.labels.iter().all(|(_, label)| *label.unit == *unit) {
            return others;
        }
        for sample in self.walk() {
            let label = &sample.label;
            if *label.unit != *unit
                && sample.sequence >= from
                && range.contains(sample.time)
                && (session.is_none() || label.session.as_deref() == session)
                && !others.contains(&label.unit)
            {
                others.push(Arc::clone(&label.unit));
            }
        }
        others
    }

    /// How many of the samples from the one numbered `from` on whose stamps lie in `range` failed;
    /// `None` if none of them is of anything that could. Only of `session`, if one is named.
    #[must_use]
    pub fn failures(&self, from: u64, range: TimeRange, session: Option<&str>) -> Option<u64> {
        // The first may have held for a sample that has fallen off, and for none that is kept.
        let is_stale = |(start, _): &(u64, _)| *start <= self.first;
        let stale = usize::from(self.labels.get(1).is_some_and(is_stale));
        let labels = || {
            self.labels
                .iter()
                .skip(stale)
                .map(|(_, label)| &label.outcome)
        };
        if labels().all(|outcome| *outcome == Outcome::None) {
            return None;
        }
        // Nearly always; samples are then not gone through.
        let is_any = labels().any(Outcome::is_failure);
        if !is_any && from <= self.first && range == TimeRange::ALL && session.is_none() {
            return Some(0);
        }
        let mut failures = None;
        for sample in self.walk() {
            let label = &sample.label;
            if label.outcome != Outcome::None
                && sample.sequence >= from
                && range.contains(sample.time)
                && (session.is_none() || label.session.as_deref() == session)
            {
                *failures.get_or_insert(0) += u64::from(label.outcome.is_failure());
            }
        }
        failures
    }

    /// The latest stamp of the samples that have fallen off; the least of all times if none have.
    #[must_use]
    pub fn gone_until(&self) -> i64 {
        self.fallen.until()
    }

    /// What is missing of the samples in `range`, as it has fallen off; `None` if nothing is, or
    /// all.
    #[must_use]
    pub fn uncounted(&self, range: TimeRange) -> Option<Uncounted> {
        self.fallen.uncounted(range, self.first, self.times())
    }

    /// The same of `session`: how many of it are known to have fallen off, which are those recorded
    /// in a row with the oldest sample kept.
    #[must_use]
    pub fn uncounted_of_session(&self, session: &str) -> Option<Uncounted> {
        let (start, label) = self.labels.front()?;
        let is_of_it = label.session.as_deref() == Some(session);
        let samples = self.first.saturating_sub(*start);
        let since = *self.times.front()?;
        (is_of_it && samples > 0).then_some(Uncounted { samples, since })
    }

    /// The number of the next sample.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.first + self.len() as u64
    }

    /// Changes the stamp of the sample numbered `sequence`; `false` if it has fallen off.
    pub fn set_time(&mut self, sequence: u64, time: i64) -> bool {
        sequence
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.times.get_mut(index))
            .map(|slot| *slot = time)
            .is_some()
    }

    /// The metadata kept, for a garbage collector to look at.
    pub fn metadata(&self) -> impl Iterator<Item = &M> {
        self.metadata.iter().map(|(_, metadata)| metadata)
    }
}

impl<M: Clone> Series<M> {
    /// A copy of the sample at `index`, 0 being the oldest.
    #[must_use]
    pub fn sample_at(&self, index: usize) -> Option<Sample<M>> {
        let sequence = self.first + index as u64;
        let time = *self.times.get(index)?;
        let run = self.labels.partition_point(|(start, _)| *start <= sequence);
        let metadata = self.metadata.binary_search_by_key(&sequence, |(at, _)| *at);
        Some(Sample {
            sequence,
            time,
            value: self.values[index],
            label: Arc::clone(&self.labels[run - 1].1),
            metadata: metadata.ok().map(|found| self.metadata[found].1.clone()),
        })
    }

    /// Copies of the samples whose stamps lie in `range`, oldest first.
    #[must_use]
    pub fn samples_in(&self, range: TimeRange) -> Vec<Sample<M>> {
        self.walk()
            .filter(|sample| range.contains(sample.time))
            .map(|sample| Sample {
                sequence: sample.sequence,
                time: sample.time,
                value: sample.value,
                label: sample.label,
                metadata: sample.metadata.cloned(),
            })
            .collect()
    }
}
