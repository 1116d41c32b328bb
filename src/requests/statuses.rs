//! The statuses that blocks are to end with.

use crate::{
    recording::{blocks::MAX_ENTERED, timers::Owner},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// `status`, if it is one of HTTP's.
#[must_use]
pub fn http_status(status: i64) -> Option<u16> {
    let status = u16::try_from(status).ok()?;
    (100..600).contains(&status).then_some(status)
}

/// What the blocks of one context manager are to end with, by who set it: threads and tasks may share one.
#[derive(Debug)]
pub struct Statuses {
    /// Whether any is set, so that the usual case takes no lock.
    is_any: AtomicBool,
    /// Most never have one, and need no room for that.
    set: Mutex<Option<Box<Known>>>,
}

#[derive(Debug, Default)]
struct Known(Vec<(Owner, u16)>);

impl Default for Statuses {
    #[inline]
    fn default() -> Self {
        Self {
            is_any: AtomicBool::new(false),
            set: Mutex::new(None),
        }
    }
}

impl Statuses {
    /// Whether any is set.
    #[inline]
    pub fn is_any(&self) -> bool {
        self.is_any.load(Relaxed)
    }

    /// What the next block of `owner` is to end with, if that is set.
    pub fn of(&self, owner: Owner) -> Option<u16> {
        let set = self.set.lock();
        let found = set.as_ref()?.0.iter().find(|(of, _)| *of == owner)?;
        Some(found.1)
    }

    /// Has the next block of `owner` end with `status`.
    pub fn set(&self, owner: Owner, status: u16) {
        let mut set = self.set.lock();
        let known = &mut set.get_or_insert_default().0;
        known.retain(|(of, _)| *of != owner);
        // Of blocks that never end, no more are kept than of those that were entered.
        if known.len() >= MAX_ENTERED {
            known.remove(0);
        }
        known.push((owner, status));
        self.is_any.store(true, Relaxed);
    }

    /// Takes it back, as the block ends.
    #[cold]
    pub fn take(&self, owner: Owner) -> Option<u16> {
        let mut set = self.set.lock();
        let known = &mut set.as_mut()?.0;
        let at = known.iter().position(|(of, _)| *of == owner)?;
        let (_, status) = known.remove(at);
        self.is_any.store(!known.is_empty(), Relaxed);
        Some(status)
    }
}
