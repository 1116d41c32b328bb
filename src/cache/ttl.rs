//! Lifetimes and the deadlines they lead to.

use crate::{
    error::{Error, Result},
    time::{Monotonic, NANOS_PER_SEC},
};

/// The deadline that no clock reaches.
pub const NEVER: u64 = u64::MAX;

/// How long an entry lives after it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(u64);

impl Ttl {
    /// The lifetime of entries that do not expire.
    pub const UNLIMITED: Self = Self(NEVER);

    /// `seconds` as a lifetime. Zero, less than zero and infinity mean unlimited, and so does what
    /// exceeds the clock's range of 584 years. A positive lifetime is at least one nanosecond.
    ///
    /// A NaN is an [`Error::InvalidArgument`] about `name`.
    pub fn from_seconds(name: &'static str, seconds: f64) -> Result<Self> {
        if seconds.is_nan() {
            return Err(Error::argument(name, "nan", "a number of seconds"));
        }
        if seconds <= 0.0 {
            return Ok(Self::UNLIMITED);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is positive and the cast saturates"
        )]
        let nanos = (seconds * NANOS_PER_SEC as f64).round() as u64;
        Ok(Self(nanos.max(1)))
    }

    /// [`Ttl::from_seconds`] for whole seconds, without rounding.
    #[must_use]
    #[inline]
    pub const fn from_whole_seconds(seconds: i64) -> Self {
        if seconds <= 0 {
            return Self::UNLIMITED;
        }
        Self(
            seconds
                .cast_unsigned()
                .saturating_mul(NANOS_PER_SEC.cast_unsigned()),
        )
    }

    /// The first nanosecond at which an entry set now is no longer alive. Calls `now` only if the
    /// lifetime is limited, because reading a clock costs as much as the rest of a look-up.
    #[inline]
    pub fn deadline(self, now: impl FnOnce() -> Monotonic) -> u64 {
        if self == Self::UNLIMITED {
            NEVER
        } else {
            now().0.saturating_add(self.0)
        }
    }
}
