//! Paths that begin with somebody's home.

use std::path::{Component, Path, PathBuf};

/// `path` with the home folder in the place of a `~` or `~name` at its beginning, as a shell has it.
/// What has no home, or nobody's, stays as it is.
#[must_use]
pub fn expanded(path: PathBuf) -> PathBuf {
    let mut parts = path.components();
    let home = match parts.next() {
        Some(Component::Normal(first)) => match first.to_str() {
            Some("~") => std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            Some(first) => first.strip_prefix('~').and_then(home_of),
            None => None,
        },
        _ => None,
    };
    match home {
        Some(home) if parts.as_path() == Path::new("") => home,
        Some(home) => home.join(parts),
        None => path,
    }
}

#[cfg(unix)]
fn home_of(user: &str) -> Option<PathBuf> {
    nix::unistd::User::from_name(user)
        .ok()
        .flatten()
        .map(|user| user.dir)
}

#[cfg(not(unix))]
fn home_of(_user: &str) -> Option<PathBuf> {
    None
}
