//! Monotonic and wall time. Durations and expiry run on the first, stamps on the second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: i64 = 1_000_000_000;

/// Monotonic nanoseconds since an arbitrary moment in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// Seconds from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / NANOS_PER_SEC as f64
    }
}

/// Where time comes from. An enum and not a trait object, so that the system's clock costs one
/// predictable branch on the record path and a manual one can be injected from any language.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The operating system's clocks.
    #[default]
    System,
    /// A clock that moves only when told to; for tests.
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// The monotonic time now.
    #[must_use]
    #[inline]
    pub fn monotonic(&self) -> Monotonic {
        match self {
            Self::System => system_monotonic(),
            Self::Manual(clock) => Monotonic(clock.monotonic.load(Relaxed)),
        }
    }

    /// Whether `moment` has come: what comparing it with [`Clock::monotonic`] says, at a quarter of
    /// the cost while it is more than a tenth of a second away.
    #[must_use]
    #[inline]
    pub fn has_reached(&self, moment: Monotonic) -> bool {
        match self {
            Self::System => system_has_reached(moment),
            Self::Manual(_) => self.monotonic() >= moment,
        }
    }

    /// The wall time, in UTC nanoseconds since the Unix epoch, at `moment`, which must have been
    /// read from this clock just now: it spares the record path a second reading.
    #[must_use]
    #[inline]
    pub fn wall_at(&self, moment: Monotonic) -> i64 {
        match self {
            Self::System => system_wall_at(moment),
            Self::Manual(clock) => clock.wall.load(Relaxed),
        }
    }

    /// The wall time now, in UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn wall(&self) -> i64 {
        self.wall_at(self.monotonic())
    }
}

/// A clock for tests: both times stand still until they are moved.
#[derive(Debug)]
pub struct ManualClock {
    monotonic: AtomicU64,
    wall: AtomicI64,
}

impl ManualClock {
    /// A clock at `wall` UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn new(wall: i64) -> Self {
        Self {
            monotonic: AtomicU64::new(0),
            wall: AtomicI64::new(wall),
        }
    }

    /// Moves both times forwards by `nanos`, at most to the end of what they can hold.
    pub fn advance(&self, nanos: u64) {
        let ahead = |time: u64| Some(time.saturating_add(nanos));
        let _ = self.monotonic.fetch_update(Relaxed, Relaxed, ahead);
        let ahead = |time: i64| Some(time.saturating_add_unsigned(nanos));
        let _ = self.wall.fetch_update(Relaxed, Relaxed, ahead);
    }

    /// Sets the wall time alone, as an operator or NTP may at any moment.
    pub fn set_wall(&self, wall: i64) {
        self.wall.store(wall, Relaxed);
    }

    /// The wall time, in UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn wall(&self) -> i64 {
        self.wall.load(Relaxed)
    }

    /// The monotonic nanoseconds since this clock was made.
    #[must_use]
    pub fn monotonic(&self) -> u64 {
        self.monotonic.load(Relaxed)
    }
}

/// Where there is one time line for the fine and the coarse clock, both are read from it.
#[cfg(target_os = "linux")]
mod kernel {
    use rustix::time::{ClockId, clock_gettime};

    use super::{Monotonic, NANOS_PER_SEC};

    /// How far the coarse clock can lag: well beyond the longest tick, a hundredth of a second.
    pub const LAG_NANOS: u64 = 100_000_000;

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

#[cfg(target_os = "linux")]
#[inline]
fn system_monotonic() -> Monotonic {
    kernel::monotonic()
}

#[cfg(not(target_os = "linux"))]
#[inline]
fn system_monotonic() -> Monotonic {
    use std::{sync::LazyLock, time::Instant};

    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let origin = *ORIGIN;
    Monotonic(u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(target_os = "linux")]
#[inline]
fn system_has_reached(moment: Monotonic) -> bool {
    let earliest = kernel::coarse_monotonic();
    let ahead = moment.0.saturating_sub(earliest.0);
    ahead == 0 || (ahead <= kernel::LAG_NANOS && system_monotonic() >= moment)
}

#[cfg(not(target_os = "linux"))]
#[inline]
fn system_has_reached(moment: Monotonic) -> bool {
    system_monotonic() >= moment
}

fn system_wall() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}

/// How long the distance between the two clocks is trusted. NTP slews both clocks alike, so it
/// changes only when somebody steps the wall clock, which is noticed after this long.
const TRUST_NANOS: u64 = 1_000_000;

static WALL_OFFSET: AtomicI64 = AtomicI64::new(0);
static OFFSET_READ_AT: AtomicU64 = AtomicU64::new(0);

#[inline]
fn system_wall_at(moment: Monotonic) -> i64 {
    let read_at = OFFSET_READ_AT.load(Relaxed);
    if read_at == 0 || moment.0.wrapping_sub(read_at) > TRUST_NANOS {
        read_offset();
    }
    WALL_OFFSET.load(Relaxed).saturating_add_unsigned(moment.0)
}

#[cold]
fn read_offset() {
    // A preemption between the readings would shift every stamp of the next millisecond, so the
    // tightest of a few attempts counts.
    let mut best = (u64::MAX, 0_i64, 0_u64);
    for _ in 0..4 {
        let before = system_monotonic().0;
        let wall = system_wall();
        let after = system_monotonic().0;
        let gap = after - before;
        if gap < best.0 {
            best = (gap, wall.saturating_sub_unsigned(before), after);
        }
        if gap < 1_000 {
            break;
        }
    }
    WALL_OFFSET.store(best.1, Relaxed);
    OFFSET_READ_AT.store(best.2.max(1), Relaxed);
}
