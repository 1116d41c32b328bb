//! What keeps a history from being written, and what to do about it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

use super::{change::Change, patience};
use crate::error;

/// Why a history cannot be used just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The file cannot be opened or made: a folder is missing, or is none, or may not be searched.
    Unreachable,
    /// There is no file, and it is not for us to make one.
    Missing,
    /// The file, its folder or its file system may not be written.
    ReadOnly,
    /// The file system has no room left, or the file may not grow further.
    Full,
    /// Another process or connection keeps the file locked.
    Locked,
    /// Somebody keeps it locked, and it was not waited for, since a fork waits. It is tried again.
    GaveWay,
    /// The file is not a history.
    Foreign,
    /// The file is a history and is damaged.
    Damaged,
    /// The file is a history of a later release, with a schema that this one does not know.
    Newer,
    /// What the file holds cannot be read, as its log is still to be written back into it, and
    /// nothing may be written there.
    LogUnread,
    /// The system failed to read or write.
    System,
    /// The process was forked in the middle of work on a history, by something that does not run
    /// Python's hooks.
    Forked,
    /// The thread that asks is in the middle of a fork.
    Forking,
    /// The system refused to start the thread that writes.
    NoThread,
}

/// Something that keeps a history from being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What kind of problem.
    pub cause: Cause,
    /// What the system or the database said.
    pub detail: String,
}

/// What somebody should be told about a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It cannot be written. Told once, until it is healed.
    Failed(Problem),
    /// It is written again, with all that waited, but for what went beyond the bound.
    Healed {
        /// The file.
        path: PathBuf,
        /// How many rollups had to be dropped meanwhile.
        dropped: u64,
    },
    /// Somebody has changed it while it was in use, and it is in use again.
    Changed {
        /// The file.
        path: PathBuf,
        /// What was done to it.
        change: Change,
    },
    /// It holds as many series as it may. Told once.
    Overflowed {
        /// The file.
        path: PathBuf,
    },
    /// The process ends, and so much could not be written.
    Lost {
        /// The file.
        path: PathBuf,
        /// How many rollups.
        rollups: u64,
    },
}

/// Is told of events, with no lock held and nothing in use, so it may do anything.
pub type Notice = fn(&Event);

impl Problem {
    /// A problem of `path`.
    pub fn new(path: &Path, cause: Cause, detail: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            cause,
            detail: detail.to_string(),
        }
    }

    /// Others have kept `path` locked for as long as it was waited.
    #[must_use]
    pub fn locked(path: &Path) -> Self {
        Self::new(path, patience::ended_by(), "")
    }

    /// What an error of the database means for `path`.
    #[must_use]
    pub fn of(path: &Path, error: &rusqlite::Error) -> Self {
        Self::new(path, cause_of(path, error), error)
    }

    /// The same where the file was to be read, which does not make one.
    #[must_use]
    pub fn of_reading(path: &Path, error: &rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !exists(path) {
            return Self::new(path, Cause::Missing, "");
        }
        Self::of(path, error)
    }
}

fn cause_of(path: &Path, error: &rusqlite::Error) -> Cause {
    let Some(code) = error.sqlite_error_code() else {
        // A column of another type than ours, or the like.
        return Cause::Damaged;
    };
    match code {
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Cause::ReadOnly,
        ErrorCode::CannotOpen if exists(path) => Cause::ReadOnly,
        ErrorCode::CannotOpen => match path.parent() {
            Some(folder) if folder.is_dir() => Cause::ReadOnly,
            _ => Cause::Unreachable,
        },
        ErrorCode::DiskFull | ErrorCode::TooBig => Cause::Full,
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => patience::ended_by(),
        ErrorCode::NotADatabase => Cause::Foreign,
        ErrorCode::DatabaseCorrupt
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::Unknown => Cause::Damaged,
        _ => Cause::System,
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

impl Cause {
    fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot be opened",
            Self::Missing => "does not exist",
            Self::ReadOnly => "cannot be written",
            Self::Full => "cannot grow, the disk is full",
            Self::Locked => "is locked by another process",
            Self::GaveWay => "was locked while a fork waited",
            Self::Foreign => "is not a history",
            Self::Damaged => "is damaged",
            Self::Newer => "was written by a later release",
            Self::LogUnread => {
                "cannot be read together with its log, which nobody has written back"
            }
            Self::System => "could not be read or written",
            Self::Forked => "was in use while this process was forked, and is switched off in it",
            Self::Forking => "cannot be used in the middle of a fork",
            Self::NoThread => "has no thread to write it",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Unreachable => "make its folder, or choose another path",
            Self::Missing => "choose the path of one, or record something to it first",
            Self::ReadOnly => "let this user write the file and its folder, or choose another path",
            Self::Full => "free some space, or raise the limit of file sizes",
            Self::Locked => "end whatever holds the lock",
            Self::Foreign => "choose another path, the file is left as it is",
            Self::Damaged => {
                "move it away to begin a new one, it is left as it is; `sqlite3 FILE .recover` may \
                 save what it holds"
            }
            Self::Newer => "update this package, or choose another path, the file is left as it is",
            Self::LogUnread => {
                "copy the file and the -wal beside it to where they may be written, and read the copy"
            }
            Self::System => "look at what the system said",
            Self::Forked => "fork by `os.fork` or `multiprocessing`, or make the history after it",
            Self::GaveWay | Self::Forking => "ask again after the fork, what was recorded is kept",
            Self::NoThread => "call flush() now and then, or let the process have more threads",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            cause,
            detail,
        } = self;
        // What concerns them all has no path.
        let which = if path.as_os_str().is_empty() {
            "of this process".into()
        } else {
            path.to_string_lossy()
        };
        write!(f, "The history {which} {}", cause.text())?;
        if !detail.is_empty() {
            write!(f, " ({detail})")?;
        }
        write!(f, ": {}", cause.remedy())
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for error::Error {
    fn from(problem: Problem) -> Self {
        let path = problem.path.clone();
        Self::io(path, io::Error::other(problem))
    }
}
