//! A clock that Python tests can hold still and move.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::{
    arguments::{
        Number,
        names::{Moment, Name, Seconds, Wall},
    },
    python::{
        code::{PythonCode, release},
        errors::wrong_type,
        lock::lock,
    },
};

use crate::{
    error::{Error, Result},
    time::{Clock, ManualClock as CoreClock, nanos_from_seconds, seconds_from_nanos},
};

/// A clock for tests: time stands still until moved.
///
/// ``PerformanceMonitor``, ``APIPerformanceTracker``, ``CacheManager`` and ``ResourceMonitor`` take
/// it as ``clock=``; profilers and reports use that of their monitor.
/// ``wall`` is the wall time in seconds since the Unix epoch.
#[pyclass(frozen, module = "ptpd_monitoring.testing")]
pub struct ManualClock(Arc<CoreClock>);

impl ManualClock {
    pub fn of(clock: Option<&Bound<'_, Self>>) -> Clock {
        clock.map_or_else(usual, |clock| Clock::Manual(Arc::clone(&clock.get().0)))
    }
}

fn nanos<N: Name>(seconds: &Number<N>) -> Result<i64> {
    nanos_from_seconds(seconds.0).ok_or_else(|| {
        let given = format!("{:?}", seconds.0);
        Error::argument(N::NAME, given, "a number of seconds within 292 years")
    })
}

#[pymethods]
impl ManualClock {
    #[new]
    #[pyo3(signature = (wall = Number::new(0.0)), text_signature = "(wall=0.0)")]
    fn new(wall: Number<Wall>) -> Result<Self> {
        Ok(Self(Arc::new(CoreClock::new(nanos(&wall)?))))
    }

    /// Moves both the monotonic and the wall time forwards by ``seconds``, 0 or more.
    fn advance(&self, seconds: Number<Seconds>) -> Result<()> {
        let nanos = u64::try_from(nanos(&seconds)?)
            .map_err(|_| Error::argument("seconds", seconds.0, "0 or more"))?;
        self.0.advance(nanos);
        Ok(())
    }

    /// Sets the wall time alone, in seconds since the Unix epoch, as an operator or NTP may.
    fn set_wall(&self, wall: Number<Wall>) -> Result<()> {
        self.0.set_wall(nanos(&wall)?);
        Ok(())
    }

    /// The wall time in seconds since the Unix epoch.
    #[getter]
    fn wall(&self) -> f64 {
        seconds_from_nanos(self.0.wall().into())
    }

    /// The seconds this clock has been advanced by.
    #[getter]
    fn monotonic(&self) -> f64 {
        seconds_from_nanos(self.0.monotonic().into())
    }
}

/// What stands in for the system's clocks where none is named.
struct Usual {
    clock: Arc<CoreClock>,
    look: Py<PyAny>,
}

static USUAL: Mutex<Option<Usual>> = Mutex::new(None);

/// Whether there is one: read where it costs nothing to look at the lock.
static IS_STAGED: AtomicBool = AtomicBool::new(false);

/// The clock of who names none: the system's, unless the pytest plugin has staged one.
pub fn usual() -> Clock {
    if !IS_STAGED.load(Relaxed) {
        return Clock::System;
    }
    match &*USUAL.lock() {
        Some(usual) => Clock::Manual(Arc::clone(&usual.clock)),
        None => Clock::System,
    }
}

/// Has a staged clock be set, if there is one, before it is read where no method of Python's that the
/// plugin knows does so.
pub fn look(py: Python<'_>) {
    if !IS_STAGED.load(Relaxed) {
        return;
    }
    let look = lock(py, &USUAL)
        .as_ref()
        .map(|usual| usual.look.clone_ref(py));
    if let Some(look) = look {
        let _python = PythonCode::begin(py);
        if let Err(error) = look.call0(py) {
            error.write_unraisable(py, None);
        }
    }
}

/// The clock that a test suite stages, for the pytest plugin: it goes with the system's until it is
/// told to stand.
#[pyclass(frozen, module = "ptpd_monitoring._native")]
pub struct StagedClock(Arc<CoreClock>);

#[pymethods]
impl StagedClock {
    #[new]
    fn new() -> Self {
        Self(Arc::new(CoreClock::going()))
    }

    /// Makes it the clock of whatever is made from now on without another one. ``look`` is called
    /// before the time is read, and lets it go or stand.
    fn begin(&self, py: Python<'_>, look: Py<PyAny>) {
        let usual = Usual {
            clock: Arc::clone(&self.0),
            look,
        };
        let before = lock(py, &USUAL).replace(usual);
        IS_STAGED.store(true, Relaxed);
        release(py, before);
    }

    /// Makes the system's clocks the usual ones again. What has this one goes on with it.
    fn end(&self, py: Python<'_>) {
        IS_STAGED.store(false, Relaxed);
        let before = lock(py, &USUAL).take();
        self.0.go();
        release(py, before);
    }

    /// Has it go with the system's clocks.
    fn go(&self) {
        self.0.go();
    }

    /// Has it stand at ``wall``, in seconds since the Unix epoch; durations and lifetimes run as if it
    /// were ``moment``.
    fn stand(&self, wall: Number<Wall>, moment: Number<Moment>) -> Result<()> {
        self.0.stand(nanos(&wall)?, nanos(&moment)?);
        Ok(())
    }

    /// The system's wall time in seconds since the Unix epoch, whatever Python says.
    #[staticmethod]
    fn system_wall() -> f64 {
        seconds_from_nanos(Clock::System.wall().into())
    }
}

/// The clock of a test, or the system's.
pub fn argument(value: Option<&Bound<'_, PyAny>>) -> PyResult<Clock> {
    let manual = value
        .filter(|value| !value.is_none())
        .map(|value| {
            value
                .cast::<ManualClock>()
                .map_err(|_| wrong_type("clock", "a ManualClock or None", value))
        })
        .transpose()?;
    Ok(ManualClock::of(manual))
}
