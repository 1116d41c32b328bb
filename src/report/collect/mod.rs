//! Reports from what memory and histories hold.
//!
//! What a source records goes to both, so the two overlap: of a source's own samples those in memory
//! count as long as none of the period are gone from there, else those on disk, and never both. What
//! it recorded after its history was closed is in memory alone, and what other writers of the file
//! recorded on disk alone: both come on top.

mod changed;
mod comparison;
pub(super) mod endpoints;
mod entries;
pub(super) mod operations;
mod period;
mod requests;
mod requests_report;
pub(super) mod samples;
mod sources;
mod versions;

pub use endpoints::{EndpointsInMemory, RecordedEndpoint, endpoints, routes};
pub use operations::{InMemory, RecordedOperation, operations};
pub use period::Drawn;
pub use requests::{MAX_REPORTED_ERRORS, errors, routes_of_several};
pub use requests_report::requests_report;
pub use samples::{EXACT, Origin, Samples};
pub use sources::{Caller, Sources, TrackerSource, methods_in_memory};
