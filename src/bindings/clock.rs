//! A clock that Python tests can hold still and move.

use std::sync::Arc;

use pyo3::prelude::*;

use super::arguments::{Name, Number, Seconds, Wall};

use crate::{
    clock::{Clock, ManualClock as CoreClock, nanos_from_seconds, seconds_from_nanos},
    error::{Error, Result},
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
        clock.map_or(Clock::System, |clock| {
            Clock::Manual(Arc::clone(&clock.get().0))
        })
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
