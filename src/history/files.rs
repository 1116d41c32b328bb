//! The files of a database, as the system sees them: the file itself, its write-ahead log (`-wal`) and
//! the index of that (`-shm`), through which connections share it.
//!
//! The first and the last are only asked about here, and never opened to be read: closing a file takes
//! away the locks that the process has on it, those of the database included. The log, which has none,
//! is read by [`super::log`].

#[cfg(not(target_os = "linux"))]
use std::io::ErrorKind;
use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Where they lie.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The file, by the name that somebody gave it.
    pub main: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// The index of that.
    pub index: PathBuf,
}

impl Paths {
    /// Those of the database at `path`.
    pub fn of(path: &Path) -> Self {
        // They lie beside what a link leads to.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Self {
            main: path.to_owned(),
            log: beside(&real, "-wal"),
            index: beside(&real, "-shm"),
        }
    }

    /// Removes what lies beside the database if it is one of those files.
    pub fn remove_beside(&self, theirs: &[Identity]) {
        for path in [&self.log, &self.index] {
            if State::at(path).is_some_and(|state| theirs.contains(&state.identity)) {
                // What cannot be removed cannot be written either, of which somebody will hear.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// A file that the database keeps beside `path`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The device, a file's number on it, and when it was made, as numbers are given again.
pub type Identity = (u64, u64, u128);

/// What tells a file from others, and from itself after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Which file it is.
    pub identity: Identity,
    /// How long it is, in bytes.
    pub size: u64,
    /// When it was written last, in nanoseconds since the Unix epoch.
    pub modified: i128,
    /// When that, its name, or who may use it changed last.
    changed: i128,
    /// Whether it still has a name.
    pub is_named: bool,
}

impl State {
    /// What lies at `path`, through links; `None` if nothing does, or nothing that can be seen.
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|found| Self::of(&found))
    }

    /// What `file` is now, wherever it lies.
    pub fn now(file: &File) -> Option<Self> {
        file.metadata().ok().map(|found| Self::of(&found))
    }

    #[cfg(unix)]
    fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanos =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            identity: (found.dev(), found.ino(), born(found)),
            size: found.size(),
            modified: nanos(found.mtime(), found.mtime_nsec()),
            changed: nanos(found.ctime(), found.ctime_nsec()),
            is_named: found.nlink() > 0,
        }
    }

    /// Files in use have to stay where they are there.
    #[cfg(not(unix))]
    fn of(found: &Metadata) -> Self {
        let modified = found.modified().ok();
        let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos().cast_signed());
        Self {
            identity: (0, 0, born(found)),
            size: found.len(),
            modified,
            changed: modified,
            is_named: true,
        }
    }
}

fn born(found: &Metadata) -> u128 {
    let born = found.created().ok();
    let since = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos())
}

/// A file held on to without being opened, so as to ask about it wherever it lies by then. Letting go
/// of it takes nobody's locks away.
#[cfg(target_os = "linux")]
pub fn hold(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let held = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    Ok(held.into())
}

/// Where what is held lies by now.
#[cfg(target_os = "linux")]
pub fn path_of(held: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    fs::read_link(format!("/proc/self/fd/{}", held.as_raw_fd())).ok()
}

/// Elsewhere nothing is held.
#[cfg(not(target_os = "linux"))]
pub fn path_of(_held: &File) -> Option<PathBuf> {
    None
}

/// Elsewhere that cannot be had.
#[cfg(not(target_os = "linux"))]
pub fn hold(_path: &Path) -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}
