//! The formats of a report.

use std::path::Path;

use crate::error::{Error, Result};

/// The formats that a report can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// The dict as it is.
    Json,
    /// A row for each operation.
    Csv,
    /// A page to look at.
    Html,
    /// Markdown, to be pasted into an issue.
    Markdown,
}

impl ReportFormat {
    /// The one that the end of a file's name says, if it does.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            htm if htm.eq_ignore_ascii_case("htm") => Some(Self::Html),
            suffix => Self::parse(suffix).ok(),
        }
    }

    /// The format of that name, in any case.
    pub fn parse(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "html" => Ok(Self::Html),
            "md" => Ok(Self::Markdown),
            _ => Err(Error::UnsupportedFormat(name.to_owned())),
        }
    }
}
