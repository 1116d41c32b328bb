//! Warnings through Python's `logging`. Never called with a lock held, nor on the record path.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pyo3::prelude::*;

use super::python::code::PythonCode;
use crate::{
    history::{Change, Event},
    recording::overflow::{
        Bound, OTHER_ENDPOINTS, OTHER_METHODS, OTHER_OPERATIONS, OTHER_SESSIONS,
    },
};

const LOGGER: &str = "ptpd_calibration.monitoring";

/// Logs a warning about `subject`, which takes the place of the `%` in `message`.
pub fn warn(py: Python<'_>, message: &str, subject: &str) -> PyResult<()> {
    log(py, "warning", message, subject)
}

fn log(py: Python<'_>, level: &str, message: &str, subject: &str) -> PyResult<()> {
    let _python = PythonCode::begin(py);
    py.import("logging")?
        .call_method1("getLogger", (LOGGER,))?
        .call_method1(level, (message, subject))?;
    Ok(())
}

/// Tells of what happened to a history, mostly from the thread that writes it. Once the interpreter
/// ends, nobody can be told any more.
pub fn tell_of_history(event: &Event) {
    let (level, message, subject) = match event {
        Event::Failed(problem) => (
            "warning",
            "%s. Monitoring goes on in memory, and what waits is written when that has healed"
                .to_owned(),
            problem.to_string(),
        ),
        Event::Healed { path, dropped: 0 } => (
            "info",
            "The history %s is written again, with all that waited".to_owned(),
            path.display().to_string(),
        ),
        Event::Healed { path, dropped } => (
            "warning",
            format!(
                "The history %s is written again; {dropped} minutes of operations were too many \
                 to wait for that, and are missing"
            ),
            path.display().to_string(),
        ),
        Event::Changed { path, change } => {
            let (level, message) = changed(*change);
            (level, message.to_owned(), path.display().to_string())
        }
        Event::Overflowed { path } => (
            "warning",
            format!(
                "The history %s holds as many operations, endpoints or sessions as it may; further \
                 ones count for {OTHER_OPERATIONS:?}, {OTHER_ENDPOINTS:?} or {OTHER_SESSIONS:?} and \
                 in info()['overflowed']"
            ),
            path.display().to_string(),
        ),
        Event::Lost { path, rollups } => (
            "warning",
            format!(
                "The process ends before the history %s can be written; {rollups} minutes of \
                 operations are lost"
            ),
            path.display().to_string(),
        ),
    };
    Python::try_attach(|py| {
        if let Err(error) = log(py, level, &message, &subject) {
            error.write_unraisable(py, None);
        }
    });
}

/// What somebody did to a history in use.
fn changed(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Emptied => (
            "warning",
            "Somebody emptied the history %s while it was in use; what it held is gone, and a new one \
             is begun there",
        ),
        Change::LogRemoved => (
            "warning",
            "Somebody removed what belongs to the history %s (-wal); it was still at hand and is in the \
             file itself now",
        ),
        Change::LogLost => (
            "warning",
            "Somebody changed what belongs to the history %s (-wal); what only that held is gone, some \
             minutes' worth at most, and what is recorded from now on is written",
        ),
        _ => (
            "info",
            "Somebody put another file in the place of the history %s, which is written to from now on",
        ),
    }
}

/// Warns, once in a process, of a request that took less than no time. Likewise, it must not fail the call
/// that it happens in.
#[cold]
pub fn warn_of_negative_duration(seconds: f64) {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if IS_TOLD.swap(true, Relaxed) {
        return;
    }
    let message = "A request took %s seconds, most likely because a clock was set back meanwhile; it counts \
                   as 0, and so do further ones. time.perf_counter() and track() are not set back";
    Python::attach(|py| {
        if let Err(error) = warn(py, message, &seconds.to_string()) {
            error.write_unraisable(py, None);
        }
    });
}

/// Warns of the first thing beyond a bound. Logging that fails must not fail the call that it
/// happens in, which has done its work; the failure goes to `sys.unraisablehook`.
pub fn warn_of_bound(bound: Bound, limit: usize, name: &str) {
    let message = match bound {
        Bound::Operations => format!(
            "Samples of further names than the {limit} of max_operations, such as %r, are recorded \
             under {OTHER_OPERATIONS:?} and counted in overflowed"
        ),
        Bound::RunningTimers => format!(
            "More than {limit} timers are running; starting %r made the one that was started first \
             be forgotten, and further ones are counted in timers_forgotten"
        ),
        Bound::TimerBlocks => format!(
            "More than {limit} blocks of one timer, of %r, are entered and not left; the one entered \
             first is forgotten, and this one and further ones are counted in timers_forgotten"
        ),
        Bound::SessionBlocks => format!(
            "More than {limit} blocks of one session, %r, are entered and not left; the one entered \
             first is forgotten, and this one and further ones are counted in sessions_forgotten"
        ),
        Bound::RequestBlocks => format!(
            "More than {limit} blocks of one request, to %r, are entered and not left; the one entered \
             first is forgotten, and this one and further ones are counted in requests_forgotten"
        ),
        Bound::Endpoints => format!(
            "Requests to further endpoints than the {limit} of max_endpoints, such as %r, count for \
             {OTHER_ENDPOINTS:?} and in overflowed"
        ),
        Bound::Methods => format!(
            "Further HTTP methods than {limit}, such as %r, are kept as {OTHER_METHODS:?} and counted \
             in methods_overflowed"
        ),
    };
    Python::attach(|py| {
        if let Err(error) = warn(py, &message, name) {
            error.write_unraisable(py, None);
        }
    });
}
