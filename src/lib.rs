//! In-process performance monitoring: the core, and behind the feature `python` its bindings.
//!
//! A sample flows one way: it is recorded into a series, and readers take it from there.

pub mod bounds;
pub mod cache;
pub mod calendar;
pub mod clock;
pub mod entered;
pub mod error;
pub mod fallen_off;
pub mod history;
mod home;
pub mod images;
pub mod misspelt;
pub mod monitor;
mod names;
pub mod profile;
pub mod report;
pub mod requests;
pub mod rollup;
pub mod series;
pub mod sessions;
pub mod settings;
pub mod short;
pub mod starts;
pub mod stats;
pub mod sync;
pub mod system;
pub mod threads;
pub mod timers;

#[cfg(feature = "python")]
mod bindings;
