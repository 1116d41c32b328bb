//! Collecting what was recorded, and writing it.

use std::time::Duration;

use super::{Engine, Work};
use crate::{
    history::{
        change::{Change, Hindrance},
        files::Paths,
        gate::Pass,
        opening,
        pending::Pending,
        problem::{Cause, Event, Problem},
        retention::{self, Retention},
        store::{Access, Failed, Store},
    },
    time::NANOS_PER_SEC,
};

/// How many rollups are written in one transaction, so that other processes get their turn and a
/// fork does not wait for long.
const SLICE: usize = 2_000;

/// The longest pause between two attempts to write a file that cannot be written.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long a routine attempt waits for somebody else's lock, since other files wait meanwhile. It
/// is tried again soon.
const SHORT_PATIENCE: Duration = Duration::from_millis(100);

/// How often it is looked for what has become too old.
const UPKEEP: Duration = Duration::from_mins(10);

/// Whether something is to be written now, or may wait for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It is only taken from where it was recorded, unless there is so much that it would be too much
    /// soon.
    Gathering,
    /// Soon after a failure it is not tried again.
    Routine,
    /// Somebody asks for it.
    Now,
    /// The process is about to be ended: only what waits, and nothing that others can do as well.
    Last,
}

/// What came of a flush.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Default)]
pub struct Flushed {
    /// What somebody should be told, once nothing is in use.
    pub events: Vec<Event>,
    /// Whether all that was recorded before is on disk, and the file as it should be.
    pub complete: bool,
    /// Whether something waited to be written.
    pub found: bool,
    /// Whether a fork came in between. The rest waits.
    pub interrupted: bool,
    /// Whether somebody else has locked the file, not for long yet. The rest waits.
    pub locked: bool,
}

enum Stop {
    Fork,
    Lock,
    Failure(Problem),
    /// Somebody changed the file.
    Change(Change),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        match problem.cause {
            Cause::GaveWay => Self::Fork,
            _ => Self::Failure(problem),
        }
    }
}

impl From<Hindrance> for Stop {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::Change(change) => Self::Change(change),
            Hindrance::Problem(problem) => problem.into(),
        }
    }
}

/// How often a file is opened anew in one attempt because somebody changed it meanwhile.
const REOPENED: u32 = 3;

impl Engine {
    /// Takes what was recorded, and writes it.
    pub fn flush(&self, _pass: &Pass<'_>, urgency: Urgency) -> Flushed {
        let mut work = self.work.lock();
        let work = &mut *work;
        self.collect(&mut work.pending);
        let mut flushed = Flushed::default();
        if !self.options.records {
            // It stays where it was recorded.
            work.pending.clear();
            flushed.complete = true;
            return flushed;
        }
        flushed.found = !work.is_clean();
        let rests = work.pause.is_some_and(|(_, end)| self.now() < end);
        let is_due = match urgency {
            Urgency::Gathering => !rests && work.pending.len() > self.options.max_pending / 2,
            Urgency::Routine => !rests,
            Urgency::Now | Urgency::Last => true,
        };
        let overflowed = work.overflowed;
        if !work.retired && is_due {
            match self.write(work, urgency) {
                Ok(()) => self.succeeded(work, &mut flushed.events),
                Err(Stop::Fork) => flushed.interrupted = true,
                Err(Stop::Lock) => flushed.locked = true,
                Err(Stop::Failure(problem)) => {
                    self.failed(work, problem, &mut flushed.events);
                }
                Err(Stop::Change(_)) => {
                    self.failed(work, self.keeps_changing(), &mut flushed.events);
                }
            }
        }
        flushed.events.append(&mut work.events);
        if overflowed == 0 && work.overflowed > 0 {
            let path = self.path.clone();
            flushed.events.push(Event::Overflowed { path });
        }
        flushed.complete = work.is_clean() && self.shared.lock().problem.is_none();
        flushed
    }

    /// Takes what the sources have recorded.
    fn collect(&self, pending: &mut Pending) {
        let sources = self.shared.lock().sources.clone();
        let mut deltas = Vec::new();
        for attached in sources.into_iter().filter(|attached| !attached.detached) {
            // A source that goes meanwhile hands its rest over itself.
            let Some(source) = attached.source.upgrade() else {
                continue;
            };
            source.drain(&mut deltas);
            drop(source);
            for delta in deltas.drain(..) {
                pending.add(&attached.identity, delta);
            }
        }
        let absorbed = self.shared.lock().absorbed.take(usize::MAX);
        pending.put_back(absorbed);
    }

    /// In how long a source wants to be drained, if one does.
    pub fn drain_in(&self, _pass: &Pass<'_>) -> Option<Duration> {
        let sources = self.shared.lock().sources.clone();
        let attached = sources.iter().filter(|attached| !attached.detached);
        attached
            .filter_map(|attached| attached.source.upgrade()?.drain_in())
            .min()
    }

    fn write(&self, work: &mut Work, urgency: Urgency) -> Result<(), Stop> {
        let patience = self.options.access.patience;
        let now = self.now();
        let result = match urgency {
            Urgency::Now | Urgency::Last => self.write_patiently(work, urgency, patience),
            _ => self.write_patiently(work, urgency, patience.min(SHORT_PATIENCE)),
        };
        let is_locked = |problem: &Problem| problem.cause == Cause::Locked;
        match result {
            Err(Stop::Failure(problem))
                if is_locked(&problem) && !matches!(urgency, Urgency::Now | Urgency::Last) =>
            {
                let since = *work.locked_since.get_or_insert(now);
                if self.now() < since.after(patience) {
                    Err(Stop::Lock)
                } else {
                    Err(Stop::Failure(problem))
                }
            }
            Err(Stop::Fork) => result,
            _ => {
                work.locked_since = None;
                result
            }
        }
    }

    fn write_patiently(
        &self,
        work: &mut Work,
        urgency: Urgency,
        patience: Duration,
    ) -> Result<(), Stop> {
        if urgency == Urgency::Last && work.is_clean() {
            return Ok(());
        }
        // Whoever writes looks before, and after.
        if work.pending.is_empty() || work.in_doubt.is_some() {
            self.look(work)?;
        }
        let ailing = self.shared.lock().problem.is_some();
        let now = self.now();
        // A log that was left beside the file may not be that of the one there now.
        let left = work.left.as_ref();
        let is_at_rest = !left.is_some_and(|left| left.was_changed(&Paths::of(&self.path)));
        let is_quiet = work.is_clean() && !self.upkeep_is_due(work);
        let is_idle = is_quiet && is_at_rest && work.tried && !ailing;
        let store = work.store.as_ref();
        if is_idle && !store.is_some_and(|store| store.is_to_write_back(now)) {
            return Ok(());
        }
        work.tried = true;
        for _ in 0..REOPENED {
            match self.write_once(work, urgency, patience) {
                // What waits is written to what lies there now.
                Err(Stop::Change(_)) => {}
                result => return result,
            }
        }
        self.write_once(work, urgency, patience)
    }

    fn write_once(
        &self,
        work: &mut Work,
        urgency: Urgency,
        patience: Duration,
    ) -> Result<(), Stop> {
        let access = Access {
            patience,
            ..self.options.access.clone()
        };
        let mut store = self.take_store(work, &access)?;
        let result = match store.wait_for(patience) {
            Ok(()) => self.write_to(&mut store, work, urgency),
            Err(problem) => Err(Stop::Failure(problem)),
        };
        match &result {
            Err(Stop::Change(change)) => self.give_up(work, store, *change),
            // What is wrong with the file may be over with the next look at it.
            Err(Stop::Failure(problem)) if problem.cause != Cause::Locked => {
                work.left = Some(store.close_as_it_is());
            }
            _ => work.store = Some(store),
        }
        result
    }

    /// Looks whether somebody has changed the file, which is closed then.
    fn look(&self, work: &mut Work) -> Result<(), Problem> {
        let Some(mut store) = work.store.take() else {
            return Ok(());
        };
        let looked = store.look_idly();
        if let Err(Hindrance::Change(change)) = looked {
            self.give_up(work, store, change);
            return Ok(());
        }
        work.store = Some(store);
        match looked {
            // What cannot be found out now must not be touched.
            Err(Hindrance::Problem(problem)) => Err(problem),
            _ => Ok(()),
        }
    }

    fn give_up(&self, work: &mut Work, store: Store, change: Change) {
        let change = store.give_up(change);
        // One that was taken away is made anew when there is something to write.
        work.tried &= change == Change::Moved;
        work.moved |= change == Change::Moved;
        let is_told = match change {
            // Of the index nothing is lost. What came of the others is known when it is opened.
            Change::Foreign | Change::Spoilt | Change::Unseen | Change::Index | Change::Moved => {
                None
            }
            _ => Some(change),
        };
        work.events
            .extend(is_told.map(|change| self.changed(change)));
    }

    fn changed(&self, change: Change) -> Event {
        Event::Changed {
            path: self.path.clone(),
            change,
        }
    }

    /// The file, opened by `access` unless it is.
    fn take_store(&self, work: &mut Work, access: &Access) -> Result<Store, Problem> {
        if let Some(store) = work.store.take() {
            return Ok(store);
        }
        let is_there = self.path.metadata().is_ok_and(|found| found.len() > 0);
        let mut change = None;
        let opened = opening::open(&self.path, work.left.as_ref(), access, &mut change);
        if opened.is_ok() {
            if work.moved && is_there {
                change = Some(Change::Restored);
            }
            work.left = None;
            work.moved = false;
        }
        if let Some(change) = change {
            let event = self.changed(change);
            if !work.events.contains(&event) {
                work.events.push(event);
            }
        }
        opened
    }

    fn keeps_changing(&self) -> Problem {
        let detail = "somebody changes it again and again";
        Problem::new(&self.path, Cause::System, detail)
    }

    fn write_to(&self, store: &mut Store, work: &mut Work, urgency: Urgency) -> Result<(), Stop> {
        if let Some((batch, committed)) = work.in_doubt.take() {
            match store.was_written(&committed) {
                Ok(true) => {}
                Ok(false) => work.pending.put_back(batch),
                Err(hindrance) => {
                    work.in_doubt = Some((batch, committed));
                    return Err(hindrance.into());
                }
            }
        }
        while !work.pending.is_empty() {
            if self.options.access.gate.is_closed() {
                return Err(Stop::Fork);
            }
            let batch = work.pending.take(SLICE);
            match store.write(&batch) {
                Ok(overflowed) => work.overflowed += overflowed,
                Err(Failed {
                    hindrance,
                    in_doubt,
                }) => {
                    match in_doubt {
                        Some(committed) => work.in_doubt = Some((batch, committed)),
                        None => work.pending.put_back(batch),
                    }
                    return Err(hindrance.into());
                }
            }
        }
        if urgency != Urgency::Last {
            self.keep_up(store, work)?;
            store.write_back(self.now());
        }
        Ok(())
    }

    fn upkeep_is_due(&self, work: &Work) -> bool {
        work.upkeep_at.is_none_or(|at| self.now() >= at)
    }

    /// Deletes a little of what is too old. Where there is more, it is due again at once.
    fn keep_up(&self, store: &mut Store, work: &mut Work) -> Result<(), Stop> {
        if !self.upkeep_is_due(work) {
            return Ok(());
        }
        let _lock = store.look()?;
        let more = self.delete_some(store)?;
        work.upkeep_at = (!more).then(|| self.now().after(UPKEEP));
        Ok(())
    }

    /// Deletes a little of what is too old, and tells whether there may be more.
    pub fn fold(&self, _pass: &Pass<'_>) -> Result<bool, Problem> {
        self.with_store(|store| self.delete_some(store))
    }

    fn delete_some(&self, store: &mut Store) -> Result<bool, Problem> {
        let now = self.options.clock.wall().div_euclid(NANOS_PER_SEC);
        let connection = store.connection();
        let mut delete = || {
            let retention = match self.options.retention {
                Some(retention) => retention,
                None => Retention::stored(connection)?,
            };
            if self.options.records {
                retention.store(connection)?;
            }
            retention::delete_some(connection, retention, now)
        };
        delete().map_err(|refusal| refusal.problem(&self.path))
    }

    /// Gives what is free in the file back to the file system.
    pub fn vacuum(&self, _pass: &Pass<'_>) -> Result<(), Problem> {
        self.with_store(Store::vacuum)
    }

    fn with_store<T: Default>(
        &self,
        use_it: impl FnOnce(&mut Store) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut work = self.work.lock();
        // Whatever lies there is left alone unless it is a history; so is one that is still to be begun.
        if !self.options.records && !self.reader()?.is_begun() {
            return Ok(T::default());
        }
        let work = &mut *work;
        for _ in 0..=REOPENED {
            let mut store = self.take_store(work, &self.options.access)?;
            let looked = store.wait_for(self.options.access.patience);
            let result = match looked.map_err(Hindrance::from).and_then(|()| store.look()) {
                Ok(_lock) => use_it(&mut store),
                Err(Hindrance::Problem(problem)) => Err(problem),
                Err(Hindrance::Change(change)) => {
                    self.give_up(work, store, change);
                    continue;
                }
            };
            if result.is_ok() {
                store.write_back(self.now());
            }
            // Nobody would close the file of one that does not record before a fork.
            if !work.retired && self.options.records {
                work.store = Some(store);
            }
            return result;
        }
        Err(self.keeps_changing())
    }

    fn succeeded(&self, work: &mut Work, events: &mut Vec<Event>) {
        work.pause = None;
        if self.shared.lock().problem.take().is_some() {
            events.push(Event::Healed {
                path: self.path.clone(),
                dropped: work.pending.dropped(),
            });
        }
    }

    fn failed(&self, work: &mut Work, problem: Problem, events: &mut Vec<Event>) {
        let pause = work
            .pause
            .map_or(self.options.flush_interval, |(pause, _)| pause * 2)
            .min(LONGEST_PAUSE);
        work.pause = Some((pause, self.now().after(pause)));
        let known = self.shared.lock().problem.replace(problem.clone());
        if known.is_none() {
            events.push(Event::Failed(problem));
        }
    }
}
