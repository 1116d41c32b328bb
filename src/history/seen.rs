//! Files as they were when they were looked at last.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use super::{
    files::{Identity, State, hold, path_of},
    log::{Log, LogHeader},
};

/// A file that is held, where the system can, so as to know it wherever it lies.
#[derive(Debug)]
pub struct Held {
    file: Option<File>,
    /// What it was then.
    pub seen: State,
}

impl Held {
    /// What lies at `path`.
    pub fn new(path: &Path) -> Option<Self> {
        let file = if cfg!(target_os = "linux") {
            Some(hold(path).ok()?)
        } else {
            None
        };
        let seen = match &file {
            Some(file) => State::now(file)?,
            None => State::at(path)?,
        };
        Some(Self { file, seen })
    }

    /// What it is now, wherever it lies; unknown where nothing can be held.
    fn now(&self) -> Option<State> {
        self.file.as_ref().and_then(State::now)
    }

    /// Where it lies by now.
    pub fn path(&self) -> Option<PathBuf> {
        self.file.as_ref().and_then(path_of)
    }

    /// Whether it may still have a name.
    pub fn is_named(&self) -> bool {
        self.now().is_none_or(|now| now.is_named)
    }

    /// Whether nothing of it is cut off, so that it may be touched. It may lie at `path`.
    pub fn is_whole(&self, path: &Path) -> bool {
        let now = self.now().or_else(|| lies(path, self.seen.identity));
        now.is_none_or(|now| now.size >= self.seen.size)
    }
}

/// A log.
#[derive(Debug)]
pub struct SeenLog {
    /// To be read.
    pub log: Log,
    /// What it was then.
    pub seen: State,
    /// How it began.
    pub header: Option<LogHeader>,
}

impl SeenLog {
    /// What `log` is now.
    pub fn new(log: Log) -> Option<Self> {
        let (seen, header) = (log.state()?, log.header());
        Some(Self { log, seen, header })
    }
}

/// What lies at `path`, if it is that file.
pub fn lies(path: &Path, identity: Identity) -> Option<State> {
    State::at(path).filter(|state| state.identity == identity)
}
