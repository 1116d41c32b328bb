//! Two periods, sessions or versions against each other: what their samples say of a change.

pub(super) mod comparison;
pub(super) mod difference;
pub(super) mod evidence;
pub(super) mod failures;
pub(super) mod verdict;
