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
    changed::set_changed,
    charts::{self, charts_of},
    comparison::{compared, thresholds},
    entries::{bounds_dict, set_known_failures, set_source, set_uncounted, set_units, work_in},
    figures::figures,
    recorded::{
        Consulted, Known, known_operations, known_requests, reported_requests, request_errors_dict,
        requests_on_disk,
    },
    versions::{of_versions, set_versions},
};
use crate::bindings::{
    arguments::{
        Flag, Given, Number, SessionText, Text, Whole, micros,
        names::{
            Adjust, Confidence, EncodingName, MinChange, MinSamples, NeutralizeFormulas, Session1,
            Session2, SessionId, Significance, TimesName, Version1, Version2,
        },
        time_range,
    },
    cache::CacheManager,
    monitor::{PerformanceMonitor, export::formulas, statistics::statistics_dict},
    output::{
        destination::{Output, chosen_format},
        json::PyJson,
    },
    python::{
        code::{PythonCode, release_at_end},
        detached::detached_if_long,
        errors::wrong_type,
        initialized::Ready,
        objects::attribute,
    },
    requests::APIPerformanceTracker,
};
use crate::{
    error::Error,
    report::{
        EXACT, RESOURCE_READINGS, RecordedEndpoint, RecordedOperation, ReportFormat, Samples,
        Thresholds,
        charts::{Charts, usual_thresholds},
        comparison_charts, endpoint_charts, period_charts, render_fragment, render_html,
        render_markdown, report_csv, report_json,
    },
    requests::Grouping,
    time::{TimeRange, Times, Zone, iso_local},
};

struct Sources {
    monitor: Py<PerformanceMonitor>,
    api_tracker: Option<Py<APIPerformanceTracker>>,
    /// Anything with `check_resources` and `get_alerts_for_high_usage`.
    resource_monitor: Option<Py<PyAny>>,
    cache: Option<Py<CacheManager>>,
}

/// Makes reports from a monitor, and where given a tracker, a resource monitor and a cache.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct PerformanceReport {
    ready: Ready,
    sources: OnceLock<Sources>,
}

impl Drop for PerformanceReport {
    fn drop(&mut self) {
        if let Some(sources) = self.sources.take() {
            release_at_end(sources);
        }
    }
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
        let report = PyDict::new(py);
        report.set_item(subject.0, subject.1)?;
        self.stamp(&report)?;
        Ok(report)
    }

    fn stamp(&self, report: &Bound<'_, PyDict>) -> PyResult<()> {
        let clock = self.sources()?.monitor.get().core().clock();
        report.set_item("generated_at", iso_local(clock.wall()))
    }

    /// A report with what is known of `range`.
    fn filled<'py>(
        &self,
        report: Bound<'py, PyDict>,
        range: TimeRange,
        zone: Zone,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = report.py();
        let sources = self.sources()?;
        let monitor = sources.monitor.get();
        let known = known_operations(py, monitor, range, None);
        let requests = sources.api_tracker.as_ref();
        let requests = requests.map(|tracker| reported_requests(py, tracker.get(), range));
        let (requests, asked) = requests
            .map(|it| ((it.known.recorded, it.methods, it.errors), it.known.history))
            .unzip();
        let tells_of_requests = asked.as_ref().is_some_and(Option::is_some);
        let of_operations = known.history.is_some();
        let history = Consulted::either(known.history, asked.flatten());
        let period = period_dict(py, range, zone)?;
        if let Some(counted) = history.as_ref().and_then(|it| it.counted) {
            period.set_item("counted", bounds_dict(py, counted, zone)?)?;
        }
        report.set_item("period", period)?;
        let tracker = sources.api_tracker.as_ref().map(Py::get);
        set_changed(&report, monitor, tracker, range, zone)?;
        let operations = PyDict::new(py);
        for operation in &known.recorded {
            let samples = &operation.samples;
            let entry = statistics_dict(py, Some((samples, &operation.unit)))?;
            set_units(&entry, operation)?;
            set_uncounted(&entry, operation.uncounted, samples.len(), zone)?;
            set_known_failures(&entry, operation, of_operations)?;
            if of_operations {
                set_source(&entry, operation.origin, &samples.accuracy())?;
            }
            operations.set_item(&*operation.name, entry)?;
        }
        report.set_item("operations", operations)?;
        let mut charts = charts_in(py, monitor, &known.recorded, range, zone);
        if let Some((endpoints, methods, errors)) = requests {
            let all = endpoints.iter().chain(&methods);
            let work = work_in(all.map(|endpoint| &endpoint.durations));
            let counted = endpoints
                .iter()
                .map(|endpoint| endpoint.durations.len())
                .sum();
            let failed = request_errors_dict(py, [&endpoints, &methods], &errors, zone)?;
            let api =
                APIPerformanceTracker::report(py, endpoints, methods, work, tells_of_requests)?;
            // A history has what fell off.
            let tracker = sources.api_tracker.as_ref().filter(|_| !tells_of_requests);
            let uncounted = tracker.and_then(|tracker| tracker.get().core().uncounted(range));
            set_uncounted(&api, uncounted, counted, zone)?;
            report.set_item("api", api)?;
            if let Some(failed) = failed {
                report.set_item("request_errors", failed)?;
            }
        }
        if let Some(history) = &history {
            report.set_item("history", history.to_dict(py)?)?;
            charts.marks = set_versions(&report, &history.history, range, zone)?;
            let readings = history.resources(py)?;
            if !readings.is_empty() {
                report.set_item(RESOURCE_READINGS, readings)?;
            }
        }
        if let Some(monitor) = &sources.resource_monitor {
            let monitor = monitor.bind(py);
            let _python = PythonCode::begin(py);
            let usage = monitor.call_method0("check_resources")?;
            let mode = PyDict::new(py);
            mode.set_item("mode", "json")?;
            let usage = usage.call_method("model_dump", (), Some(&mode))?;
            report.set_item("resources", usage)?;
            let alerts = monitor.call_method0("get_alerts_for_high_usage")?;
            report.set_item("resource_alerts", alerts)?;
            charts.resources = charts::thresholds(monitor);
        } else {
            charts.resources = usual_thresholds();
        }
        if let Some(cache) = &sources.cache {
            report.set_item("cache", cache_dict(cache.bind(py))?)?;
        }
        let rest = history.map(|consulted| (consulted.history, range));
        charts::report(report, Some(charts), rest)
    }
}

impl Sources {
    /// What is known of the requests in each period: from the tracker, or else from the monitor's
    /// history, if that has any.
    fn requests(
        &self,
        py: Python<'_>,
        periods: [TimeRange; 2],
    ) -> Option<[Known<RecordedEndpoint>; 2]> {
        if let Some(tracker) = &self.api_tracker {
            let of = |range| known_requests(py, tracker.get(), range, Grouping::Route);
            return Some(periods.map(of));
        }
        let [before, after] = periods.map(|range| requests_on_disk(py, self.monitor.get(), range));
        let known = [before?, after?];
        let is_any = known.iter().any(|known| !known.recorded.is_empty());
        is_any.then_some(known)
    }
}

/// What the charts of operations are drawn from, as far as it is in memory.
fn charts_in(
    py: Python<'_>,
    monitor: &PerformanceMonitor,
    operations: &[RecordedOperation],
    range: TimeRange,
    zone: Zone,
) -> Charts {
    let drawn: Vec<_> = operations
        .iter()
        .map(|recorded| {
            let operation = monitor.core().operation(&recorded.name);
            let points = operation.and_then(|operation| match recorded.samples {
                Samples::Each(_) => operation.points(range),
                Samples::Counted(_) => operation.points_alone(range),
            });
            (recorded, points)
        })
        .collect();
    let samples = work_in(operations.iter().map(|operation| &operation.samples));
    detached_if_long(py, samples, || period_charts(&drawn, range, zone))
}

fn source<T: PyTypeCheck>(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<T>> {
    value
        .cast::<T>()
        .map(|source| source.clone().unbind())
        .map_err(|_| wrong_type(name, expected, value))
}

/// The calendar date in `zone` that a `date` argument means.
fn calendar_date(date: &Bound<'_, PyAny>, zone: Zone) -> PyResult<NaiveDate> {
    if date.is_instance_of::<PyDateTime>() && !date.getattr("tzinfo")?.is_none() {
        return Ok(zone.date(micros("date", date)?.saturating_mul(1_000)));
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

/// The zone that a `tz` argument names: by text, or as a `zoneinfo.ZoneInfo`.
fn zone(tz: Option<&Bound<'_, PyAny>>) -> PyResult<Zone> {
    let Some(tz) = tz.filter(|tz| !tz.is_none()) else {
        return Ok(Zone::Local);
    };
    // As `zoneinfo` calls it, and as pytz does.
    let key = attribute(tz, "key").or_else(|| attribute(tz, "zone"));
    let name = key.as_ref().unwrap_or(tz).extract::<String>();
    let Ok(name) = name.or_else(|_| fixed_offset(tz)) else {
        let expected = "an IANA time zone's name, a ZoneInfo, a timezone of whole hours or None";
        return Err(wrong_type("tz", expected, tz));
    };
    Ok(Zone::named(&name)?)
}

/// The IANA name of a `tzinfo` that is always the same whole hours off UTC.
fn fixed_offset(tz: &Bound<'_, PyAny>) -> PyResult<String> {
    let _python = PythonCode::begin(tz.py());
    let offset = tz.call_method1("utcoffset", (tz.py().None(),))?;
    let seconds: f64 = offset.call_method0("total_seconds")?.extract()?;
    let hours = seconds / 3_600.0;
    if hours.fract() != 0.0 {
        return Err(PyTypeError::new_err("not whole hours"));
    }
    // The sign of these names is that of hours to be added to reach UTC.
    Ok(match hours {
        0.0 => "UTC".to_owned(),
        hours => format!("Etc/GMT{:+}", -hours),
    })
}

/// What a report says of a cache; `get_stats` may have been replaced.
fn cache_dict<'py>(cache: &Bound<'py, CacheManager>) -> PyResult<Bound<'py, PyAny>> {
    let _python = PythonCode::begin(cache.py());
    let stats = cache.call_method0("get_stats")?;
    let dict = stats.call_method0("model_dump")?;
    dict.set_item("hit_rate", stats.getattr("hit_rate")?)?;
    Ok(dict)
}

/// What a report says of the period that it is about.
fn period_dict(py: Python<'_>, range: TimeRange, zone: Zone) -> PyResult<Bound<'_, PyDict>> {
    let dict = bounds_dict(py, range, zone)?;
    dict.set_item("timezone", zone.name())?;
    Ok(dict)
}

/// The essence of a report as a part of an HTML page, for notebooks.
#[pyfunction]
pub fn report_fragment(py: Python<'_>, report: &Bound<'_, PyDict>) -> PyResult<String> {
    let figures = figures(report, Times::Local)?;
    let charts = charts_of(report.as_any());
    let charts = charts.as_ref().map(|charts| charts.get().get(py));
    py.detach(|| render_fragment(&figures, charts))
        .map_err(Into::into)
}

#[pymethods]
impl PerformanceReport {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(monitor, api_tracker=None, resource_monitor=None, *, cache=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            ready: Ready::YES,
            sources: OnceLock::new(),
        }
    }

    #[pyo3(signature = (monitor, api_tracker = None, resource_monitor = None, *, cache = None))]
    fn __init__(
        &self,
        monitor: &Bound<'_, PyAny>,
        api_tracker: Option<&Bound<'_, PyAny>>,
        resource_monitor: Option<&Bound<'_, PyAny>>,
        cache: Option<&Bound<'_, PyAny>>,
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
            cache: cache
                .filter(|cache| !cache.is_none())
                .map(|cache| source("cache", "a CacheManager or None", cache))
                .transpose()?,
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

    /// The cache that reports are made from, or None.
    #[getter]
    fn cache(&self, py: Python<'_>) -> PyResult<Option<Py<CacheManager>>> {
        let cache = self.sources()?.cache.as_ref();
        Ok(cache.map(|cache| cache.clone_ref(py)))
    }

    /// The report of one calendar day: ``date`` (a date or datetime), or today. Days are those of the
    /// local zone, or of ``tz``: an IANA name or a ``zoneinfo.ZoneInfo``.
    ///
    /// ``date, generated_at`` (ISO 8601); ``period``: the day's exact ``start`` and ``end`` with their
    /// UTC offsets, the end not included, and the ``timezone``; ``operations``: name to what
    /// ``get_statistics`` gives, over that day's samples still kept; ``api`` where there is a
    /// tracker; ``resources`` and ``resource_alerts``, as they are now, where there is a resource
    /// monitor; ``cache``, what ``get_stats`` gives now and the ``hit_rate``, where there is a cache.
    /// An operation that was recorded in several units tells all of them as ``units``.
    ///
    /// ``api`` is what :meth:`APIPerformanceTracker.generate_api_report` gives, of that day. Where requests
    /// failed, ``request_errors`` tells beside it as ``endpoints``, and ``methods`` where an endpoint has
    /// several, name to ``client_errors`` and ``server_errors`` (how many had a status of 400 to 499, and of
    /// 500 or above); and as ``errors`` up to 100 different ones, those of the server first, the most
    /// frequent in front: what ``get_errors`` gives, ``first`` and ``last`` as ISO 8601.
    ///
    /// With a history, samples that are no longer in memory and those of other processes count too.
    /// Each operation and endpoint then says its ``source`` (``memory``, ``history``, ``memory and
    /// history``) and its ``accuracy`` (``exact``, or ``histogram, 1.1 %`` of the percentiles);
    /// ``history`` says which file, and as ``problem`` what kept it from being read, or None;
    /// ``resource_readings``, of each resource that the file has readings of, their ``count, min, max,
    /// mean, p50, p95, p99, unit``. Samples
    /// on disk are told apart by the minute, and after two days by the hour: where that is not to
    /// the point, ``period`` tells as ``counted`` the ``start`` and ``end`` of those that count.
    #[pyo3(signature = (date = None, *, tz = None))]
    fn generate_daily_report<'py>(
        &self,
        py: Python<'py>,
        date: Option<&Bound<'py, PyAny>>,
        tz: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let zone = zone(tz)?;
        let date = match date.filter(|date| !date.is_none()) {
            Some(date) => calendar_date(date, zone)?,
            None => zone.date(self.sources()?.monitor.get().core().clock().wall()),
        };
        let text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
        let report = self.new_report(py, ("date", &text))?;
        self.filled(report, zone.day(date), zone)
    }

    /// The report of any period ``(start, end)``, both ends included: what
    /// :meth:`generate_daily_report` gives, without a ``date``. A sample on disk counts if its minute
    /// or hour begins in the period.
    #[pyo3(signature = (period, *, tz = None))]
    fn generate_period_report<'py>(
        &self,
        py: Python<'py>,
        period: &Bound<'py, PyAny>,
        tz: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (range, zone) = (self::period("period", period)?, zone(tz)?);
        let report = PyDict::new(py);
        self.stamp(&report)?;
        self.filled(report, range, zone)
    }

    /// The report of one session: ``session_id, generated_at, operations`` (name to ``count,
    /// total, mean, unit``) over the samples whose metadata holds that ``session_id``; with a
    /// history also over those on disk, and then with ``source`` and ``accuracy``.
    fn generate_session_report<'py>(
        &self,
        py: Python<'py>,
        session_id: SessionText<SessionId>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let monitor = self.sources()?.monitor.get();
        let report = self.new_report(py, ("session_id", &session_id.0))?;
        let known = known_operations(py, monitor, TimeRange::ALL, Some(&session_id.0));
        let operations = PyDict::new(py);
        for operation in &known.recorded {
            let (count, total) = (operation.samples.len(), operation.samples.sum());
            let entry = PyDict::new(py);
            entry.set_item("count", count)?;
            entry.set_item("total", total)?;
            entry.set_item("mean", total / count as f64)?;
            entry.set_item("unit", &*operation.unit)?;
            set_units(&entry, operation)?;
            set_uncounted(&entry, operation.uncounted, count, Zone::Local)?;
            if known.history.is_some() {
                // None of these is an estimate, wherever it comes from.
                set_source(&entry, operation.origin, EXACT)?;
            }
            operations.set_item(&*operation.name, entry)?;
        }
        report.set_item("operations", operations)?;
        if let Some(history) = &known.history {
            report.set_item("history", history.to_dict(py)?)?;
        }
        charts::report(report, None, None)
    }

    /// Compares two periods, each ``(start, end)`` with both ends included.
    ///
    /// ``period1``, ``period2``: name to ``mean, count, median, p95, p99, nan_count, unit``. ``changes``, of
    /// operations in both: name to ``absolute`` (second mean minus first), ``percentage`` of the
    /// first mean (infinite from zero), ``direction`` of the mean: ``improved`` (lower),
    /// ``degraded``, ``unchanged``, or ``unknown`` where a mean is not a number or units differ;
    /// ``confidence_interval`` of that change by Welch's method, as ``low, high,
    /// low_percentage, high_percentage``; ``p_value`` of the Mann-Whitney rank test, two-sided, by
    /// the normal approximation with corrections for ties and continuity; ``effect_size``, Cliff's
    /// delta from -1 (all lower) to 1; ``verdict``, and its ``reason``. None is what the samples cannot
    /// tell. ``thresholds``: the five arguments.
    ///
    /// With a tracker, or where the monitor's history has requests, ``api`` holds ``period1``,
    /// ``period2`` and ``changes`` of these, by method and endpoint as in ``GET /films``: the same of
    /// their durations in milliseconds. Their periods tell beside it ``error_rate``, the share of
    /// requests answered by a status of 500 or above, and ``client_error_rate``, that of 400 to 499,
    /// from 0 to 1. Their changes have both as ``period1, period2``, the first one with the
    /// ``p_value`` of a test of two proportions and a ``verdict``: ``degraded`` or ``improved`` where
    /// that is below ``significance`` and the share changed by at least ``min_change`` percent of
    /// what it was, from zero by any.
    ///
    /// The verdict is ``improved`` or ``degraded`` for one of three reasons. ``typical``: ranks and
    /// median moved alike, by a ``p_value`` below 0.85 times ``significance`` and by at least
    /// ``min_change`` percent of the first median. ``mean``: all of the confidence interval lies
    /// beyond ``min_change`` percent, and the samples are enough for their skewness. ``tail``: the
    /// share of samples beyond the first period's ``p95`` or ``p99``, moved on by ``min_change``
    /// percent, changed by Fisher's exact test at 0.01 times ``significance``. It is ``unchanged``
    /// where none holds or they contradict, and ``not enough data`` with fewer than ``min_samples``
    /// in a period, where no
    /// samples of those numbers could be significant, or where units differ.
    ///
    /// The more verdicts, the more of them are by chance. So ``significance``, and likewise what the
    /// interval may miss, holds for those on operations, durations of requests and errors together, by
    /// Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979); with ``adjust=False`` for each alone.
    /// ``p_value`` and ``confidence_interval`` are always those of one operation.
    ///
    /// A sample that lies in both periods counts in both, which makes a change look smaller. With a
    /// history, ``counted`` tells of each period what :meth:`generate_daily_report` does.
    ///
    /// ``confidence`` and ``significance`` lie between 0 and 1, ``min_change`` is 0 or more,
    /// ``min_samples`` at least 1; otherwise a ValueError.
    #[pyo3(
        signature = (
            period1, period2, *, confidence = Number::new(Thresholds::DEFAULT.confidence),
            significance = Number::new(Thresholds::DEFAULT.significance),
            min_change = Number::new(Thresholds::DEFAULT.min_change),
            min_samples = Whole::new(Thresholds::DEFAULT.min_samples.cast_signed()),
            adjust = Flag::new(Thresholds::DEFAULT.adjust)
        ),
        text_signature = "(self, period1, period2, *, confidence=0.95, significance=0.05, min_change=5.0, min_samples=10, adjust=True)"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "the thresholds are keywords in Python"
    )]
    fn compare_performance<'py>(
        &self,
        py: Python<'py>,
        period1: &Bound<'py, PyAny>,
        period2: &Bound<'py, PyAny>,
        confidence: Number<Confidence>,
        significance: Number<Significance>,
        min_change: Number<MinChange>,
        min_samples: Whole<MinSamples>,
        adjust: Flag<Adjust>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sources = self.sources()?;
        let monitor = sources.monitor.get();
        let ranges = [period("period1", period1)?, period("period2", period2)?];
        let thresholds = thresholds(confidence, significance, min_change, min_samples, adjust)?;
        let operations = ranges.map(|range| known_operations(py, monitor, range, None));
        let requests = sources.requests(py, ranges);
        let [before, after] = &operations;
        let mut charts = comparison_charts(&before.recorded, &after.recorded, &ranges);
        if let Some([before, after]) = &requests {
            charts.endpoints = endpoint_charts(&before.recorded, &after.recorded);
        }
        let report = compared(py, operations, requests, &thresholds)?;
        charts::report(report, Some(charts), None)
    }

    /// Compares two sessions, as :meth:`compare_performance` does two periods. The keys ``session1``
    /// and ``session2`` come first.
    #[pyo3(
        signature = (
            session1, session2, *, confidence = Number::new(Thresholds::DEFAULT.confidence),
            significance = Number::new(Thresholds::DEFAULT.significance),
            min_change = Number::new(Thresholds::DEFAULT.min_change),
            min_samples = Whole::new(Thresholds::DEFAULT.min_samples.cast_signed()),
            adjust = Flag::new(Thresholds::DEFAULT.adjust)
        ),
        text_signature = "(self, session1, session2, *, confidence=0.95, significance=0.05, min_change=5.0, min_samples=10, adjust=True)"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "the thresholds are keywords in Python"
    )]
    fn compare_sessions<'py>(
        &self,
        py: Python<'py>,
        session1: SessionText<Session1>,
        session2: SessionText<Session2>,
        confidence: Number<Confidence>,
        significance: Number<Significance>,
        min_change: Number<MinChange>,
        min_samples: Whole<MinSamples>,
        adjust: Flag<Adjust>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let monitor = self.sources()?.monitor.get();
        let thresholds = thresholds(confidence, significance, min_change, min_samples, adjust)?;
        let of = |session: &str| known_operations(py, monitor, TimeRange::ALL, Some(session));
        let (before, after) = (of(&session1.0), of(&session2.0));
        let charts = comparison_charts(&before.recorded, &after.recorded, &[]);
        let report = PyDict::new(py);
        report.set_item("session1", session1.0)?;
        report.set_item("session2", session2.0)?;
        report.update(compared(py, [before, after], None, &thresholds)?.as_mapping())?;
        charts::report(report, Some(charts), None)
    }

    /// Compares what the writers of two versions recorded, whenever that was, as
    /// :meth:`compare_performance` does two periods: operations and requests of the monitor's history.
    /// The versions are those of ``History(version=...)`` or ``PTPD_MONITORING_VERSION``. The keys
    /// ``version1`` and ``version2`` come first. A version that wrote nothing there is a ValueError.
    #[pyo3(
        signature = (
            version1, version2, *, confidence = Number::new(Thresholds::DEFAULT.confidence),
            significance = Number::new(Thresholds::DEFAULT.significance),
            min_change = Number::new(Thresholds::DEFAULT.min_change),
            min_samples = Whole::new(Thresholds::DEFAULT.min_samples.cast_signed()),
            adjust = Flag::new(Thresholds::DEFAULT.adjust)
        ),
        text_signature = "(self, version1, version2, *, confidence=0.95, significance=0.05, min_change=5.0, min_samples=10, adjust=True)"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "the thresholds are keywords in Python"
    )]
    fn compare_versions<'py>(
        &self,
        py: Python<'py>,
        version1: Text<'_, Version1>,
        version2: Text<'_, Version2>,
        confidence: Number<Confidence>,
        significance: Number<Significance>,
        min_change: Number<MinChange>,
        min_samples: Whole<MinSamples>,
        adjust: Flag<Adjust>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let monitor = self.sources()?.monitor.get();
        let thresholds = thresholds(confidence, significance, min_change, min_samples, adjust)?;
        let asked = [("version1", version1.0), ("version2", version2.0)];
        let [before, after] = of_versions(py, monitor, asked)?;
        let (one, other) = (&before.operations.recorded, &after.operations.recorded);
        let mut charts = comparison_charts(one, other, &[]);
        charts.endpoints = endpoint_charts(&before.requests.recorded, &after.requests.recorded);
        let report = PyDict::new(py);
        report.set_item("version1", version1.0)?;
        report.set_item("version2", version2.0)?;
        let operations = [before.operations, after.operations];
        let requests = [before.requests, after.requests];
        let is_any = requests.iter().any(|known| !known.recorded.is_empty());
        let requests = is_any.then_some(requests);
        report.update(compared(py, operations, requests, &thresholds)?.as_mapping())?;
        charts::report(report, Some(charts), None)
    }

    /// Exports a report as ``"json"``; as ``"csv"``: one row for each of its operations (of its
    /// changes, for a comparison, those of requests last), first column ``operation``; as ``"html"``: one file to look at,
    /// to print and to send, that needs neither network nor scripts; or as ``"md"``: Markdown, to be
    /// pasted into an issue. The format is in any case.
    ///
    /// HTML has charts where the report comes from a method of this class. Any other dict will do,
    /// too: what it lacks is left out.
    ///
    /// Returns the text, or with ``path`` writes it there (the old file stays until the new one
    /// is complete) and returns None. Without a ``format`` it is what the end of ``path`` says, or
    /// JSON. ``encoding`` is that of the file, UTF-8 unless given; Excel needs ``"utf-8-sig"``.
    ///
    /// ``times`` says how times are written: ``"local"`` as the report has them, those that it gives
    /// without an offset from UTC with it, ``"offset"``, or all in UTC, ``"utc"``.
    ///
    /// In CSV, names and texts that a spreadsheet would run as a formula get an apostrophe before
    /// them, unless ``neutralize_formulas`` is False.
    #[pyo3(
        signature = (
            report, format = Given::NOTHING, path = None, *, neutralize_formulas = Flag::new(true),
            times = Text::new("local"), encoding = None
        ),
        text_signature = "(report, format='json', path=None, *, neutralize_formulas=True, \
                          times='local', encoding=None)"
    )]
    #[staticmethod]
    fn export_report<'py>(
        py: Python<'py>,
        report: &Bound<'py, PyAny>,
        format: Given<'py>,
        path: Option<&Bound<'py, PyAny>>,
        neutralize_formulas: Flag<NeutralizeFormulas>,
        times: Text<'_, TimesName>,
        encoding: Option<Text<'_, EncodingName>>,
    ) -> PyResult<Option<String>> {
        let output = Output::of(py, "path", path, encoding.as_ref())?;
        let format = chosen_format(&format, ReportFormat::parse, ReportFormat::of_file, &output)?;
        let times = Times::parse(times.0)?;
        if format == ReportFormat::Html && !output.is_utf8() {
            let given = encoding.map_or_else(String::new, |encoding| format!("{:?}", encoding.0));
            return Err(
                Error::argument("encoding", given, "UTF-8, which HTML says it is in").into(),
            );
        }
        let report = report
            .cast::<PyDict>()
            .map_err(|_| wrong_type("report", "a dict", report))?;
        if format == ReportFormat::Json {
            let json = PyJson::new(report.as_any()).with_times(times);
            let text = json.serialized(|report| Ok::<_, PyErr>(report_json(report)?))?;
            return output.deliver(py, text);
        }
        let figures = figures(report, times)?;
        let charts = charts_of(report.as_any());
        // Nobody else draws anything, and charts may still have to be read.
        let charts = match format {
            ReportFormat::Html | ReportFormat::Markdown => charts.as_ref(),
            ReportFormat::Json | ReportFormat::Csv => None,
        };
        let charts = charts.map(|charts| charts.get().get(py).read_in(times));
        let comparison = report.get_item("comparison")?;
        let compared = comparison.as_ref().and_then(charts_of);
        let compared = compared.as_ref().map(|charts| charts.get().get(py));
        let formulas = formulas(neutralize_formulas.0);
        let text = py.detach(|| match format {
            ReportFormat::Html => render_html(&figures, charts.as_deref(), compared),
            ReportFormat::Markdown => render_markdown(&figures, charts.as_deref()),
            ReportFormat::Json | ReportFormat::Csv => report_csv(&figures, formulas),
        })?;
        output.deliver(py, text)
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
            visit.call(&sources.cache)?;
        }
        Ok(())
    }
}
