//! In-process performance monitoring: the core, and behind the feature `python` its bindings.

pub mod cache;
pub mod clock;
pub mod error;

#[cfg(feature = "python")]
mod bindings;
