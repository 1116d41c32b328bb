//! What histories hold, as it is read, of all that can change.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{
    Frame, PERIODS,
    subjects::{Identity, Subject, subject_of},
};
use crate::{history::Hours, rollup::Key, stats::Histogram};

/// What a history holds of all subjects in the period and in those before it.
#[derive(Debug, Clone)]
pub struct Recorded {
    frame: Frame,
    is_apart: bool,
    subjects: IndexMap<Identity, Subject, RandomState>,
    places: Vec<Place>,
    /// Which periods have anything recorded.
    has_any: [bool; PERIODS + 1],
    /// Which hour of a period the last time that was asked about lies in.
    last: Option<(usize, i64, Option<usize>)>,
}

/// Where samples go.
#[derive(Debug, Clone)]
struct Place {
    /// Nobody's, where it is nothing that can change.
    subject: Option<usize>,
    period: usize,
    key: Key,
}

impl Recorded {
    /// Nothing yet of the periods of `frame`: those before it are added up, which is a fraction of what
    /// they take each by itself.
    #[must_use]
    pub fn together(frame: Frame) -> Self {
        Self::new(frame, false)
    }

    /// Nothing yet of the periods of `frame`, each by itself.
    #[must_use]
    pub fn apart(frame: Frame) -> Self {
        Self::new(frame, true)
    }

    fn new(frame: Frame, is_apart: bool) -> Self {
        Self {
            frame,
            is_apart,
            subjects: IndexMap::default(),
            places: Vec::new(),
            has_any: [false; PERIODS + 1],
            last: None,
        }
    }

    /// Adds those of another history, which has other kinds of them.
    pub fn extend(&mut self, other: Self) {
        self.subjects.extend(other.subjects);
        self.places.clear();
        for (is, also) in self.has_any.iter_mut().zip(other.has_any) {
            *is |= also;
        }
    }

    /// All of them, and which of the periods before have anything recorded.
    pub(super) fn settled(self) -> (Vec<Subject>, Vec<usize>) {
        let mut subjects: Vec<Subject> = self.subjects.into_values().collect();
        subjects.iter_mut().for_each(Subject::settle_failures);
        let recorded = (1..=PERIODS).filter(|&period| self.has_any[period]);
        (subjects, recorded.collect())
    }

    fn slot(&mut self, period: usize, start: i64) -> Option<usize> {
        // Which one it is is the same for all, and rows come in order of time.
        match self.last {
            Some((known, at, slot)) if (known, at) == (period, start) => slot,
            _ => {
                let slot = self.frame.slot(period, start);
                self.last = Some((period, start, slot));
                slot
            }
        }
    }
}

impl Hours for Recorded {
    fn place(&mut self, period: usize, key: &Key) -> usize {
        let subject = subject_of(key).map(|(kind, name)| {
            let entry = self.subjects.entry((kind, Arc::clone(&name)));
            let subject = entry.index();
            entry
                .or_insert_with(|| Subject::new(kind, name, self.is_apart))
                .note_unit(key);
            subject
        });
        self.places.push(Place {
            subject,
            period,
            key: key.clone(),
        });
        self.places.len() - 1
    }

    fn take<E>(
        &mut self,
        place: usize,
        start: i64,
        add: impl FnOnce(&mut Histogram) -> Result<(), E>,
    ) -> Result<(), E> {
        let Place {
            subject, period, ..
        } = self.places[place];
        let (Some(subject), Some(slot)) = (subject, self.slot(period, start)) else {
            return Ok(());
        };
        let key = &self.places[place].key;
        let is_there = self.subjects[subject].add(period, slot, key, add)?;
        self.has_any[period] |= is_there && slot < self.frame.hours();
        Ok(())
    }
}
