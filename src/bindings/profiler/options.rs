//! What is told about an operation that would be guessed otherwise.

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use super::{
    images::{SizeOf, extent, extent_of_arguments, pixels_told, told_by},
    operation_name::operation_name,
};
use crate::bindings::{
    arguments::{Text, names::Operation},
    python::{code::PythonCode, errors::wrong_type},
};
use crate::profiler::images::Extent;

/// The name of an operation, and what tells the size of its images.
#[pyclass(frozen, module = "ptpd_monitoring._native")]
pub struct ProfileOptions {
    operation: Option<Py<PyString>>,
    size: Option<Size>,
    /// A function of the arguments and those by name that returns the image among them.
    image: Option<Py<PyAny>>,
}

enum Size {
    Pixels(u64),
    /// A function of the call's arguments.
    Of(Py<PyAny>),
}

impl ProfileOptions {
    /// The name of the operation that `function` is.
    pub fn operation(this: Option<&Bound<'_, Self>>, function: &Bound<'_, PyAny>) -> String {
        let told = this.and_then(|this| {
            let operation = this.get().operation.as_ref()?.bind(this.py());
            Some(operation.to_string_lossy().into_owned())
        });
        told.unwrap_or_else(|| operation_name(function))
    }

    /// The size of the images of a call, and whether its result may have to tell it.
    pub fn extent<'py>(
        this: Option<&Bound<'py, Self>>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
        size_of: SizeOf<'_, 'py>,
    ) -> PyResult<(Extent, bool)> {
        let py = args.py();
        let _python = PythonCode::begin(py);
        match this.map(Bound::get) {
            Some(Self {
                size: Some(Size::Pixels(pixels)),
                ..
            }) => Ok((Extent::of(Some(*pixels)), false)),
            Some(Self {
                size: Some(Size::Of(size)),
                ..
            }) => {
                let told = told_by("size", size.bind(py).call(args, Some(kwargs)));
                Ok((told.unwrap_or(Extent::NoImage), false))
            }
            Some(Self {
                image: Some(image), ..
            }) => {
                let told = match image.bind(py).call1((args, kwargs)) {
                    Ok(image) => match extent(&image, size_of) {
                        Extent::NoImage => {
                            Extent::Unknown("the argument that name names is no image".to_owned())
                        }
                        told => told,
                    },
                    Err(error) => Extent::Unknown(error.value(py).to_string()),
                };
                Ok((told, false))
            }
            _ => Ok((extent_of_arguments(args, kwargs, size_of)?, true)),
        }
    }
}

#[pymethods]
impl ProfileOptions {
    #[new]
    #[pyo3(signature = (operation = None, size = None, image = None))]
    fn new(
        operation: Option<&Bound<'_, PyAny>>,
        size: Option<&Bound<'_, PyAny>>,
        image: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let operation = operation
            .map(|operation| {
                // Told to be a name that can be recorded now, and not when a call has ended.
                operation.extract::<Text<'_, Operation>>()?;
                PyResult::Ok(operation.cast::<PyString>()?.clone().unbind())
            })
            .transpose()?;
        if size.is_some() && image.is_some() {
            let text = "size and name both tell the size of an image; give one of them";
            return Err(PyValueError::new_err(text));
        }
        let size = size
            .map(|size| {
                if size.is_callable() {
                    Ok(Size::Of(size.clone().unbind()))
                } else {
                    pixels_told("size", size).map(Size::Pixels)
                }
            })
            .transpose()?;
        if let Some(image) = image
            && !image.is_callable()
        {
            return Err(wrong_type("image", "a function of the arguments", image));
        }
        Ok(Self {
            operation,
            size,
            image: image.map(|image| image.clone().unbind()),
        })
    }

    /// What it is made of, for `pickle`.
    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let size = match &self.size {
            Some(Size::Pixels(pixels)) => Some(pixels.into_pyobject(py)?.into_any().unbind()),
            Some(Size::Of(size)) => Some(size.clone()),
            None => None,
        };
        (self.operation.clone(), size, self.image.clone()).into_pyobject(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.operation)?;
        if let Some(Size::Of(size)) = &self.size {
            visit.call(size)?;
        }
        visit.call(&self.image)
    }
}
