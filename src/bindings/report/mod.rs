//! `PerformanceReport`, and what reports are made of and shown as.

pub mod changed;
pub mod charts;
pub mod comparison;
pub mod entries;
pub mod figures;
pub mod notebook;
pub mod recorded;
pub mod report;
pub mod texts;
pub mod versions;

pub use report::{PerformanceReport, report_fragment};
