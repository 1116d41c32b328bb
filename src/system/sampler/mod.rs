//! Watches the RSS while somebody measures its peak.
//!
//! One native thread for the process serves all measurements that are open. It is started by the
//! first one, knows nothing of any interpreter, and costs nothing once nobody has measured for a
//! second. Opening and closing a measurement are a few atomic operations: no lock that the
//! thread could hold while it is preempted, and no system call to wake it as long as it is awake.

pub mod slots;

use std::{
    thread,
    time::{Duration, Instant},
};

use super::per_process::{PerProcess, ThisProcess};
use crate::{
    sync::{
        Mutex,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    threads::{Fork, Going, Told, Worker},
};
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
/// Looking at the children, which takes longer the more there are, takes no more of the time than one
/// part of so many.
#[cfg(target_os = "linux")]
const CHILDREN_PART: u32 = 20;
/// For how long the thread stays awake with nothing to do.
const LINGER: Duration = Duration::from_secs(1);
/// How long a fork waits for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The shared state of the thread and the measurements.
struct Sampler {
    slots: Slots<SLOTS>,
    /// Whether the thread needs no start.
    runs: AtomicBool,
    /// Taken while attached to the interpreter.
    state: Mutex<State>,
    /// Threads that a fork has told to end.
    going: Going,
    /// The processor time that the thread has taken, and others before it, in nanoseconds.
    cost: AtomicU64,
}

#[derive(Default)]
struct State {
    worker: Option<Worker>,
    /// How many forks are under way, during which there is no thread.
    forks: usize,
}

// In a forked child the thread does not exist, and the parent's slots are of no use.
static SAMPLER: PerProcess<Sampler> = PerProcess::new(Sampler::new);

/// A slot of the sampler, given back when dropped.
pub(super) type Slot = slots::Slot<'static, SLOTS>;

/// Begins to watch for a measurement that starts at `rss` bytes and at `tick`, by which it is told which
/// of the children are younger.
pub(super) fn watch(process: ThisProcess, rss: u64, tick: u64) -> Slot {
    let sampler = SAMPLER.of(process);
    let slot = sampler.slots.open_at(rss, tick);
    // Without a thread, when the system refuses one, a measurement still has its two ends.
    if !sampler.runs.load(SeqCst) {
        sampler.start(&mut sampler.state.lock());
    } else if sampler.slots.ends_rest()
        && let Some(worker) = &sampler.state.lock().worker
    {
        worker.thread().unpark();
    }
    slot
}

/// Before a fork, and attached: tells the thread to end.
pub fn begin_fork() -> Fork {
    let sampler = SAMPLER.get();
    let mut state = sampler.state.lock();
    state.forks += 1;
    sampler.runs.store(true, SeqCst);
    let worker = state.worker.take();
    if let Some(worker) = &worker {
        worker.tell_to_end();
    }
    sampler.going.wait_for(worker.into_iter().collect())
}

/// Before a fork, after [`begin_fork`], and not attached: waits until the thread is gone.
pub fn wait_for_fork(fork: Fork) {
    fork.wait(PATIENCE, || ());
}

/// After a fork, or one that failed, in the parent: has the thread come back if something is measured.
pub fn after_fork_in_parent() {
    let sampler = SAMPLER.get();
    let mut state = sampler.state.lock();
    state.forks = state.forks.saturating_sub(1);
    if state.forks == 0 {
        sampler.runs.store(false, SeqCst);
        if sampler.slots.is_any_open() {
            sampler.start(&mut state);
            // The child may just have taken the last process that there may be.
            sampler.runs.store(state.worker.is_some(), SeqCst);
        }
    }
}

/// The processor time that watching has taken so far, which is not the host program's own.
pub(super) fn cost(process: ThisProcess) -> Duration {
    Duration::from_nanos(SAMPLER.of(process).cost.load(Relaxed))
}

impl Sampler {
    fn new() -> Self {
        Self {
            slots: Slots::new(),
            runs: AtomicBool::new(false),
            state: Mutex::default(),
            going: Going::new(),
            cost: AtomicU64::new(0),
        }
    }

    /// Starts the thread unless it runs, or may not. It is tried once or twice between two
    /// forks.
    fn start(&'static self, state: &mut State) {
        if self.runs.swap(true, SeqCst) || state.forks > 0 {
            return;
        }
        // It calls one system call and formats nothing.
        let stack = Some(128 * 1024);
        state.worker = Worker::spawn("ptpd-rss-peak", stack, |told| self.run(told)).ok();
    }

    fn run(&self, told: &Told) {
        let before = self.cost.load(Relaxed);
        let read = || Some(super::process::memory().ok()?.rss);
        let mut seen = self.slots.begun();
        let mut newest = Instant::now();
        let mut last_open = newest;
        let mut look = newest;
        while !told.is_to_end() {
            let begun = self.slots.begun();
            let now = Instant::now();
            if begun != seen {
                seen = begun;
                newest = now;
                last_open = now;
            }
            self.cost.store(before + own_nanos(), Relaxed);
            if self.slots.is_any_open() {
                last_open = now;
                self.slots.raise(read);
                if now >= look {
                    look = now + self.look_at_children();
                }
                self.rest(interval(now - newest), seen);
            } else if now - last_open < LINGER {
                self.rest(interval(now - last_open), seen);
            } else {
                self.rest(Duration::MAX, seen);
            }
        }
    }

    /// Looks at the memory of the children and returns for how long to leave them alone.
    fn look_at_children(&self) -> Duration {
        #[cfg(target_os = "linux")]
        {
            let begun = Instant::now();
            self.slots.raise_children(|| {
                let children = super::children::readings();
                move |tick| {
                    let highest = children.iter().map(|child| child.highest_since(tick));
                    highest.max().unwrap_or(0)
                }
            });
            begun.elapsed() * CHILDREN_PART
        }
        #[cfg(not(target_os = "linux"))]
        Duration::from_hours(1)
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
