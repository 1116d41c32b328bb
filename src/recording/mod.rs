//! What a recorded sample or request goes through: series of recent samples, timers and sessions that are
//! running, and the bounds of all that grows.

pub mod blocks;
pub mod evicted;
pub(crate) mod interned;
pub mod overflow;
pub mod series;
pub mod sessions;
pub mod starts;
pub mod timers;
