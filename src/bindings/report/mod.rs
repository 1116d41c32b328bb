//! `PerformanceReport`, and what reports are made of and shown as.

pub mod caller;
pub mod changed;
pub mod charts;
pub mod figures;
pub mod notebook;
pub mod report;
pub mod texts;

pub use report::{PerformanceReport, report_fragment};
