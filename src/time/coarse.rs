//! What a clock that lags behind tells.

use super::Monotonic;

/// How far the kernel's coarse clock can lag: well beyond the longest tick, a hundredth of a second.
pub const LAG_NANOS: u64 = 100_000_000;

/// Whether `moment` has come when a clock that never runs ahead, and lags by [`LAG_NANOS`] at most,
/// stands at `coarse`. Where that cannot tell, the `precise` one is read.
#[inline]
pub fn has_come(moment: Monotonic, coarse: Monotonic, precise: impl FnOnce() -> Monotonic) -> bool {
    let ahead = moment.0.saturating_sub(coarse.0);
    ahead == 0 || (ahead <= LAG_NANOS && precise() >= moment)
}
