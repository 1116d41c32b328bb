//! The Python module. One file for each room of the core; nothing but exports here.

#![allow(
    clippy::doc_markdown,
    reason = "the docs here are Python's, and reStructuredText"
)]

mod array;
mod awaitable;
mod arguments;
mod clock;
mod context;
mod convert;
mod errors;
mod json;
mod logging;
mod metadata;
mod models;
mod monitor;
mod overrides;
mod report;
mod requests;
mod settings;
mod timer;
mod views;
mod process;
mod resource_usage_stub;
mod resources;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::clock::ManualClock;
    #[pymodule_export]
    use super::context::Session;
    #[pymodule_export]
    use super::models::{APIMetric, CacheStats, Model, PerformanceMetric, ResourceUsage};
    #[pymodule_export]
    use super::monitor::PerformanceMonitor;
    #[pymodule_export]
    use super::report::PerformanceReport;
    #[pymodule_export]
    use super::requests::{APIPerformanceTracker, RequestTimer};
    #[pymodule_export]
    use super::settings::{MonitoringSettings, read_settings};
    #[pymodule_export]
    use super::timer::Timer;
    use super::process::process_memory;
    #[pymodule_export]
    use super::resource_usage_stub::ResourceUsage;
    #[pymodule_export]
    use super::resources::ResourceMonitor;
}
