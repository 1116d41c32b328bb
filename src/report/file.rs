//! Files that are either the old one or the new one, never half of one.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::error::{Error, Result};

/// Writes `content` to `path`: into a temporary file beside it, then by renaming.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    // Through a link, so that the link stays and its target is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if target.exists() && !target.is_file() {
        // A device or a pipe is written to, not replaced.
        return fs::write(&target, content).map_err(|error| Error::io(path, error));
    }
    let temporary = temporary_beside(&target);
    write_new(&temporary, &target, content)
        .and_then(|()| fs::rename(&temporary, &target))
        .map_err(|error| {
            // Best effort: what counts for the caller is why the writing failed.
            let _ = fs::remove_file(&temporary);
            Error::io(path, error)
        })
}

fn write_new(temporary: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(temporary)?;
    file.write_all(content)?;
    if let Ok(metadata) = fs::metadata(target) {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()
}

fn temporary_beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(
        ".{name}.{}.{}.tmp",
        process::id(),
        COUNT.fetch_add(1, Relaxed)
    ))
}
