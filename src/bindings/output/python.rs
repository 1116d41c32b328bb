//! What the core tells, as Python's own dicts, lists, texts and numbers.

use std::fmt;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString},
};
use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct},
};

/// `value` as a Python object.
pub fn to_python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    value.serialize(ToPython(py)).map_err(|error| error.0)
}

/// `value`, which is a struct or a map, as a dict.
pub fn to_dict<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyDict>> {
    Ok(to_python(py, value)?.cast_into()?)
}

/// The name of a struct's field as an interned `str`, made once.
fn key<'py>(py: Python<'py>, name: &'static str) -> Bound<'py, PyString> {
    // By its place in memory. Whoever holds the lock runs no Python code.
    static KEYS: Mutex<Option<HashMap<usize, Py<PyString>, RandomState>>> = Mutex::new(None);
    let mut keys = KEYS.lock();
    let made = keys.get_or_insert_default().entry(name.as_ptr() as usize);
    let made = made.or_insert_with(|| PyString::intern(py, name).unbind());
    made.bind(py).clone()
}

#[derive(Clone, Copy)]
struct ToPython<'py>(Python<'py>);

/// Serde's error for a Python exception.
#[derive(Debug)]
struct Failed(PyErr);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl serde::ser::Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(PyTypeError::new_err(message.to_string()))
    }
}

impl From<PyErr> for Failed {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

type Made<'py> = Result<Bound<'py, PyAny>, Failed>;

/// What no report has.
fn unsupported<T>(what: &str) -> Result<T, Failed> {
    Err(serde::ser::Error::custom(format!(
        "{what} has no counterpart in Python"
    )))
}

impl<'py> Serializer for ToPython<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;
    type SerializeSeq = ListMaker<'py>;
    type SerializeMap = DictMaker<'py>;
    type SerializeStruct = DictMaker<'py>;
    type SerializeTuple = Impossible<Self::Ok, Failed>;
    type SerializeTupleStruct = Impossible<Self::Ok, Failed>;
    type SerializeTupleVariant = Impossible<Self::Ok, Failed>;
    type SerializeStructVariant = Impossible<Self::Ok, Failed>;

    fn serialize_bool(self, value: bool) -> Made<'py> {
        Ok(PyBool::new(self.0, value).to_owned().into_any())
    }

    fn serialize_i64(self, value: i64) -> Made<'py> {
        Ok(PyInt::new(self.0, value).into_any())
    }

    fn serialize_u64(self, value: u64) -> Made<'py> {
        Ok(PyInt::new(self.0, value).into_any())
    }

    fn serialize_f64(self, value: f64) -> Made<'py> {
        Ok(PyFloat::new(self.0, value).into_any())
    }

    fn serialize_str(self, value: &str) -> Made<'py> {
        Ok(PyString::new(self.0, value).into_any())
    }

    fn serialize_none(self) -> Made<'py> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made<'py> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made<'py> {
        self.serialize_none()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Made<'py> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ListMaker<'py>, Failed> {
        Ok(ListMaker(PyList::empty(self.0)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<DictMaker<'py>, Failed> {
        Ok(DictMaker {
            dict: PyDict::new(self.0),
            key: None,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<DictMaker<'py>, Failed> {
        self.serialize_map(None)
    }

    fn serialize_i8(self, value: i8) -> Made<'py> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Made<'py> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Made<'py> {
        self.serialize_i64(value.into())
    }

    fn serialize_u8(self, value: u8) -> Made<'py> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Made<'py> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Made<'py> {
        self.serialize_u64(value.into())
    }

    fn serialize_f32(self, value: f32) -> Made<'py> {
        self.serialize_f64(value.into())
    }

    fn serialize_char(self, _: char) -> Made<'py> {
        unsupported("a character")
    }

    fn serialize_bytes(self, _: &[u8]) -> Made<'py> {
        unsupported("a byte string")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Made<'py> {
        unsupported(name)
    }

    fn serialize_unit_variant(self, name: &'static str, _: u32, _: &'static str) -> Made<'py> {
        unsupported(name)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Made<'py> {
        unsupported(name)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Failed> {
        unsupported("a tuple")
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Failed> {
        unsupported(name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Failed> {
        unsupported(name)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Failed> {
        unsupported(name)
    }
}

struct ListMaker<'py>(Bound<'py, PyList>);

impl<'py> SerializeSeq for ListMaker<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Failed> {
        let item = item.serialize(ToPython(self.0.py()))?;
        Ok(self.0.append(item)?)
    }

    fn end(self) -> Made<'py> {
        Ok(self.0.into_any())
    }
}

struct DictMaker<'py> {
    dict: Bound<'py, PyDict>,
    key: Option<Bound<'py, PyAny>>,
}

impl<'py> SerializeMap for DictMaker<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.key = Some(key.serialize(ToPython(self.dict.py()))?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let value = value.serialize(ToPython(self.dict.py()))?;
        Ok(self.dict.set_item(self.key.take(), value)?)
    }

    fn end(self) -> Made<'py> {
        Ok(self.dict.into_any())
    }
}

impl<'py> SerializeStruct for DictMaker<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        let py = self.dict.py();
        let value = value.serialize(ToPython(py))?;
        Ok(self.dict.set_item(key(py, name), value)?)
    }

    fn end(self) -> Made<'py> {
        Ok(self.dict.into_any())
    }
}
