//! `History`, and the hooks by which it survives forks and the end of the process.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use pyo3::{
    exceptions::{PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyTuple, PyType},
};

use super::{recent::recent_dict, rows::HistoryRows};
use crate::bindings::{
    arguments::{
        self, Number, Text, Whole,
        names::{FlushInterval, Minutes, Resolution, Version},
        time_range, to_datetime, to_path,
    },
    clock, hooks,
    logging::tell_of_history,
    python::{
        errors::{is, wrong_type},
        objects::shown,
    },
    report::notebook,
};
use crate::{
    error::Error,
    history::{
        Access, DEFAULT_DAYS, GATE, History as Core, Options, Period, Reader, Retention, Table,
    },
    home, settings,
    time::Clock,
};

/// Seconds between two flushes unless asked otherwise.
const FLUSH_INTERVAL: f64 = 1.0;

/// The longest interval: a day.
const LONGEST: f64 = 86_400.0;

/// A history on disk, that monitors, trackers and resource monitors record to: one row a minute for
/// each operation, endpoint and figure, whether it happened ten times or a billion.
///
/// ``path`` is a ``str`` or ``os.PathLike``; the file is made if there is none. Several processes
/// may use one file. A thread of its own writes every ``flush_interval`` seconds; hours are kept
/// for ``retention_days``, 30 unless asked otherwise, minutes for two of them. ``clock`` is a
/// :class:`ptpd_monitoring.testing.ManualClock` in tests. In one process the first ``History`` of a
/// file that is in use says how it is written.
///
/// With ``record=False`` the file is one that others write, to be looked at: it is never made, no
/// thread starts, what is attached records in memory alone, and nothing is deleted but by
/// :meth:`fold`, which without ``retention_days`` keeps as many as the program that writes the file.
///
/// Where SIGTERM ends the process by its default action, what was recorded is written first, within a
/// second (Linux); with ``on_sigterm=False`` the signal is left alone.
///
/// ``version`` is what the program calls its release, such as ``"1.4.2"``, up to 200 characters; it is
/// noted with what is written. ``PTPD_MONITORING_VERSION`` says it where the argument does not.
///
/// Nothing is raised where the file cannot be written: the log warns once, :attr:`problem` tells
/// why, monitoring goes on in memory, and what waits is written when that has healed.
#[pyclass(frozen, subclass, weakref, dict, module = "ptpd_monitoring")]
pub struct History(OnceLock<Arc<Core>>);

impl History {
    pub fn core(&self) -> PyResult<&Arc<Core>> {
        self.0.get().ok_or_else(|| {
            PyRuntimeError::new_err("History.__init__ was not called by the subclass's own")
        })
    }
}

fn options(
    interval: Duration,
    days: Option<u32>,
    clock: Clock,
    on_sigterm: bool,
    version: Option<Arc<str>>,
) -> Options {
    Options {
        version,
        on_sigterm,
        flush_interval: interval,
        retention: days.map(Retention::of_days),
        clock,
        notice: Some(tell_of_history),
        ..Options::new(Access::new(&GATE))
    }
}

fn open(py: Python<'_>, path: PathBuf, options: impl FnOnce() -> Options) -> PyResult<Arc<Core>> {
    hooks::install_for_workers(py)?;
    let history = Core::open(&path, options);
    if history.takes_sigterm() {
        hooks::take_sigterm(py)?;
    }
    Ok(history)
}

/// The path of a file, whose `~` is somebody's home. An empty one is none.
fn file(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let path = arguments::path(name, value)?;
    if path.as_os_str().is_empty() {
        let given = shown(value);
        return Err(PyValueError::new_err(format!(
            "{name} must be the path of a file, got {given}"
        )));
    }
    Ok(home::expanded(path))
}

/// The argument ``history``: a ``History``, or the path of one.
pub fn from_argument<'py>(
    value: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, History>>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    if let Ok(history) = value.cast::<History>() {
        if history.get().core()?.is_closed() {
            let message = "history must be one that is not closed";
            return Err(PyValueError::new_err(format!(
                "{message}, got {}",
                shown(value)
            )));
        }
        return Ok(Some(history.clone()));
    }
    let path = file("history", value).map_err(|error| {
        if is::<PyTypeError>(value.py(), &error) {
            wrong_type("history", "a History, a path or None", value)
        } else {
            error
        }
    })?;
    let usual = || {
        let interval = Duration::from_secs_f64(FLUSH_INTERVAL);
        let version = settings::version_from_environment();
        options(interval, Some(DEFAULT_DAYS), clock::usual(), true, version)
    };
    let core = open(value.py(), path, usual)?;
    Bound::new(value.py(), History(OnceLock::from(core))).map(Some)
}

fn interval(seconds: &Number<FlushInterval>) -> Result<Duration, Error> {
    if seconds.0 > 0.0 && seconds.0 <= LONGEST {
        return Ok(Duration::from_secs_f64(seconds.0));
    }
    let expected = "a number of seconds above 0 and up to 86400";
    Err(Error::argument(
        "flush_interval",
        format!("{:?}", seconds.0),
        expected,
    ))
}

fn days(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    const NAME: &str = "retention_days";
    u32::try_from(arguments::whole(NAME, value)?)
        .ok()
        .filter(|days| *days >= 1)
        .ok_or_else(|| {
            let given = shown(value);
            PyValueError::new_err(format!(
                "{NAME} must be from 1 to {}, got {given}",
                u32::MAX
            ))
        })
}

#[pymethods]
impl History {
    // Takes everything, so that a subclass can override `__init__` alone with other arguments.
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(path, *, flush_interval=1.0, retention_days=None, record=True, clock=None, on_sigterm=True, version=None)"
    )]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self(OnceLock::new())
    }

    #[pyo3(signature = (
        path,
        *,
        flush_interval = Number::new(FLUSH_INTERVAL),
        retention_days = None,
        record = true,
        clock = None,
        on_sigterm = true,
        version = None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn __init__(
        &self,
        path: &Bound<'_, PyAny>,
        flush_interval: Number<FlushInterval>,
        retention_days: Option<&Bound<'_, PyAny>>,
        record: bool,
        clock: Option<&Bound<'_, PyAny>>,
        on_sigterm: bool,
        version: Option<Text<'_, Version>>,
    ) -> PyResult<()> {
        let py = path.py();
        let path = file("path", path)?;
        let interval = interval(&flush_interval)?;
        let days = retention_days.map(days).transpose()?;
        let clock = clock::argument(clock)?;
        let version = match version {
            Some(version) => Some(settings::version(version.0)?),
            None => settings::version_from_environment(),
        };
        if self.0.get().is_some() {
            return Err(PyRuntimeError::new_err("this History is in use already"));
        }
        let core = if record {
            open(py, path, || {
                let days = days.or(Some(DEFAULT_DAYS));
                options(interval, days, clock, on_sigterm, version)
            })?
        } else {
            Core::look(&path, options(interval, days, clock, false, None))
        };
        self.0
            .set(core)
            .map_err(|_| PyRuntimeError::new_err("this History is in use already"))
    }

    /// Writes what was recorded so far and returns whether all of it is on disk now; False as long as
    /// there is a :attr:`problem`.
    fn flush(&self, py: Python<'_>) -> PyResult<bool> {
        let core = self.core()?;
        Ok(py.detach(|| core.flush()))
    }

    /// Writes what was recorded; what is attached goes on in memory alone. Twice does no harm.
    ///
    /// What cannot be written now is written when that has healed, until the process ends.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core()?;
        py.detach(|| core.close());
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (_kind = None, _error = None, _traceback = None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<&Bound<'_, PyType>>,
        _error: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        self.close(py)?;
        Ok(false)
    }

    /// The file, as an absolute path.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_path(py, self.core()?.path())
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> PyResult<bool> {
        Ok(self.core()?.is_closed())
    }

    /// Why the file cannot be written and what to do about it, or None while all is well.
    #[getter]
    fn problem(&self) -> PyResult<Option<String>> {
        Ok(self.core()?.problem().map(|problem| problem.to_string()))
    }

    /// What the file holds, as a dict ``path``, ``schema`` (its version), ``bytes``,
    /// ``free_bytes`` (which :meth:`vacuum` gives back), ``minutes`` and ``hours`` (rows of each),
    /// ``series``, ``writers``, ``oldest``, ``newest`` and ``minutes_from`` (datetimes or None;
    /// before the last there are only hours), ``retention_days`` (of whoever deleted last what was
    /// too old; None if nobody did), and of this process ``waiting`` (rollups not written
    /// yet), ``dropped`` (those beyond the bound of what may wait), ``overflowed`` (samples that count
    /// for ``(other operations)`` and the like because the file holds too many) and ``problem``.
    ///
    /// Raises ``OSError`` where the file cannot be read, as the methods below do.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let core = self.core()?;
        let (info, waiting, overflowed) = py.detach(|| {
            let info = core.inspect(Reader::info);
            (info, core.waiting(), core.overflowed())
        });
        let info = info?;
        let moment = |nanos: Option<i64>| nanos.map(|nanos| to_datetime(py, nanos)).transpose();
        let dict = PyDict::new(py);
        dict.set_item("path", to_path(py, &info.path)?)?;
        dict.set_item("schema", info.schema)?;
        dict.set_item("bytes", info.bytes)?;
        dict.set_item("free_bytes", info.free_bytes)?;
        dict.set_item("minutes", info.minutes)?;
        dict.set_item("hours", info.hours)?;
        dict.set_item("series", info.series)?;
        dict.set_item("writers", info.writers)?;
        dict.set_item("oldest", moment(info.oldest)?)?;
        dict.set_item("newest", moment(info.newest)?)?;
        let from = info
            .minutes_from
            .map(|second| second.saturating_mul(1_000_000_000));
        dict.set_item("minutes_from", moment(from)?)?;
        dict.set_item("retention_days", info.retention_days)?;
        dict.set_item("waiting", waiting.0)?;
        dict.set_item("dropped", waiting.1)?;
        dict.set_item("overflowed", overflowed)?;
        dict.set_item("problem", self.problem()?)?;
        Ok(dict)
    }

    /// Looks at every page and row of the file and returns what is wrong, a list of lines.
    fn check(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let core = self.core()?;
        py.detach(|| core.inspect(Reader::check))
            .map_err(Into::into)
    }

    /// Copies the file to ``path``, a ``str`` or ``os.PathLike``, with all that was written to it until
    /// now, by whichever process; they go on meanwhile, and forks wait.
    ///
    /// The copy is there as a whole or not at all, in one file. An earlier copy there is replaced.
    /// Raises ``OSError`` where it cannot be made, where the file is damaged, and where it would take the
    /// place of the history itself, of another one, of a database in use, or of a file that is no history.
    fn backup(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let core = self.core()?;
        let path = file("path", path)?;
        py.detach(|| core.back_up(&path)).map_err(Into::into)
    }

    /// Deletes at once what is too old. It goes by itself, a little every ten minutes.
    fn fold(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core()?;
        py.detach(|| core.fold()).map_err(Into::into)
    }

    /// Gives the space of what was deleted back to the file system. Other processes and forks wait
    /// meanwhile.
    fn vacuum(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core()?;
        py.detach(|| core.vacuum()).map_err(Into::into)
    }

    /// The file's rows, one dict at a time: those of minutes or of ``hours`` that start within
    /// ``time_range``, a pair of datetimes, in order of time.
    ///
    /// The keys are ``start`` (a datetime in UTC), ``kind`` (``operation``, ``session``,
    /// ``endpoint`` or ``resource``), ``name``, ``unit``, ``session``, ``method`` and
    /// ``status_class`` (None where a kind has none), ``host`` and ``pid`` (who wrote the row),
    /// ``count``, ``sum``, ``mean``, ``std``, ``min``, ``max``, ``p50``, ``p90``, ``p95``, ``p99``,
    /// and ``first`` and ``last`` (datetimes in UTC).
    #[pyo3(
        signature = (resolution = Text::new("minutes"), time_range = None),
        text_signature = "($self, resolution='minutes', time_range=None)"
    )]
    fn rows(
        &self,
        resolution: Text<'_, Resolution>,
        time_range: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<HistoryRows> {
        let period = Period::of(self::time_range("time_range", time_range)?);
        let table = match resolution.0 {
            "minutes" => Table::Minutes,
            "hours" => Table::Hours,
            other => {
                return Err(PyValueError::new_err(format!(
                    "resolution must be 'minutes' or 'hours', got '{other}'"
                )));
            }
        };
        Ok(HistoryRows::new(Arc::clone(self.core()?), table, period))
    }

    /// What happened in the present minute and in ``minutes`` before it, whoever recorded it:
    /// ``start`` (a datetime), ``seconds`` (for how long something has been recorded in it, which
    /// ``rate`` is a second of); ``operations``, a list of dicts ``name, unit, count, rate, mean, p50,
    /// p95, p99, max, last`` (a datetime), ``by_minute`` (a list of counts); ``endpoints``, with
    /// ``endpoint, method, errors`` (of status 400 or above) instead of name and unit, in milliseconds;
    /// ``resources``, dicts ``figure, unit, latest, min, mean, max``; and ``problem``, what kept the
    /// file from being read, or None.
    ///
    /// ``minutes`` is 0 to 1440, otherwise a ValueError.
    #[pyo3(
        signature = (minutes = Whole::new(5)),
        text_signature = "(self, minutes=5)"
    )]
    fn recent<'py>(
        &self,
        py: Python<'py>,
        minutes: Whole<Minutes>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let core = self.core()?;
        let minutes = u32::try_from(minutes.0)
            .map_err(|_| Error::argument("minutes", minutes.0, "0 to 1440"))?;
        let recent = py.detach(|| core.recent(minutes))?;
        recent_dict(py, &recent)
    }

    // For notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        notebook::of_history(py, self.core()?)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let name = slf.get_type().name()?;
        let path = slf.get().core()?.path().as_os_str();
        let path = path.into_pyobject(slf.py())?.repr()?;
        Ok(format!("{name}({path})"))
    }
}
