//! What a period's operations and requests come to, of memory and of a history together.

pub(super) mod api;
pub(super) mod recorded;
pub(super) mod requests;
