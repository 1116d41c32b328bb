//! Python objects as JSON. Whatever JSON cannot hold becomes text, so that an export never stops
//! in the middle: non-finite numbers become `null`, dates ISO text, everything unknown its `str`.

use pyo3::{
    prelude::*,
    types::{
        PyBool, PyBytes, PyDate, PyDateTime, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet,
        PyString, PyTime, PyTuple,
    },
};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::value::RawValue;

use super::convert::type_name;
use crate::report::number_text;

/// Deeper nesting than this is shown as text; it is most likely a cycle.
const DEEPEST: usize = 100;

/// A Python object that serializes itself as JSON.
pub struct PyJson<'a, 'py> {
    value: &'a Bound<'py, PyAny>,
    depth: usize,
    /// Whether non-finite numbers become text instead of `null`.
    for_csv: bool,
}

impl<'a, 'py> PyJson<'a, 'py> {
    /// Wraps `value`.
    pub fn new(value: &'a Bound<'py, PyAny>) -> Self {
        Self {
            value,
            depth: 0,
            for_csv: false,
        }
    }

    /// Wraps `value` for a table of text, which has words for numbers that JSON has none for.
    pub fn for_csv(value: &'a Bound<'py, PyAny>) -> Self {
        Self {
            for_csv: true,
            ..Self::new(value)
        }
    }

    fn inside<'b>(&self, value: &'b Bound<'py, PyAny>) -> PyJson<'b, 'py> {
        PyJson {
            value,
            depth: self.depth + 1,
            for_csv: self.for_csv,
        }
    }

    fn text(&self) -> String {
        self.value.str().map_or_else(
            |_| format!("<{}>", type_name(self.value)),
            |text| text.to_string_lossy().into_owned(),
        )
    }

    fn list<S: Serializer>(&self, serializer: S) -> Option<Result<S::Ok, S::Error>> {
        let items: Vec<Bound<'py, PyAny>> =
            self.value.try_iter().ok()?.collect::<PyResult<_>>().ok()?;
        Some(serializer.collect_seq(items.iter().map(|value| self.inside(value))))
    }

    fn map<S: Serializer>(
        &self,
        dict: &Bound<'py, PyDict>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // A copy: serializing values may run Python code, which may change the dict.
        let items = dict.copy().map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in items.iter() {
            map.serialize_entry(&self.inside(&key).text(), &self.inside(&value))?;
        }
        map.end()
    }

    /// What another object stands for: a model's fields, a `NumPy` value's Python twin.
    fn stand_in(&self) -> Option<Bound<'py, PyAny>> {
        ["model_dump", "tolist"].iter().find_map(|method| {
            let method = self.value.getattr(method).ok()?;
            let stand_in = method.call0().ok()?;
            (!stand_in.get_type().is(self.value.get_type())).then_some(stand_in)
        })
    }
}

impl Serialize for PyJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.value;
        if value.is_none() {
            serializer.serialize_none()
        } else if let Ok(flag) = value.cast::<PyBool>() {
            serializer.serialize_bool(flag.is_true())
        } else if let Ok(text) = value.cast::<PyString>() {
            serializer.serialize_str(&text.to_string_lossy())
        } else if value.is_instance_of::<PyInt>() {
            if let Ok(number) = value.extract::<i64>() {
                return serializer.serialize_i64(number);
            }
            match RawValue::from_string(self.text()) {
                Ok(digits) => digits.serialize(serializer),
                Err(_) => serializer.serialize_str(&self.text()),
            }
        } else if let Ok(number) = value.cast::<PyFloat>() {
            match number.value() {
                number if self.for_csv && !number.is_finite() => {
                    serializer.serialize_str(&number_text(number))
                }
                number => serializer.serialize_f64(number),
            }
        } else if self.depth >= DEEPEST {
            serializer.serialize_str(&format!("<{} nested too deeply>", type_name(value)))
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.map(dict, serializer)
        } else if value.is_instance_of::<PyList>()
            || value.is_instance_of::<PyTuple>()
            || value.is_instance_of::<PySet>()
            || value.is_instance_of::<PyFrozenSet>()
        {
            match self.list(serializer) {
                Some(result) => result,
                None => Err(S::Error::custom("a list changed while it was exported")),
            }
        } else if value.is_instance_of::<PyDateTime>()
            || value.is_instance_of::<PyDate>()
            || value.is_instance_of::<PyTime>()
        {
            match value
                .call_method0("isoformat")
                .and_then(|text| text.extract::<String>())
            {
                Ok(text) => serializer.serialize_str(&text),
                Err(_) => serializer.serialize_str(&self.text()),
            }
        } else if value.is_instance_of::<PyBytes>() {
            serializer.serialize_str(&self.text())
        } else if let Some(stand_in) = self.stand_in() {
            self.inside(&stand_in).serialize(serializer)
        } else {
            serializer.serialize_str(&self.text())
        }
    }
}
