//! The measurements that are open, as they and the one thread that reads the RSS share them.

use std::array;

use crate::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
};

/// Peaks are kept in units of 1 KiB, which leaves bits for the generation.
pub const UNIT: u64 = 1024;
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

/// Room for `N` measurements that are open at once; further ones see their two ends only.
pub struct Slots<const N: usize> {
    cells: [AtomicU64; N],
    /// When each was opened, in the ticks of [`Slots::open_at`], and its generation then.
    since: [AtomicU64; N],
    /// The peaks of the children's memory.
    children: [AtomicU64; N],
    /// How many measurements are open.
    open: AtomicUsize,
    /// How many were ever opened; tells the thread that there is a young one.
    begun: AtomicUsize,
    /// Whether the thread rests and wants to be woken for new work.
    resting: AtomicBool,
}

/// A measurement's slot, given back when dropped.
pub struct Slot<'a, const N: usize> {
    slots: &'a Slots<N>,
    place: Option<usize>,
}

impl<const N: usize> Default for Slots<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Slots<N> {
    /// Nothing is open.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            cells: [const { AtomicU64::new(0) }; N],
            since: [const { AtomicU64::new(0) }; N],
            children: [const { AtomicU64::new(0) }; N],
            open: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
        }
    }

    /// A slot for a measurement that starts at `rss` bytes. After that [`Slots::ends_rest`] is to be
    /// asked.
    #[must_use]
    pub fn open(&self, rss: u64) -> Slot<'_, N> {
        self.open_at(rss, 0)
    }

    /// Likewise, at `tick`, by which [`Slots::raise_children`] tells it from others.
    #[must_use]
    pub fn open_at(&self, rss: u64, tick: u64) -> Slot<'_, N> {
        let place = self.claim(rss, tick);
        self.open.fetch_add(1, SeqCst);
        self.begun.fetch_add(1, SeqCst);
        Slot { slots: self, place }
    }

    /// Whether the thread rests, and is to be woken by whoever is told so, which is one caller.
    #[must_use]
    pub fn ends_rest(&self) -> bool {
        self.resting.load(SeqCst) && self.resting.swap(false, SeqCst)
    }

    /// Whether a measurement is open.
    #[must_use]
    pub fn is_any_open(&self) -> bool {
        self.open.load(SeqCst) > 0
    }

    /// How many measurements were ever opened.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.begun.load(SeqCst)
    }

    /// The thread's: lets it `sleep`, unless more than the measurements that it has `seen` were
    /// begun. One that begins from here on is told to wake it.
    pub fn rest(&self, seen: usize, sleep: impl FnOnce()) {
        self.resting.store(true, SeqCst);
        // Either this sees what was begun meanwhile, or who began it sees the flag.
        if self.begun.load(SeqCst) == seen {
            sleep();
        }
        self.resting.store(false, SeqCst);
    }

    /// The thread's: raises the peak of every measurement that was open before and after `read` told
    /// the RSS in bytes.
    pub fn raise(&self, read: impl FnOnce() -> Option<u64>) {
        let mut before = [Cell(0); N];
        for (cell, slot) in before.iter_mut().zip(&self.cells) {
            *cell = Cell(slot.load(Acquire));
        }
        let Some(rss) = read() else {
            return;
        };
        for (cell, slot) in before.into_iter().zip(&self.cells) {
            let raised = Cell::new(cell.generation(), rss);
            if cell.is_open() && raised.bytes() > cell.bytes() {
                // Only this thread raises peaks, so a failure means that the slot was given back.
                let _ = slot.compare_exchange(cell.0, raised.0, AcqRel, Relaxed);
            }
        }
    }

    /// The thread's: raises the peak of the children of every measurement that was open before
    /// `read` looked at these, to what it told of them since the tick at which the measurement began.
    pub fn raise_children<F: Fn(u64) -> u64>(&self, read: impl FnOnce() -> F) {
        let open: [Option<(u64, Cell)>; N] = array::from_fn(|place| {
            let cell = Cell(self.cells[place].load(SeqCst));
            let since = self.since[place].load(SeqCst);
            let peak = Cell(self.children[place].load(SeqCst));
            // Whoever has just opened it may not have said since when.
            let told = [since >> PEAK_BITS, peak.generation()];
            (cell.is_open() && told == [cell.generation(); 2]).then_some((since & PEAK_MASK, peak))
        });
        if open.iter().all(Option::is_none) {
            return;
        }
        let highest_since = read();
        for (open, place) in open.into_iter().zip(&self.children) {
            let Some((tick, peak)) = open else { continue };
            let raised = Cell::new(peak.generation(), highest_since(tick));
            if raised.bytes() > peak.bytes() {
                // As above.
                let _ = place.compare_exchange(peak.0, raised.0, SeqCst, Relaxed);
            }
        }
    }

    fn claim(&self, rss: u64, tick: u64) -> Option<usize> {
        self.cells.iter().enumerate().find_map(|(place, slot)| {
            let free = Cell(slot.load(Relaxed));
            let owned = Cell::new(free.generation().wrapping_add(1), rss);
            if free.is_open()
                || slot
                    .compare_exchange(free.0, owned.0, AcqRel, Relaxed)
                    .is_err()
            {
                return None;
            }
            let generation = owned.generation();
            self.children[place].store(Cell::new(generation, 0).0, SeqCst);
            let since = generation << PEAK_BITS | (tick & PEAK_MASK);
            self.since[place].store(since, SeqCst);
            Some(place)
        })
    }

    fn release(&self, place: usize) {
        // The thread may be raising the peak at this moment; the generation has to win.
        let close = |cell| Some(Cell::new(Cell(cell).generation().wrapping_add(1), 0).0);
        let _ = self.cells[place].fetch_update(AcqRel, Relaxed, close);
    }
}

impl<const N: usize> Slot<'_, N> {
    /// The highest RSS seen so far, in bytes, rounded down to 1 KiB.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.place.map_or(0, |place| {
            Cell(self.slots.cells[place].load(Acquire)).bytes()
        })
    }

    /// The highest RSS of a child seen so far, likewise.
    #[must_use]
    pub fn children_peak(&self) -> u64 {
        self.place.map_or(0, |place| {
            Cell(self.slots.children[place].load(SeqCst)).bytes()
        })
    }
}

impl<const N: usize> Drop for Slot<'_, N> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.slots.release(place);
        }
        self.slots.open.fetch_sub(1, SeqCst);
    }
}
