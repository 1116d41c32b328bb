//! The Python module. One file for each room of the core; nothing but exports here.

#![allow(
    clippy::doc_markdown,
    clippy::unused_self,
    reason = "the docs here are Python's, and so is what takes self"
)]

mod arguments;
mod array;
mod awaitable;
mod cache;
mod cache_arguments;
mod cache_key;
mod cache_weigher;
mod changed;
mod charts;
mod clock;
mod comparison;
mod computation;
mod context;
mod convert;
mod errors;
mod export;
mod history;
mod history_rows;
mod history_view;
mod hooks;
mod images;
mod json;
mod lock;
mod logging;
mod memory_size;
mod metadata;
mod models;
mod monitor;
mod once;
mod overrides;
mod profile;
mod profiler;
mod python_code;
mod ready;
mod recorded;
mod replacement;
mod report;
mod requests;
mod resources;
mod settings;
mod statistics;
mod timer;
mod versions;
mod views;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::cache::CacheManager;
    #[pymodule_export]
    use super::changed::report_changed;
    #[pymodule_export]
    use super::clock::ManualClock;
    #[pymodule_export]
    use super::context::Session;
    #[pymodule_export]
    use super::history::History;
    #[pymodule_export]
    use super::history_view::spreadsheet_text;
    #[pymodule_export]
    use super::models::{APIMetric, CacheStats, Model, PerformanceMetric, ResourceUsage};
    #[pymodule_export]
    use super::monitor::PerformanceMonitor;
    #[pymodule_export]
    use super::profiler::ImageProcessingProfiler;
    #[pymodule_export]
    use super::replacement::Replacement;
    #[pymodule_export]
    use super::report::{PerformanceReport, report_fragment};
    #[pymodule_export]
    use super::requests::{APIPerformanceTracker, RequestTimer};
    #[pymodule_export]
    use super::resources::ResourceMonitor;
    #[pymodule_export]
    use super::settings::{MonitoringSettings, read_settings};
    #[pymodule_export]
    use super::timer::Timer;

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        super::once::refuse_subinterpreters(module.py())?;
        super::hooks::install(module.py())?;
        super::once::fill_cells(module.py())?;
        // Later, an import could wait for one that another thread is in the middle of.
        module.py().import(super::charts::REPORT)?;
        Ok(())
    }
}
