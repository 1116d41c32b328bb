//! The statuses that blocks are to end with.

use crate::{
    entered::MAX_ENTERED,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    timers::Owner,
};

/// `status`, if it is one of HTTP's.
#[must_use]
pub fn http_status(status: i64) -> Option<u16> {
    let status = u16::try_from(status).ok()?;
    (100..600).contains(&status).then_some(status)
}

/// What the blocks of one context manager are to end with, by who set it: threads and tasks may share one.
#[derive(Debug, Default)]
pub struct Statuses {
    /// How many are set, so that the usual case takes no lock.
    len: AtomicUsize,
    set: Mutex<Vec<(Owner, u16)>>,
}

impl Statuses {
    /// Whether any is set.
    #[inline]
    pub fn is_any(&self) -> bool {
        self.len.load(Relaxed) > 0
    }

    /// What the next block of `owner` is to end with, if that is set.
    pub fn of(&self, owner: Owner) -> Option<u16> {
        let set = self.set.lock();
        let found = set.iter().find(|(of, _)| *of == owner)?;
        Some(found.1)
    }

    /// Has the next block of `owner` end with `status`.
    pub fn set(&self, owner: Owner, status: u16) {
        let mut set = self.set.lock();
        set.retain(|(of, _)| *of != owner);
        // Of blocks that never end, no more are kept than of those that were entered.
        if set.len() >= MAX_ENTERED {
            set.remove(0);
        }
        set.push((owner, status));
        self.len.store(set.len(), Relaxed);
    }

    /// Takes it back, as the block ends.
    pub fn take(&self, owner: Owner) -> Option<u16> {
        let mut set = self.set.lock();
        let at = set.iter().position(|(of, _)| *of == owner)?;
        let (_, status) = set.remove(at);
        self.len.store(set.len(), Relaxed);
        Some(status)
    }
}
