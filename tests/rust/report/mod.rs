//! Reports and their renderings, one file for each file of the room.

mod changed;
mod charts;
mod comparison;
mod csv;
mod few;
mod file;
mod html;
mod markdown;
mod recorded;
mod requests;
mod samples;
mod slots;
mod verdict;
mod verdicts;

use ptpd_monitoring::report::{Caller, schema::AnyReport};
use serde_json::Value;

/// A report as it is rendered.
fn any_report(report: &Value) -> AnyReport {
    report.clone().into()
}

/// A caller who keeps nobody waiting.
pub struct Alone;

impl Caller for Alone {
    fn wait<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }

    fn compute<T: Send>(&self, _samples: usize, work: impl FnOnce() -> T + Send) -> T {
        work()
    }
}
