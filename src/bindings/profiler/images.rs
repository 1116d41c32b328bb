//! Images, recognised without importing what makes them.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{
        PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyModule, PyString, PyTuple, PyType,
    },
};

use crate::bindings::{
    arguments::{arrays::as_array, real, whole},
    python::{
        code::PythonCode,
        errors::{is, refused, wrong_type},
        objects::{attribute, loaded, shown},
        once::intern,
    },
};
use crate::profiler::images::{Extent, MOST_AXES, pixels, pixels_of_axes};

/// No more items of a list are looked at.
const MOST_ITEMS: usize = 10_000;

/// If there is no image among so many items of a list, there is none.
const FIRST_ITEMS: usize = 16;

/// How deep lists of lists are looked into.
const DEPTH: u32 = 2;

/// Tells what an object is for somebody who knows better than shapes tell: a function of the object
/// that returns its pixels, its (height, width), or `None` if it does not know the object.
pub type SizeOf<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// The image among the arguments of a call.
pub fn extent_of_arguments<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: &Bound<'py, PyDict>,
    size_of: SizeOf<'_, 'py>,
) -> PyResult<Extent> {
    let _python = PythonCode::begin(args.py());
    let mut extents = Vec::new();
    for value in args.iter().chain(kwargs.values().iter()) {
        if let Ok(named) = value.cast::<PyDict>() {
            of_each(&named.values(), size_of, &mut extents)?;
            continue;
        }
        let extent = extent(&value, size_of);
        if extent == Extent::NoImage
            && let Some(named) = variables_of(&value)
        {
            of_each(&named, size_of, &mut extents)?;
        }
        extents.push(extent);
    }
    Ok(Extent::of_arguments(extents))
}

/// Adds what the values of a dictionary are, which are like arguments by name.
fn of_each<'py>(
    values: &Bound<'py, PyAny>,
    size_of: SizeOf<'_, 'py>,
    extents: &mut Vec<Extent>,
) -> PyResult<()> {
    for value in values.try_iter()?.take(MOST_ITEMS) {
        extents.push(extent(&value?, size_of));
    }
    Ok(())
}

/// The arrays of a dataset of xarray's.
fn variables_of<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if is_plain(value) {
        return None;
    }
    let variables = attribute(value, "data_vars")?;
    variables.call_method0("values").ok()
}

/// How much of an image `value` is, which is not imported, loaded or computed for that.
pub fn extent(value: &Bound<'_, PyAny>, size_of: SizeOf<'_, '_>) -> Extent {
    let _python = PythonCode::begin(value.py());
    extent_within(value, size_of, DEPTH)
}

fn extent_within(value: &Bound<'_, PyAny>, size_of: SizeOf<'_, '_>, depth: u32) -> Extent {
    // What has no attributes of its own is not asked for any: a refusal costs an exception.
    if is_plain(value) {
        return Extent::NoImage;
    }
    if let Some(size_of) = size_of
        && let Some(told) = told_by("size_of", size_of.call1((value,)))
    {
        return told;
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return if depth == 0 {
            Extent::NoImage
        } else {
            of_items(value, size_of, depth - 1)
        };
    }
    if let Ok(Some(array)) = as_array(value) {
        return of_shape(array, true);
    }
    // Asking Pillow's images for an array would load them.
    if is_pillow(value) {
        return Extent::of(pillow_pixels(value));
    }
    of_shape(value, false)
}

/// What a function of the user's tells of a size; nothing where it returned `None`.
pub fn told_by(name: &str, told: PyResult<Bound<'_, PyAny>>) -> Option<Extent> {
    let size = told.and_then(|told| {
        if told.is_none() {
            Ok(None)
        } else {
            pixels_told(&format!("what {name} returns"), &told).map(Some)
        }
    });
    match size {
        Ok(pixels) => pixels.map(|pixels| Extent::of(Some(pixels))),
        Err(error) => Some(Extent::Unknown(format!("{name} raised {error}"))),
    }
}

/// Pixels told as a number of them, 0 being no image, or as (height, width).
pub fn pixels_told(name: &str, size: &Bound<'_, PyAny>) -> PyResult<u64> {
    let expected = "a number of pixels or (height, width)";
    let number = |number: &Bound<'_, PyAny>| {
        whole(name, number)
            .map_err(|error| refused(size.py(), error, || wrong_type(name, expected, size)))
    };
    let pixels = if size.is_instance_of::<PyTuple>() || size.is_instance_of::<PyList>() {
        // One more than a pair is enough to see that it is none.
        let sides = size.try_iter()?.take(3).map(|side| number(&side?));
        match *sides.collect::<PyResult<Vec<i64>>>()?.as_slice() {
            [height, width] if height > 0 && width > 0 => height.checked_mul(width),
            _ => None,
        }
    } else {
        Some(number(size)?)
    };
    pixels
        .and_then(|pixels| u64::try_from(pixels).ok())
        .ok_or_else(|| {
            let given = shown(size);
            PyValueError::new_err(format!("{name} must be {expected}, got {given}"))
        })
}

fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyType>()
        || value.is_instance_of::<PyModule>()
}

/// The images of a list or a tuple together.
fn of_items(items: &Bound<'_, PyAny>, size_of: SizeOf<'_, '_>, depth: u32) -> Extent {
    let Ok(iterator) = items.try_iter() else {
        return Extent::NoImage;
    };
    let mut extents = Vec::new();
    for (index, item) in iterator.enumerate() {
        // Somebody else changes it; what was seen so far is all that is known.
        let Ok(item) = item else { break };
        if index == MOST_ITEMS {
            let reason = format!("there are more than {MOST_ITEMS} in a list");
            extents.push(Extent::Unknown(reason));
            break;
        }
        let extent = extent_within(&item, size_of, depth);
        if extent != Extent::NoImage {
            extents.push(extent);
        } else if extents.is_empty() && index + 1 >= FIRST_ITEMS {
            break;
        }
    }
    Extent::of_list(extents)
}

/// Whatever has a shape: arrays of any library, on any device, computed or not.
fn of_shape(value: &Bound<'_, PyAny>, is_numpy: bool) -> Extent {
    let Some(lengths) = shape_of(value) else {
        return Extent::NoImage;
    };
    if !(has_numbers(value) && (is_numpy || is_array(value))) {
        return Extent::NoImage;
    }
    let names = if is_numpy { None } else { axes_of(value) };
    let told = |lengths: &[u64]| match &names {
        Some(names) => pixels_of_axes(lengths, names),
        None => pixels(lengths),
    };
    let known: Option<Vec<u64>> = lengths.iter().copied().collect();
    match known {
        Some(lengths) => Extent::of(told(&lengths)),
        None if lengths.len() < 2 => Extent::NoImage,
        None => Extent::Unknown("an axis has no known length".to_owned()),
    }
}

/// The lengths of the axes of an array; one that is not known before it is computed is `None`.
fn shape_of(value: &Bound<'_, PyAny>) -> Option<Vec<Option<u64>>> {
    if let Some(shape) = attribute(value, "shape") {
        return lengths(&shape);
    }
    for interface in ["__array_interface__", "__cuda_array_interface__"] {
        if let Some(interface) = attribute(value, interface)
            && let Ok(shape) = interface.get_item("shape")
        {
            return lengths(&shape);
        }
    }
    lengths(&attribute(&dlpack_view(value)?, "shape")?)
}

fn lengths(shape: &Bound<'_, PyAny>) -> Option<Vec<Option<u64>>> {
    if shape.is_instance_of::<PyString>() || shape.is_callable() {
        return None;
    }
    let axes = shape.try_iter().ok()?.take(MOST_AXES + 1);
    axes.map(|length| {
        let length = length.ok()?;
        match length.extract::<u64>() {
            Ok(known) => Some(Some(known)),
            // Dask's are NaN before they are computed, those of TensorFlow are None.
            Err(_) if length.is_none() => Some(None),
            Err(_) => length.extract::<f64>().ok()?.is_nan().then_some(None),
        }
    })
    .collect()
}

/// An array in the memory of what has no shape but speaks `DLPack`, if that is the processor's and
/// `NumPy` is there to tell. Nothing is copied.
fn dlpack_view<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    const CPU: i64 = 1;
    let py = value.py();
    attribute(value, "__dlpack__")?;
    let device = attribute(value, "__dlpack_device__")?.call0().ok()?;
    if device.get_item(0).ok()?.extract::<i64>().ok()? != CPU {
        return None;
    }
    let from = loaded(py, intern!(py, "numpy"), intern!(py, "from_dlpack")).ok()??;
    from.call1((value,)).ok()
}

/// Whether what has a shape is an array, and not a table or a sparse matrix.
fn is_array(value: &Bound<'_, PyAny>) -> bool {
    attribute(value, "columns").is_none() && attribute(value, "tocsr").is_none()
}

/// Whether an array is not one of text, objects or times, as far as its type tells.
fn has_numbers(array: &Bound<'_, PyAny>) -> bool {
    let kind = attribute(array, "dtype")
        .and_then(|dtype| attribute(&dtype, "kind"))
        .and_then(|kind| kind.extract::<String>().ok());
    kind.is_none_or(|kind| !["O", "U", "S", "T", "M", "m"].contains(&kind.as_str()))
}

/// The names of the axes, where there are any: xarray's, or those of a page or series of a TIFF.
fn axes_of(value: &Bound<'_, PyAny>) -> Option<Vec<String>> {
    if let Some(names) = attribute(value, "dims")
        && let Ok(names) = names.cast::<PyTuple>()
    {
        return names.iter().map(|name| name.extract().ok()).collect();
    }
    let axes: String = attribute(value, "axes")?.extract().ok()?;
    Some(axes.chars().map(String::from).collect())
}

fn is_pillow(value: &Bound<'_, PyAny>) -> bool {
    attribute(value, "getbands").is_some() && attribute(value, "mode").is_some()
}

/// The pixels of a Pillow image, which tells size, mode and bands: Pillow need not be imported to know
/// its images.
fn pillow_pixels(value: &Bound<'_, PyAny>) -> Option<u64> {
    if !is_pillow(value) {
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
