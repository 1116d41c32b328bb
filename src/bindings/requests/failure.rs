//! What an exception says of the request that it ended.

use pyo3::{
    exceptions::PyGeneratorExit,
    prelude::*,
    types::{PyBool, PyInt, PyTuple},
};

use crate::bindings::python::{
    errors::asks_to_end,
    objects::{attribute, loaded, type_name},
    once::intern,
};
use crate::requests::http_status;

/// The status of a request that failed.
const FAILED: u16 = 500;

/// That of one that nobody waits for any more.
const CANCELLED: u16 = 499;

/// How deep groups of exceptions are looked into.
const DEEPEST: usize = 8;

/// How a request failed.
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong; nothing where the status is no error's, as of a redirect.
    pub text: Option<String>,
}

impl Failure {
    /// What `error` comes to; `None` if it says that all is well. To be called while Python code may run.
    pub fn of(error: &Bound<'_, PyAny>) -> Option<Self> {
        if asks_to_end(error) {
            return None;
        }
        let status = status(error, DEEPEST);
        Some(Self {
            status,
            text: (status >= 400).then(|| text(error)),
        })
    }
}

/// The text of `error`; the name of its type where that is empty, or cannot be had.
fn text(error: &Bound<'_, PyAny>) -> String {
    let text = error.str().map(|text| text.to_string_lossy().into_owned());
    match text {
        Ok(text) if !text.trim().is_empty() => text,
        _ => type_name(error),
    }
}

fn status(error: &Bound<'_, PyAny>, depth: usize) -> u16 {
    if let Some(status) = of_group(error, depth) {
        return status;
    }
    if is_cancelled(error) {
        return CANCELLED;
    }
    own_status(error).unwrap_or(FAILED)
}

/// That of the worst of a group's exceptions, those that cancel aside unless all do.
fn of_group(error: &Bound<'_, PyAny>, depth: usize) -> Option<u16> {
    let py = error.py();
    let group = intern!(py, "BaseExceptionGroup");
    // Before Python 3.11 it is a package's.
    let is_group = is_a(error, intern!(py, "builtins"), group)
        || is_a(error, intern!(py, "exceptiongroup"), group);
    if !is_group || depth == 0 {
        return None;
    }
    let exceptions = attribute(error, "exceptions")?
        .cast_into::<PyTuple>()
        .ok()?;
    let statuses = exceptions.iter().map(|each| status(&each, depth - 1));
    statuses.max_by_key(|status| (*status != CANCELLED, *status))
}

/// Whether nobody waits for what was interrupted by `error`.
fn is_cancelled(error: &Bound<'_, PyAny>) -> bool {
    let py = error.py();
    error.is_instance_of::<PyGeneratorExit>()
        || is_a(error, intern!(py, "asyncio"), intern!(py, "CancelledError"))
        || is_a(error, intern!(py, "trio"), intern!(py, "Cancelled"))
        // That of gevent and eventlet.
        || is_a(error, intern!(py, "greenlet"), intern!(py, "GreenletExit"))
        || is_a(error, intern!(py, "starlette.requests"), intern!(py, "ClientDisconnect"))
}

/// The status that `error` carries.
fn own_status(error: &Bound<'_, PyAny>) -> Option<u16> {
    let py = error.py();
    let of = |name: &str| attribute(error, name).and_then(|value| as_status(&value));
    of("status_code").or_else(|| {
        // Elsewhere a `code` is whatever it likes to be, as of a server that was asked in vain.
        let werkzeug = intern!(py, "werkzeug.exceptions");
        if !is_a(error, werkzeug, intern!(py, "HTTPException")) {
            return None;
        }
        of("code").or_else(|| {
            let response = attribute(error, "response")?;
            as_status(&attribute(&response, "status_code")?)
        })
    })
}

fn as_status(value: &Bound<'_, PyAny>) -> Option<u16> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return None;
    }
    http_status(value.extract().ok()?)
}

/// Whether `error` is one of a class that its module holds, if that has been imported.
fn is_a(
    error: &Bound<'_, PyAny>,
    module: &Bound<'_, pyo3::types::PyString>,
    class: &Bound<'_, pyo3::types::PyString>,
) -> bool {
    loaded(error.py(), module, class)
        .ok()
        .flatten()
        .is_some_and(|class| error.is_instance(&class).unwrap_or(false))
}
