//! Where control groups are told of.

use std::path::PathBuf;

/// Where the kernel's file systems are mounted; another place in tests.
#[derive(Debug, Clone)]
pub struct Roots {
    /// Stands for `/proc`.
    pub proc: PathBuf,
    /// Stands for `/sys`.
    pub sys: PathBuf,
    /// Stands for `/`, above the mount points that `mountinfo` lists.
    pub mounts: PathBuf,
}

impl Roots {
    /// The three below one directory.
    pub fn below(directory: impl Into<PathBuf>) -> Self {
        let mounts = directory.into();
        Self {
            proc: mounts.join("proc"),
            sys: mounts.join("sys"),
            mounts,
        }
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::below("/")
    }
}
