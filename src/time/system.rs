//! The operating system's clocks.

use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(target_os = "linux")]
use super::has_come;
use super::{Monotonic, WallOffset};

static WALL_OFFSET: WallOffset = WallOffset::new();

/// The wall time at `moment`, which must have been read just now.
#[inline]
pub fn wall_at(moment: Monotonic) -> i64 {
    WALL_OFFSET.wall_at(moment, monotonic, wall)
}

fn wall() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use rustix::time::{ClockId, clock_gettime};

    use crate::time::{Monotonic, NANOS_PER_SEC};

    #[inline]
    fn read(clock: ClockId) -> Monotonic {
        let time = clock_gettime(clock);
        Monotonic((time.tv_sec * NANOS_PER_SEC + time.tv_nsec).cast_unsigned())
    }

    #[inline]
    pub fn monotonic() -> Monotonic {
        read(ClockId::Monotonic)
    }

    /// The monotonic clock as of the last tick, a few milliseconds ago. It costs no reading of
    /// the hardware counter and never runs ahead.
    #[inline]
    pub fn coarse_monotonic() -> Monotonic {
        read(ClockId::MonotonicCoarse)
    }
}

/// The time line of the kernel's clock, read by the counter that the kernel itself reads it by.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod counted {
    use std::{
        cell::Cell,
        fs,
        sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    };

    use safe_arch::read_timestamp_counter;

    use super::kernel;
    use crate::time::{
        Monotonic,
        tsc::{Anchor, Rate, Reading},
    };

    const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

    static UNUSABLE: AtomicBool = AtomicBool::new(false);
    static RATE: Rate = Rate::new();
    thread_local!(static ANCHOR: Cell<Anchor> = const { Cell::new(Anchor::NONE) });

    #[inline]
    pub fn monotonic() -> Monotonic {
        if UNUSABLE.load(Relaxed) {
            return kernel::monotonic();
        }
        match ANCHOR.get().nanos_at(read_timestamp_counter()) {
            Some(nanos) => Monotonic(nanos),
            None => renew(),
        }
    }

    #[cold]
    fn renew() -> Monotonic {
        if RATE.is_hopeless() || !is_kernels_choice() {
            UNUSABLE.store(true, Relaxed);
            return kernel::monotonic();
        }
        let take = || Reading::take(read_timestamp_counter, || kernel::monotonic().0);
        let (reading, rate) = RATE.learn(take);
        let anchor = match rate {
            Some(rate) => ANCHOR.get().renewed(reading, rate),
            None => Anchor::NONE,
        };
        ANCHOR.set(anchor);
        Monotonic(anchor.nanos_at(reading.ticks).unwrap_or(reading.nanos))
    }

    /// Whether the kernel has found the counter good enough for its own clock: the same on all
    /// processors, and steady. Any thread that asks first looks, and none waits for another, which
    /// a fork may have left behind.
    fn is_kernels_choice() -> bool {
        const UNKNOWN: u8 = 0;
        const YES: u8 = 1;
        const NO: u8 = 2;
        static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);

        if ANSWER.load(Relaxed) == UNKNOWN {
            let source = fs::read_to_string(CLOCK_SOURCE);
            let is_it = source.is_ok_and(|source| source.trim() == "tsc");
            ANSWER.store(if is_it { YES } else { NO }, Relaxed);
        }
        ANSWER.load(Relaxed) == YES
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use counted::monotonic;

#[cfg(all(target_os = "linux", not(target_arch = "x86_64")))]
pub use kernel::monotonic;

#[cfg(not(target_os = "linux"))]
#[inline]
pub fn monotonic() -> Monotonic {
    use std::{sync::LazyLock, time::Instant};

    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let origin = *ORIGIN;
    Monotonic(u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// What comparing `moment` with [`monotonic`] says, for less while it is far ahead.
#[cfg(target_os = "linux")]
#[inline]
pub fn has_reached(moment: Monotonic) -> bool {
    has_come(moment, kernel::coarse_monotonic(), monotonic)
}

#[cfg(not(target_os = "linux"))]
#[inline]
pub fn has_reached(moment: Monotonic) -> bool {
    monotonic() >= moment
}
