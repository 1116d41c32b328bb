//! Arrays and sequences of numbers.
//!
//! Arrays pass as bytes. The C interface would save a copy, but binding to it fills cells that a
//! fork must not meet half filled (see `once.rs`), at a time when other threads are in here.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyByteArray, PyBytes, PyDict, PyString},
};

use super::{arguments::real, convert::wrong_type};

/// What an array that we make holds.
#[derive(Clone, Copy)]
pub enum Element {
    Float64,
    /// Nanoseconds since the Unix epoch, UTC.
    Nanoseconds,
}

/// What `numpy.ndarray` makes a writable array of one dimension from: its length, type and buffer.
pub type ArrayParts<'py> = (usize, &'static str, Bound<'py, PyByteArray>);

const SIZE: usize = size_of::<f64>();

impl Element {
    fn dtype(self) -> &'static str {
        match self {
            Self::Float64 => "float64",
            Self::Nanoseconds => "datetime64[ns]",
        }
    }

    /// A new array of `items`, in parts.
    pub fn array(
        self,
        py: Python<'_>,
        items: impl ExactSizeIterator<Item = [u8; SIZE]>,
    ) -> PyResult<ArrayParts<'_>> {
        let length = items.len();
        let buffer = PyByteArray::new_with(py, length * SIZE, |bytes| {
            for (place, item) in bytes.chunks_exact_mut(SIZE).zip(items) {
                place.copy_from_slice(&item);
            }
            Ok(())
        })?;
        Ok((length, self.dtype(), buffer))
    }
}

/// The numbers in `values`: a one-dimensional array of any numeric type, or any sequence.
pub fn float_values(name: &str, values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    if let Some(array) = as_array(values)? {
        let dimensions: usize = array.getattr("ndim")?.extract()?;
        if dimensions != 1 {
            return Err(PyValueError::new_err(format!(
                "{name} must have one dimension, got {dimensions}"
            )));
        }
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        if !"fiub".contains(&kind) {
            return Err(wrong_type(name, "an array of real numbers", values));
        }
        let floats = array.call_method1("astype", (Element::Float64.dtype(),))?;
        let bytes = floats.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        let (items, _) = bytes.as_bytes().as_chunks::<SIZE>();
        return Ok(items.iter().copied().map(f64::from_ne_bytes).collect());
    }
    if values.is_instance_of::<PyString>()
        || values.is_instance_of::<PyBytes>()
        || values.is_instance_of::<PyByteArray>()
    {
        return Err(wrong_type(name, "a sequence of numbers", values));
    }
    let items = values
        .try_iter()
        .map_err(|_| wrong_type(name, "a sequence of numbers", values))?;
    items
        .enumerate()
        .map(|(index, item)| real(&format!("{name}[{index}]"), &item?))
        .collect()
}

/// `values` if it is a `NumPy` array. Nothing can be one before `NumPy` is imported, and this must
/// not be what imports it.
pub fn as_array<'a, 'py>(values: &'a Bound<'py, PyAny>) -> PyResult<Option<&'a Bound<'py, PyAny>>> {
    let modules = values.py().import("sys")?.getattr("modules")?;
    let Some(numpy) = modules.cast::<PyDict>()?.get_item("numpy")? else {
        return Ok(None);
    };
    // Missing while another thread is importing it.
    let Some(class) = numpy.getattr_opt("ndarray")? else {
        return Ok(None);
    };
    Ok(values.is_instance(&class)?.then_some(values))
}
