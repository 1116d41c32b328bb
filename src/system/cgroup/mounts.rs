//! Where the control groups of this process lie in the file system.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use super::roots::Roots;
use crate::system::files::contents;

/// The group of this process in one hierarchy.
#[derive(Debug)]
pub struct Hierarchy {
    mount: PathBuf,
    group: PathBuf,
    unified: bool,
}

impl Hierarchy {
    /// Whether it is version 2's.
    pub fn is_unified(&self) -> bool {
        self.unified
    }

    /// The group's directory and those above it, up to and with the mount.
    pub fn levels(&self) -> impl Iterator<Item = PathBuf> {
        self.group
            .ancestors()
            .take_while(|level| level.starts_with(&self.mount))
            .map(Path::to_path_buf)
    }
}

/// What the kernel tells about the groups of this process and where they are mounted.
pub struct Map<'a> {
    roots: &'a Roots,
    groups: Vec<u8>,
    mounts: Vec<u8>,
}

impl<'a> Map<'a> {
    pub fn read(roots: &'a Roots) -> Option<Self> {
        Some(Self {
            roots,
            groups: contents(&roots.proc.join("self/cgroup")).ok()?,
            mounts: contents(&roots.proc.join("self/mountinfo")).ok()?,
        })
    }

    /// The hierarchy that has `controller`: a version 1 hierarchy that names it, else version
    /// 2's, which names none.
    pub fn find(&self, controller: &str) -> Option<Hierarchy> {
        let (path, unified) = group_path(&self.groups, controller)?;
        let kind: &[u8] = if unified { b"cgroup2" } else { b"cgroup" };
        let mount = lines(&self.mounts)
            .filter_map(Mount::parse)
            .filter(|mount| mount.kind == kind && (unified || mount.has(controller)))
            // Of several mounts of one hierarchy the one that shows the group tells most.
            .max_by_key(|mount| mount.relative(&path).is_some())?;
        let point = self
            .roots
            .mounts
            .join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
        // Inside a cgroup namespace, or with only the own group mounted, the path that the kernel
        // tells may lie outside the mount. What is mounted is then the container's own group.
        let group = mount
            .relative(&path)
            .map(|relative| point.join(relative))
            .filter(|group| group.is_dir())
            .unwrap_or_else(|| point.clone());
        Some(Hierarchy {
            mount: point,
            group,
            unified,
        })
    }
}

/// The path of the group that governs `controller`, and whether that is in version 2's
/// hierarchy, from lines such as `4:memory:/some/group` and `0::/some/group`.
fn group_path(groups: &[u8], controller: &str) -> Option<(PathBuf, bool)> {
    let entries = || {
        lines(groups).filter_map(|line| {
            let mut parts = line.splitn(3, |&byte| byte == b':');
            Some((parts.next()?, parts.next()?, path(parts.next()?)))
        })
    };
    let named = entries().find(|(_, controllers, _)| lists(controllers, controller));
    let unified = || entries().find(|(id, controllers, _)| *id == b"0" && controllers.is_empty());
    named
        .map(|(_, _, path)| (path, false))
        .or_else(|| unified().map(|(_, _, path)| (path, true)))
}

/// One line of `mountinfo`, as proc(5) describes it.
struct Mount<'a> {
    root: PathBuf,
    point: PathBuf,
    kind: &'a [u8],
    options: &'a [u8],
}

impl<'a> Mount<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = line.split(|&byte| byte == b' ');
        let root = path(&unescape(words.nth(3)?));
        let point = path(&unescape(words.next()?));
        // A varying number of optional fields ends with a dash.
        words.find(|word| *word == b"-")?;
        let kind = words.next()?;
        let options = words.nth(1)?;
        Some(Self {
            root,
            point,
            kind,
            options,
        })
    }

    fn has(&self, controller: &str) -> bool {
        lists(self.options, controller)
    }

    /// The group's path below the mount point; `None` where the mount does not show it.
    fn relative(&self, group: &Path) -> Option<PathBuf> {
        let relative = group.strip_prefix(&self.root).ok()?;
        // A group outside the namespace is told as `/../other`.
        let inside = relative
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        inside.then(|| relative.to_path_buf())
    }
}

fn lists(list: &[u8], name: &str) -> bool {
    list.split(|&byte| byte == b',')
        .any(|item| item == name.as_bytes())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Undoes the octal escapes, such as `\040` for a space, that keep a line's words apart.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'\\'
            && let Some((digits @ [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7'], tail)) =
                tail.split_first_chunk::<3>()
        {
            plain.push(
                digits
                    .iter()
                    .fold(0, |value, digit| value * 8 + (digit - b'0')),
            );
            rest = tail;
        } else {
            plain.push(byte);
            rest = tail;
        }
    }
    plain
}
