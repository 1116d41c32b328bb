//! Python objects as JSON. Whatever JSON cannot hold becomes text, so that an export never stops
//! in the middle: non-finite numbers become `null`, dates ISO text, everything unknown its `str`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use pyo3::{
    exceptions::PyException,
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

use crate::bindings::{
    arguments::iso_text,
    python::{code::PythonCode, errors::is, objects::type_name},
};
use crate::time::{Times, iso_in};

/// Deeper nesting than this is shown as text, before the stack ends.
const DEEPEST: usize = 100;

/// A document holds no more values; containers that come after them are shown as text. A few
/// dicts that hold each other many times over stand for more values than there is memory for.
const MOST_VALUES: usize = 1_000_000;

/// A Python object that serializes itself as JSON.
pub struct PyJson<'a, 'py> {
    value: &'a Bound<'py, PyAny>,
    /// What it is an item of.
    outer: Option<&'a PyJson<'a, 'py>>,
    depth: usize,
    exact: bool,
    times: Times,
    document: Rc<Document>,
}

/// The keys of a report under which there are times as texts.
const TIMES: [&str; 8] = [
    "generated_at",
    "start",
    "end",
    "counted_from",
    "timestamp",
    "first",
    "last",
    "since",
];

struct Document {
    /// How many values it has room for.
    left: Cell<usize>,
    /// What ends the work: a `KeyboardInterrupt` and the like, which no text takes the place of.
    ended_by: RefCell<Option<PyErr>>,
}

impl<'a, 'py> PyJson<'a, 'py> {
    /// Wraps `value`.
    pub fn new(value: &'a Bound<'py, PyAny>) -> Self {
        Self {
            value,
            outer: None,
            depth: 0,
            exact: false,
            times: Times::Local,
            document: Rc::new(Document {
                left: Cell::new(MOST_VALUES),
                ended_by: RefCell::default(),
            }),
        }
    }

    /// Wraps `value` for a table: numbers that JSON's own cannot hold become their text.
    pub fn for_table(value: &'a Bound<'py, PyAny>) -> Self {
        Self {
            exact: true,
            ..Self::new(value)
        }
    }

    /// Writes times in that way: those that are datetimes, and the texts of a report that tell some.
    pub fn with_times(self, times: Times) -> Self {
        Self { times, ..self }
    }

    /// An item of this one.
    fn inner<'b>(&'b self, value: &'b Bound<'py, PyAny>) -> PyJson<'b, 'py> {
        PyJson {
            value,
            outer: Some(self),
            depth: self.depth + 1,
            exact: self.exact,
            times: self.times,
            document: Rc::clone(&self.document),
        }
    }

    /// What `work` makes of it, which is to serialize it. An exception that ended that goes on.
    pub fn serialized<T, E: From<PyErr>>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let _python = PythonCode::begin(self.value.py());
        let result = work(self);
        match self.document.ended_by.take() {
            Some(error) => Err(error.into()),
            None => result,
        }
    }

    /// What became of a call of Python code, unless it failed. A failure that is not an `Exception`
    /// is meant for somebody further out.
    fn attempt<T>(&self, result: PyResult<T>) -> Option<T> {
        result
            .map_err(|error| {
                if !is::<PyException>(self.value.py(), &error) {
                    self.document.ended_by.replace(Some(error));
                }
            })
            .ok()
    }

    fn has_ended(&self) -> bool {
        self.document.ended_by.borrow().is_some()
    }

    /// Counts this value; `false` if there is no room for it.
    fn fits(&self) -> bool {
        let left = self.document.left.get();
        self.document.left.set(left.saturating_sub(1));
        left > 0
    }

    /// Whether it is an item of itself, at any depth.
    fn is_cycle(&self) -> bool {
        std::iter::successors(self.outer, |json| json.outer).any(|json| json.value.is(self.value))
    }

    fn text(&self) -> String {
        self.attempt(self.value.str()).map_or_else(
            || format!("<{}>", type_name(self.value)),
            |text| text.to_string_lossy().into_owned(),
        )
    }

    /// What iterating gives, unless that fails.
    fn items(&self) -> Option<Vec<Bound<'py, PyAny>>> {
        let items = self.attempt(self.value.try_iter())?;
        self.attempt(items.collect::<PyResult<_>>())
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
            let key = self.inner(&key).text();
            match self.time_in_words(&key, &value) {
                Some(time) => map.serialize_entry(&key, &time)?,
                None => map.serialize_entry(&key, &self.inner(&value))?,
            }
        }
        map.end()
    }

    /// A time of a report that has to be written in another way than it is.
    fn time_in_words(&self, key: &str, value: &Bound<'py, PyAny>) -> Option<String> {
        if self.times == Times::Local || !TIMES.contains(&key) {
            return None;
        }
        iso_in(value.cast::<PyString>().ok()?.to_str().ok()?, self.times)
    }

    /// What another object stands for: a model's fields, a `NumPy` value's Python twin.
    fn stand_in(&self) -> Option<Bound<'py, PyAny>> {
        ["model_dump", "tolist"].iter().find_map(|method| {
            let method = self.attempt(self.value.getattr(method))?;
            let stand_in = self.attempt(method.call0())?;
            (!stand_in.get_type().is(self.value.get_type())).then_some(stand_in)
        })
    }
}

impl Serialize for PyJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.value;
        let fits = self.fits();
        if value.is_none() || self.has_ended() {
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
                Ok(digits) if !self.exact => digits.serialize(serializer),
                _ => serializer.serialize_str(&self.text()),
            }
        } else if let Ok(number) = value.cast::<PyFloat>() {
            if self.exact && !number.value().is_finite() {
                return serializer.serialize_str(&self.text());
            }
            serializer.serialize_f64(number.value())
        } else if self.is_cycle() {
            serializer.serialize_str(&format!("<{} inside itself>", type_name(value)))
        } else if self.depth >= DEEPEST {
            serializer.serialize_str(&format!("<{} nested too deeply>", type_name(value)))
        } else if !fits {
            let name = type_name(value);
            serializer.serialize_str(&format!("<{name} after {MOST_VALUES} other values>"))
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.map(dict, serializer)
        } else if value.is_instance_of::<PyList>()
            || value.is_instance_of::<PyTuple>()
            || value.is_instance_of::<PySet>()
            || value.is_instance_of::<PyFrozenSet>()
        {
            match self.items() {
                Some(items) => serializer.collect_seq(items.iter().map(|item| self.inner(item))),
                None => serializer.serialize_str(&self.text()),
            }
        } else if value.is_instance_of::<PyDateTime>() {
            match self.attempt(iso_text(value, self.times)) {
                Some(text) => serializer.serialize_str(&text),
                None => serializer.serialize_str(&self.text()),
            }
        } else if value.is_instance_of::<PyDate>() || value.is_instance_of::<PyTime>() {
            let text = value
                .call_method0("isoformat")
                .and_then(|text| text.extract::<String>());
            match self.attempt(text) {
                Some(text) => serializer.serialize_str(&text),
                None => serializer.serialize_str(&self.text()),
            }
        } else if value.is_instance_of::<PyBytes>() {
            serializer.serialize_str(&self.text())
        } else if let Some(stand_in) = self.stand_in() {
            self.inner(&stand_in).serialize(serializer)
        } else {
            serializer.serialize_str(&self.text())
        }
    }
}
