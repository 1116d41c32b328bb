//! The Python module. One file for each room of the core; nothing but exports here.

#![allow(
    clippy::doc_markdown,
    clippy::unused_self,
    reason = "the docs here are Python's, and so is what takes self"
)]

mod arguments;
mod array;
mod attached;
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
mod notebook;
mod once;
mod operation_name;
mod output;
mod overrides;
mod profile;
mod profile_options;
mod profiler;
mod python_code;
mod ready;
mod recorded;
mod reference;
mod replacement;
mod report;
mod request_failure;
mod request_timer;
mod requests;
mod resources;
mod sessions;
mod settings;
mod shown;
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
    use super::clock::{ManualClock, StagedClock};
    #[pymodule_export]
    #[pymodule_export]
    use super::history::History;
    #[pymodule_export]
    use super::history_view::spreadsheet_text;
    #[pymodule_export]
    use super::models::{APIMetric, CacheStats, Model, PerformanceMetric, ResourceUsage};
    #[pymodule_export]
    use super::monitor::PerformanceMonitor;
    #[pymodule_export]
    use super::profile_options::ProfileOptions;
    #[pymodule_export]
    use super::profiler::ImageProcessingProfiler;
    #[pymodule_export]
    use super::replacement::Replacement;
    #[pymodule_export]
    use super::report::{PerformanceReport, report_fragment};
    #[pymodule_export]
    use super::request_timer::RequestTimer;
    #[pymodule_export]
    use super::requests::APIPerformanceTracker;
    #[pymodule_export]
    use super::resources::ResourceMonitor;
    #[pymodule_export]
    use super::sessions::Session;
    #[pymodule_export]
    use super::settings::{MonitoringSettings, misspelt_settings, read_settings};
    #[pymodule_export]
    use super::shown::{few_samples, iso_text, quantity_text, report_order, time_text};
    #[pymodule_export]
    use super::timer::Timer;

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        super::once::refuse_subinterpreters(module.py())?;
        super::hooks::install(module.py())?;
        super::once::fill_cells(module.py())?;
        // Later, an import could wait for one that another thread is in the middle of.
        module.py().import(super::charts::REPORT)?;
        super::models::complete(module.py())?;
        Ok(())
    }
}
