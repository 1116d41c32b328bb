//! The formats of a report.

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
