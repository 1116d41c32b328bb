//! Timers that are started and stopped by name.

use std::{collections::BTreeMap, sync::Arc};

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::time::Monotonic;

/// Who started a timer: a thread, and within it perhaps a task.
pub type Owner = (u64, u64);

/// Timers left running. Starts that nobody stops must not grow without bound; past this many the
/// one started first is forgotten.
pub const MAX_RUNNING: usize = 10_000;

#[derive(Debug)]
struct Start {
    owner: Owner,
    moment: Monotonic,
    /// Numbers the starts of all names.
    number: u64,
}

/// The running timers. Each thread or task has at most one of a name.
#[derive(Debug, Default)]
pub struct RunningTimers {
    /// Each name's starts in order, so that the latest is at the end.
    by_name: IndexMap<Arc<str>, Vec<Start>, RandomState>,
    /// The names by the numbers of their starts, so that the one to forget is the first.
    in_order: BTreeMap<u64, Arc<str>>,
    started: u64,
}

impl RunningTimers {
    /// Starts `name` for `owner` at `now`, over again if it runs already. Whether another timer
    /// was forgotten for it.
    pub fn start(&mut self, name: &str, owner: Owner, now: Monotonic) -> bool {
        let number = self.started;
        self.started += 1;
        let start = Start {
            owner,
            moment: now,
            number,
        };
        let name = if let Some((_, name, starts)) = self.by_name.get_full_mut(name) {
            if let Some(at) = starts.iter().position(|other| other.owner == owner) {
                self.in_order.remove(&starts.remove(at).number);
            }
            starts.push(start);
            Arc::clone(name)
        } else {
            let name: Arc<str> = name.into();
            self.by_name.insert(Arc::clone(&name), vec![start]);
            name
        };
        self.in_order.insert(number, name);
        self.in_order.len() > MAX_RUNNING && self.forget_first()
    }

    /// Stops `name` and returns when it was started: by `owner` if it did, otherwise by whoever
    /// started it last.
    pub fn stop(&mut self, name: &str, owner: Owner) -> Option<Monotonic> {
        let starts = self.by_name.get_mut(name)?;
        let at = starts
            .iter()
            .position(|start| start.owner == owner)
            .unwrap_or(starts.len() - 1);
        let start = starts.remove(at);
        if starts.is_empty() {
            self.by_name.swap_remove(name);
        }
        self.in_order.remove(&start.number);
        Some(start.moment)
    }

    /// The names of which at least one timer runs.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    /// Whether a timer of that name runs.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    #[cold]
    fn forget_first(&mut self) -> bool {
        let Some((_, name)) = self.in_order.pop_first() else {
            return false;
        };
        if let Some(starts) = self.by_name.get_mut(&name) {
            starts.remove(0);
            if starts.is_empty() {
                self.by_name.swap_remove(&name);
            }
        }
        true
    }
}
