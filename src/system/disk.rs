//! The space of a file system.

use std::path::Path;

use crate::error::{Error, Result};

/// Space of a file system, in bytes, defined as psutil and `df` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// All of it, including what is reserved for the administrator.
    pub total: u64,
    /// What files occupy.
    pub used: u64,
    /// What an ordinary user may still fill.
    pub free: u64,
}

impl Disk {
    /// The used share, in percent, of what an ordinary user can have: `used / (used + free)`.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let reachable = self.used.saturating_add(self.free);
        if reachable == 0 {
            return 0.0;
        }
        100.0 * self.used as f64 / reachable as f64
    }
}

/// The file system that holds `path`. Fails where the path does not exist or is not reachable.
#[cfg(unix)]
pub fn usage(path: &Path) -> Result<Disk> {
    use std::os::unix::ffi::OsStrExt;

    if path.as_os_str().as_bytes().contains(&0) {
        let expected = "a path without null bytes";
        return Err(Error::argument("path", path.display(), expected));
    }
    let stat = rustix::fs::statvfs(path).map_err(|errno| Error::io(path, errno.into()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Disk {
        total: bytes(stat.f_blocks),
        used: bytes(stat.f_blocks.saturating_sub(stat.f_bfree)),
        free: bytes(stat.f_bavail),
    })
}

/// The file system that holds `path`. Fails where the path does not exist or is not reachable.
#[cfg(not(unix))]
pub fn usage(path: &Path) -> Result<Disk> {
    use std::io;

    use sysinfo::Disks;

    let real = path
        .canonicalize()
        .map_err(|source| Error::io(path, source))?;
    let missing = |reason: String| Error::io(path, io::Error::other(reason));
    let disks = Disks::new_with_refreshed_list().map_err(|error| missing(error.to_string()))?;
    disks
        .iter()
        .filter(|disk| real.starts_with(disk.mount_point()))
        // Mounts nest, and the innermost one holds the path.
        .max_by_key(|disk| disk.mount_point().as_os_str().len())
        .map(|disk| Disk {
            total: disk.total_space(),
            used: disk.total_space().saturating_sub(disk.available_space()),
            free: disk.available_space(),
        })
        .ok_or_else(|| missing("no disk holds this path".to_owned()))
}
