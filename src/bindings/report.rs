//! `PerformanceReport`.

use std::sync::OnceLock;

use chrono::{Datelike, NaiveDate};
use pyo3::{
    PyTraverseError, PyTypeCheck, PyVisit,
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDate, PyDateAccess, PyDateTime, PyDict, PyTuple},
};

use super::{
    arguments::{ExportFormat, SessionId, Text, optional_path},
    convert::{micros, time_range, wrong_type},
    export::{deliver, formulas},
    json::PyJson,
    monitor::PerformanceMonitor,
    ready::Ready,
    requests::APIPerformanceTracker,
    statistics::statistics_dict,
};
use crate::{
    calendar::{IsoFormatter, TimeRange, local_date},
    error::Error,
    report::{Format, PeriodMean, changes, period_means, report_csv, report_json},
};

struct Sources {
    monitor: Py<PerformanceMonitor>,
    api_tracker: Option<Py<APIPerformanceTracker>>,
    /// Anything with `check_resources` and `get_alerts_for_high_usage`.
    resource_monitor: Option<Py<PyAny>>,
}

/// Makes reports from a monitor, and where given a tracker and a resource monitor.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct PerformanceReport {
    ready: Ready,
    sources: OnceLock<Sources>,
}

impl PerformanceReport {
    fn sources(&self) -> PyResult<&Sources> {
        self.sources.get().ok_or_else(|| {
            PyTypeError::new_err("PerformanceReport.__init__() has not been called with a monitor")
        })
    }

    fn new_report<'py>(
        &self,
        py: Python<'py>,
        subject: (&str, &str),
    ) -> PyResult<Bound<'py, PyDict>> {
        let clock = self.sources()?.monitor.get().core().clock();
        let report = PyDict::new(py);
        report.set_item(subject.0, subject.1)?;
        let mut now = IsoFormatter::default();
        report.set_item("generated_at", now.format(clock.wall()))?;
        Ok(report)
    }
}

fn source<T: PyTypeCheck>(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<T>> {
    value
        .cast::<T>()
        .map(|source| source.clone().unbind())
        .map_err(|_| wrong_type(name, expected, value))
}

/// The local calendar date that a `date` argument means.
fn calendar_date(date: &Bound<'_, PyAny>) -> PyResult<NaiveDate> {
    if date.is_instance_of::<PyDateTime>() && !date.getattr("tzinfo")?.is_none() {
        return Ok(local_date(micros("date", date)?.saturating_mul(1_000)));
    }
    let date = date
        .cast::<PyDate>()
        .map_err(|_| wrong_type("date", "a date or datetime", date))?;
    NaiveDate::from_ymd_opt(
        date.get_year(),
        date.get_month().into(),
        date.get_day().into(),
    )
    .ok_or_else(|| wrong_type("date", "a date that exists", date.as_any()))
}

fn period(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<TimeRange> {
    if value.is_none() {
        return Err(wrong_type(name, "a (start, end) pair of datetimes", value));
    }
    time_range(name, Some(value))
}

fn means_dict<'py>(py: Python<'py>, means: &[PeriodMean]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for PeriodMean {
        operation,
        mean,
        count,
    } in means
    {
        let entry = PyDict::new(py);
        entry.set_item("mean", mean)?;
        entry.set_item("count", count)?;
        dict.set_item(&**operation, entry)?;
    }
    Ok(dict)
}

#[pymethods]
impl PerformanceReport {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(monitor, api_tracker=None, resource_monitor=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            ready: Ready::YES,
            sources: OnceLock::new(),
        }
    }

    #[pyo3(signature = (monitor, api_tracker = None, resource_monitor = None))]
    fn __init__(
        &self,
        monitor: &Bound<'_, PyAny>,
        api_tracker: Option<&Bound<'_, PyAny>>,
        resource_monitor: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let sources = Sources {
            monitor: source("monitor", "a PerformanceMonitor", monitor)?,
            api_tracker: api_tracker
                .filter(|tracker| !tracker.is_none())
                .map(|tracker| source("api_tracker", "an APIPerformanceTracker or None", tracker))
                .transpose()?,
            resource_monitor: resource_monitor
                .filter(|monitor| !monitor.is_none())
                .map(|monitor| monitor.clone().unbind()),
        };
        self.sources
            .set(sources)
            .map_err(|_| PyTypeError::new_err("PerformanceReport is initialised already"))
    }

    /// The monitor that reports are made from.
    #[getter]
    fn monitor(&self, py: Python<'_>) -> PyResult<Py<PerformanceMonitor>> {
        Ok(self.sources()?.monitor.clone_ref(py))
    }

    /// The tracker that reports are made from, or None.
    #[getter]
    fn api_tracker(&self, py: Python<'_>) -> PyResult<Option<Py<APIPerformanceTracker>>> {
        let tracker = self.sources()?.api_tracker.as_ref();
        Ok(tracker.map(|tracker| tracker.clone_ref(py)))
    }

    /// The resource monitor that reports are made from, or None.
    #[getter]
    fn resource_monitor(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let monitor = self.sources()?.resource_monitor.as_ref();
        Ok(monitor.map(|monitor| monitor.clone_ref(py)))
    }

    /// The report of one local calendar day: ``date`` (a date or datetime), or today.
    ///
    /// ``date, generated_at`` (ISO 8601); ``operations``: name to what ``get_statistics`` gives,
    /// over that day's samples still kept; ``api`` where there is a tracker; ``resources`` and
    /// ``resource_alerts``, as they are now, where there is a resource monitor.
    #[pyo3(signature = (date = None))]
    fn generate_daily_report<'py>(
        &self,
        py: Python<'py>,
        date: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let sources = self.sources()?;
        let core = sources.monitor.get().core();
        let date = match date.filter(|date| !date.is_none()) {
            Some(date) => calendar_date(date)?,
            None => local_date(core.clock().wall()),
        };
        let day = TimeRange::local_day(date);
        let text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
        let report = self.new_report(py, ("date", &text))?;
        let operations = PyDict::new(py);
        for operation in core.operations() {
            if let Some(measured) = operation.measured(day) {
                operations.set_item(&**operation.name(), statistics_dict(py, Some(&measured))?)?;
            }
        }
        report.set_item("operations", operations)?;
        if let Some(tracker) = &sources.api_tracker {
            report.set_item("api", tracker.get().report(py, day)?)?;
        }
        if let Some(monitor) = &sources.resource_monitor {
            let monitor = monitor.bind(py);
            let usage = monitor.call_method0("check_resources")?;
            let mode = PyDict::new(py);
            mode.set_item("mode", "json")?;
            report.set_item(
                "resources",
                usage.call_method("model_dump", (), Some(&mode))?,
            )?;
            let alerts = monitor.call_method0("get_alerts_for_high_usage")?;
            report.set_item("resource_alerts", alerts)?;
        }
        Ok(report)
    }

    /// The report of one session: ``session_id, generated_at, operations`` (name to ``count,
    /// total, mean, unit``) over the samples whose metadata holds that ``session_id``.
    fn generate_session_report<'py>(
        &self,
        py: Python<'py>,
        session_id: Text<'_, SessionId>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let report = self.new_report(py, ("session_id", session_id.0))?;
        let operations = PyDict::new(py);
        for operation in self.sources()?.monitor.get().core().operations() {
            if let Some(total) = operation.session_total(session_id.0) {
                let entry = PyDict::new(py);
                entry.set_item("count", total.count)?;
                entry.set_item("total", total.total)?;
                entry.set_item("mean", total.mean)?;
                entry.set_item("unit", &*total.unit)?;
                operations.set_item(&**operation.name(), entry)?;
            }
        }
        report.set_item("operations", operations)?;
        Ok(report)
    }

    /// Compares two periods, each ``(start, end)`` with both ends included.
    ///
    /// ``period1``, ``period2``: name to ``mean, count``; ``changes``, of operations in both:
    /// name to ``absolute`` (second mean minus first), ``percentage`` of the first mean (infinite
    /// from zero), ``direction``: ``improved`` (lower), ``degraded``, ``unchanged``, or
    /// ``unknown`` where a mean is not a number.
    fn compare_performance<'py>(
        &self,
        py: Python<'py>,
        period1: &Bound<'py, PyAny>,
        period2: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let core = self.sources()?.monitor.get().core();
        let (first, second) = (period("period1", period1)?, period("period2", period2)?);
        let (before, after) = (period_means(core, first), period_means(core, second));
        let comparison = PyDict::new(py);
        comparison.set_item("period1", means_dict(py, &before)?)?;
        comparison.set_item("period2", means_dict(py, &after)?)?;
        let changed = PyDict::new(py);
        for change in changes(&before, &after) {
            let entry = PyDict::new(py);
            entry.set_item("absolute", change.absolute)?;
            entry.set_item("percentage", change.percentage)?;
            entry.set_item("direction", change.direction.as_str())?;
            changed.set_item(&*change.operation, entry)?;
        }
        comparison.set_item("changes", changed)?;
        Ok(comparison)
    }

    /// Exports a report as ``"json"``, or as ``"csv"``: one row for each of its operations (of its
    /// changes, for a comparison), first column ``operation``. The format is in any case.
    ///
    /// Returns the text, or with ``path`` writes it there (the old file stays until the new one
    /// is complete) and returns None.
    ///
    /// In CSV, names and texts that a spreadsheet would run as a formula get an apostrophe before
    /// them, unless ``neutralize_formulas`` is False.
    #[pyo3(
        signature = (
            report, format = Text::new("json"), path = None, *, neutralize_formulas = true
        ),
        text_signature = "(report, format='json', path=None, *, neutralize_formulas=True)"
    )]
    #[staticmethod]
    fn export_report(
        py: Python<'_>,
        report: &Bound<'_, PyAny>,
        format: Text<'_, ExportFormat>,
        path: Option<&Bound<'_, PyAny>>,
        neutralize_formulas: bool,
    ) -> PyResult<Option<String>> {
        let format = Format::parse(format.0)?;
        let path = optional_path("path", path)?;
        let report = report
            .cast::<PyDict>()
            .map_err(|_| wrong_type("report", "a dict", report))?;
        let text = match format {
            Format::Json => report_json(&PyJson::new(report.as_any()))?,
            Format::Csv => {
                let report = serde_json::to_value(PyJson::for_table(report.as_any()))
                    .map_err(|error| Error::Encoding(error.to_string()))?;
                report_csv(&report, formulas(neutralize_formulas))?
            }
        };
        py.detach(|| deliver(text, path.as_deref()))
            .map_err(Into::into)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let name = slf.get_type().name()?;
        match slf.get().sources.get() {
            None => Ok(format!("<{name}, not initialised>")),
            Some(sources) => Ok(format!("<{name} of {}>", sources.monitor.bind(py).repr()?)),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.ready.is_set() {
            return Ok(());
        }
        if let Some(sources) = self.sources.get() {
            visit.call(&sources.monitor)?;
            visit.call(&sources.api_tracker)?;
            visit.call(&sources.resource_monitor)?;
        }
        Ok(())
    }
}
