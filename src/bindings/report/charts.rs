//! Reports that carry what their charts are drawn from.

use std::sync::{Arc, OnceLock};

use pyo3::{prelude::*, types::PyDict};

use crate::bindings::python::{code::PythonCode, objects::attribute};
use crate::{
    history::History,
    report::charts::{Charts, ResourceChart},
    time::TimeRange,
};

/// The Python module with the class of reports, which only Python can derive from `dict`.
pub const REPORT: &str = "ptpd_monitoring._report";

/// What the charts of a report are drawn from.
#[pyclass(frozen, module = "ptpd_monitoring")]
pub struct ReportCharts {
    charts: Charts,
    /// Where the rest is found, which takes longer to read than the report itself.
    rest: Option<(Arc<History>, TimeRange)>,
    whole: OnceLock<Charts>,
}

/// The `Report` of a dict. With a history, its charts are completed from there when they are drawn.
pub fn report(
    figures: Bound<'_, PyDict>,
    charts: Option<Charts>,
    rest: Option<(Arc<History>, TimeRange)>,
) -> PyResult<Bound<'_, PyAny>> {
    let py = figures.py();
    let charts = charts
        .map(|charts| {
            let whole = OnceLock::new();
            Bound::new(
                py,
                ReportCharts {
                    charts,
                    rest,
                    whole,
                },
            )
        })
        .transpose()?;
    let _python = PythonCode::begin(py);
    let report = py.import(REPORT)?.getattr("Report")?.call1((figures,))?;
    report.setattr("_charts", charts)?;
    Ok(report)
}

/// The charts that a dict carries, if it is a report of ours.
pub fn charts_of<'py>(report: &Bound<'py, PyAny>) -> Option<Bound<'py, ReportCharts>> {
    attribute(report, "_charts")?.cast_into().ok()
}

impl ReportCharts {
    /// What of the charts there is without reading a history.
    pub fn known(&self) -> &Charts {
        &self.charts
    }

    /// The charts.
    pub fn get(&self, py: Python<'_>) -> &Charts {
        if let (Some((history, range)), None) = (&self.rest, self.whole.get()) {
            let whole = py.detach(|| {
                let mut charts = self.charts.clone();
                let reading = history.timelines(*range, Charts::slot_seconds, Charts::wants);
                charts.add_courses(&reading.found);
                charts
            });
            // Another thread may have been first, with the same.
            let _ = self.whole.set(whole);
        }
        self.whole.get().unwrap_or(&self.charts)
    }
}

/// The thresholds of a resource monitor, as far as it has them.
pub fn thresholds(monitor: &Bound<'_, PyAny>) -> Vec<ResourceChart> {
    [
        ("cpu_percent", "cpu_threshold"),
        ("memory_percent", "memory_threshold"),
        ("disk_percent", "disk_threshold"),
    ]
    .into_iter()
    .filter_map(|(figure, name)| {
        let threshold = attribute(monitor, name)?.extract().ok()?;
        Some(ResourceChart::of_threshold(figure, threshold))
    })
    .collect()
}
