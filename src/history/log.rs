//! The write-ahead log of a database, read beside the database: its format is described in
//! <https://sqlite.org/fileformat2.html#walformat>.
//!
//! It has a lock as well, which the database knows nothing of. Whoever writes to the files shares it with
//! others who do, and who finds them to be wrong has it alone before that is true: so nobody who keeps to
//! that is in the middle of anything then. It is the system's lock on the file that is open, so that it
//! ends with the process.

use std::{
    fs::File,
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ffi};

use super::{files::State, patience, store::Access};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The first bytes of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHeader([u8; HEADER]);

impl LogHeader {
    /// The size of the pages in the log; `None` if this begins no log.
    fn page_size(&self) -> Option<u64> {
        // The last bit says how its checksums are counted.
        let is_log =
            big_endian(&self.0, 0) | 1 == 0x377f_0683 && big_endian(&self.0, 4) == 3_007_000;
        let page = big_endian(&self.0, 8);
        (is_log && page.is_power_of_two() && (512..=65_536).contains(&page)).then_some(page.into())
    }

    /// What each frame repeats that was written since.
    fn salt(&self) -> &[u8] {
        &self.0[16..24]
    }
}

/// A log, to be read.
#[derive(Debug, Clone)]
pub struct Log(Arc<File>);

impl Log {
    /// The one at `path`; `None` if there is none.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self(Arc::new(file)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it is now.
    pub fn state(&self) -> Option<State> {
        State::now(&self.0)
    }

    /// Whether it is what lies at `path`.
    pub fn lies_at(&self, path: &Path) -> bool {
        let there = State::at(path).map(|there| there.identity);
        there.is_some() && there == self.state().map(|now| now.identity)
    }

    /// How it begins; `None` where nothing has been written to it yet.
    pub fn header(&self) -> Option<LogHeader> {
        let mut header = [0; HEADER];
        read_at(&self.0, &mut header, 0).ok()?;
        Some(LogHeader(header))
    }

    /// Whether it has all `frames` frames that the index counts in it, of which the last ends a
    /// transaction.
    pub fn has(&self, frames: u64) -> bool {
        let last = |written: Written| self.frame(&written, frames - 1);
        frames == 0 || self.written().and_then(last).is_some_and(Frame::is_last)
    }

    /// How many transactions end in it: no fewer than count.
    pub fn transactions(&self) -> i64 {
        let written = self.written();
        let frames = (0..).map_while(|number| self.frame(written.as_ref()?, number));
        let commits = frames.filter(|frame| frame.is_last()).count();
        i64::try_from(commits).unwrap_or(i64::MAX)
    }

    fn written(&self) -> Option<Written> {
        let header = self.header()?;
        Some(Written {
            page: header.page_size()?,
            size: self.state()?.size,
            header,
        })
    }

    /// The frame of that number; `None` if it is not there as a whole, or from before the log began
    /// anew.
    fn frame(&self, written: &Written, number: u64) -> Option<Frame> {
        let mut frame = [0; FRAME_HEADER];
        let whole = FRAME_HEADER as u64 + written.page;
        let at = HEADER as u64 + number * whole;
        if at + whole > written.size {
            return None;
        }
        read_at(&self.0, &mut frame, at).ok()?;
        (frame[8..16] == *written.header.salt()).then(|| Frame {
            size_after: big_endian(&frame, 4),
        })
    }

    /// Its lock, for who writes; `None` if somebody has had it alone for as long as `access` waits, or a
    /// fork waits.
    pub fn share(&self, access: &Access) -> Option<Lock> {
        self.lock_by(access.patience.max(patience::MOMENT), access, Mode::Shared)
    }

    /// Its lock, for who finds something wrong; `None` if others have had it for as long as `access`
    /// waits, or a fork waits.
    pub fn lock(&self, access: &Access) -> Option<Lock> {
        self.lock_by(access.patience.max(patience::MOMENT), access, Mode::Alone)
    }

    /// The same, for moments.
    pub fn lock_shortly(&self, access: &Access) -> Option<Lock> {
        self.lock_by(patience::MOMENT, access, Mode::Alone)
    }

    /// The same, if nobody has it now.
    pub fn lock_at_once(&self) -> Option<Lock> {
        try_lock(&self.0, Mode::Alone).then(|| Lock(Arc::clone(&self.0)))
    }

    fn lock_by(&self, patience: Duration, access: &Access, mode: Mode) -> Option<Lock> {
        let mut times = 0;
        patience::begin();
        while !try_lock(&self.0, mode) {
            if !patience::wait(access.gate, patience, times) {
                return None;
            }
            times += 1;
        }
        Some(Lock(Arc::clone(&self.0)))
    }
}

/// With whom it is held.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// With others who write.
    Shared,
    /// With nobody.
    Alone,
}

/// The lock of a log, while it is held.
#[derive(Debug)]
pub struct Lock(Arc<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        unlock(&self.0);
    }
}

/// A file system that has no such locks is one without them.
#[cfg(unix)]
fn try_lock(file: &File, mode: Mode) -> bool {
    use rustix::{fs::FlockOperation, io::Errno};
    let operation = match mode {
        Mode::Shared => FlockOperation::NonBlockingLockShared,
        Mode::Alone => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match rustix::fs::flock(file, operation) {
            Err(Errno::INTR) => {}
            locked => return locked != Err(Errno::WOULDBLOCK),
        }
    }
}

/// Explicitly, since a child of a fork may have the file open as well.
#[cfg(unix)]
fn unlock(file: &File) {
    // What has no lock needs none undone.
    let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
}

/// Elsewhere files in use have to stay where they are, and a lock would keep others from reading.
#[cfg(not(unix))]
fn try_lock(_file: &File, _mode: Mode) -> bool {
    true
}

#[cfg(not(unix))]
fn unlock(_file: &File) {}

/// What is in a log at one moment.
#[derive(Debug)]
struct Written {
    header: LogHeader,
    /// The size of its pages.
    page: u64,
    /// Its own.
    size: u64,
}

/// A page in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// How many pages the file has after the transaction that this ends; zero within one.
    size_after: u32,
}

impl Frame {
    fn is_last(self) -> bool {
        self.size_after > 0
    }
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
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

/// What the index says of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// How many pages it holds.
    pub all: u64,
    /// How many of them are in the file as well.
    pub written_back: u64,
}

impl Frames {
    /// What it says now.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        Self::ask(connection, "PRAGMA wal_checkpoint(NOOP)")
    }

    /// Has them written into the file, as far as nobody reads what was there before.
    pub fn write_back(connection: &Connection) -> rusqlite::Result<Self> {
        Self::ask(connection, "PRAGMA wal_checkpoint(PASSIVE)")
    }

    /// Whether the file holds all that the log does.
    pub fn are_written_back(self) -> bool {
        self.all == self.written_back
    }

    fn ask(connection: &Connection, sql: &str) -> rusqlite::Result<Self> {
        let found: (i64, i64, i64) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        match found {
            // Somebody else was in the way.
            (1, ..0, _) => Err(rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_BUSY),
                None,
            )),
            // Both are negative where there is no log.
            (_, all, written_back) => Ok(Self {
                all: all.max(0).cast_unsigned(),
                written_back: written_back.max(0).cast_unsigned(),
            }),
        }
    }
}
