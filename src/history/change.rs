//! What somebody else did to the files of a database in use, and what keeps it from being written.

use super::problem::Problem;

/// What somebody did to a file in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was moved or removed, and nothing or something else lies there now.
    Moved,
    /// It is empty.
    Emptied,
    /// It holds another history, or what this one was before.
    Restored,
    /// It was written over by something that is no history.
    Foreign,
    /// It was cut off, or written over in part.
    Spoilt,
    /// It could not be looked at.
    Unseen,
    /// Its log was removed, and is still there for whoever has it open.
    LogRemoved,
    /// Its log was cut off, written over or replaced, so that what only the log held is gone.
    LogLost,
    /// The index of its log is another one, or was cut off. It can be made anew from the log.
    Index,
}

/// Why nothing is to be written just now.
#[derive(Debug)]
pub enum Hindrance {
    /// Somebody changed the files.
    Change(Change),
    /// It is not known whether somebody did.
    Problem(Problem),
}

impl From<Problem> for Hindrance {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Change> for Hindrance {
    fn from(change: Change) -> Self {
        Self::Change(change)
    }
}
