//! The highest RSS during a call.
//!
//! The kernel remembers the highest RSS that a process ever had (`ru_maxrss`, see getrusage(2)).
//! If that rose during the call, the new value is the call's peak, however short the spike was.
//! If it did not, because an earlier call went higher, the readings of the sampler tell, which
//! can miss spikes shorter than its interval of one to ten milliseconds.
//!
//! The kernel could be told to forget its maximum, but that would disturb other observers of
//! the host program and is slow in a large one.

use super::{
    children::{self, ChildUsage},
    per_process::ThisProcess,
    process::{ProcessMemory, memory_of},
    rusage::bytes_of_max_rss,
    sampler::{Slot, watch},
};
use crate::error::Result;

pub use super::sampler::{after_fork_in_parent, begin_fork, wait_for_fork};

/// An open measurement.
pub struct Measurement {
    before: ProcessMemory,
    highest_before: Option<u64>,
    slot: Slot,
    children: children::State,
    process: ThisProcess,
}

/// What a measurement found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// The memory when it began.
    pub before: ProcessMemory,
    /// The memory when it finished.
    pub after: ProcessMemory,
    /// The highest RSS in between, in bytes; at least that of either end.
    pub bytes: u64,
    /// What the children of this process took in between.
    pub children: ChildUsage,
}

impl Measurement {
    /// Begins to measure. Fails where the process's memory cannot be read.
    pub fn begin() -> Result<Self> {
        Self::begin_in(ThisProcess::now())
    }

    /// Likewise, where the caller knows which process this is.
    pub(super) fn begin_in(process: ThisProcess) -> Result<Self> {
        let before = memory_of(process)?;
        let tick = children::now();
        let slot = watch(process, before.rss, tick);
        Ok(Self {
            before,
            highest_before: highest_ever(),
            slot,
            children: children::State::read(tick),
            process,
        })
    }

    /// The memory when it began.
    #[must_use]
    pub fn before(&self) -> ProcessMemory {
        self.before
    }

    /// The highest RSS that was sampled so far, in bytes.
    #[must_use]
    pub fn sampled(&self) -> u64 {
        self.slot.peak().max(self.before.rss)
    }

    /// The highest RSS of a child that was sampled so far, in bytes.
    #[must_use]
    pub fn children_sampled(&self) -> u64 {
        self.slot.children_peak()
    }

    /// Ends the measurement. Fails where the process's memory cannot be read.
    pub fn finish(self) -> Result<Peak> {
        self.finish_in(ThisProcess::now())
    }

    /// Likewise, where the caller knows which process this is.
    pub(super) fn finish_in(self, process: ThisProcess) -> Result<Peak> {
        let highest = highest_ever();
        let after = memory_of(process)?;
        let mut bytes = self.sampled().max(after.rss);
        // A forked child starts with a maximum of its own, at what it had when it was forked.
        let is_other = process != self.process;
        if is_other || highest > self.highest_before {
            bytes = bytes.max(highest.unwrap_or(0));
        }
        Ok(Peak {
            before: self.before,
            after,
            bytes,
            // Those before a fork were not the forked child's own.
            children: if is_other {
                ChildUsage::default()
            } else {
                self.children_usage(highest)
            },
        })
    }

    /// What the children took, `highest` being the most that this process itself ever had.
    fn children_usage(&self, highest: Option<u64>) -> ChildUsage {
        let end = children::State::read(children::now());
        // Elsewhere nobody begins with what its parent had.
        let own = highest.filter(|_| cfg!(target_os = "linux")).unwrap_or(0);
        self.children
            .usage_until(&end, self.slot.children_peak(), own)
    }
}

/// The highest RSS that this process ever had, in bytes, where the system tells.
#[cfg(unix)]
pub(super) fn highest_ever() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};

    // On Linux a thread's answer tells the same maximum, the process's, without adding up the
    // times of all threads.
    #[cfg(target_os = "linux")]
    const WHO: UsageWho = UsageWho::RUSAGE_THREAD;
    #[cfg(not(target_os = "linux"))]
    const WHO: UsageWho = UsageWho::RUSAGE_SELF;

    bytes_of_max_rss(getrusage(WHO).ok()?.max_rss())
}

/// The highest RSS that this process ever had, in bytes, where the system tells.
#[cfg(not(unix))]
fn highest_ever() -> Option<u64> {
    None
}
