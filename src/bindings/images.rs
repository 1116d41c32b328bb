//! Images, recognised without importing what makes them.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyFloat, PyInt, PyString},
};

use super::{
    arguments::real,
    array::as_array,
    convert::{attribute, refused, shown, wrong_type},
    errors::is,
};

/// The pixels of what looks like an image: a `NumPy` array of height × width, or × up to four
/// channels, or a Pillow image.
pub fn pixels(value: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    if let Some(array) = as_array(value)? {
        let lengths = array.getattr("shape")?.try_iter()?;
        let shape: Vec<u64> = lengths
            .map(|length| length?.extract())
            .collect::<PyResult<_>>()?;
        return Ok(match *shape {
            [height, width] | [height, width, 1..=4] if height * width > 0 => Some(height * width),
            _ => None,
        });
    }
    // What has no attributes of its own is not asked for any: a refusal costs an exception.
    if value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyInt>()
    {
        return Ok(None);
    }
    Ok(pillow_pixels(value))
}

/// The pixels of a Pillow image, which tells size, mode and bands: Pillow need not be imported to know
/// its images.
fn pillow_pixels(value: &Bound<'_, PyAny>) -> Option<u64> {
    if attribute(value, "getbands").is_none() || attribute(value, "mode").is_none() {
        return None;
    }
    let (width, height) = attribute(value, "size")?.extract::<(u64, u64)>().ok()?;
    width.checked_mul(height).filter(|pixels| *pixels > 0)
}

/// The bytes that the pixels of a Pillow image take. With more than one band, each takes four, the
/// three of RGB included.
pub fn pillow_bytes(value: &Bound<'_, PyAny>) -> Option<u64> {
    let pixels = pillow_pixels(value)?;
    let mode: String = attribute(value, "mode")?.extract().ok()?;
    let bytes = match mode.as_str() {
        "1" | "L" | "P" => 1,
        mode if mode.starts_with("I;16") => 2,
        _ => 4,
    };
    pixels.checked_mul(bytes)
}

/// The pixels of a size, any pair of width and height.
pub fn pixels_of_size(name: &str, size: &Bound<'_, PyAny>) -> PyResult<f64> {
    let refuse = || wrong_type(name, "(width, height)", size);
    // One more than a pair is enough of what may be endless.
    let sides = size
        .try_iter()
        .and_then(|sides| sides.take(3).collect::<PyResult<Vec<_>>>())
        .map_err(|error| refused(size.py(), error, refuse))?;
    let [width, height] = sides.as_slice() else {
        return Err(refuse());
    };
    let length = |value| {
        real(name, value).map_err(|error| {
            if is::<PyTypeError>(size.py(), &error) {
                refuse()
            } else {
                error
            }
        })
    };
    let (width, height) = (length(width)?, length(height)?);
    let pixels = width * height;
    if width > 0.0 && height > 0.0 && pixels.is_finite() {
        return Ok(pixels);
    }
    Err(PyValueError::new_err(format!(
        "{name} must have a width and a height above 0, got {}",
        shown(size)
    )))
}
