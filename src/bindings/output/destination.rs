//! Where an export goes.

use std::path::{Path, PathBuf};

use pyo3::{
    exceptions::{PyLookupError, PyValueError},
    prelude::*,
    types::{PyBytes, PyString},
};

use crate::bindings::{
    arguments::{
        Given, Text,
        names::{EncodingName, ExportFormat},
        optional_path,
    },
    python::{
        code::PythonCode,
        errors::{is, made, refused},
    },
};
use crate::{
    error::{Error, Result},
    export::{Stream, write_atomically},
};

/// What tells Excel that a file is in UTF-8.
const SIGNATURE: char = '\u{feff}';

/// Where an export goes: into a file in some encoding, or back to the caller as a text.
pub struct Output<'py> {
    path: Option<PathBuf>,
    encoding: Encoding<'py>,
}

enum Encoding<'py> {
    Utf8,
    /// UTF-8 with its signature.
    Utf8Sig,
    /// One of Python's.
    Other(Bound<'py, PyString>),
}

impl<'py> Output<'py> {
    /// What the argument `name` and `encoding` ask for.
    pub fn of(
        py: Python<'py>,
        name: &str,
        path: Option<&Bound<'py, PyAny>>,
        encoding: Option<&Text<'_, EncodingName>>,
    ) -> PyResult<Self> {
        let path = optional_path(name, path)?;
        let encoding = match encoding {
            None => Encoding::Utf8,
            Some(encoding) if path.is_none() => {
                let given = format!("{:?}", encoding.0);
                let expected = "left out where nothing is written to a file";
                return Err(Error::argument("encoding", given, expected).into());
            }
            Some(encoding) => Encoding::of(py, encoding.0)?,
        };
        Ok(Self { path, encoding })
    }

    /// Whether it goes into a file.
    pub fn is_file(&self) -> bool {
        self.path.is_some()
    }

    /// The file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether what is written is in UTF-8.
    pub fn is_utf8(&self) -> bool {
        matches!(self.encoding, Encoding::Utf8 | Encoding::Utf8Sig)
    }

    /// Writes `text` to the file, or gives it back if there is none.
    pub fn deliver(&self, py: Python<'py>, mut text: String) -> PyResult<Option<String>> {
        let Some(path) = self.path() else {
            return Ok(Some(text));
        };
        match &self.encoding {
            Encoding::Utf8 => {}
            Encoding::Utf8Sig => text.insert(0, SIGNATURE),
            Encoding::Other(encoding) => {
                let bytes = encoded(encoding, &text)?;
                flush_before(py, Some(path))?;
                let bytes = bytes.as_bytes();
                py.detach(|| write_atomically(path, bytes))?;
                return Ok(None);
            }
        }
        flush_before(py, Some(path))?;
        py.detach(|| write_atomically(path, text.as_bytes()))?;
        Ok(None)
    }
}

impl<'py> Encoding<'py> {
    fn of(py: Python<'py>, name: &str) -> PyResult<Self> {
        let _python = PythonCode::begin(py);
        let refusal = || Error::argument("encoding", format!("{name:?}"), "one that Python knows");
        let given = PyString::new(py, name);
        // One that is none of texts is refused here, too.
        if let Err(error) = PyString::new(py, "").call_method1("encode", (&given,)) {
            let is_unknown = is::<PyLookupError>(py, &error);
            return Err(if is_unknown {
                refusal().into()
            } else {
                refused(py, error, || refusal().into())
            });
        }
        let known = py.import("codecs")?.call_method1("lookup", (&given,))?;
        let canonical: String = known.getattr("name")?.extract()?;
        Ok(match &*canonical {
            "utf-8" => Self::Utf8,
            "utf-8-sig" => Self::Utf8Sig,
            _ => Self::Other(given),
        })
    }
}

fn encoded<'py>(encoding: &Bound<'py, PyString>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    let py = encoding.py();
    let _python = PythonCode::begin(py);
    let result = PyString::new(py, text).call_method1("encode", (encoding,));
    let bytes = result.map_err(|error| {
        let text = format!("encoding must be one that has every letter of the export: {error}");
        refused(py, error, || made(py, PyValueError::new_err(text)))
    })?;
    Ok(bytes.cast_into()?)
}

/// Has Python write what it keeps back for its standard streams, if `path` is one of them: what was
/// printed before comes before.
pub fn flush_before(py: Python<'_>, path: Option<&Path>) -> PyResult<()> {
    if path.and_then(Stream::of).is_some() {
        let _python = PythonCode::begin(py);
        let sys = py.import("sys")?;
        for name in ["stdout", "stderr"] {
            // There is none in a program without a console.
            let stream = sys.getattr(name)?;
            if !stream.is_none() {
                stream.call_method0("flush")?;
            }
        }
    }
    Ok(())
}

/// The format that is named, or else the one that the end of the file's name says, or else JSON.
pub fn chosen_format<F>(
    named: &Given<'_>,
    parse: fn(&str) -> Result<F>,
    of_file: fn(&Path) -> Option<F>,
    output: &Output<'_>,
) -> PyResult<F> {
    let format = match &named.0 {
        Some(name) => parse(name.extract::<Text<'_, ExportFormat>>()?.0),
        None => output
            .path()
            .and_then(of_file)
            .map_or_else(|| parse("json"), Ok),
    };
    Ok(format?)
}
