//! The files of a database, as the system sees them: the file itself, its write-ahead log (`-wal`) and
//! the index of that (`-shm`), through which connections share it.
//!
//! The first and the last are only asked about here, and never opened to be read: closing a file takes
//! away the locks that the process has on it, those of the database included. The log has none.

use std::{
    collections::BTreeSet,
    fs::{self, File, Metadata},
    io::{self, ErrorKind},
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

    /// Removes the log and its index where they are what `is_stale` says.
    pub fn remove_log(&self, is_stale: impl Fn(State) -> bool) {
        for path in [&self.log, &self.index] {
            if State::at(path).is_some_and(&is_stale) {
                // What cannot be removed cannot be written either, of which somebody will hear.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Removes a log that was left where there is no database any more, and an index without a log.
    /// Others that use the database make them in this order: file, log, index; and remove them the other
    /// way round.
    pub fn remove_orphans(&self) {
        let is_there = |path: &Path| State::at(path).is_some();
        let (log, index) = (is_there(&self.log), is_there(&self.index));
        let is_empty = State::at(&self.main).is_none_or(|main| main.size == 0);
        if is_empty && (log || index) {
            self.remove_log(|_| true);
        } else if index && !log && !is_there(&self.log) {
            let _ = fs::remove_file(&self.index);
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

    /// Whether its content is as it was in `before`.
    pub fn is_unwritten_since(&self, before: &Self) -> bool {
        (self.identity, self.size, self.modified) == (before.identity, before.size, before.modified)
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

/// Elsewhere that cannot be had.
#[cfg(not(target_os = "linux"))]
pub fn hold(_path: &Path) -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The first bytes of a log, which change whenever it begins anew.
pub type LogHeader = [u8; HEADER];

/// A log, to be read.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    /// The one at `path`; `None` if there is none.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self(file))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it is now.
    pub fn state(&self) -> Option<State> {
        State::now(&self.0)
    }

    /// How it begins; `None` where nothing has been written to it yet.
    pub fn header(&self) -> Option<LogHeader> {
        let mut header = [0; HEADER];
        read_at(&self.0, &mut header, 0).ok()?;
        Some(header)
    }

    /// Whether its first `frames` frames are there, and end a transaction.
    pub fn ends_with(&self, header: &LogHeader, frames: u64) -> bool {
        frames == 0
            || page_size(header).is_some_and(|page| {
                let last = self.frame(header, page, frames - 1);
                last.is_some_and(|last| last.size_after > 0)
                    && self
                        .state()
                        .is_some_and(|state| state.size >= place_of(frames, page))
            })
    }

    /// How many transactions it holds: no fewer than count.
    pub fn transactions(&self) -> i64 {
        let commits = self.frames().filter(|frame| frame.size_after > 0).count();
        i64::try_from(commits).unwrap_or(i64::MAX)
    }

    /// Whether it has all pages that are missing at the end of a file of `size` bytes.
    pub fn completes(&self, size: u64) -> bool {
        let Some(page) = self.header().as_ref().and_then(page_size) else {
            return false;
        };
        let frames: Vec<_> = self.frames().collect();
        let last = frames.iter().rposition(|frame| frame.size_after > 0);
        let Some(last) = last else {
            return false;
        };
        let there: BTreeSet<_> = frames[..=last].iter().map(|frame| frame.page).collect();
        let missing = u32::try_from(size / page)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        (missing..=frames[last].size_after).all(|page| there.contains(&page))
    }

    fn frames(&self) -> impl Iterator<Item = Frame> {
        let header = self.header();
        let page = header.as_ref().and_then(page_size);
        (0..).map_while(move |number| self.frame(&header?, page?, number))
    }

    /// The frame of that number; `None` if it is none of what was written since the log began with
    /// `header`.
    fn frame(&self, header: &LogHeader, page: u64, number: u64) -> Option<Frame> {
        let mut frame = [0; FRAME_HEADER];
        let at = place_of(number, page);
        read_at(&self.0, &mut frame, at).ok()?;
        let is_of_this = frame[8..16] == header[16..24];
        is_of_this.then(|| Frame {
            page: big_endian(&frame, 0),
            size_after: big_endian(&frame, 4),
        })
    }
}

/// Where a frame of that number is in a log of such pages.
fn place_of(number: u64, page: u64) -> u64 {
    HEADER as u64 + number * (FRAME_HEADER as u64 + page)
}

/// A page in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Its number in the file.
    page: u32,
    /// How many pages the file has after the transaction that this ends; zero within one.
    size_after: u32,
}

/// Whether a log that began with `before` may begin with `header` by now: it does so whenever all of it has
/// been written back, and counts that.
pub fn begins_after(header: &LogHeader, before: &LogHeader) -> bool {
    /// As many as nobody does between two looks.
    const MOST: u32 = 1 << 20;
    let times = big_endian(header, 16).wrapping_sub(big_endian(before, 16));
    header == before || (1..MOST).contains(&times)
}

/// Whether that begins a log.
pub fn is_log(header: &LogHeader) -> bool {
    page_size(header).is_some()
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

/// The size of the pages in a log that begins with `header`; `None` if that begins no log.
fn page_size(header: &LogHeader) -> Option<u64> {
    // The last bit says how its checksums are counted.
    let is_log = big_endian(header, 0) | 1 == 0x377f_0683 && big_endian(header, 4) == 3_007_000;
    let page = big_endian(header, 8);
    (is_log && page.is_power_of_two() && (512..=65_536).contains(&page)).then_some(page.into())
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}
