//! A clock that Python tests can hold still and move.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::clock::{Clock, ManualClock as CoreClock, NANOS_PER_SEC};

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

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn nanos(seconds: f64) -> i64 {
    (seconds * NANOS_PER_SEC as f64).round() as i64
}

#[pymethods]
impl ManualClock {
    #[new]
    #[pyo3(signature = (wall = 0.0))]
    fn new(wall: f64) -> Self {
        Self(Arc::new(CoreClock::new(nanos(wall))))
    }

    /// Moves both the monotonic and the wall time forwards by ``seconds``.
    fn advance(&self, seconds: f64) {
        self.0.advance(nanos(seconds).max(0).cast_unsigned());
    }

    /// Sets the wall time alone, in seconds since the Unix epoch, as an operator or NTP may.
    fn set_wall(&self, wall: f64) {
        self.0.set_wall(nanos(wall));
    }

    /// The wall time in seconds since the Unix epoch.
    #[getter]
    fn wall(&self) -> f64 {
        self.0.wall() as f64 / NANOS_PER_SEC as f64
    }

    /// The seconds this clock has been advanced by.
    #[getter]
    fn monotonic(&self) -> f64 {
        self.0.monotonic() as f64 / NANOS_PER_SEC as f64
    }
}
