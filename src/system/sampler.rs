//! Watches the RSS while somebody measures its peak.
//!
//! One native thread for the process serves all measurements that are open. It is started by the
//! first one, knows nothing of any interpreter, and costs nothing once nobody has measured for a
//! second. Opening and closing a measurement are a few atomic operations: no lock that the
//! thread could hold while it is preempted, and no system call to wake it as long as it is awake.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::per_process::PerProcess;

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

/// Peaks are kept in units of 1 KiB, which leaves bits for the generation.
const UNIT: u64 = 1024;
const PEAK_BITS: u32 = 40;
const PEAK_MASK: u64 = (1 << PEAK_BITS) - 1;

/// A peak and a generation, which is odd while a measurement owns the slot. A reading that was
/// taken before the slot changed hands carries the old generation and is refused.
#[derive(Clone, Copy, PartialEq)]
struct Cell(u64);

impl Cell {
    fn new(generation: u64, bytes: u64) -> Self {
        Self(generation << PEAK_BITS | (bytes / UNIT).min(PEAK_MASK))
    }

    fn generation(self) -> u64 {
        self.0 >> PEAK_BITS
    }

    fn is_open(self) -> bool {
        self.generation() & 1 == 1
    }

    fn bytes(self) -> u64 {
        (self.0 & PEAK_MASK) * UNIT
    }
}

/// The shared state of the thread and the measurements.
pub struct Sampler {
    slots: [AtomicU64; SLOTS],
    /// How many measurements are open.
    open: AtomicUsize,
    /// How many were ever opened; tells the thread that there is a young one.
    begun: AtomicUsize,
    /// Whether the thread rests for longer than [`FASTEST`] and wants to be woken for new work.
    resting: AtomicBool,
    thread: OnceLock<Option<Thread>>,
    /// The processor time that the thread has taken, in nanoseconds.
    cost: AtomicU64,
}

// In a forked child the thread does not exist, and the parent's slots are of no use.
static SAMPLER: PerProcess<Sampler> = PerProcess::new(Sampler::new);

/// A slot of the sampler, given back when dropped.
pub struct Slot {
    sampler: &'static Sampler,
    place: Option<usize>,
}

/// Begins to watch for a measurement that starts at `rss` bytes.
pub fn watch(rss: u64) -> Slot {
    let sampler = SAMPLER.get();
    let place = sampler.claim(rss);
    sampler.open.fetch_add(1, Ordering::SeqCst);
    sampler.begun.fetch_add(1, Ordering::SeqCst);
    // Without a thread, when the system refuses one, a measurement still has its two ends.
    let thread = sampler.thread.get_or_init(|| sampler.start());
    if let Some(thread) = thread
        && sampler.resting.load(Ordering::SeqCst)
        && sampler.resting.swap(false, Ordering::SeqCst)
    {
        thread.unpark();
    }
    Slot { sampler, place }
}

/// The processor time that watching has taken so far, which is not the host program's own.
pub fn cost() -> Duration {
    Duration::from_nanos(SAMPLER.get().cost.load(Ordering::Relaxed))
}

impl Slot {
    /// The highest RSS seen so far, in bytes, rounded down to 1 KiB.
    pub fn peak(&self) -> u64 {
        self.place.map_or(0, |place| {
            Cell(self.sampler.slots[place].load(Ordering::Acquire)).bytes()
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.sampler.release(place);
        }
        self.sampler.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Sampler {
    fn new() -> Self {
        Self {
            slots: [const { AtomicU64::new(0) }; SLOTS],
            open: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            thread: OnceLock::new(),
            cost: AtomicU64::new(0),
        }
    }

    fn claim(&self, rss: u64) -> Option<usize> {
        self.slots.iter().position(|slot| {
            let free = Cell(slot.load(Ordering::Relaxed));
            let owned = Cell::new(free.generation().wrapping_add(1), rss);
            !free.is_open()
                && slot
                    .compare_exchange(free.0, owned.0, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        })
    }

    fn release(&self, place: usize) {
        // The thread may be raising the peak at this moment; the generation has to win.
        let close = |cell| Some(Cell::new(Cell(cell).generation().wrapping_add(1), 0).0);
        let _ = self.slots[place].fetch_update(Ordering::AcqRel, Ordering::Relaxed, close);
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
        let mut seen = self.begun.load(Ordering::SeqCst);
        let mut newest = Instant::now();
        let mut last_open = newest;
        loop {
            let begun = self.begun.load(Ordering::SeqCst);
            let now = Instant::now();
            if begun != seen {
                seen = begun;
                newest = now;
                last_open = now;
            }
            self.cost.store(own_nanos(), Ordering::Relaxed);
            if self.open.load(Ordering::SeqCst) > 0 {
                last_open = now;
                self.sample();
                self.rest(interval(now - newest), seen);
            } else if now - last_open < LINGER {
                self.rest(interval(now - last_open), seen);
            } else {
                self.rest(Duration::MAX, seen);
            }
        }
    }

    /// Raises the peak of every measurement that was open before and after the reading.
    fn sample(&self) {
        let mut before = [Cell(0); SLOTS];
        for (cell, slot) in before.iter_mut().zip(&self.slots) {
            *cell = Cell(slot.load(Ordering::Acquire));
        }
        let Ok(memory) = super::process::memory() else {
            return;
        };
        for (cell, slot) in before.into_iter().zip(&self.slots) {
            let raised = Cell::new(cell.generation(), memory.rss);
            if cell.is_open() && raised.bytes() > cell.bytes() {
                // Only this thread raises peaks, so a failure means that the slot was given back.
                let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
                let _ = slot.compare_exchange(cell.0, raised.0, success, failure);
            }
        }
    }

    fn rest(&self, interval: Duration, seen: usize) {
        if interval <= FASTEST {
            thread::park_timeout(interval);
            return;
        }
        self.resting.store(true, Ordering::SeqCst);
        // Either this sees what was begun meanwhile, or who began it sees the flag.
        if self.begun.load(Ordering::SeqCst) == seen {
            if interval == Duration::MAX {
                thread::park();
            } else {
                thread::park_timeout(interval);
            }
        }
        self.resting.store(false, Ordering::SeqCst);
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
