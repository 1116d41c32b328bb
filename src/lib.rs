//! In-process performance monitoring: the core, and behind the feature `python` its bindings.

pub mod clock;
pub mod error;
pub mod system;

#[cfg(feature = "python")]
mod bindings;
