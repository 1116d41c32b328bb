//! When the blocks of a context manager were entered.

use crate::{
    clock::Monotonic,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    timers::Owner,
};

/// When each `with` block of a context manager was entered. One object may be entered again
/// before it is left, by nesting or from several threads or tasks; each block finds its own start.
///
/// Callers tell their thread, a number of its own that is never zero, and only where it matters
/// who they are in full, which costs more to find out and may fail.
#[derive(Debug)]
pub struct Starts {
    /// The first start not left yet, plus one; zero if there is none.
    first: AtomicU64,
    /// The thread that made it.
    thread: AtomicU64,
    /// How many there are in `others`, so that the usual case takes no lock.
    nested: AtomicU64,
    others: Mutex<Vec<(Owner, Monotonic)>>,
}

impl Default for Starts {
    #[inline]
    fn default() -> Self {
        Self {
            first: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            nested: AtomicU64::new(0),
            others: Mutex::new(Vec::new()),
        }
    }
}

impl Starts {
    /// Remembers `now` for the caller.
    #[inline]
    pub fn push<E>(
        &self,
        thread: u64,
        now: Monotonic,
        owner: impl FnOnce() -> Result<Owner, E>,
    ) -> Result<(), E> {
        // Not while there are others: the caller's among them would be older, and taken for newer.
        let free = self.nested.load(Relaxed) == 0
            && self
                .first
                .compare_exchange(0, now.0.wrapping_add(1), Relaxed, Relaxed)
                .is_ok();
        if free {
            self.thread.store(thread, Relaxed);
        } else {
            self.push_nested(owner()?, now);
        }
        Ok(())
    }

    #[cold]
    fn push_nested(&self, owner: Owner, now: Monotonic) {
        let mut others = self.others.lock();
        others.push((owner, now));
        self.nested.store(others.len() as u64, Relaxed);
    }

    /// Takes back the latest start of the calling thread or task, or the latest of all if it has
    /// none.
    #[inline]
    pub fn pop<E>(&self, owner: impl FnOnce() -> Result<Owner, E>) -> Result<Option<Monotonic>, E> {
        if self.nested.load(Relaxed) > 0
            && let Some(start) = self.pop_nested(owner()?)
        {
            return Ok(Some(start));
        }
        Ok(match self.first.swap(0, Relaxed) {
            0 => None,
            start => Some(Monotonic(start.wrapping_sub(1))),
        })
    }

    #[cold]
    fn pop_nested(&self, owner: Owner) -> Option<Monotonic> {
        let mut others = self.others.lock();
        let own = others.iter().rposition(|(other, _)| *other == owner);
        let at = match own {
            Some(at) => at,
            // A task of this thread made the first one, and the others know theirs.
            None if self.first.load(Relaxed) != 0 && self.thread.load(Relaxed) == owner.0 => {
                return None;
            }
            None => others.len().checked_sub(1)?,
        };
        let (_, start) = others.remove(at);
        self.nested.store(others.len() as u64, Relaxed);
        Some(start)
    }
}
