//! The Python module. One room for each of the core's; nothing but exports here.

#![allow(
    clippy::module_inception,
    reason = "a room's main class is in the file of its name"
)]
#![allow(
    clippy::doc_markdown,
    clippy::unused_self,
    reason = "the docs here are Python's, and so is what takes self"
)]

mod arguments;
mod cache;
mod clock;
mod history;
mod hooks;
mod init;
mod logging;
mod models;
mod monitor;
mod output;
mod profiler;
mod python;
mod report;
mod requests;
mod resources;
mod settings;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::cache::CacheManager;
    #[pymodule_export]
    use super::clock::{ManualClock, StagedClock};
    #[pymodule_export]
    use super::history::History;
    #[pymodule_export]
    use super::history::recent::spreadsheet_text;
    #[pymodule_export]
    use super::models::{APIMetric, CacheStats, Model, PerformanceMetric, ResourceUsage};
    #[pymodule_export]
    use super::monitor::PerformanceMonitor;
    #[pymodule_export]
    use super::monitor::sessions::Session;
    #[pymodule_export]
    use super::monitor::timer::Timer;
    #[pymodule_export]
    use super::output::replacement::Replacement;
    #[pymodule_export]
    use super::profiler::ImageProcessingProfiler;
    #[pymodule_export]
    use super::profiler::options::ProfileOptions;
    #[pymodule_export]
    use super::report::changed::report_changed;
    #[pymodule_export]
    use super::report::texts::{few_samples, iso_text, quantity_text, report_order, time_text};
    #[pymodule_export]
    use super::report::{PerformanceReport, report_fragment};
    #[pymodule_export]
    use super::requests::APIPerformanceTracker;
    #[pymodule_export]
    use super::requests::timer::RequestTimer;
    #[pymodule_export]
    use super::resources::ResourceMonitor;
    #[pymodule_export]
    use super::settings::{MonitoringSettings, misspelt_settings, read_settings};

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        super::init::refuse_subinterpreters(module.py())?;
        super::hooks::install(module.py())?;
        super::init::fill_cells(module.py())?;
        // Later, an import could wait for one that another thread is in the middle of.
        module.py().import(super::report::charts::REPORT)?;
        super::models::complete(module.py())?;
        Ok(())
    }
}
