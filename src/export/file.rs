//! Files that are either the old one or the new one, never half of one.

use std::{
    env,
    fs::{self, DirEntry, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use super::stream::Stream;
use crate::error::{Error, Result};

/// A temporary file younger than this may be one whose writer has not locked it yet.
const FRESH: Duration = Duration::from_mins(1);

const PREFIX: &str = ".ptpd-monitoring.";
const SUFFIX: &str = ".tmp";

/// Writes `content` to `path`, as a [`Replacement`].
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(stream) = Stream::of(path) {
        return stream
            .write_all(content)
            .map_err(|error| Error::io(path, error));
    }
    let replacement = Replacement::begin(path)?;
    match &replacement.temporary {
        Some(temporary) => (&temporary.file).write_all(content),
        None => fs::write(path, content),
    }
    .map_err(|error| Error::io(path, error))?;
    replacement.finish()
}

/// A file in the making: what is written to [`Self::place`] comes to lie at a path once it is
/// finished. Until then it is a temporary file beside the target, removed when dropped unfinished.
/// Whoever is killed meanwhile leaves it behind, and a later one in the same folder removes it.
/// A device or a pipe is written to directly, and what this process has open (see [`Stream`]) once it is
/// finished.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    temporary: Option<Temporary>,
}

impl Replacement {
    /// Begins a file that comes to lie at `path`. One that may not be written is an error as if it
    /// had been opened.
    pub fn begin(path: &Path) -> Result<Self> {
        let temporary = Temporary::for_target_of(path).map_err(|error| Error::io(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
        })
    }

    /// Where to write.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.temporary.as_ref().map_or(&self.path, |one| &one.path)
    }

    /// Puts what was written, and is on the disk by then, where it belongs.
    pub fn finish(self) -> Result<()> {
        match &self.temporary {
            Some(temporary) => temporary
                .finish()
                .map_err(|error| Error::io(&self.path, error)),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    target: Target,
    file: File,
}

/// What becomes of a temporary file.
#[derive(Debug)]
enum Target {
    /// It is moved there.
    Path(PathBuf),
    /// It is copied there.
    Stream(Stream),
}

impl Temporary {
    /// None for what is written to, and not replaced.
    fn for_target_of(path: &Path) -> io::Result<Option<Self>> {
        if let Some(stream) = Stream::of(path) {
            let beside = temporary_beside(&env::temp_dir().join(PREFIX));
            return Self::make(beside, Target::Stream(stream)).map(Some);
        }
        // Through links, so that they stay and what they point to is replaced.
        let target = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Ok(None),
            Ok(_) => {
                // Renaming asks for the folder's permissions alone, and would replace a protected
                // file.
                OpenOptions::new().write(true).open(path)?;
                fs::canonicalize(path)?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => behind_links(path),
            Err(error) => return Err(error),
        };
        let before = fs::metadata(&target);
        let made = Self::make(temporary_beside(&target), Target::Path(target))?;
        // Before there is anything in it to read.
        if let Ok(metadata) = before {
            made.file.set_permissions(metadata.permissions())?;
        }
        Ok(Some(made))
    }

    fn make(path: PathBuf, target: Target) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        if matches!(target, Target::Stream(_)) {
            // Everybody's folder.
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let file = options.open(&path)?;
        // From here on dropping it removes the file.
        let made = Self { path, target, file };
        // Tells others that somebody is at work, until the file is closed or its writer killed.
        // Where the file system knows no locks, nobody else can get one either.
        let _ = made.file.lock();
        Ok(made)
    }

    fn finish(&self) -> io::Result<()> {
        match &self.target {
            Target::Path(target) => {
                self.file.sync_all()?;
                fs::rename(&self.path, target)
            }
            Target::Stream(stream) => stream.copy(&mut File::open(&self.path)?),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Best effort, here and below: what counts is what became of the writing. Once renamed,
        // there is nothing of that name.
        let _ = fs::remove_file(&self.path);
        remove_leftovers(&self.path);
    }
}

/// Where a file made at `path` comes to lie, given that nothing is there yet.
fn behind_links(path: &Path) -> PathBuf {
    /// As many as Linux follows; somebody may be tying a circle of links meanwhile.
    const MOST: usize = 40;
    let mut target = path.to_path_buf();
    for _ in 0..MOST {
        let Ok(next) = fs::read_link(&target) else {
            break;
        };
        target.pop();
        target.push(next);
    }
    target
}

/// Without the target's name, which may be as long as names can be; at random, for a restarted
/// container has the process numbers, and perhaps the leftovers, of the one that was killed.
fn temporary_beside(target: &Path) -> PathBuf {
    let random = RandomState::new().hash_one(());
    target.with_file_name(format!("{PREFIX}{}.{random:016x}{SUFFIX}", process::id()))
}

/// Removes what killed writers left beside `path`; best effort, for nobody asked for it.
fn remove_leftovers(path: &Path) {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) {
        for entry in entries.flatten() {
            let _ = remove_if_left(&entry);
        }
    }
}

/// Removes a temporary file whose writer is gone: it is old, and nobody holds its lock.
fn remove_if_left(entry: &DirEntry) -> io::Result<()> {
    if !entry.file_name().to_str().is_some_and(is_temporary) || !entry.file_type()?.is_file() {
        return Ok(());
    }
    let age = entry.metadata()?.modified()?.elapsed();
    if age.is_ok_and(|age| age >= FRESH) {
        let file = File::open(entry.path())?;
        file.try_lock()?;
        fs::remove_file(entry.path())?;
    }
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|name| name.strip_suffix(SUFFIX))
        .and_then(|name| name.split_once('.'))
        .is_some_and(|(process, random)| {
            !process.is_empty()
                && process.bytes().all(|byte| byte.is_ascii_digit())
                && random.len() == 16
                && random.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}
