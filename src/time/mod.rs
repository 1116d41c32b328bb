//! Time: the clocks that durations and stamps come from, and what a stamp reads on the wall.

mod clock;
mod coarse;
mod iso;
mod moment;
mod range;
mod system;
pub mod tsc;
mod wall_offset;
mod zone;

pub use clock::{Clock, ManualClock};
pub use coarse::{LAG_NANOS, has_come};
pub use iso::{IsoFormatter, Times, iso_in, iso_local};
pub use moment::{Monotonic, NANOS_PER_SEC, nanos_from_seconds, seconds_from_nanos};
pub use range::TimeRange;
pub use wall_offset::{TRUST_NANOS, WallOffset};
pub use zone::Zone;
