//! Watches the RSS while somebody measures its peak.
//!
//! One native thread for the process serves all measurements that are open. It is started by the
//! first one, knows nothing of any interpreter, and costs nothing once nobody has measured for a
//! second. Opening and closing a measurement are a few atomic operations: no lock that the
//! thread could hold while it is preempted, and no system call to wake it as long as it is awake.

pub mod slots;

use std::{
    sync::OnceLock,
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::per_process::PerProcess;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use slots::Slots;

/// How many measurements can be open at once; further ones see their two ends only.
const SLOTS: usize = 64;

/// The interval between readings while young measurements are open.
const FASTEST: Duration = Duration::from_millis(1);
/// The interval while only old ones are: they have had time enough to show their peak.
const SLOWEST: Duration = Duration::from_millis(10);
/// In between the interval is this part of the youngest one's age, so that a long call is as
/// well resolved as a short one, for less.
const PART: u32 = 100;
/// For how long the thread stays awake with nothing to do.
const LINGER: Duration = Duration::from_secs(1);

/// The shared state of the thread and the measurements.
struct Sampler {
    slots: Slots<SLOTS>,
    thread: OnceLock<Option<Thread>>,
    /// The processor time that the thread has taken, in nanoseconds.
    cost: AtomicU64,
}

// In a forked child the thread does not exist, and the parent's slots are of no use.
static SAMPLER: PerProcess<Sampler> = PerProcess::new(Sampler::new);

/// A slot of the sampler, given back when dropped.
pub(super) type Slot = slots::Slot<'static, SLOTS>;

/// Begins to watch for a measurement that starts at `rss` bytes.
pub(super) fn watch(rss: u64) -> Slot {
    let sampler = SAMPLER.get();
    let slot = sampler.slots.open(rss);
    // Without a thread, when the system refuses one, a measurement still has its two ends.
    let thread = sampler.thread.get_or_init(|| sampler.start());
    if let Some(thread) = thread
        && sampler.slots.ends_rest()
    {
        thread.unpark();
    }
    slot
}

/// The processor time that watching has taken so far, which is not the host program's own.
pub(super) fn cost() -> Duration {
    Duration::from_nanos(SAMPLER.get().cost.load(Relaxed))
}

impl Sampler {
    fn new() -> Self {
        Self {
            slots: Slots::new(),
            thread: OnceLock::new(),
            cost: AtomicU64::new(0),
        }
    }

    fn start(&'static self) -> Option<Thread> {
        thread::Builder::new()
            .name("ptpd-rss-peak".to_owned())
            // It calls one system call and formats nothing.
            .stack_size(128 * 1024)
            .spawn(|| self.run())
            .ok()
            .map(|handle| handle.thread().clone())
    }

    fn run(&self) {
        let read = || Some(super::process::memory().ok()?.rss);
        let mut seen = self.slots.begun();
        let mut newest = Instant::now();
        let mut last_open = newest;
        loop {
            let begun = self.slots.begun();
            let now = Instant::now();
            if begun != seen {
                seen = begun;
                newest = now;
                last_open = now;
            }
            self.cost.store(own_nanos(), Relaxed);
            if self.slots.is_any_open() {
                last_open = now;
                self.slots.raise(read);
                self.rest(interval(now - newest), seen);
            } else if now - last_open < LINGER {
                self.rest(interval(now - last_open), seen);
            } else {
                self.rest(Duration::MAX, seen);
            }
        }
    }

    fn rest(&self, interval: Duration, seen: usize) {
        if interval <= FASTEST {
            // Nobody needs to wake it so soon before it wakes up anyway.
            thread::park_timeout(interval);
        } else if interval == Duration::MAX {
            self.slots.rest(seen, thread::park);
        } else {
            self.slots.rest(seen, || thread::park_timeout(interval));
        }
    }
}

/// The processor time of the calling thread.
#[cfg(unix)]
fn own_nanos() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).cast_unsigned()
}

#[cfg(not(unix))]
fn own_nanos() -> u64 {
    0
}

/// The interval when the youngest measurement is `age` old, or the last one ended that long ago.
fn interval(age: Duration) -> Duration {
    (age / PART).clamp(FASTEST, SLOWEST)
}
