//! Rollups on disk: a file that several processes write to at the same time.
//!
//! What each source of a process records is taken from it every second, by a thread of its own, and
//! added to one row a minute and one row an hour. Readers add up the rows of all writers.

mod backup;
mod change;
mod connected;
mod edition;
mod engine;
mod engines;
mod errors;
mod files;
mod gate;
mod handle;
mod hours;
mod identity;
mod inspect;
mod log;
mod mixed;
mod opening;
mod patience;
mod pending;
mod problem;
mod process;
mod read;
mod recent;
mod retention;
mod rows;
pub mod schema;
mod seen;
mod series;
mod sigterm;
mod spans;
mod store;
mod transaction;
mod turn;
mod versions;
mod watch;
mod writer;

pub use change::{Change, Hindrance};
pub use engine::{Engine, Flushed, Options, Reading, Urgency};
pub use engines::Engines;
pub use errors::FoundError;
pub use gate::{Gate, Inherited, Pass};
pub use handle::{Attachment, History};
pub use hours::Hours;
pub use identity::{HOUR, Identity, hour_shift, hour_start};
pub use inspect::{Info, RowKey, StoredRow};
pub use pending::{Batch, MAX_PENDING, Pending, Slot};
pub use problem::{Cause, Event, Notice, Problem};
pub use process::{
    GATE, after_fork_in_child, after_fork_in_parent, begin_fork, close_for_fork, shut_down,
    takes_sigterm, wait_for_fork,
};
pub use read::{Found, Reader, Timeline};
pub use recent::{Recent, RecentEndpoint, RecentOperation, RecentResource, RecentSamples};
pub use retention::{DEFAULT_DAYS, Retention, delete_some};
pub use series::MAX_SERIES;
pub use sigterm::arm as take_sigterm;
pub use spans::{Kept, Period, Span, Table, fewest, finest};
pub use store::{Access, Act, Failed, Store};
pub use transaction::Committed;
pub use versions::Version;
