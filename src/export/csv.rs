//! What all our CSV has in common.

use csv::{Terminator, Writer};

use crate::error::{Error, Result};

/// RFC 4180, and what Python's `csv` writes.
pub(crate) const TERMINATOR: Terminator = Terminator::CRLF;

/// The shortest text that reads back as the same number; `nan`, `inf` and `-inf` for the others.
#[must_use]
pub(crate) fn number_text(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else {
        zmij::Buffer::new().format_finite(value).to_owned()
    }
}

pub(crate) fn finish(writer: Writer<Vec<u8>>) -> Result<String> {
    let bytes = writer.into_inner().map_err(encoding)?;
    String::from_utf8(bytes).map_err(encoding)
}

/// The error of a writer.
pub(crate) fn encoding(error: impl std::fmt::Display) -> Error {
    Error::Encoding(error.to_string())
}
