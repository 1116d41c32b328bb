//! In-process performance monitoring: the core, and behind the feature `python` its bindings.
//!
//! A sample flows one way: it is recorded into a series, and readers take it from there.

pub mod cache;
pub mod error;
pub mod export;
pub mod history;
mod home;
pub mod monitor;
pub mod profiler;
pub mod quantity;
pub mod recording;
pub mod report;
pub mod requests;
pub mod rollup;
pub mod settings;
pub mod stats;
pub mod sync;
pub mod system;
pub mod text;
pub mod threads;
pub mod time;
pub mod units;

#[cfg(feature = "python")]
mod bindings;
