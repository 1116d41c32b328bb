//! Files that are either the old one or the new one, never half of one.

use std::{
    fs::{self, DirEntry, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use crate::error::{Error, Result};

/// A temporary file younger than this may be one whose writer has not locked it yet.
const FRESH: Duration = Duration::from_mins(1);

const PREFIX: &str = ".ptpd-monitoring.";
const SUFFIX: &str = ".tmp";

/// Writes `content` to `path`: into a temporary file beside it, then by renaming. A file that may
/// not be written is an error as if it had been opened. Whoever is killed meanwhile leaves the
/// temporary file behind, and a later call that writes into the same folder removes it.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content).map_err(|error| Error::io(path, error))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // Through links, so that they stay and what they point to is replaced.
    let target = match fs::metadata(path) {
        // A device or a pipe is written to, not replaced.
        Ok(metadata) if !metadata.is_file() => return fs::write(path, content),
        Ok(_) => {
            // Renaming asks for the folder's permissions alone, and would replace a protected file.
            OpenOptions::new().write(true).open(path)?;
            fs::canonicalize(path)?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => behind_links(path),
        Err(error) => return Err(error),
    };
    let temporary = temporary_beside(&target);
    let written =
        write_new(&temporary, &target, content).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // Best effort: what counts for the caller is why the writing failed.
        let _ = fs::remove_file(&temporary);
    }
    remove_leftovers(&target);
    written
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

fn write_new(temporary: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(temporary)?;
    // Tells others that somebody is at work, until the file is closed or its writer killed. Where
    // the file system knows no locks, nobody else can get one either.
    let _ = file.lock();
    // Before there is anything in it to read.
    if let Ok(metadata) = fs::metadata(target) {
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(content)?;
    file.sync_all()
}

/// Without the target's name, which may be as long as names can be; at random, for a restarted
/// container has the process numbers, and perhaps the leftovers, of the one that was killed.
fn temporary_beside(target: &Path) -> PathBuf {
    let random = RandomState::new().hash_one(());
    target.with_file_name(format!("{PREFIX}{}.{random:016x}{SUFFIX}", process::id()))
}

/// Removes what killed writers left beside `target`; best effort, for nobody asked for it.
fn remove_leftovers(target: &Path) {
    let folder = target.parent().filter(|folder| *folder != Path::new(""));
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
