//! What is attached to samples: a user's dict, or only what the sample's label says.

use std::sync::Arc;

use pyo3::{
    prelude::*,
    types::{PyBool, PyDict, PyMapping},
};
use serde_json::value::RawValue;

use crate::bindings::{
    arguments::{SessionText, names::SessionId},
    output::json::PyJson,
    python::{code::PythonCode, errors::wrong_type, once::intern},
};
use crate::{
    error::{Error, Result},
    monitor::Monitor,
    recording::series::{Label, Outcome, Sample},
};

/// The key that says what recorded a sample.
pub const TYPE: &str = "type";
/// Its value for timers.
pub const TIMER: &str = "timer";
/// The key of the session.
pub const SESSION_ID: &str = "session_id";
/// The key that says whether what a sample measures worked.
const SUCCESS: &str = "success";
/// That of the type of the exception that it raised.
const ERROR: &str = "error";

/// A user's dict, never the user's own object.
pub type Metadata = Py<PyDict>;

/// The core's monitor, with Python's metadata.
pub type Core = Monitor<Metadata>;

/// A copy of the `metadata` argument, or nothing of an empty one.
pub fn copy_argument<'py>(
    metadata: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    match metadata.filter(|metadata| !metadata.is_none()) {
        None => Ok(None),
        Some(metadata) => {
            let copy = match metadata.cast::<PyDict>() {
                Ok(dict) if dict.is_empty() => return Ok(None),
                Ok(dict) => dict.copy()?,
                Err(_) => copy_mapping(metadata)?,
            };
            Ok((!copy.is_empty()).then_some(copy))
        }
    }
}

#[cold]
fn copy_mapping<'py>(metadata: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = metadata.py();
    let _python = PythonCode::begin(py);
    let mapping = metadata
        .cast::<PyMapping>()
        .map_err(|_| wrong_type("metadata", "a mapping or None", metadata))?;
    let copy = PyDict::new(py);
    copy.update(mapping)?;
    Ok(copy)
}

/// Settles which session a sample with `metadata` belongs to: the one that it names itself, else
/// the `current` one, which it names from then on. What it names may be no id; then the sample
/// belongs to no session that a report could be asked for.
pub fn settle_session(
    metadata: &Bound<'_, PyDict>,
    current: Option<Arc<str>>,
) -> PyResult<Option<Arc<str>>> {
    let session_id = intern!(metadata.py(), SESSION_ID);
    if let Some(own) = metadata.get_item(session_id)? {
        let own = own.extract::<SessionText<SessionId>>();
        return Ok(own.ok().map(|own| own.0.into()));
    }
    if let Some(current) = &current {
        metadata.set_item(session_id, &**current)?;
    }
    Ok(current)
}

/// How what a sample with `metadata` measures ended, as far as that says so.
pub fn outcome(metadata: &Bound<'_, PyDict>) -> PyResult<Outcome<&'static str>> {
    let success = metadata.get_item(intern!(metadata.py(), SUCCESS))?;
    let success = success.and_then(|it| it.cast::<PyBool>().map(PyBoolMethods::is_true).ok());
    Ok(match success {
        None => Outcome::None,
        Some(true) => Outcome::Success,
        // The metadata itself tells of what.
        Some(false) => Outcome::Failure(""),
    })
}

/// Says in a timer's `metadata` what its block raised, where it says nothing of that itself.
pub fn set_failure(metadata: &Bound<'_, PyDict>, error: &str) -> PyResult<()> {
    if !metadata.contains(SUCCESS)? {
        metadata.set_item(SUCCESS, false)?;
    }
    if !metadata.contains(ERROR)? {
        metadata.set_item(ERROR, error)?;
    }
    Ok(())
}

/// The dict that readers see: the user's, copied, or what the label says.
pub fn to_dict<'py>(
    py: Python<'py>,
    label: &Label,
    metadata: Option<&Metadata>,
) -> PyResult<Bound<'py, PyDict>> {
    if let Some(metadata) = metadata {
        return metadata.bind(py).copy();
    }
    let dict = PyDict::new(py);
    if label.timer {
        dict.set_item(TYPE, TIMER)?;
    }
    if let Outcome::Failure(error) = &label.outcome {
        set_failure(&dict, error)?;
    }
    if let Some(session) = &label.session {
        dict.set_item(SESSION_ID, &**session)?;
    }
    Ok(dict)
}

/// The metadata of `samples` as JSON objects, each that of the next so many of them: most have none
/// of their own and share their label with the one before, and then the object too.
pub fn json_objects(
    py: Python<'_>,
    samples: &[Sample<Metadata>],
) -> PyResult<Vec<(usize, Box<RawValue>)>> {
    let share = |one: &Sample<Metadata>, next: &Sample<Metadata>| {
        one.metadata.is_none() && next.metadata.is_none() && Arc::ptr_eq(&one.label, &next.label)
    };
    samples
        .chunk_by(share)
        .map(|sharing| {
            let object = match &sharing[0].metadata {
                Some(metadata) => {
                    let metadata = PyJson::new(metadata.bind(py).as_any());
                    metadata.serialized(|json| Ok(raw(serde_json::to_string(json))?))
                }
                None => Ok(raw(label_json(&sharing[0].label))?),
            };
            object.map(|object| (sharing.len(), object))
        })
        .collect()
}

fn raw(json: serde_json::Result<String>) -> Result<Box<RawValue>> {
    json.and_then(RawValue::from_string)
        .map_err(|error| Error::Encoding(error.to_string()))
}

fn label_json(label: &Label) -> serde_json::Result<String> {
    let mut object = serde_json::Map::new();
    if label.timer {
        object.insert(TYPE.to_owned(), TIMER.into());
    }
    if let Outcome::Failure(error) = &label.outcome {
        object.insert(SUCCESS.to_owned(), false.into());
        object.insert(ERROR.to_owned(), (**error).into());
    }
    if let Some(session) = &label.session {
        object.insert(SESSION_ID.to_owned(), (**session).into());
    }
    serde_json::to_string(&object)
}
