//! `PerformanceMonitor`, and the objects that it hands out.

pub mod export;
pub mod metadata;
pub mod monitor;
pub mod sessions;
pub mod timer;
pub mod views;

pub use monitor::PerformanceMonitor;
