//! Handles and sources, and what happens to them when the process is forked or ends.

use std::sync::{Arc, Weak};

use super::{Attached, Engine, Shared};
use crate::{
    history::{gate::Pass, identity::Identity},
    rollup::{Delta, Source},
};

/// How many sources that went keep the rows that they wrote to themselves. Those of later ones are
/// added to them: otherwise rows would be as many as sources that come and go.
const GONE_APART: usize = 16;

/// Whether the process can forget an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retirement {
    /// It is used, or something waits to be written.
    Used,
    /// Somebody is writing just now, who may leave it to be forgotten.
    Busy,
    /// The file is opened no more. It is still to be closed, which takes a while.
    Retired,
}

impl Engine {
    /// Counts a handle.
    pub fn add_user(&self, user: u64) {
        self.shared.lock().users.push(user);
    }

    /// Lets a handle go, and takes nothing more from what was attached through it.
    pub fn remove_user(&self, user: u64) {
        // To be dropped without the lock.
        let detached: Vec<_> = {
            let mut shared = self.shared.lock();
            shared.users.retain(|&known| known != user);
            let sources = shared.sources.iter();
            sources
                .filter(|attached| attached.owner == user)
                // One that is just going still hands its rest over.
                .filter_map(|attached| Some((attached.number, attached.source.upgrade()?)))
                .collect()
        };
        // What one hands over until then is still taken, so that it knows what is in memory alone.
        for (_, source) in &detached {
            source.detach();
        }
        let mut shared = self.shared.lock();
        for attached in &mut shared.sources {
            attached.detached |= detached
                .iter()
                .any(|(number, _)| *number == attached.number);
        }
        drop(shared);
    }

    /// Adds a source of a `kind` that was attached through the handle `owner`.
    pub fn add_source(&self, number: u64, owner: u64, kind: &str, source: Weak<dyn Source>) {
        let new = Identity::new(&format!("{kind} {number}"), self.options.version.clone());
        let known = source.upgrade();
        let succeeds = {
            let mut shared = self.shared.lock();
            let predecessor = shared.predecessor(kind, &new);
            let succeeds = predecessor.is_some();
            shared.sources.push(Attached {
                number,
                owner,
                identity: predecessor.unwrap_or_else(|| Arc::new(new)),
                source,
                detached: false,
            });
            succeeds
        };
        if let Some(source) = known {
            if succeeds {
                source.succeed();
            }
            if !self.options.records {
                source.detach();
            }
        }
    }

    /// Lets a source go.
    pub fn remove_source(&self, number: u64) {
        let gone = {
            let mut shared = self.shared.lock();
            let mut sources = shared.sources.iter();
            let at = sources.position(|attached| attached.number == number);
            let gone = at.map(|at| shared.sources.swap_remove(at));
            if let Some(gone) = &gone {
                shared.gone.push_back(Arc::clone(&gone.identity));
            }
            gone
        };
        drop(gone);
    }

    /// Who a source writes as, or wrote as when it still did; `None` once it has gone.
    #[must_use]
    pub fn identity(&self, number: u64) -> Option<Arc<Identity>> {
        let shared = self.shared.lock();
        let mut sources = shared.sources.iter();
        let found = sources.find(|attached| attached.number == number)?;
        Some(Arc::clone(&found.identity))
    }

    /// Takes what a source hands over by itself.
    pub fn absorb(&self, number: u64, deltas: Vec<Delta>) {
        let mut shared = self.shared.lock();
        let mut sources = shared.sources.iter();
        let found = sources.find(|attached| attached.number == number && !attached.detached);
        if let Some(identity) = found.map(|attached| Arc::clone(&attached.identity)) {
            for delta in deltas {
                shared.absorbed.add(&identity, delta);
            }
        }
    }

    /// Opens the file no more if nobody uses it and nothing waits.
    #[must_use]
    pub fn retire(&self, _pass: &Pass<'_>) -> Retirement {
        let Some(mut work) = self.work.try_lock() else {
            return Retirement::Busy;
        };
        let shared = self.shared.lock();
        let is_attached = shared.sources.iter().any(|attached| !attached.detached);
        let is_used = !shared.users.is_empty() || is_attached;
        if is_used || !work.is_clean() || !shared.absorbed.is_empty() {
            return Retirement::Used;
        }
        work.retired = true;
        Retirement::Retired
    }

    /// How many rollups wait to be written, and how many had to be dropped.
    #[must_use]
    pub fn waiting(&self, _pass: &Pass<'_>) -> (u64, u64) {
        let work = self.work.lock();
        let shared = self.shared.lock();
        let in_doubt = work.in_doubt.as_ref().map_or(0, |(batch, _)| batch.len());
        let waiting = work.pending.len() + in_doubt + shared.absorbed.len();
        let dropped = work.pending.dropped() + shared.absorbed.dropped();
        (waiting as u64, dropped)
    }

    /// How many samples of this process went to the series that stand for all others.
    #[must_use]
    pub fn overflowed(&self, _pass: &Pass<'_>) -> u64 {
        self.work.lock().overflowed
    }

    /// Returns once nobody is writing.
    pub fn wait_for_writer(&self, _pass: &Pass<'_>) {
        drop(self.work.lock());
    }

    /// Closes the file, and returns once it is closed, by whomever. Unless retired it is opened again
    /// when there is something to write.
    pub fn close_file(&self, _pass: &Pass<'_>) {
        // While the lock is held: others wait for it to be closed.
        self.work.lock().store = None;
    }

    /// Closes the file for a fork, after nobody is inside of the gate any more.
    pub fn close_for_fork(&self) {
        self.work.lock().close_quickly();
    }

    /// Makes a forked child's of its parent's: what the parent has recorded is the parent's to
    /// write, and the child's own is another writer's from now on.
    pub fn begin_anew(&self) {
        *self.turn.lock() = None;
        {
            let mut work = self.work.lock();
            work.pending.clear();
            work.overflowed = 0;
            work.in_doubt = None;
            work.locked_since = None;
            work.pause = None;
            work.tried = false;
        }
        let sources = {
            let mut shared = self.shared.lock();
            shared.absorbed.clear();
            // They are the parent's.
            shared.gone.clear();
            for attached in &mut shared.sources {
                attached.identity = Arc::new(attached.identity.of_child());
            }
            shared.sources.clone()
        };
        for source in sources
            .iter()
            .filter_map(|attached| attached.source.upgrade())
        {
            source.forget();
        }
    }
}

impl Shared {
    /// Who a source of `kind` that went wrote as, if many enough went that a `new` one is to write as
    /// that one.
    fn predecessor(&mut self, kind: &str, new: &Identity) -> Option<Arc<Identity>> {
        let fits =
            |gone: &Identity| gone.source.starts_with(kind) && gone.hour_shift == new.hour_shift;
        if self.gone.iter().filter(|gone| fits(gone)).count() < GONE_APART {
            return None;
        }
        let first = self.gone.iter().position(|gone| fits(gone))?;
        self.gone.remove(first)
    }
}
