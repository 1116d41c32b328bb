//! The one error type of the core. Every variant names what was wrong and what would be right.

use std::{fmt, io, path::PathBuf};

/// What can go wrong inside the core.
#[derive(Debug)]
pub enum Error {
    /// An argument lies outside its range. Remedy: pass a value that fits `expected`.
    InvalidArgument {
        /// The argument as the caller spells it.
        name: &'static str,
        /// The value that was passed, as text.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A `PTPD_MONITORING_*` variable cannot be used. Remedy: correct or unset it.
    InvalidSetting {
        /// The environment variable.
        variable: String,
        /// Its value.
        value: String,
        /// The range it must lie in.
        allowed: &'static str,
    },
    /// An export format that does not exist. Remedy: use one that the exporter's docs list.
    UnsupportedFormat(String),
    /// A file could not be read or written. Remedy: see the system's own message.
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Versions that cannot be compared. Remedy: see the message.
    Versions(String),
    /// Data that cannot be put into the asked-for format. Remedy: see the message.
    Encoding(String),
    /// Stored data that cannot be read back. Remedy: leave it out, or restore it from a copy.
    Damaged {
        /// What kind of data.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// An [`Error::InvalidArgument`] whose value is shown with `Display`.
    pub fn argument(name: &'static str, value: impl fmt::Display, expected: &'static str) -> Self {
        Self::InvalidArgument {
            name,
            value: value.to_string(),
            expected,
        }
    }

    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument {
                name,
                value,
                expected,
            } => write!(f, "{name} must be {expected}, got {value}"),
            Self::InvalidSetting {
                variable,
                value,
                allowed,
            } => write!(f, "{variable} must be {allowed}, got {value:?}"),
            Self::UnsupportedFormat(format) => write!(f, "Unsupported format: {format}"),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Encoding(message) | Self::Versions(message) => f.write_str(message),
            Self::Damaged { what, problem } => write!(f, "the {what} cannot be read: {problem}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The core's result.
pub type Result<T> = std::result::Result<T, Error>;
