//! Monotonic time from a counter of the processor, which costs a third of asking the kernel.
//!
//! The counter is asked how long ago the kernel's clock was read, and only for a moment: an
//! [`Anchor`] ties a reading of the counter to one of the clock, and is trusted for a millisecond.
//! What the counter does between two anchors is no matter then: it may stop, jump, or be another
//! machine's.

use crate::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// For how many nanoseconds an anchor is trusted.
pub const TRUST_NANOS: u64 = 1_000_000;

/// The shortest stretch that tells the counter's rate: both clocks are read to some 50 ns.
const SHORTEST_NANOS: u64 = 10_000_000;
/// How often the rate is learned again. NTP may slew the clock by 500 parts in a million.
const REFRESH_NANOS: u64 = 1_000_000_000;
/// Rates of two stretches differ by less than a part in this many, or the counter is not steady.
const STEADY: u64 = 500;
/// After so many unsteady stretches, which a machine that was suspended or moved has too, the
/// counter is left alone.
const STRIKES: u32 = 5;

/// Binary digits behind the point of a rate.
const FRACTION: u32 = 32;

/// The counter and the kernel's clock, read at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The counter.
    pub ticks: u64,
    /// Nanoseconds of monotonic time.
    pub nanos: u64,
}

impl Reading {
    const TIGHT_TICKS: u64 = 1_000;
    const ATTEMPTS: usize = 4;

    /// Reads both: of a few attempts the one that was interrupted least.
    pub fn take(ticks: impl Fn() -> u64, nanos: impl Fn() -> u64) -> Self {
        let mut best = None;
        for _ in 0..Self::ATTEMPTS {
            let before = ticks();
            let nanos = nanos();
            let gap = ticks().wrapping_sub(before);
            let reading = Self {
                ticks: before.wrapping_add(gap / 2),
                nanos,
            };
            if best.is_none_or(|(least, _)| gap < least) {
                best = Some((gap, reading));
            }
            if gap < Self::TIGHT_TICKS {
                break;
            }
        }
        best.map_or(Self { ticks: 0, nanos: 0 }, |(_, reading)| reading)
    }
}

/// How fast the counter runs, as a process finds out.
#[derive(Debug, Default)]
pub struct Rate {
    /// Nanoseconds a tick, with [`FRACTION`] binary digits; 0 while it is not known.
    nanos_per_tick: AtomicU64,
    ticks: AtomicU64,
    nanos: AtomicU64,
    strikes: AtomicU32,
    /// Whether a thread is learning. A fork at that moment leaves the child with the rate that it
    /// has: too old in time, but never far off.
    learning: AtomicBool,
}

impl Rate {
    /// Not known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nanos_per_tick: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            strikes: AtomicU32::new(0),
            learning: AtomicBool::new(false),
        }
    }

    /// Whether the counter has turned out not to be steady.
    #[must_use]
    #[inline]
    pub fn is_hopeless(&self) -> bool {
        self.strikes.load(Relaxed) >= STRIKES
    }

    /// Takes a reading and learns from it unless another thread is about to. Returns the reading,
    /// and the rate, if it is known.
    pub fn learn(&self, take: impl FnOnce() -> Reading) -> (Reading, Option<u64>) {
        // Taken before the others are kept out, it could be older than the last one by now.
        let reading = if self.learning.swap(true, Acquire) {
            take()
        } else {
            let reading = take();
            self.learn_alone(reading);
            self.learning.store(false, Release);
            reading
        };
        let rate = self.nanos_per_tick.load(Relaxed);
        (reading, (rate != 0).then_some(rate))
    }

    fn learn_alone(&self, reading: Reading) {
        let known = self.nanos_per_tick.load(Relaxed);
        let last = self.nanos.load(Relaxed);
        let is_first = last == 0;
        // None where the clock was set back, in a process that goes on elsewhere.
        let nanos = reading.nanos.checked_sub(last);
        let ticks = reading.ticks.wrapping_sub(self.ticks.load(Relaxed));
        let enough = if known == 0 {
            SHORTEST_NANOS
        } else {
            REFRESH_NANOS
        };
        if !is_first && nanos.is_some_and(|nanos| nanos < enough) {
            return;
        }
        let rate = nanos
            .filter(|_| !is_first)
            .and_then(|nanos| (u128::from(nanos) << FRACTION).checked_div(u128::from(ticks)))
            .and_then(|rate| u64::try_from(rate).ok())
            // Slower than a tick in a microsecond it is not worth while; and products must fit.
            .filter(|&rate| rate < 1_000 << FRACTION)
            .unwrap_or(0);
        let unsteady = known != 0 && rate.abs_diff(known) > known / STEADY;
        if unsteady {
            self.strikes.fetch_add(1, Relaxed);
        }
        self.nanos_per_tick
            .store(if unsteady { 0 } else { rate }, Relaxed);
        self.ticks.store(reading.ticks, Relaxed);
        self.nanos.store(reading.nanos, Relaxed);
    }
}

/// From which reading a thread counts on. Time does not run backwards from one to the next.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    ticks: u64,
    nanos: u64,
    nanos_per_tick: u64,
    /// For how many ticks it is trusted.
    trusted: u64,
}

impl Anchor {
    /// One that is never trusted.
    pub const NONE: Self = Self {
        ticks: 0,
        nanos: 0,
        nanos_per_tick: 0,
        trusted: 0,
    };

    /// The monotonic time when the counter stands at `ticks`, if that is not too long after.
    #[must_use]
    #[inline]
    pub fn nanos_at(&self, ticks: u64) -> Option<u64> {
        // A counter that stands before the anchor wraps round to long after it.
        let since = ticks.wrapping_sub(self.ticks);
        (since < self.trusted).then(|| self.extrapolate(since))
    }

    #[inline]
    fn extrapolate(&self, since: u64) -> u64 {
        self.nanos + ((since * self.nanos_per_tick) >> FRACTION)
    }

    /// The anchor to follow this one, from a new reading of both.
    #[must_use]
    pub fn renewed(&self, reading: Reading, nanos_per_tick: u64) -> Self {
        let trusted = (TRUST_NANOS << FRACTION) / nanos_per_tick;
        // This one may have been ahead by what readings are uncertain by. The next one begins
        // where it left off, and goes slower until the clock has caught up.
        let since = reading.ticks.wrapping_sub(self.ticks);
        let recent = self.trusted > 0 && since < self.trusted.saturating_mul(2);
        let ahead = if recent {
            self.extrapolate(since).saturating_sub(reading.nanos)
        } else {
            0
        };
        if ahead == 0 || ahead >= TRUST_NANOS / 10 {
            return Self {
                ticks: reading.ticks,
                nanos: reading.nanos,
                nanos_per_tick,
                trusted,
            };
        }
        Self {
            ticks: reading.ticks,
            nanos: reading.nanos + ahead,
            nanos_per_tick: nanos_per_tick / TRUST_NANOS * (TRUST_NANOS - ahead)
                + nanos_per_tick % TRUST_NANOS * (TRUST_NANOS - ahead) / TRUST_NANOS,
            trusted,
        }
    }
}
