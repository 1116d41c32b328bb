//! Wall time from monotonic time, by the distance between the two.

use super::Monotonic;
use crate::sync::atomic::{
    AtomicI64, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// For how many nanoseconds the distance between the two clocks is trusted. NTP slews both alike,
/// so it changes only when somebody steps the wall clock, or when the machine wakes up, which is
/// noticed after this long.
pub const TRUST_NANOS: u64 = 1_000_000;

/// A reading of both clocks that took less was not interrupted.
const TIGHT_NANOS: u64 = 1_000;
const ATTEMPTS: usize = 4;

/// In place of a moment: not read yet, and being read by a thread. No clock gets as far, so that
/// both look like a reading of long ago, and the record path needs no comparison of their own.
const UNREAD: u64 = 1 << 63;
const BEING_READ: u64 = 3 << 62;

/// The distance from monotonic to wall time, read again when it is more than [`TRUST_NANOS`] old.
/// It spares the record path a second reading of a clock.
#[derive(Debug)]
pub struct WallOffset {
    nanos: AtomicI64,
    /// The moment before the reading that `nanos` is from. Published after it, and taken by who
    /// renews it, so that it is never newer than `nanos`.
    read_at: AtomicU64,
}

/// Both clocks, read one after the other.
struct Reading {
    /// The moment before the wall clock was read.
    at: u64,
    /// How far the wall clock was ahead of it.
    offset: i64,
    /// How long it took. So much may `offset` be too large.
    gap: u64,
}

impl Reading {
    fn take(monotonic: &impl Fn() -> Monotonic, wall: &impl Fn() -> i64) -> Self {
        let before = monotonic().0;
        let wall = wall();
        Self {
            at: before,
            offset: wall.saturating_sub_unsigned(before),
            // A clock that ran backwards meanwhile makes it the widest gap.
            gap: monotonic().0.wrapping_sub(before),
        }
    }

    /// A preemption between the readings would shift every stamp until the next one, so the
    /// tightest of a few attempts counts.
    fn tightest(monotonic: &impl Fn() -> Monotonic, wall: &impl Fn() -> i64) -> Self {
        let mut best = Self::take(monotonic, wall);
        for _ in 1..ATTEMPTS {
            if best.gap < TIGHT_NANOS {
                break;
            }
            let next = Self::take(monotonic, wall);
            if next.gap < best.gap {
                best = next;
            }
        }
        best
    }
}

impl Default for WallOffset {
    fn default() -> Self {
        Self::new()
    }
}

impl WallOffset {
    /// One that reads both clocks when it is first asked.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nanos: AtomicI64::new(0),
            read_at: AtomicU64::new(UNREAD),
        }
    }

    /// The wall time at `moment`, which must have been read from `monotonic` just now.
    #[must_use]
    #[inline]
    pub fn wall_at(
        &self,
        moment: Monotonic,
        monotonic: impl Fn() -> Monotonic,
        wall: impl Fn() -> i64,
    ) -> i64 {
        let read_at = self.read_at.load(Acquire);
        // A moment before the reading wraps round, and has it renewed: another thread may have read
        // it since, but a clock may also have been set back, by a process restored elsewhere.
        let offset = if moment.0.wrapping_sub(read_at) > TRUST_NANOS {
            self.renew(read_at, &monotonic, &wall)
        } else {
            self.nanos.load(Relaxed)
        };
        offset.saturating_add_unsigned(moment.0)
    }

    /// Reads the distance again, for all if no other thread is about to, which may have read it
    /// long ago: only one at a time may store what it read.
    #[cold]
    fn renew(&self, seen: u64, monotonic: &impl Fn() -> Monotonic, wall: &impl Fn() -> i64) -> i64 {
        let for_all = seen != BEING_READ
            && self
                .read_at
                .compare_exchange(seen, BEING_READ, Relaxed, Relaxed)
                .is_ok();
        let reading = Reading::tightest(monotonic, wall);
        if for_all {
            self.nanos.store(reading.offset, Relaxed);
            self.read_at.store(reading.at, Release);
        }
        reading.offset
    }
}
