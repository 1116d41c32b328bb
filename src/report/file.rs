//! Files that are either the old one or the new one, never half of one.

use std::{
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process,
};

use crate::error::{Error, Result};

/// Writes `content` to `path`: into a temporary file beside it, then by renaming.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content).map_err(|error| Error::io(path, error))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // Through links, so that they stay and what they point to is replaced.
    let target = match fs::metadata(path) {
        // A device or a pipe is written to, not replaced.
        Ok(metadata) if !metadata.is_file() => return fs::write(path, content),
        Ok(_) => fs::canonicalize(path)?,
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
    file.write_all(content)?;
    if let Ok(metadata) = fs::metadata(target) {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()
}

/// Without the target's name, which may be as long as names can be; at random, for a restarted
/// container has the process numbers, and perhaps the leftovers, of the one that was killed.
fn temporary_beside(target: &Path) -> PathBuf {
    let random = RandomState::new().hash_one(());
    target.with_file_name(format!(
        ".ptpd-monitoring.{}.{random:016x}.tmp",
        process::id()
    ))
}
