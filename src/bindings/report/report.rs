//! `PerformanceReport`.

use std::sync::OnceLock;

use chrono::Datelike;
use pyo3::{
    PyTraverseError, PyTypeCheck, PyVisit,
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::{
    caller::Interpreter,
    charts::{self, charts_of},
    figures::{any_report, figures},
};
use crate::bindings::{
    arguments::{
        self, Flag, Given, Number, SessionText, Text, Whole, calendar_date,
        names::{
            Adjust, Confidence, EncodingName, MinChange, MinSamples, NeutralizeFormulas, Session1,
            Session2, SessionId, Significance, TimesName, Version1, Version2,
        },
        period, zone,
    },
    cache::CacheManager,
    monitor::{PerformanceMonitor, export::formulas, metadata::Metadata},
    output::{
        destination::{Output, chosen_format},
        json::PyJson,
        python::to_dict,
    },
    python::{
        code::{PythonCode, release_at_end},
        errors::wrong_type,
        initialized::Ready,
    },
    requests::APIPerformanceTracker,
};
use crate::{
    error::Error,
    report::{
        Drawn, ReportFormat, Sources as CoreSources, Thresholds, TrackerSource,
        charts::usual_thresholds,
        render_fragment, render_html, render_markdown, report_csv, report_json,
        schema::{ComparisonReport, Field},
    },
    time::{TimeRange, Times, Zone},
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

    /// The sources of the core.
    fn with_core<T>(&self, ask: impl FnOnce(&CoreSources<'_, Metadata>) -> T) -> PyResult<T> {
        let sources = self.sources()?;
        let monitor = sources.monitor.get();
        let tracker = sources.api_tracker.as_ref().map(Py::get);
        Ok(ask(&CoreSources {
            monitor: monitor.core(),
            history: monitor.attachment().map(|it| &**it),
            tracker: tracker.map(|tracker| TrackerSource {
                requests: tracker.core(),
                history: tracker.attachment().map(|it| &**it),
            }),
        }))
    }

    /// The report of a period; of a calendar day if one is named.
    fn of_period<'py>(
        &self,
        py: Python<'py>,
        date: Option<String>,
        range: TimeRange,
        zone: Zone,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut drawn = self.with_core(|core| core.period_report(&Interpreter(py), range, zone))?;
        drawn.report.date = Field::optional(date);
        let dict = to_dict(py, &drawn.report)?;
        let sources = self.sources()?;
        if let Some(monitor) = &sources.resource_monitor {
            let monitor = monitor.bind(py);
            let _python = PythonCode::begin(py);
            let usage = monitor.call_method0("check_resources")?;
            let mode = PyDict::new(py);
            mode.set_item("mode", "json")?;
            let usage = usage.call_method("model_dump", (), Some(&mode))?;
            dict.set_item("resources", usage)?;
            let alerts = monitor.call_method0("get_alerts_for_high_usage")?;
            dict.set_item("resource_alerts", alerts)?;
            drawn.charts.resources = charts::thresholds(monitor);
        } else {
            drawn.charts.resources = usual_thresholds();
        }
        if let Some(cache) = &sources.cache {
            dict.set_item("cache", cache_dict(cache.bind(py))?)?;
        }
        charts::report(dict, Some(drawn.charts), drawn.rest)
    }
}

fn source<T: PyTypeCheck>(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<T>> {
    value
        .cast::<T>()
        .map(|source| source.clone().unbind())
        .map_err(|_| wrong_type(name, expected, value))
}

/// What a report says of a cache; `get_stats` may have been replaced.
fn cache_dict<'py>(cache: &Bound<'py, CacheManager>) -> PyResult<Bound<'py, PyAny>> {
    let _python = PythonCode::begin(cache.py());
    let stats = cache.call_method0("get_stats")?;
    let dict = stats.call_method0("model_dump")?;
    dict.set_item("hit_rate", stats.getattr("hit_rate")?)?;
    Ok(dict)
}

/// The report of a comparison as a dict that carries its charts.
fn comparison(py: Python<'_>, drawn: Drawn<ComparisonReport>) -> PyResult<Bound<'_, PyAny>> {
    charts::report(to_dict(py, &drawn.report)?, Some(drawn.charts), drawn.rest)
}

/// The arguments of comparisons that say what a verdict takes.
fn thresholds(
    confidence: Number<Confidence>,
    significance: Number<Significance>,
    min_change: Number<MinChange>,
    min_samples: Whole<MinSamples>,
    adjust: Flag<Adjust>,
) -> PyResult<Thresholds> {
    let thresholds = Thresholds {
        confidence: confidence.0,
        significance: significance.0,
        min_change: min_change.0,
        min_samples: min_samples.count()? as u64,
        adjust: adjust.0,
    };
    Ok(thresholds.validated()?)
}

/// The essence of a report as a part of an HTML page, for notebooks.
#[pyfunction]
pub fn report_fragment(py: Python<'_>, report: &Bound<'_, PyDict>) -> PyResult<String> {
    let any = any_report(report, Times::Local)?;
    let charts = charts_of(report.as_any());
    let charts = charts.as_ref().map(|charts| charts.get().get(py));
    py.detach(|| render_fragment(&any, charts))
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
        self.of_period(py, Some(text), zone.day(date), zone)
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
        let (range, zone) = (arguments::period("period", period)?, zone(tz)?);
        self.of_period(py, None, range, zone)
    }

    /// The report of one session: ``session_id, generated_at, operations`` (name to ``count,
    /// total, mean, unit``) over the samples whose metadata holds that ``session_id``; with a
    /// history also over those on disk, and then with ``source`` and ``accuracy``.
    fn generate_session_report<'py>(
        &self,
        py: Python<'py>,
        session_id: SessionText<SessionId>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let caller = Interpreter(py);
        let report = self.with_core(|core| core.session_report(&caller, &session_id.0))?;
        charts::report(to_dict(py, &report)?, None, None)
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
        let both = [period("period1", period1)?, period("period2", period2)?];
        let thresholds = thresholds(confidence, significance, min_change, min_samples, adjust)?;
        let caller = Interpreter(py);
        comparison(
            py,
            self.with_core(|core| core.compare_periods(&caller, both, &thresholds))?,
        )
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
        let thresholds = thresholds(confidence, significance, min_change, min_samples, adjust)?;
        let both = [&*session1.0, &*session2.0];
        let caller = Interpreter(py);
        comparison(
            py,
            self.with_core(|core| core.compare_sessions(&caller, both, &thresholds))?,
        )
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
        let thresholds = thresholds(confidence, significance, min_change, min_samples, adjust)?;
        let both = [version1.0, version2.0];
        let caller = Interpreter(py);
        comparison(
            py,
            self.with_core(|core| core.compare_versions(&caller, both, &thresholds))??,
        )
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
            ReportFormat::Html => render_html(&figures.into(), charts.as_deref(), compared),
            ReportFormat::Markdown => render_markdown(&figures.into(), charts.as_deref()),
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
