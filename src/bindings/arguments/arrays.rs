//! Arrays and sequences of numbers.
//!
//! Through `NumPy`'s Python interface. Its C interface has to be looked up when it is first used,
//! and a fork by another thread in the middle of that would leave the child waiting for it.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyByteArray, PyBytes, PyFloat, PyString},
};

use super::{measured, real, seconds_in, time};
use crate::bindings::python::{
    code::PythonCode,
    errors::wrong_type,
    objects::{attribute, loaded},
    once::intern,
};

/// The numbers in `values`: a one-dimensional array of any numeric type, or any sequence. Missing
/// values of pandas are NaN; timedeltas are numbers where `unit` is one of time.
pub fn float_values(
    name: &str,
    values: &Bound<'_, PyAny>,
    unit: Option<&str>,
) -> PyResult<Vec<f64>> {
    let py = values.py();
    let _python = PythonCode::begin(py);
    let Some(array) = to_array(values)? else {
        return items_of(name, values, unit, false);
    };
    let dimensions: usize = array.getattr(intern!(py, "ndim"))?.extract()?;
    if dimensions != 1 {
        return Err(PyValueError::new_err(format!(
            "{name} must have one dimension, got {dimensions}"
        )));
    }
    match (&*kind_of(&array)?, unit) {
        ("f" | "i" | "u" | "b", _) => {
            let mut floats = array.call_method1(intern!(py, "astype"), ("float64",))?;
            // What lies under the mask of a masked array is no value.
            if let Some(filled) = attribute(&floats, "filled") {
                floats = filled.call1((f64::NAN,))?;
            }
            let bytes = floats.call_method0(intern!(py, "tobytes"))?;
            let (numbers, _) = bytes.cast::<PyBytes>()?.as_bytes().as_chunks();
            Ok(numbers.iter().copied().map(f64::from_ne_bytes).collect())
        }
        ("m", Some(unit)) => {
            let factor = seconds_in(py, name, 1.0, unit)?;
            let nanos = whole_numbers(&array, "timedelta64[ns]")?.into_iter();
            Ok(nanos
                .map(|nanos| match nanos {
                    MISSING => f64::NAN,
                    nanos => nanos as f64 / 1e9 * factor,
                })
                .collect())
        }
        ("O", _) => items_of(name, &array, unit, true),
        _ => Err(wrong_type(name, "an array of real numbers", values)),
    }
}

/// What `NumPy` has instead of a time or a duration that is missing.
const MISSING: i64 = i64::MIN;

/// The times in `values`, of which there have to be `count`, in UTC nanoseconds since the Unix epoch.
pub fn times(name: &str, values: &Bound<'_, PyAny>, count: usize) -> PyResult<Vec<i64>> {
    let py = values.py();
    let _python = PythonCode::begin(py);
    let array = to_array(values)?.filter(|array| kind_of(array).is_ok_and(|kind| kind == "M"));
    let times = if let Some(array) = array {
        let times = whole_numbers(&array, "datetime64[ns]")?;
        if let Some(at) = times.iter().position(|time| *time == MISSING) {
            let text = format!("{name}[{at}] must be a datetime, got none");
            return Err(PyValueError::new_err(text));
        }
        times
    } else {
        let items = values
            .try_iter()
            .map_err(|_| wrong_type(name, "a sequence of datetimes", values))?;
        // One more is enough to know that they are too many: they may be endless.
        let of_each = |(index, item): (usize, PyResult<Bound<'_, PyAny>>)| {
            time(&format!("{name}[{index}]"), &item?)
        };
        items
            .enumerate()
            .take(count.saturating_add(1))
            .map(of_each)
            .collect::<PyResult<Vec<_>>>()?
    };
    if times.len() == count {
        return Ok(times);
    }
    let more = if times.len() > count { "more" } else { "fewer" };
    Err(PyValueError::new_err(format!(
        "{name} must be as many as there are values, got {more} than {count}"
    )))
}

/// The kind of an array's numbers, as `NumPy` calls it.
fn kind_of(array: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = array.py();
    let dtype = array.getattr(intern!(py, "dtype"))?;
    dtype.getattr(intern!(py, "kind"))?.extract()
}

/// The numbers of an array of times or durations, converted to `dtype`.
fn whole_numbers(array: &Bound<'_, PyAny>, dtype: &str) -> PyResult<Vec<i64>> {
    let py = array.py();
    let converted = array.call_method1(intern!(py, "astype"), (dtype,))?;
    let bytes = converted.call_method0(intern!(py, "tobytes"))?;
    let (numbers, _) = bytes.cast::<PyBytes>()?.as_bytes().as_chunks();
    Ok(numbers.iter().copied().map(i64::from_ne_bytes).collect())
}

/// The numbers in a sequence. Those `of_objects` may be missing, which is NaN.
fn items_of(
    name: &str,
    values: &Bound<'_, PyAny>,
    unit: Option<&str>,
    of_objects: bool,
) -> PyResult<Vec<f64>> {
    let py = values.py();
    if values.is_instance_of::<PyString>()
        || values.is_instance_of::<PyBytes>()
        || values.is_instance_of::<PyByteArray>()
    {
        return Err(wrong_type(name, "a sequence of numbers", values));
    }
    let items = values
        .try_iter()
        .map_err(|_| wrong_type(name, "a sequence of numbers", values))?;
    let pandas = intern!(py, "pandas");
    let missing = [
        loaded(py, pandas, intern!(py, "NA"))?,
        loaded(py, pandas, intern!(py, "NaT"))?,
    ];
    let is_missing = |item: &Bound<'_, PyAny>| {
        of_objects && item.is_none() || missing.iter().flatten().any(|missing| item.is(missing))
    };
    items
        .enumerate()
        .map(|(index, item)| {
            let item = item?;
            // Nearly always, and no name is made for the case that it is wrong.
            if let Ok(float) = item.cast_exact::<PyFloat>() {
                return Ok(float.value());
            }
            if is_missing(&item) {
                return Ok(f64::NAN);
            }
            let name = format!("{name}[{index}]");
            match unit {
                Some(unit) => measured(&name, &item, unit),
                None => real(&name, &item),
            }
        })
        .collect()
}

/// `values` as an array, if it is one or one of those that tell how to become one, as pandas has them.
fn to_array<'py>(values: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(array) = as_array(values)? {
        return Ok(Some(array.clone()));
    }
    // Only of pandas: others may have to compute or to copy from elsewhere for that.
    let class = values.get_type();
    let module = class.module().and_then(|module| module.extract::<String>());
    if !module.is_ok_and(|module| module.split('.').next() == Some("pandas")) {
        return Ok(None);
    }
    let Some(to_numpy) = attribute(values, "to_numpy") else {
        return Ok(None);
    };
    let array = to_numpy.call0()?;
    let Some(array) = as_array(&array)?.cloned() else {
        return Ok(None);
    };
    // Times with a zone become objects, unless they are asked for without.
    if kind_of(&array)? == "O"
        && attribute(values, "dt")
            .is_some_and(|dt| attribute(&dt, "tz").is_some_and(|tz| !tz.is_none()))
    {
        return Ok(Some(to_numpy.call1(("datetime64[ns]",))?));
    }
    Ok(Some(array))
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
