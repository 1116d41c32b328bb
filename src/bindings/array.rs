//! Arrays and sequences of numbers.
//!
//! Through `NumPy`'s Python interface. Its C interface has to be looked up when it is first used,
//! and a fork by another thread in the middle of that would leave the child waiting for it.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyByteArray, PyBytes, PyString},
};

use super::{
    arguments::real,
    convert::{attribute, loaded, wrong_type},
    once::intern,
    python_code::PythonCode,
};

/// The numbers in `values`: a one-dimensional array of any numeric type, or any sequence.
pub fn float_values(name: &str, values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let py = values.py();
    let _python = PythonCode::begin(py);
    if let Some(array) = as_array(values)? {
        let dimensions: usize = array.getattr(intern!(py, "ndim"))?.extract()?;
        if dimensions != 1 {
            return Err(PyValueError::new_err(format!(
                "{name} must have one dimension, got {dimensions}"
            )));
        }
        let dtype = array.getattr(intern!(py, "dtype"))?;
        let kind: String = dtype.getattr(intern!(py, "kind"))?.extract()?;
        if !"fiub".contains(&kind) {
            return Err(wrong_type(name, "an array of real numbers", values));
        }
        let mut floats = array.call_method1(intern!(py, "astype"), ("float64",))?;
        // What lies under the mask of a masked array is no value.
        if let Some(filled) = attribute(&floats, "filled") {
            floats = filled.call1((f64::NAN,))?;
        }
        let bytes = floats.call_method0(intern!(py, "tobytes"))?;
        let (numbers, _) = bytes.cast::<PyBytes>()?.as_bytes().as_chunks();
        return Ok(numbers.iter().copied().map(f64::from_ne_bytes).collect());
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

/// `values` as a `NumPy` array if it is one. Nothing can be one before `NumPy` is imported, and this
/// must not be what imports it.
pub fn as_array<'a, 'py>(values: &'a Bound<'py, PyAny>) -> PyResult<Option<&'a Bound<'py, PyAny>>> {
    let py = values.py();
    let Some(class) = loaded(py, intern!(py, "numpy"), intern!(py, "ndarray"))? else {
        return Ok(None);
    };
    Ok(values.is_instance(&class)?.then_some(values))
}

/// The memory of an array of numbers of eight bytes each.
pub fn buffer(
    py: Python<'_>,
    numbers: impl ExactSizeIterator<Item = [u8; 8]>,
) -> PyResult<Bound<'_, PyByteArray>> {
    PyByteArray::new_with(py, numbers.len() * 8, |bytes| {
        let (places, _) = bytes.as_chunks_mut();
        for (place, number) in places.iter_mut().zip(numbers) {
            *place = number;
        }
        Ok(())
    })
}
