//! `PerformanceMonitor`.

use std::sync::{Arc, OnceLock};

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyByteArray, PyDict, PyList, PyString, PyTuple, PyType},
};

use super::{
    arguments::{
        self, ExportFormat, Flag, MaxHistory, MaxOperations, MetricName, NeutralizeFormulas,
        Number, OperationName, Text, Unit, Value, Whole, optional_path, text_of,
    },
    array::{buffer, float_values},
    attached::{self, Attached},
    clock,
    context::{Session, Sessions, owner},
    convert::{detached_if_long, time_range, wrong_type},
    export::{export, formulas},
    history,
    logging::{warn, warn_of_bound},
    metadata::{self, Metadata},
    models::PerformanceMetric,
    once::CALLERS,
    overrides::Override,
    python_code::{PythonCode, release, release_at_end},
    ready::Ready,
    statistics::statistics_dict,
    timer::Timer,
    views::{MetricsView, TimersView},
};
use crate::{
    calendar::TimeRange,
    clock::Monotonic,
    history::Attachment,
    monitor::{DEFAULT_MAX_HISTORY, Monitor, Operation, SECONDS},
    report::{Format, Samples},
    series::LabelRef,
    stats::mean,
};

/// The core's monitor, with Python's metadata.
pub type Core = Monitor<Metadata>;

const DEFAULT_PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];

/// Times operations and records metrics.
///
/// Keeps the newest ``max_history`` samples of each operation, oldest first, and up to
/// ``max_operations`` operations. Samples of further names go to the operation
/// ``"(other operations)"``, which comes on top; they are counted in ``overflowed``, and the log
/// warns of the first. ``history`` is a :class:`History`, or the path of one, that the samples are
/// rolled up for as well. ``clock`` is a :class:`ptpd_monitoring.testing.ManualClock` in tests. Safe
/// to use from any number of threads and tasks.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct PerformanceMonitor {
    ready: Ready,
    /// Shared with the history, if there is one.
    core: OnceLock<Arc<Core>>,
    /// The history that the core records to.
    attached: OnceLock<Attached>,
    sessions: Sessions,
    recording: Override,
}

impl PerformanceMonitor {
    #[inline]
    pub fn core(&self) -> &Arc<Core> {
        self.core.get_or_init(|| {
            // A subclass whose `__init__` does not call ours gets the defaults.
            Arc::new(
                Monitor::new(DEFAULT_MAX_HISTORY, clock::usual())
                    .unwrap_or_else(|error| unreachable!("the default is valid: {error}"))
                    .telling(warn_of_bound),
            )
        })
    }

    /// Its history, if it records to one.
    pub fn attachment(&self) -> Option<&Arc<Attachment>> {
        self.attached.get().map(Attached::attachment)
    }

    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Records a timer's sample; through `record_metric` if that was replaced.
    #[inline]
    pub fn record_timer(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        now: Monotonic,
        seconds: f64,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.recording.is_active(slf)? {
            return Self::record_timer_through_python(slf, name, seconds, metadata);
        }
        let metadata = match metadata {
            None => None,
            Some(metadata) => Some(timer_metadata(metadata)?),
        };
        this.record(
            py,
            text_of("operation_name", name)?,
            now,
            seconds,
            SECONDS,
            true,
            metadata,
        )
    }

    #[cold]
    fn record_timer_through_python(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        seconds: f64,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let _python = PythonCode::begin(slf.py());
        let metadata = match metadata {
            None => timer_metadata(&PyDict::new(slf.py()))?,
            Some(metadata) => timer_metadata(metadata)?,
        };
        slf.call_method1("record_metric", (name, seconds, SECONDS, metadata))?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a sample has this many parts")]
    #[inline]
    fn record(
        &self,
        py: Python<'_>,
        name: &str,
        now: Monotonic,
        value: f64,
        unit: &str,
        timer: bool,
        metadata: Option<Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let session = self.sessions.current(py)?;
        if metadata.is_none() && session.is_none() {
            let label = LabelRef {
                unit,
                timer,
                session: None,
            };
            let dropped = self.core().record(name, now, value, label, None);
            if dropped.is_some() {
                release(py, dropped);
            }
            return Ok(());
        }
        let mut session = match session {
            Some(session) => Some(session.bind(py).to_str()?.to_owned()),
            None => None,
        };
        if let Some(metadata) = &metadata {
            session = metadata::settle_session(metadata, session)?;
        }
        let label = LabelRef {
            unit,
            timer,
            session: session.as_deref(),
        };
        let dropped = self
            .core()
            .record(name, now, value, label, metadata.map(Bound::unbind));
        release(py, dropped);
        Ok(())
    }

    /// The operations to export: the named one, or all.
    fn chosen(&self, name: Option<&str>) -> Vec<Arc<Operation<Metadata>>> {
        match name {
            Some(name) => self.core().operation(name).into_iter().collect(),
            None => self.core().operations(),
        }
    }
}

fn timer_metadata<'py>(metadata: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let metadata = metadata.copy()?;
    metadata.set_item(metadata::TYPE, metadata::TIMER)?;
    Ok(metadata)
}

#[pymethods]
impl PerformanceMonitor {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(max_history=10000, *, max_operations=10000, history=None, clock=None)")]
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
            sessions: Sessions::default(),
            recording: Override::of::<Self>(cls, "record_metric")?,
        })
    }

    #[pyo3(signature = (
        max_history = Whole::new(10_000),
        *,
        max_operations = Whole::new(10_000),
        history = None,
        clock = None,
    ))]
    fn __init__(
        slf: &Bound<'_, Self>,
        max_history: Whole<MaxHistory>,
        max_operations: Whole<MaxOperations>,
        history: Option<&Bound<'_, PyAny>>,
        clock: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let max_history = max_history.count()?;
        let max_operations = max_operations.count()?;
        let this = slf.get();
        let new = Monitor::new(max_history, arguments::clock(clock)?)?.telling(warn_of_bound);
        new.set_max_operations(max_operations)?;
        let history = history::argument(history)?;
        if this.core.set(Arc::new(new)).is_err() {
            this.core().set_max_operations(max_operations)?;
            let dropped = this.core().set_max_history(max_history)?;
            release(slf.py(), dropped);
        }
        if let Some(history) = history {
            attached::record_to(
                &history,
                "monitor",
                this.core(),
                &this.attached,
                Core::roll_up_for,
            )?;
        }
        Ok(())
    }

    /// Starts timing ``operation_name``; over again if this thread or task has started it already.
    fn start_timer(&self, py: Python<'_>, operation_name: Text<'_, OperationName>) -> PyResult<()> {
        let owner = owner(py)?;
        self.core().start_timer(operation_name.0, owner);
        Ok(())
    }

    /// Stops the timer and records its seconds.
    ///
    /// Stops the one that this thread or task started, or else the one started last. Returns the
    /// seconds, or None with a warning in the log if none runs.
    fn stop_timer(
        slf: &Bound<'_, Self>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Option<f64>> {
        let py = slf.py();
        let owner = owner(py)?;
        let stopped = slf.get().core().stop_timer(operation_name.0, owner);
        let Some((now, seconds)) = stopped else {
            let message = "Timer %r was stopped but is not running";
            warn(py, message, operation_name.0)?;
            return Ok(None);
        };
        let name = PyString::new(py, operation_name.0);
        Self::record_timer(slf, &name, now, seconds, None)?;
        Ok(Some(seconds))
    }

    /// A context manager, and a decorator, that times ``operation_name`` in seconds.
    ///
    /// Blocks of the same name may nest and overlap in any way, across threads and tasks. What
    /// the block raises goes on after its time was recorded.
    #[pyo3(signature = (operation_name, metadata = None))]
    #[inline]
    fn timer(
        slf: &Bound<'_, Self>,
        operation_name: &Bound<'_, PyAny>,
        metadata: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Timer> {
        let name = operation_name
            .cast::<PyString>()
            .map_err(|_| wrong_type("operation_name", "a str", operation_name))?;
        // Now, and not when the block has run and its exception would be lost.
        text_of("operation_name", name)?;
        let metadata = match metadata {
            None => None,
            Some(_) => metadata::copy_argument(metadata)?.map(Bound::unbind),
        };
        Ok(Timer::new(
            slf.clone().unbind(),
            name.clone().unbind(),
            metadata,
        ))
    }

    /// A context manager: what is recorded inside carries ``session_id`` in its metadata.
    ///
    /// Inside means in this thread or task and in the tasks that it starts. Sessions nest; the
    /// innermost counts. Metadata that names a session itself keeps its own.
    fn session(slf: &Bound<'_, Self>, session_id: &Bound<'_, PyAny>) -> PyResult<Session> {
        Session::new(slf.clone().unbind(), session_id)
    }

    /// Records ``value``, in ``unit``, now. ``metadata`` is a dict, copied.
    #[pyo3(signature = (name, value, unit, metadata = None))]
    #[inline]
    fn record_metric(
        &self,
        py: Python<'_>,
        name: Text<'_, MetricName>,
        value: Number<Value>,
        unit: Text<'_, Unit>,
        metadata: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let metadata = match metadata {
            None => None,
            Some(_) => metadata::copy_argument(metadata)?,
        };
        let now = self.core().clock().monotonic();
        self.record(py, name.0, now, value.0, unit.0, false, metadata)
    }

    /// Records each of ``values``, an array or sequence of numbers, in ``unit``; all of them now.
    fn record_many(
        &self,
        py: Python<'_>,
        name: Text<'_, MetricName>,
        values: &Bound<'_, PyAny>,
        unit: Text<'_, Unit>,
    ) -> PyResult<()> {
        let values = float_values("values", values)?;
        let session = self.sessions.current(py)?;
        let session = match &session {
            Some(session) => Some(session.bind(py).to_str()?),
            None => None,
        };
        let label = LabelRef {
            unit: unit.0,
            timer: false,
            session,
        };
        let dropped = self.core().record_many(name.0, &values, label);
        release(py, dropped);
        Ok(())
    }

    /// The samples of ``operation_name`` in ``time_range``, oldest first; ``[]`` if unknown.
    ///
    /// ``time_range`` is ``(start, end)``, both included; naive datetimes are local time.
    #[pyo3(signature = (operation_name, time_range = None))]
    fn get_metrics<'py>(
        &self,
        py: Python<'py>,
        operation_name: Text<'_, OperationName>,
        time_range: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let range = self::time_range("time_range", time_range)?;
        let metrics = PyList::empty(py);
        let Some(operation) = self.core().operation(operation_name.0) else {
            return Ok(metrics);
        };
        let name = PyString::new(py, operation_name.0);
        let mut unit: Option<(Arc<str>, Bound<'py, PyString>)> = None;
        for sample in operation.samples(range) {
            let known = unit.as_ref().filter(|(text, _)| *text == sample.label.unit);
            let shown = match known {
                Some((_, shown)) => shown.clone(),
                None => PyString::new(py, &sample.label.unit),
            };
            unit = Some((sample.label.unit.clone(), shown.clone()));
            metrics.append(PerformanceMetric::of(py, &name, &shown, sample, None)?)?;
        }
        Ok(metrics)
    }

    /// The mean of the operation's values, or None if it is unknown.
    fn get_average(&self, py: Python<'_>, operation_name: Text<'_, OperationName>) -> Option<f64> {
        let operation = self.core().operation(operation_name.0)?;
        let values = operation.values(TimeRange::ALL);
        detached_if_long(py, values.len(), || {
            (!values.is_empty()).then(|| mean(&values))
        })
    }

    /// Percentiles, by linear interpolation as ``numpy.percentile``: ``{"p50": ..., "p99.9": ...}``.
    ///
    /// ``percentiles`` are numbers from 0 to 100; 50, 90, 95 and 99 unless given. ``{}`` if the
    /// operation is unknown.
    #[pyo3(signature = (operation_name, percentiles = None))]
    fn get_percentiles<'py>(
        &self,
        py: Python<'py>,
        operation_name: Text<'_, OperationName>,
        percentiles: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let asked = match percentiles {
            None => DEFAULT_PERCENTILES.to_vec(),
            Some(percentiles) => float_values("percentiles", percentiles)?,
        };
        let found = self.core().percentiles(operation_name.0, &asked)?;
        let dict = PyDict::new(py);
        for (percentile, value) in asked.iter().zip(found) {
            dict.set_item(format!("p{percentile}"), value)?;
        }
        Ok(dict)
    }

    /// ``count, min, max, mean, median, std`` (of the population), ``unit`` (of the oldest sample),
    /// ``p50, p90, p95, p99``, each equal to NumPy's; ``{"count": 0}`` if the operation is unknown.
    fn get_statistics<'py>(
        &self,
        py: Python<'py>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let measured = self
            .core()
            .operation(operation_name.0)
            .and_then(|operation| operation.measured(TimeRange::ALL))
            .map(|measured| (Samples::Each(measured.values), measured.unit));
        let samples = measured.as_ref().map(|(samples, unit)| (samples, &**unit));
        statistics_dict(py, samples)
    }

    /// The names of the operations that have samples, in order of first use.
    fn operations(&self) -> Vec<String> {
        let operations = self.core().operations();
        operations
            .iter()
            .filter(|operation| !operation.is_empty())
            .map(|operation| operation.name().to_string())
            .collect()
    }

    // In Python, because they import NumPy, which takes its time; see there.
    #[classattr]
    fn values(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("values")
    }

    #[classattr]
    fn timestamps(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import(CALLERS)?.getattr("timestamps")
    }

    // The memory of the arrays.
    fn _values<'py>(
        &self,
        py: Python<'py>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Bound<'py, PyByteArray>> {
        let operation = self.core().operation(operation_name.0);
        let values = operation.map_or_else(Vec::new, |operation| operation.values(TimeRange::ALL));
        buffer(py, values.into_iter().map(f64::to_ne_bytes))
    }

    fn _timestamps<'py>(
        &self,
        py: Python<'py>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Bound<'py, PyByteArray>> {
        let operation = self.core().operation(operation_name.0);
        let times = operation.map_or_else(Vec::new, |operation| operation.times());
        buffer(py, times.into_iter().map(i64::to_ne_bytes))
    }

    /// Exports the samples of ``operation_name``, or of all operations in order of first use.
    ///
    /// ``format`` is ``"json"`` (a list of objects) or ``"csv"``, in any case, with
    /// ``metric_name, value, unit, timestamp, metadata``. Numbers that are not finite are ``null``
    /// in JSON and ``nan``, ``inf``, ``-inf`` in CSV. Returns the text, or with ``output_path``
    /// writes it there (the old file stays until the new one is complete) and returns None.
    ///
    /// In CSV, names and units that a spreadsheet would run as a formula get an apostrophe before
    /// them, unless ``neutralize_formulas`` is False.
    #[pyo3(
        signature = (
            format = Text::new("json"), output_path = None, operation_name = None,
            *, neutralize_formulas = Flag::new(true)
        ),
        text_signature = "($self, format='json', output_path=None, operation_name=None, *, \
                          neutralize_formulas=True)"
    )]
    fn export_metrics(
        &self,
        py: Python<'_>,
        format: Text<'_, ExportFormat>,
        output_path: Option<&Bound<'_, PyAny>>,
        operation_name: Option<Text<'_, OperationName>>,
        neutralize_formulas: Flag<NeutralizeFormulas>,
    ) -> PyResult<Option<String>> {
        let format = Format::parse(format.0)?;
        let output_path = optional_path("output_path", output_path)?;
        let operations = self.chosen(operation_name.map(|name| name.0));
        let formulas = formulas(neutralize_formulas.0);
        export(py, &operations, format, formulas, output_path.as_deref())
    }

    /// Forgets the samples of ``operation_name``, or of all operations.
    #[pyo3(signature = (operation_name = None))]
    fn clear_metrics(&self, py: Python<'_>, operation_name: Option<Text<'_, OperationName>>) {
        let removed = self.core().clear(operation_name.map(|name| name.0));
        release(py, removed);
    }

    /// How many operations are kept apart, ``"(other operations)"`` not counted.
    #[getter]
    fn max_operations(&self) -> usize {
        self.core().max_operations()
    }

    /// How many samples went to ``"(other operations)"`` because there were ``max_operations``
    /// others when they came. Stays when metrics are cleared.
    #[getter]
    fn overflowed(&self) -> u64 {
        self.core().overflowed()
    }

    /// How many timers were forgotten, the one started first each time: started by name, because
    /// 10,000 others were running; or by entering a block, because 10,000 others of the same
    /// :class:`Timer` were not left. Their time is not recorded.
    #[getter]
    fn timers_forgotten(&self) -> u64 {
        self.core().timers_forgotten()
    }

    /// How many blocks of sessions were forgotten, the one entered first each time, because 10,000
    /// others of the same :class:`Session` were not left. Leaving one of them ends its session,
    /// without a return to the one before.
    #[getter]
    fn sessions_forgotten(&self) -> u64 {
        self.core().sessions_forgotten()
    }

    /// For compatibility only: how many samples of each operation are kept.
    #[getter]
    fn _max_history(&self) -> usize {
        self.core().max_history()
    }

    /// For compatibility only: a live view of the timers started by name.
    #[getter]
    fn _timers(slf: &Bound<'_, Self>) -> TimersView {
        TimersView::new(slf.clone().unbind())
    }

    /// For compatibility only: a live view of the samples by operation.
    #[getter]
    fn _metrics(slf: &Bound<'_, Self>) -> MetricsView {
        MetricsView::new(slf.clone().unbind())
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
            "<{} with {} operations, max_history={}>",
            slf.get_type().name()?,
            core.operations().len(),
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
        self.recording.traverse(&visit)?;
        match self.core.get() {
            Some(core) => core.try_visit_metadata(|metadata| visit.call(metadata)),
            None => Ok(()),
        }
    }

    fn __clear__(&self) {
        if let Some(core) = self.core.get() {
            drop(core.clear(None));
        }
    }
}

impl Drop for PerformanceMonitor {
    fn drop(&mut self) {
        if let Some(core) = self.core.take() {
            release_at_end(core);
        }
    }
}
