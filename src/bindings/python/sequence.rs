//! What a sequence answers to an index.

use pyo3::{
    exceptions::{PyIndexError, PyOverflowError},
    prelude::*,
    types::{PyList, PySlice},
};

use super::errors::is;

/// The items of a sequence of `length` that `index`, an int or a slice, asks for.
pub fn item_or_slice<'py>(
    index: &Bound<'py, PyAny>,
    length: usize,
    mut item: impl FnMut(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let signed = isize::try_from(length).unwrap_or(isize::MAX);
    if let Ok(slice) = index.cast::<PySlice>() {
        let span = slice.indices(signed)?;
        let mut at = span.start;
        let items = PyList::empty(index.py());
        for _ in 0..span.slicelength {
            items.append(item(at.unsigned_abs())?)?;
            at += span.step;
        }
        return Ok(items.into_any());
    }
    let at: isize = index.extract().map_err(|error: PyErr| {
        if is::<PyOverflowError>(index.py(), &error) {
            PyIndexError::new_err("index out of range")
        } else {
            error
        }
    })?;
    let at = if at < 0 { at + signed } else { at };
    match usize::try_from(at) {
        Ok(at) if at < length => item(at),
        _ => Err(PyIndexError::new_err("index out of range")),
    }
}
