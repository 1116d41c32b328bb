//! `APIPerformanceTracker` and the context manager that it hands out.

use std::sync::{Arc, OnceLock};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple, PyType},
};

use super::{timer::RequestTimer, view::RequestsView};
use crate::bindings::{
    arguments::{
        self, Text, Whole,
        names::{Endpoint, ErrorText, MaxEndpoints, MaxHistory, Method, Status},
        text_of, time_range, to_datetime,
    },
    clock,
    history::{
        attached::{self, Attached},
        history,
    },
    logging::{warn_of_bound, warn_of_negative_duration},
    output::python::to_dict,
    python::{
        code::PythonCode, detached::detached_if_long, errors::wrong_type, initialized::Ready,
        overrides::Override, pickling,
    },
    report::{caller::Interpreter, notebook},
};
use crate::{
    history::Attachment,
    monitor::DEFAULT_MAX_HISTORY,
    report::{
        Glance, methods_in_memory, requests_report,
        schema::{EndpointEntry, ErrorEntry, Report},
    },
    requests::{Group, Requests},
    time::{Monotonic, TimeRange, Zone},
};

/// The method unless another one is named.
pub const DEFAULT_METHOD: &str = "GET";

/// Tracks requests to API endpoints.
///
/// Keeps the newest ``max_history`` requests over all endpoints. A request is an error from
/// status 400 on. Of an error's text the first 1,000 characters are kept. ``history`` is a
/// :class:`History`, or the path of one, that the requests are rolled up for as well. ``clock`` is a
/// :class:`ptpd_monitoring.testing.ManualClock` in tests.
///
/// Up to ``max_endpoints`` endpoints are kept apart, each as long as its requests are. Requests to
/// further ones count for ``"(other endpoints)"``, which comes on top, and in ``overflowed``; methods
/// past 100 of them become ``"(other)"`` and count in ``methods_overflowed``. The log warns of the
/// first of each.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct APIPerformanceTracker {
    ready: Ready,
    /// Shared with the history, if there is one.
    core: OnceLock<Arc<Requests>>,
    /// The history that the core records to.
    attached: OnceLock<Attached>,
    tracking: Override,
}

impl APIPerformanceTracker {
    #[inline]
    pub fn core(&self) -> &Arc<Requests> {
        self.core.get_or_init(|| {
            Arc::new(
                Requests::new(DEFAULT_MAX_HISTORY, clock::usual())
                    .unwrap_or_else(|error| unreachable!("the default is valid: {error}"))
                    .telling(warn_of_bound),
            )
        })
    }

    /// Its history, if it records to one.
    pub fn attachment(&self) -> Option<&Arc<Attachment>> {
        self.attached.get().map(Attached::attachment)
    }

    /// Tracks what `request` was entered for.
    #[inline]
    pub fn track_now(
        slf: &Bound<'_, Self>,
        request: &RequestTimer,
        now: Monotonic,
        seconds: f64,
        status: u16,
        error: Option<&str>,
    ) -> PyResult<()> {
        let py = slf.py();
        let (endpoint, method) = (request.endpoint(py), request.method(py)?);
        if slf.get().tracking.is_active(slf)? {
            let _python = PythonCode::begin(py);
            slf.call_method1("track_request", (endpoint, seconds, status, method, error))?;
            return Ok(());
        }
        let endpoint = text_of("endpoint", endpoint)?;
        let core = slf.get().core();
        core.record(endpoint, method, now, seconds, status, error);
        Ok(())
    }
}

/// The seconds of a request, which are kept, and read, in milliseconds.
#[inline]
fn usable(seconds: f64) -> PyResult<f64> {
    if seconds >= 0.0 && (seconds * 1_000.0).is_finite() {
        Ok(seconds)
    } else {
        unusable(seconds)
    }
}

/// No seconds of a clock that was set back; any others are refused.
#[cold]
fn unusable(seconds: f64) -> PyResult<f64> {
    if seconds < 0.0 && seconds.is_finite() {
        warn_of_negative_duration(seconds);
        return Ok(0.0);
    }
    Err(PyValueError::new_err(format!(
        "duration must be a number of seconds from 0 to 1.7e305, got {seconds:?}"
    )))
}

fn text_object<'a, 'py>(
    name: &str,
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyString>> {
    let text = value
        .cast::<PyString>()
        .map_err(|_| wrong_type(name, "a str", value))?;
    // Now, and not when the block has run and its exception would be lost.
    text_of(name, text)?;
    Ok(text)
}

#[pymethods]
impl APIPerformanceTracker {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(max_history=10000, *, max_endpoints=10000, history=None, clock=None)")]
    #[classmethod]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(Self {
            ready: Ready::YES,
            core: OnceLock::new(),
            attached: OnceLock::new(),
            tracking: Override::of::<Self>(cls, "track_request")?,
        })
    }

    #[pyo3(signature = (
        max_history = Whole::new(10_000),
        *,
        max_endpoints = Whole::new(10_000),
        history = None,
        clock = None,
    ))]
    fn __init__(
        slf: &Bound<'_, Self>,
        max_history: Whole<MaxHistory>,
        max_endpoints: Whole<MaxEndpoints>,
        history: Option<&Bound<'_, PyAny>>,
        clock: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let max_history = max_history.count()?;
        let max_endpoints = max_endpoints.count()?;
        let this = slf.get();
        let new = Requests::new(max_history, clock::argument(clock)?)?.telling(warn_of_bound);
        new.set_max_endpoints(max_endpoints)?;
        let history = history::from_argument(history)?;
        if this.core.set(Arc::new(new)).is_err() {
            this.core().set_max_endpoints(max_endpoints)?;
            this.core().set_max_history(max_history)?;
        }
        if let Some(history) = history {
            attached::record_to(
                &history,
                "tracker",
                this.core(),
                &this.attached,
                Requests::roll_up_for,
            )?;
        }
        Ok(())
    }

    /// Records a request that has just ended: ``duration`` in seconds, the HTTP ``status``. A negative
    /// duration, as of a clock that was set back, counts as 0, of which the log warns once.
    #[pyo3(
        signature = (endpoint, duration, status, method = Text::new(DEFAULT_METHOD), error = None),
        text_signature = "($self, endpoint, duration, status, method='GET', error=None)"
    )]
    fn track_request(
        &self,
        endpoint: Text<'_, Endpoint>,
        duration: &Bound<'_, PyAny>,
        status: Whole<Status>,
        method: Text<'_, Method>,
        error: Option<Text<'_, ErrorText>>,
    ) -> PyResult<()> {
        let seconds = usable(arguments::duration("duration", duration)?)?;
        let status = u16::try_from(status.0).map_err(|_| {
            PyValueError::new_err(format!("status must be from 0 to 65535, got {}", status.0))
        })?;
        let core = self.core();
        let now = core.clock().monotonic();
        core.record(
            endpoint.0,
            method.0,
            now,
            seconds,
            status,
            error.map(|error| error.0),
        );
        Ok(())
    }

    /// A context manager that tracks its block as a request, with ``with`` and ``async with``; and a
    /// decorator, which tracks each call of a plain, ``async`` or generator function.
    ///
    /// The status is 200, or what the block sets as ``status`` of what it is entered as. If the block
    /// raises, the status is the exception's ``status_code`` (of werkzeug's exceptions the ``code``),
    /// where that is an int from 100 to 599; 499 where it was cancelled; else 500. From 400 on the
    /// exception's text is the error, or the name of its type where that is empty. The exception goes
    /// on. ``SystemExit`` with 0 or None is no error.
    #[pyo3(
        signature = (endpoint, method = None),
        text_signature = "($self, endpoint, method='GET')"
    )]
    fn track(
        slf: &Bound<'_, Self>,
        endpoint: &Bound<'_, PyAny>,
        method: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<RequestTimer> {
        Ok(RequestTimer::new(
            slf.clone().unbind(),
            text_object("endpoint", endpoint)?.clone().unbind(),
            match method {
                None => None,
                Some(method) => Some(text_object("method", method)?.clone().unbind()),
            },
        ))
    }

    /// ``count, error_count, error_rate`` and ``min_ms, max_ms, mean_ms, median_ms, p90_ms,
    /// p95_ms, p99_ms`` of the endpoint's requests in ``time_range``, by one ``method`` such as ``"GET"``
    /// or by all; ``{"count": 0}`` of none.
    #[pyo3(signature = (endpoint, time_range = None, method = None))]
    fn get_endpoint_stats<'py>(
        &self,
        py: Python<'py>,
        endpoint: Text<'_, Endpoint>,
        time_range: Option<&Bound<'py, PyAny>>,
        method: Option<Text<'_, Method>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let range = self::time_range("time_range", time_range)?;
        let method = method.map(|method| method.0);
        let group = self.core().endpoint(endpoint.0, range, method);
        let stats = detached_if_long(py, group.durations.len(), || group.stats());
        to_dict(py, &EndpointEntry::of(stats.as_ref()))
    }

    /// The share of errors among the endpoint's requests in ``time_range``, by one ``method`` or by all, 0
    /// to 1; 0 of none.
    #[pyo3(signature = (endpoint, time_range = None, method = None))]
    fn get_error_rate(
        &self,
        endpoint: Text<'_, Endpoint>,
        time_range: Option<&Bound<'_, PyAny>>,
        method: Option<Text<'_, Method>>,
    ) -> PyResult<f64> {
        let range = self::time_range("time_range", time_range)?;
        let method = method.map(|method| method.0);
        Ok(self.core().endpoint(endpoint.0, range, method).error_rate())
    }

    /// The last different errors of ``endpoint``, or of all, the one that occurred last first: a list of
    /// dicts ``endpoint, method, status, error`` (the text, or None where there was none), ``count``,
    /// ``first`` and ``last`` (datetimes).
    ///
    /// An error is a status of 400 or above, or a text. The 200 that occurred last are kept, 20 of them of
    /// one endpoint, whether their requests are kept or not.
    #[pyo3(signature = (endpoint = None))]
    fn get_errors<'py>(
        &self,
        py: Python<'py>,
        endpoint: Option<Text<'_, Endpoint>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let errors = self.core().errors(endpoint.map(|endpoint| endpoint.0));
        let list = PyList::empty(py);
        for (key, occurred) in &errors {
            let entry = to_dict(py, &ErrorEntry::of(key, occurred, Zone::Local))?;
            entry.set_item("first", to_datetime(py, occurred.first)?)?;
            entry.set_item("last", to_datetime(py, occurred.last)?)?;
            list.append(entry)?;
        }
        Ok(list)
    }

    /// Forgets all requests, their statistics and errors. Counters such as ``overflowed`` stay, and so does
    /// what a history has of them.
    fn clear(&self) {
        self.core().clear();
    }

    /// Every request's duration in milliseconds, oldest first, by endpoint.
    fn get_response_times<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (endpoint, Group { durations, .. }) in self.core().groups(TimeRange::ALL) {
            dict.set_item(&*endpoint, durations)?;
        }
        Ok(dict)
    }

    /// Figures over all requests and by endpoint; ``{"total_requests": 0}`` of none.
    ///
    /// ``total_requests, total_errors, overall_error_rate, overall_mean_ms, overall_median_ms,
    /// overall_p95_ms``; ``endpoints``: endpoint to what ``get_endpoint_stats`` gives;
    /// ``slowest_endpoints``: the five with the highest ``p95_ms``; ``highest_error_endpoints``:
    /// the five with the highest ``error_rate``. Where an endpoint was asked for by several methods, the
    /// key ``methods`` has what ``get_endpoint_stats`` gives of each, by names such as ``GET /films``.
    fn generate_api_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let groups = self.core().groups(TimeRange::ALL);
        let methods = methods_in_memory(self.core());
        to_dict(
            py,
            &requests_report(&Interpreter(py), groups, methods, false),
        )
    }

    /// How many endpoints are kept apart, ``"(other endpoints)"`` not counted.
    #[getter]
    fn max_endpoints(&self) -> usize {
        self.core().max_endpoints()
    }

    /// How many requests counted for ``"(other endpoints)"`` because there were ``max_endpoints``
    /// others when they came.
    #[getter]
    fn overflowed(&self) -> u64 {
        self.core().overflowed()
    }

    /// How many requests' methods became ``"(other)"`` because there were 100 others.
    #[getter]
    fn methods_overflowed(&self) -> u64 {
        self.core().methods_overflowed()
    }

    /// How many blocks of requests were forgotten, the one entered first each time, because 10,000
    /// others of the same :class:`RequestTimer` were not left. They are not tracked.
    #[getter]
    fn requests_forgotten(&self) -> u64 {
        self.core().requests_forgotten()
    }

    /// For compatibility only: a live view of the requests, oldest first.
    #[getter]
    fn _requests(slf: &Bound<'_, Self>) -> RequestsView {
        RequestsView::new(slf.clone().unbind())
    }

    /// For compatibility only: how many requests are kept.
    #[getter]
    fn _max_history(&self) -> usize {
        self.core().max_history()
    }

    /// A global instance travels as a reference to that of whoever loads it; no other one does.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        pickling::to_global(slf.as_any())
    }

    // For notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let core = self.core();
        let groups = core.groups(TimeRange::ALL);
        let endpoints = notebook::counted(groups.len(), "endpoint");
        let requests = groups.iter().map(|(_, group)| group.durations.len()).sum();
        let report = Report {
            api: requests_report(&Interpreter(py), groups, Vec::new(), false).into(),
            ..Report::default()
        };
        let facts = vec![("requests kept", notebook::count(core.max_history()))];
        let title = format!("{}, {endpoints}", notebook::counted(requests, "request"));
        let kind = "APIPerformanceTracker";
        notebook::glance(py, report, Glance { kind, title, facts }, None)
    }

    /// The :class:`History` that it records to, or None.
    #[getter]
    fn history<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        attached::attribute_of(slf, slf.get().attached.get())
    }

    #[setter]
    fn set_history(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        attached::set_attribute_of(slf, value)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let core = slf.get().core();
        Ok(format!(
            "<{} with {} requests, max_history={}>",
            slf.get_type().name()?,
            core.len(),
            core.max_history()
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.ready.is_set() {
            return Ok(());
        }
        if let Some(attached) = self.attached.get() {
            attached.traverse(&visit)?;
        }
        self.tracking.traverse(&visit)
    }
}
