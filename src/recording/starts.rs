//! When the blocks of a context manager were entered.

use super::{
    blocks::{Entered, Left, MAX_ENTERED},
    timers::Owner,
};
use crate::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Monotonic,
};

/// When each `with` block of a context manager was entered. One object may be entered again
/// before it is left, by nesting or from several threads or tasks; each block finds its own start,
/// unless more than [`MAX_ENTERED`] were not left and it was forgotten.
///
/// Callers tell their thread, a number of its own that is never zero, and only where it matters
/// who they are in full, which costs more to find out and may fail.
#[derive(Debug)]
pub struct Starts {
    /// The first start not left yet, plus one; zero if there is none.
    first: AtomicU64,
    /// The thread that made it.
    thread: AtomicU64,
    /// How many blocks are open in `others`, so that the usual case takes no lock.
    nested: AtomicU64,
    /// Most are never entered twice, and need no room for that.
    others: Mutex<Option<Box<Entered<Monotonic>>>>,
}

impl Default for Starts {
    #[inline]
    fn default() -> Self {
        Self {
            first: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            nested: AtomicU64::new(0),
            others: Mutex::new(None),
        }
    }
}

impl Starts {
    /// Remembers `now` for the caller. Whether the start of the block entered first was forgotten
    /// for it.
    #[inline]
    pub fn push<E>(
        &self,
        thread: u64,
        now: Monotonic,
        owner: impl FnOnce() -> Result<Owner, E>,
    ) -> Result<bool, E> {
        // Not while there are others: the caller's among them would be older, and taken for newer.
        let free = self.nested.load(Relaxed) == 0
            && self
                .first
                .compare_exchange(0, now.0.wrapping_add(1), Relaxed, Relaxed)
                .is_ok();
        if free {
            self.thread.store(thread, Relaxed);
            Ok(false)
        } else {
            Ok(self.push_nested(owner()?, now))
        }
    }

    #[cold]
    fn push_nested(&self, owner: Owner, now: Monotonic) -> bool {
        let mut others = self.others.lock();
        let others = others.get_or_insert_default();
        others.push(owner, now);
        let kept = others.kept() + usize::from(self.first.load(Relaxed) != 0);
        let forgets = kept > MAX_ENTERED;
        if forgets {
            // The first one is older than all others, unless it has just been left.
            if self.first.swap(0, Relaxed) == 0 {
                others.forget_first();
            } else {
                others.note_forgotten();
            }
        }
        self.nested.store(others.open(), Relaxed);
        forgets
    }

    /// The latest start of the calling thread or task, or else of its thread, that is not taken back.
    pub fn latest<E>(
        &self,
        owner: impl FnOnce() -> Result<Owner, E>,
    ) -> Result<Option<Monotonic>, E> {
        let first = self.first.load(Relaxed);
        if first == 0 && self.nested.load(Relaxed) == 0 {
            return Ok(None);
        }
        let owner = owner()?;
        let nested = self.others.lock();
        if let Some(start) = nested.as_ref().and_then(|others| others.latest(owner)) {
            return Ok(Some(*start));
        }
        let is_first = first != 0 && self.thread.load(Relaxed) == owner.0;
        Ok(is_first.then(|| Monotonic(first.wrapping_sub(1))))
    }

    /// Takes back the latest start of the calling thread or task, or the latest of all if it has
    /// none. `None` if there is no start, or the block's was forgotten.
    #[inline]
    pub fn pop<E>(&self, owner: impl FnOnce() -> Result<Owner, E>) -> Result<Option<Monotonic>, E> {
        if self.nested.load(Relaxed) > 0 {
            match self.pop_nested(owner()?) {
                Left::Kept(start) => return Ok(Some(start)),
                Left::Forgotten => return Ok(None),
                Left::Nothing => {}
            }
        }
        Ok(match self.first.swap(0, Relaxed) {
            0 => None,
            start => Some(Monotonic(start.wrapping_sub(1))),
        })
    }

    #[cold]
    fn pop_nested(&self, owner: Owner) -> Left<Monotonic> {
        let mut others = self.others.lock();
        let Some(others) = &mut *others else {
            return Left::Nothing;
        };
        let left = match others.pop_own(owner) {
            Some(start) => Left::Kept(start),
            // A task of this thread made the first one, and the others know theirs.
            None if self.first.load(Relaxed) != 0 && self.thread.load(Relaxed) == owner.0 => {
                return Left::Nothing;
            }
            None => others.pop_another(),
        };
        self.nested.store(others.open(), Relaxed);
        left
    }
}
