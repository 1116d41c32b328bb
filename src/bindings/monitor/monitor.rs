//! `PerformanceMonitor`.

use std::sync::{Arc, OnceLock};

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyByteArray, PyDict, PyList, PyString, PyTuple, PyType},
};

use super::{
    export::{export, formulas},
    metadata::{self, Core, Metadata},
    sessions::{Session, Sessions},
    timer::Timer,
    views::{MetricsView, TimersView},
};
use crate::bindings::{
    arguments::{
        self, Flag, Given, Text, Whole,
        arrays::{buffer, float_values, times},
        names::{
            EncodingName, MaxHistory, MaxOperations, MetricName, NeutralizeFormulas, OperationName,
            TimesName, Unit,
        },
        text_of, time, time_range,
    },
    clock,
    history::{
        attached::{self, Attached},
        history,
    },
    logging::{warn, warn_of_bound},
    models::PerformanceMetric,
    output::{
        destination::{Output, chosen_format},
        python::to_dict,
    },
    python::{
        code::{PythonCode, release, release_at_end},
        detached::detached_if_long,
        errors::wrong_type,
        initialized::Ready,
        once::CALLERS,
        overrides::Override,
        owner::owner,
        pickling,
    },
    report::notebook,
};
use crate::{
    export::Format,
    history::Attachment,
    monitor::{DEFAULT_MAX_HISTORY, Monitor, Operation},
    recording::series::{LabelRef, Outcome},
    report::{Samples, schema::OperationEntry},
    stats::mean,
    time::{Monotonic, TimeRange, Times},
    units::SECONDS,
};

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

/// When a sample was measured.
#[derive(Clone, Copy)]
enum Stamp {
    /// At a moment of this process.
    At(Monotonic),
    /// As somebody says, in UTC nanoseconds since the Unix epoch.
    Measured(i64),
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

    /// Records a timer's sample; through `record_metric` if that was replaced. `failure` is the type
    /// of what the timed block raised.
    #[inline]
    pub fn record_timer(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        now: Monotonic,
        seconds: f64,
        failure: Option<&str>,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let this = slf.get();
        if this.recording.is_active(slf)? {
            return Self::record_timer_through_python(slf, name, seconds, failure, metadata);
        }
        let metadata = match metadata {
            None => None,
            Some(metadata) => Some(timer_metadata(metadata, failure)?),
        };
        let label = LabelRef {
            unit: SECONDS,
            timer: true,
            outcome: failure.map_or(Outcome::Success, Outcome::Failure),
            session: None,
        };
        let name = text_of("operation_name", name)?;
        this.record(slf.py(), name, Stamp::At(now), seconds, label, metadata)
    }

    #[cold]
    fn record_timer_through_python(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        seconds: f64,
        failure: Option<&str>,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let _python = PythonCode::begin(slf.py());
        let metadata = match metadata {
            None => timer_metadata(&PyDict::new(slf.py()), failure)?,
            Some(metadata) => timer_metadata(metadata, failure)?,
        };
        slf.call_method1("record_metric", (name, seconds, SECONDS, metadata))?;
        Ok(())
    }

    /// Records the figures of a profiled call, each a name, a value and a unit, with the profile as
    /// metadata; through `record_metric` if that was replaced.
    pub fn record_profile(
        slf: &Bound<'_, Self>,
        now: Monotonic,
        figures: impl Iterator<Item = (String, f64, &'static str)>,
        profile: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let this = slf.get();
        if this.recording.is_active(slf)? {
            for (name, value, unit) in figures {
                slf.call_method1("record_metric", (name, value, unit, profile))?;
            }
            return Ok(());
        }
        let metadata = profile.copy()?;
        for (name, value, unit) in figures {
            let label = LabelRef {
                unit,
                timer: false,
                outcome: Outcome::None,
                session: None,
            };
            // Both keep the same dict, of which readers get copies.
            let metadata = Some(metadata.clone());
            this.record(slf.py(), &name, Stamp::At(now), value, label, metadata)?;
        }
        Ok(())
    }

    /// Records a sample of the session that `label` does not say yet.
    #[inline]
    fn record(
        &self,
        py: Python<'_>,
        name: &str,
        stamp: Stamp,
        value: f64,
        mut label: LabelRef<'_>,
        metadata: Option<Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let mut session = self.sessions.current(py)?;
        if metadata.is_none() && session.is_none() {
            let dropped = self.push(stamp, name, value, label, None);
            if dropped.is_some() {
                release(py, dropped);
            }
            return Ok(());
        }
        if let Some(metadata) = &metadata {
            session = metadata::settle_session(metadata, session)?;
            if label.outcome == Outcome::None {
                label.outcome = metadata::outcome(metadata)?;
            }
        }
        let label = LabelRef {
            session: session.as_deref(),
            ..label
        };
        let dropped = self.push(stamp, name, value, label, metadata.map(Bound::unbind));
        release(py, dropped);
        Ok(())
    }

    #[inline]
    fn push(
        &self,
        stamp: Stamp,
        name: &str,
        value: f64,
        label: LabelRef<'_>,
        metadata: Option<Metadata>,
    ) -> Option<Metadata> {
        match stamp {
            Stamp::At(moment) => self.core().record(name, moment, value, label, metadata),
            Stamp::Measured(time) => self.core().record_at(time, name, value, label, metadata),
        }
    }

    /// The operations to export: the named one, or all.
    fn chosen(&self, name: Option<&str>) -> Vec<Arc<Operation<Metadata>>> {
        match name {
            Some(name) => self.core().operation(name).into_iter().collect(),
            None => self.core().operations(),
        }
    }
}

fn timer_metadata<'py>(
    metadata: &Bound<'py, PyDict>,
    failure: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    let metadata = metadata.copy()?;
    metadata.set_item(metadata::TYPE, metadata::TIMER)?;
    if let Some(failure) = failure {
        metadata::set_failure(&metadata, failure)?;
    }
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
        let new = Monitor::new(max_history, clock::argument(clock)?)?.telling(warn_of_bound);
        new.set_max_operations(max_operations)?;
        let history = history::from_argument(history)?;
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
        Self::record_timer(slf, &name, now, seconds, None, None)?;
        Ok(Some(seconds))
    }

    /// A context manager, and a decorator, that times ``operation_name`` in seconds.
    ///
    /// Blocks of the same name may nest and overlap in any way, across threads and tasks. What
    /// the block raises goes on after its time was recorded, as a failure: with ``success`` False and
    /// ``error``, the exception's type, in the metadata. The timer tells its seconds as ``elapsed``.
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

    /// Records ``value``, in ``unit``: now, or as measured at ``timestamp``, a datetime (naive ones are
    /// local time). ``metadata`` is a mapping, copied. A timedelta is taken where the unit is one of
    /// time.
    #[pyo3(signature = (name, value, unit, metadata = None, *, timestamp = None))]
    #[inline]
    fn record_metric(
        &self,
        py: Python<'_>,
        name: Text<'_, MetricName>,
        value: &Bound<'_, PyAny>,
        unit: Text<'_, Unit>,
        metadata: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let value = arguments::measured("value", value, unit.0)?;
        let metadata = match metadata {
            None => None,
            Some(_) => metadata::copy_argument(metadata)?,
        };
        let label = LabelRef {
            unit: unit.0,
            timer: false,
            outcome: Outcome::None,
            session: None,
        };
        let time = match timestamp.filter(|timestamp| !timestamp.is_none()) {
            None => Stamp::At(self.core().clock().monotonic()),
            Some(timestamp) => Stamp::Measured(time("timestamp", timestamp)?),
        };
        self.record(py, name.0, time, value, label, metadata)
    }

    /// Records each of ``values``, an array or sequence of numbers, in ``unit``: all of them now, or as
    /// measured at ``timestamps``, as many datetimes (naive ones are local time) or an array of
    /// datetime64, which is in UTC. Each gets ``metadata``, a mapping.
    ///
    /// Missing values of pandas are recorded as NaN. Timedeltas are taken where the unit is one of time.
    #[pyo3(signature = (name, values, unit, *, timestamps = None, metadata = None))]
    fn record_many(
        &self,
        py: Python<'_>,
        name: Text<'_, MetricName>,
        values: &Bound<'_, PyAny>,
        unit: Text<'_, Unit>,
        timestamps: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let values = float_values("values", values, Some(unit.0))?;
        let times = timestamps
            .filter(|timestamps| !timestamps.is_none())
            .map(|timestamps| times("timestamps", timestamps, values.len()))
            .transpose()?;
        let metadata = metadata::copy_argument(metadata)?;
        let mut session = self.sessions.current(py)?;
        let mut outcome = Outcome::None;
        if let Some(metadata) = &metadata {
            session = metadata::settle_session(metadata, session)?;
            outcome = metadata::outcome(metadata)?;
        }
        let label = LabelRef {
            unit: unit.0,
            timer: false,
            outcome,
            session: session.as_deref(),
        };
        let metadata = metadata.map(Bound::unbind);
        if times.is_none() && metadata.is_none() {
            let dropped = self.core().record_many(name.0, &values, label);
            release(py, dropped);
            return Ok(());
        }
        let now = self.core().clock().wall();
        let samples = values.iter().enumerate();
        let samples = samples.map(|(at, value)| {
            let time = times.as_ref().map_or(now, |times| times[at]);
            (time, *value)
        });
        let of_each = || metadata.as_ref().map(|metadata| metadata.clone_ref(py));
        let dropped = self.core().record_measured(name.0, samples, label, of_each);
        release(py, (dropped, metadata));
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
            Some(percentiles) => float_values("percentiles", percentiles, None)?,
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
    /// Where samples are of timed blocks or profiled calls, also the number of those that raised,
    /// ``failures``, and their share, ``failure_rate``; their times are among the others.
    fn get_statistics<'py>(
        &self,
        py: Python<'py>,
        operation_name: Text<'_, OperationName>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let operation = self.core().operation(operation_name.0);
        let measured = operation.and_then(|it| it.measured(TimeRange::ALL, None, false));
        let entry = measured.map_or_else(OperationEntry::none, |measured| {
            let samples = Samples::Each(measured.values);
            let of_samples = || OperationEntry::of_samples(&samples, &measured.unit);
            let entry = detached_if_long(py, samples.single(), of_samples);
            entry.with_failures(measured.failures)
        });
        to_dict(py, &entry)
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
    /// ``metric_name, value, unit, timestamp, metadata``; unless given what the end of
    /// ``output_path`` says, or JSON. Numbers that are not finite are ``null``
    /// in JSON and ``nan``, ``inf``, ``-inf`` in CSV. Returns the text, or with ``output_path``
    /// writes it there (the old file stays until the new one is complete) and returns None.
    /// ``encoding`` is that of the file, UTF-8 unless given; Excel needs ``"utf-8-sig"``. A CSV file of
    /// no samples has its header; the text is empty.
    ///
    /// ``times`` says how timestamps are written: ``"local"`` without an offset from UTC, ``"offset"``
    /// with it, or ``"utc"``. Where local clocks show one of them twice, as in the night in which they are
    /// set back, ``"local"`` writes the offset with each, too.
    ///
    /// In CSV, names and units that a spreadsheet would run as a formula get an apostrophe before
    /// them, unless ``neutralize_formulas`` is False.
    #[pyo3(
        signature = (
            format = Given::NOTHING, output_path = None, operation_name = None,
            *, neutralize_formulas = Flag::new(true), times = Text::new("local"), encoding = None
        ),
        text_signature = "($self, format='json', output_path=None, operation_name=None, *, \
                          neutralize_formulas=True, times='local', encoding=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "most are keywords in Python")]
    fn export_metrics<'py>(
        &self,
        py: Python<'py>,
        format: Given<'py>,
        output_path: Option<&Bound<'py, PyAny>>,
        operation_name: Option<Text<'_, OperationName>>,
        neutralize_formulas: Flag<NeutralizeFormulas>,
        times: Text<'_, TimesName>,
        encoding: Option<Text<'_, EncodingName>>,
    ) -> PyResult<Option<String>> {
        let output = Output::of(py, "output_path", output_path, encoding.as_ref())?;
        let format = chosen_format(&format, Format::parse, Format::of_file, &output)?;
        let times = Times::parse(times.0)?;
        let operations = self.chosen(operation_name.map(|name| name.0));
        let formulas = formulas(neutralize_formulas.0);
        export(py, &operations, format, formulas, times, &output)
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

    /// A global instance travels as a reference to that of whoever loads it; no other one does.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        pickling::to_global(slf.as_any())
    }

    // For notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        notebook::of_operations(py, "PerformanceMonitor", self.core())
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
