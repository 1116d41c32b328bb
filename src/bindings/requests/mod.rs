//! `APIPerformanceTracker`, and the objects that it hands out.

pub mod failure;
pub mod timer;
pub mod tracker;
pub mod view;

pub use tracker::{APIPerformanceTracker, DEFAULT_METHOD};
