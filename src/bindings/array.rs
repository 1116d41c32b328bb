//! Arrays and sequences of numbers.

use numpy::{PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyByteArray, PyBytes, PyString},
};

use super::{
    arguments::real,
    convert::{attribute, loaded_module, wrong_type},
    once::intern,
};

/// The numbers in `values`: a one-dimensional array of any numeric type, or any sequence.
pub fn float_values(name: &str, values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    if let Some(array) = as_array(values)? {
        if array.ndim() != 1 {
            return Err(PyValueError::new_err(format!(
                "{name} must have one dimension, got {}",
                array.ndim()
            )));
        }
        let kind: String = array.dtype().getattr("kind")?.extract()?;
        if !"fiub".contains(&kind) {
            return Err(wrong_type(name, "an array of real numbers", values));
        }
        let mut floats = array.call_method1("astype", ("float64",))?;
        // What lies under the mask of a masked array is no value.
        if let Some(filled) = attribute(&floats, "filled") {
            floats = filled.call1((f64::NAN,))?;
        }
        let floats = floats.extract::<PyReadonlyArray1<'_, f64>>()?;
        return Ok(floats.as_array().to_vec());
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
pub fn as_array<'a, 'py>(
    values: &'a Bound<'py, PyAny>,
) -> PyResult<Option<&'a Bound<'py, PyUntypedArray>>> {
    let py = values.py();
    let Some(numpy) = loaded_module(py, intern!(py, "numpy"))? else {
        return Ok(None);
    };
    // Missing while another thread is importing it.
    let Some(class) = attribute(&numpy, "ndarray") else {
        return Ok(None);
    };
    if !values.is_instance(&class)? {
        return Ok(None);
    }
    Ok(values.cast::<PyUntypedArray>().ok())
}
