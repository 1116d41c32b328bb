//! Files that this process has open, such as its standard output: they are written to where it has got to
//! in them, so that what comes before and after stays. Opened anew by name, each would be written from its
//! start.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::Path,
};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
    /// Another one, by its number.
    Other(i32),
}

impl Stream {
    /// The one that `path` names, as `/dev/stdout` or `/proc/self/fd/7` do, or the standard stream that
    /// goes into the file at `path`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        named(path).or_else(|| standard_in(path))
    }

    /// Writes all of `content`.
    pub fn write_all(&self, content: &[u8]) -> io::Result<()> {
        self.copy(&mut &*content)
    }

    /// Writes all that `from` has.
    pub fn copy(&self, from: &mut impl io::Read) -> io::Result<()> {
        let mut into: Box<dyn Write> = match self {
            Self::Output => Box::new(io::stdout().lock()),
            Self::Error => Box::new(io::stderr().lock()),
            Self::Other(number) => Box::new(duplicate(*number)?),
        };
        io::copy(from, &mut into)?;
        into.flush()
    }
}

/// A name that is no file's, but that of a descriptor.
fn named(path: &Path) -> Option<Stream> {
    /// As many links as Linux follows.
    const MOST: usize = 40;
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..MOST {
        if let Some(number) = number_in_folder(&path) {
            return Some(match number {
                1 => Stream::Output,
                2 => Stream::Error,
                other => Stream::Other(other),
            });
        }
        let next = fs::read_link(&path).ok()?;
        path.pop();
        path.push(next);
    }
    None
}

/// The number of the descriptor, if `path` is the name of one in the folder of those of this process.
fn number_in_folder(path: &Path) -> Option<i32> {
    let number: i32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = fs::canonicalize(path.parent()?).ok()?;
    let own = fs::canonicalize("/proc/self/fd").ok();
    let threads = own
        .as_ref()
        .and_then(|own| Some(own.parent()?.join("task")));
    let is_own = own.is_some_and(|own| folder == own)
        || threads.is_some_and(|threads| folder.starts_with(threads) && folder.ends_with("fd"))
        || folder == Path::new("/dev/fd");
    (number >= 0 && is_own).then_some(number)
}

/// The standard stream that goes into the file at `path`, if one does.
#[cfg(unix)]
fn standard_in(path: &Path) -> Option<Stream> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let is_there = |found: rustix::io::Result<rustix::fs::Stat>| {
        // The types of these differ between systems.
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
        found.is_ok_and(|found| {
            (found.st_dev as u64, found.st_ino as u64) == (file.dev(), file.ino())
        })
    };
    if is_there(rustix::fs::fstat(io::stdout())) {
        return Some(Stream::Output);
    }
    is_there(rustix::fs::fstat(io::stderr())).then_some(Stream::Error)
}

#[cfg(not(unix))]
fn standard_in(_path: &Path) -> Option<Stream> {
    None
}

/// The descriptor of that number once more.
#[cfg(target_os = "linux")]
fn duplicate(number: i32) -> io::Result<File> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let got = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|process| pidfd_getfd(process, number, PidfdGetfdFlags::empty()));
    match got {
        Ok(file) => Ok(file.into()),
        Err(rustix::io::Errno::BADF) => Err(rustix::io::Errno::BADF.into()),
        // A container may forbid that, or the kernel be an old one.
        Err(_) => append_to(number),
    }
}

#[cfg(not(target_os = "linux"))]
fn duplicate(number: i32) -> io::Result<File> {
    append_to(number)
}

/// At the end of the file, where the descriptor mostly is.
fn append_to(number: i32) -> io::Result<File> {
    let path = format!("/dev/fd/{number}");
    let opened = File::options().append(true).open(path);
    opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => ErrorKind::InvalidInput.into(),
        _ => error,
    })
}
