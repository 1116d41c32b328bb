//! Timers that are started and stopped by name.

use std::{collections::HashMap, sync::Arc};

use crate::clock::Monotonic;

/// Who started a timer: a thread, and within it perhaps a task.
pub type Owner = (u64, u64);

/// Timers left running. Starts that nobody stops must not grow without bound; past this many the
/// one started first is forgotten.
const MAX_RUNNING: usize = 10_000;

/// The running timers. Each thread or task has at most one of a name.
#[derive(Debug, Default)]
pub struct RunningTimers {
    by_name: HashMap<Arc<str>, Vec<(Owner, Monotonic)>>,
    count: usize,
    forgotten: u64,
}

impl RunningTimers {
    /// Starts `name` for `owner` at `now`, over again if it runs already.
    pub fn start(&mut self, name: &str, owner: Owner, now: Monotonic) {
        if let Some(starts) = self.by_name.get_mut(name) {
            // Kept in order of starting, so that the latest is at the end.
            if let Some(at) = starts.iter().position(|(other, _)| *other == owner) {
                starts.remove(at);
                self.count -= 1;
            }
            starts.push((owner, now));
        } else {
            self.by_name.insert(name.into(), vec![(owner, now)]);
        }
        self.count += 1;
        if self.count > MAX_RUNNING {
            self.forget_oldest();
        }
    }

    /// Stops `name` and returns when it was started: by `owner` if it did, otherwise by whoever
    /// started it last.
    pub fn stop(&mut self, name: &str, owner: Owner) -> Option<Monotonic> {
        let starts = self.by_name.get_mut(name)?;
        let at = starts
            .iter()
            .position(|(other, _)| *other == owner)
            .unwrap_or(starts.len() - 1);
        let (_, start) = starts.remove(at);
        if starts.is_empty() {
            self.by_name.remove(name);
        }
        self.count -= 1;
        Some(start)
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

    /// How many timers were forgotten because too many were left running.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    #[cold]
    fn forget_oldest(&mut self) {
        let oldest = self
            .by_name
            .iter()
            .min_by_key(|(_, starts)| starts[0].1)
            .map(|(name, _)| Arc::clone(name));
        if let Some(name) = oldest
            && let Some(starts) = self.by_name.get_mut(&name)
        {
            starts.remove(0);
            if starts.is_empty() {
                self.by_name.remove(&name);
            }
            self.count -= 1;
            self.forgotten += 1;
        }
    }
}
