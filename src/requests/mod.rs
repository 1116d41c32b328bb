//! API requests and their summaries.

mod errors;
mod groups;
mod request;
mod source;
mod state;
mod statuses;
mod tracker;

pub use errors::{MAX_ENDPOINT_ERRORS, MAX_ERRORS};
pub use groups::{Errors, Group, Grouping, OwnErrors, OwnGroup, Routes, route};
pub use request::Request;
pub use statuses::{Statuses, http_status};
pub use tracker::{EndpointStats, MAX_METHODS, Requests};
