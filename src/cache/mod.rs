//! A bounded cache with least-recently-used eviction and a lifetime for each entry.

mod computing;
mod deadlines;
mod index;
mod slots;
mod store;
mod ttl;
mod weighed;
mod weights;

pub use computing::{ComputationId, WaitGraph};
pub use slots::Handle;
pub use store::{Counters, Deleted, Displaced, Found, Store, Undecided, Verdict};
pub use ttl::{NEVER, Ttl};
pub use weighed::Outweighed;
