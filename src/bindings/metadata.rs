//! What is attached to samples: a user's dict, or only what the sample's label says.

use std::sync::Arc;

use pyo3::{prelude::*, types::PyDict};
use serde_json::value::RawValue;

use super::{convert::wrong_type, json::PyJson};
use crate::{
    error::{Error, Result},
    series::{Label, Sample},
};

/// The key that says what recorded a sample.
pub const TYPE: &str = "type";
/// Its value for timers.
pub const TIMER: &str = "timer";
/// The key of the session.
pub const SESSION_ID: &str = "session_id";

/// A user's dict, never the user's own object.
pub type Metadata = Py<PyDict>;

/// A copy of the `metadata` argument, or nothing of an empty one.
pub fn copy_argument<'py>(
    metadata: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    match metadata.filter(|metadata| !metadata.is_none()) {
        None => Ok(None),
        Some(metadata) => {
            let dict = metadata
                .cast::<PyDict>()
                .map_err(|_| wrong_type("metadata", "a dict or None", metadata))?;
            Ok((!dict.is_empty()).then(|| dict.copy()).transpose()?)
        }
    }
}

/// Settles which session a sample with `metadata` belongs to: the one that it names itself, else
/// the `current` one, which it names from then on. What it names may be no text; then the sample
/// belongs to no session that a report could be asked for.
pub fn settle_session(
    metadata: &Bound<'_, PyDict>,
    current: Option<String>,
) -> PyResult<Option<String>> {
    if let Some(own) = metadata.get_item(SESSION_ID)? {
        return Ok(own.extract().ok());
    }
    if let Some(current) = &current {
        metadata.set_item(SESSION_ID, current)?;
    }
    Ok(current)
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
    if let Some(session) = &label.session {
        dict.set_item(SESSION_ID, &**session)?;
    }
    Ok(dict)
}

/// Makes JSON objects of samples' metadata. Most samples have none of their own and share their
/// label with the one before, and then the object too.
#[derive(Default)]
pub struct JsonObjects(Option<(Arc<Label>, Arc<RawValue>)>);

impl JsonObjects {
    /// The metadata of `sample`.
    pub fn of(&mut self, py: Python<'_>, sample: &Sample<Metadata>) -> Result<Arc<RawValue>> {
        if let Some(metadata) = &sample.metadata {
            return raw(serde_json::to_string(&PyJson::new(
                metadata.bind(py).as_any(),
            )));
        }
        if let Some((label, object)) = &self.0
            && Arc::ptr_eq(label, &sample.label)
        {
            return Ok(Arc::clone(object));
        }
        let object = raw(label_json(&sample.label))?;
        self.0 = Some((Arc::clone(&sample.label), Arc::clone(&object)));
        Ok(object)
    }
}

fn raw(json: serde_json::Result<String>) -> Result<Arc<RawValue>> {
    json.and_then(RawValue::from_string)
        .map(Arc::from)
        .map_err(|error| Error::Encoding(error.to_string()))
}

fn label_json(label: &Label) -> serde_json::Result<String> {
    let mut object = serde_json::Map::new();
    if label.timer {
        object.insert(TYPE.to_owned(), TIMER.into());
    }
    if let Some(session) = &label.session {
        object.insert(SESSION_ID.to_owned(), (**session).into());
    }
    serde_json::to_string(&object)
}
