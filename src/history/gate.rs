//! Keeps the process from forking while a file of a history is in use.
//!
//! A database that is open across a fork gets damaged (`SQLite` says how in "How To Corrupt An
//! `SQLite` Database File", 2.6), and a lock held by a thread that the child does not have stays
//! locked there. So whoever works on a history holds a [`Pass`] meanwhile, and a fork waits until
//! nobody does. There is no lock in here that could itself be found taken in the child.

use std::{
    cell::Cell,
    process, ptr,
    time::{Duration, Instant},
};

use crate::sync::{
    atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    sleep, thread_local,
};

/// One fork under way; the passes are counted below.
const FORK: u64 = 1 << 32;

/// How long whoever waits for the gate sleeps between two looks.
pub(super) const NAP: Duration = Duration::from_micros(200);

thread_local! {
    /// The gate that this thread has closed, and how often: it would wait for itself there.
    static CLOSED_HERE: Cell<(*const Gate, u32)> = const { Cell::new((ptr::null(), 0)) };
}

/// The gate between work on histories and forks. There is one for the process.
#[derive(Debug)]
pub struct Gate {
    /// How many forks are under way, times [`FORK`], plus how many passes are out.
    word: AtomicU64,
    /// How many connections are open.
    connections: AtomicUsize,
    /// Whether the process was forked while something was in use. Then nothing is used again.
    broken: AtomicBool,
    /// The process that all this is true of; zero if nobody has asked yet.
    pid: AtomicU32,
}

/// The right to work on histories. No fork begins while there is one.
#[derive(Debug)]
pub struct Pass<'a>(&'a Gate);

/// What a forked child has inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherited {
    /// Nothing that was in use.
    Nothing,
    /// Connections that were open, or work that a thread of the parent was in the middle of: the
    /// fork did not ask. The child must leave all of it alone.
    Open,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// Nobody is inside, and no fork is under way.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            pid: AtomicU32::new(0),
        }
    }

    /// A pass, unless a fork is under way. Whoever waits for one must not be attached to the
    /// interpreter, which the fork needs to get on.
    #[must_use]
    pub fn enter(&self) -> Option<Pass<'_>> {
        let inside = |word| (word < FORK).then_some(word + 1);
        self.word
            .fetch_update(AcqRel, Acquire, inside)
            .is_ok()
            .then(|| Pass(self))
    }

    /// A pass, waited for while another thread forks; `None` if nothing may be used any more, or
    /// while this very thread forks.
    #[must_use]
    pub fn enter_or_wait(&self) -> Option<Pass<'_>> {
        while !self.is_broken() {
            let pass = self.enter();
            if pass.is_some() || self.is_closed_here() {
                return pass;
            }
            sleep(NAP);
        }
        None
    }

    /// Waits until nobody is inside, but not for ever: a disk may not answer.
    pub fn wait_until_empty(&self, patience: Duration) {
        let begun = Instant::now();
        while !self.is_empty() && begun.elapsed() < patience {
            sleep(NAP);
        }
    }

    /// Lets nobody in any more. Each call is undone by one of [`Gate::open`].
    pub fn close(&self) {
        self.word.fetch_add(FORK, AcqRel);
        self.set_times_closed_here(self.times_closed_here() + 1);
    }

    /// Lets people in again once every fork has said so. To be called by the thread that closed it.
    pub fn open(&self) {
        let less = |word: u64| word.checked_sub(FORK);
        let _ = self.word.fetch_update(AcqRel, Acquire, less);
        self.set_times_closed_here(self.times_closed_here().saturating_sub(1));
    }

    /// Whether this thread is in the middle of a fork.
    #[must_use]
    pub fn is_closed_here(&self) -> bool {
        self.times_closed_here() > 0
    }

    fn times_closed_here(&self) -> u32 {
        let (gate, times) = CLOSED_HERE.with(Cell::get);
        if ptr::eq(gate, self) { times } else { 0 }
    }

    fn set_times_closed_here(&self, times: u32) {
        CLOSED_HERE.with(|here| here.set((self, times)));
    }

    /// Whether somebody wants to fork, so that whoever is inside should come out soon.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.word.load(Acquire) >= FORK
    }

    /// Whether nobody is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.word.load(Acquire).is_multiple_of(FORK)
    }

    /// Counts a connection that was opened.
    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, AcqRel);
    }

    /// Counts one that was closed.
    pub(super) fn disconnected(&self) {
        self.connections.fetch_sub(1, AcqRel);
    }

    /// Whether this is still the process that asked first, or said [`Gate::begin_anew`].
    #[must_use]
    pub fn is_in_its_process(&self) -> bool {
        let own = process::id();
        match self.pid.compare_exchange(0, own, AcqRel, Acquire) {
            Ok(_) => true,
            Err(pid) => pid == own,
        }
    }

    /// Whether a fork found something in use, so that nothing in here may be used again, not even
    /// the locks.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Acquire)
    }

    /// Opens the gate of a forked child, whose only thread calls this.
    pub fn begin_anew(&self) -> Inherited {
        let inside = self.word.load(Acquire) % FORK;
        let connections = self.connections.load(Acquire);
        self.word.store(0, Release);
        self.set_times_closed_here(0);
        self.pid.store(process::id(), Relaxed);
        if inside == 0 && connections == 0 {
            Inherited::Nothing
        } else {
            self.broken.store(true, Release);
            Inherited::Open
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.word.fetch_sub(1, AcqRel);
    }
}
