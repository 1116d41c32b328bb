//! Monotonic and wall time. Durations and expiry run on the first, stamps on the second.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

use super::{Monotonic, system};

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
            Self::System => system::monotonic(),
            Self::Manual(clock) => Monotonic(clock.monotonic()),
        }
    }

    /// Whether `moment` has come: what comparing it with [`Clock::monotonic`] says, at a quarter of
    /// the cost while it is more than a tenth of a second away.
    #[must_use]
    #[inline]
    pub fn has_reached(&self, moment: Monotonic) -> bool {
        match self {
            Self::System => system::has_reached(moment),
            Self::Manual(_) => self.monotonic() >= moment,
        }
    }

    /// The wall time, in UTC nanoseconds since the Unix epoch, at `moment`, which must have been
    /// read from this clock just now: it spares the record path a second reading.
    #[must_use]
    #[inline]
    pub fn wall_at(&self, moment: Monotonic) -> i64 {
        match self {
            Self::System => system::wall_at(moment),
            Self::Manual(clock) => clock.wall(),
        }
    }

    /// The wall time now, in UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn wall(&self) -> i64 {
        self.wall_at(self.monotonic())
    }
}

/// Where the monotonic time of a clock begins that goes with the system's: far from either end, since
/// it may be told to be centuries away.
const MIDDLE: u64 = 1 << 63;

/// A clock for tests: both times stand still until they are moved. It can be told to go with the
/// system's clocks, and to stand again.
#[derive(Debug)]
pub struct ManualClock {
    monotonic: AtomicU64,
    wall: AtomicI64,
    goes: AtomicBool,
    /// How far the system's wall time was ahead of its monotonic one when this was made.
    ahead: i64,
}

impl ManualClock {
    /// A clock at `wall` UTC nanoseconds since the Unix epoch.
    #[must_use]
    pub fn new(wall: i64) -> Self {
        Self {
            monotonic: AtomicU64::new(0),
            wall: AtomicI64::new(wall),
            goes: AtomicBool::new(false),
            ahead: 0,
        }
    }

    /// A clock that goes with the system's.
    #[must_use]
    pub fn going() -> Self {
        let now = system::monotonic();
        Self {
            goes: AtomicBool::new(true),
            ahead: system::wall_at(now).saturating_sub_unsigned(now.0),
            ..Self::new(0)
        }
    }

    /// Has both times go with the system's.
    pub fn go(&self) {
        self.goes.store(true, Relaxed);
    }

    /// Has a clock that went with the system's stand still: the wall time at `wall`, and the monotonic
    /// one where the system's was, or would be, when it was `moment` on the wall.
    pub fn stand(&self, wall: i64, moment: i64) {
        let monotonic = i128::from(MIDDLE) + i128::from(moment) - i128::from(self.ahead);
        let monotonic = monotonic.clamp(0, u64::MAX.into());
        self.monotonic
            .store(u64::try_from(monotonic).unwrap_or(u64::MAX), Relaxed);
        self.wall.store(wall, Relaxed);
        self.goes.store(false, Relaxed);
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
        if self.goes.load(Relaxed) {
            return system::wall_at(system::monotonic());
        }
        self.wall.load(Relaxed)
    }

    /// The monotonic nanoseconds: since this clock was made, unless it has ever gone.
    #[must_use]
    pub fn monotonic(&self) -> u64 {
        if self.goes.load(Relaxed) {
            return MIDDLE.saturating_add(system::monotonic().0);
        }
        self.monotonic.load(Relaxed)
    }
}
