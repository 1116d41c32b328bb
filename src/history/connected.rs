//! Connections to a file.

use std::{fmt::Write, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    files::Paths,
    gate::Gate,
    log::Log,
    mixed::{self, Fit},
    patience,
    problem::{Cause, Problem},
    schema::Refusal,
    store::Access,
};

/// A connection, counted at the gate while it is open. It may only be held, opened and closed by
/// whoever has a pass, or has closed the gate and seen that nobody is inside.
#[derive(Debug)]
pub struct Connected {
    connection: Option<Connection>,
    gate: &'static Gate,
}

impl Connected {
    /// Opens `path` by `flags`.
    pub fn open(path: &Path, flags: OpenFlags, access: &Access) -> rusqlite::Result<Self> {
        access.gate.connected();
        let mut connected = Self {
            connection: None,
            gate: access.gate,
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        connected.connection = Some(Connection::open_with_flags(path, flags)?);
        connected.wait_for(access.patience)?;
        Ok(connected)
    }

    /// Opens `path` for reading what it is without its log, as if nobody changed it meanwhile. What
    /// others have locked is not waited for, and nothing is made beside it.
    pub fn open_alone(path: &Path, access: &Access) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Self::open(Path::new(&immutable(path)), flags, access)
    }

    /// Opens `path` while nobody else uses it, and keeps others from that, without waiting for anybody. It
    /// leaves a log as it is.
    pub fn open_exclusively(path: &Path, access: &Access) -> rusqlite::Result<Self> {
        let access = Access {
            patience: Duration::ZERO,
            ..access.clone()
        };
        let connected = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, &access)?;
        connected.keep_log(true);
        let connection = connected.get();
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
        // Takes the lock.
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(connected)
    }

    /// A database that nobody else sees.
    pub fn in_memory(access: &Access) -> rusqlite::Result<Self> {
        Self::open(Path::new(":memory:"), OpenFlags::default(), access)
    }

    /// Waits for somebody else's lock for so long from now on.
    pub fn wait_for(&mut self, patience: Duration) -> rusqlite::Result<()> {
        let gate = self.gate;
        patience::begin();
        self.get_mut().busy_handler(Some(move |times: i32| {
            patience::wait(gate, patience, times.unsigned_abs())
        }))
    }

    /// Opens `path` for reading, also where it may not be written, or no files may be made beside
    /// it; and without its log where that is another file's.
    pub fn open_for_reading(path: &Path, access: &Access) -> Result<Self, Problem> {
        let problem = |error: rusqlite::Error| Problem::of_reading(path, &error);
        let connected = Self::open_with_its_log(path, access)?;
        let paths = Paths::of(path);
        // One that may not be read is no concern of the file's own reading.
        let log = Log::open(&paths.log).unwrap_or_default();
        let in_log = log.as_ref().and_then(Log::state).map(|log| log.size);
        if let Some(log) = log.filter(|_| in_log > Some(0)) {
            let fit = || mixed::fit(&log, connected.get(), &paths, access);
            let mut found = fit();
            // Others may be in the middle of something.
            if !matches!(found, Ok(Fit::Together { .. }))
                && let Some(_lock) = log.lock_shortly(access)
            {
                found = fit();
            } else if matches!(found, Ok(Fit::Anothers { .. })) {
                return Err(Problem::locked(path));
            }
            match found {
                Ok(Fit::Anothers { .. }) => return Self::open_alone(path, access).map_err(problem),
                Err(Refusal::Content(cause, detail)) => {
                    return Err(Problem::new(path, cause, detail));
                }
                // What the database finds wrong it says to whoever reads it.
                Ok(Fit::Together { .. } | Fit::Incomplete(_)) | Err(Refusal::Database(_)) => {}
            }
        }
        // Nobody uses it where there is no log at all. Where it may not be written, nothing is to be
        // made beside it that nobody could write even when this one can be again.
        let is_unused = in_log.is_none() && connected.get().is_readonly("main").map_err(problem)?;
        if !is_unused && !connected.stands_alone().map_err(problem)? {
            return Ok(connected);
        }
        drop(connected);
        if in_log > Some(0) {
            return Err(Problem::new(path, Cause::LogUnread, ""));
        }
        Self::open_alone(path, access).map_err(problem)
    }

    /// The same, where nobody has to find out whether the log is that of the file.
    pub fn open_with_its_log(path: &Path, access: &Access) -> Result<Self, Problem> {
        // Not the flag for reading alone, under which nobody recovers what a crash left in the log.
        let connected = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, access)
            .map_err(|error| Problem::of_reading(path, &error))?;
        connected.keep_log(true);
        Ok(connected)
    }

    /// Whether the files beside it by which readers and writers share it cannot be made.
    fn stands_alone(&self) -> rusqlite::Result<bool> {
        // They are made when something is read for the first time.
        let read = self
            .get()
            .query_row("PRAGMA schema_version", [], |_| Ok(()));
        match read {
            Ok(()) => Ok(false),
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => Ok(true),
                _ => Err(error),
            },
        }
    }

    /// Whether closing it leaves the log as it is, instead of writing it back into the file.
    pub fn keep_log(&self, keep: bool) {
        // If it fails, closing takes longer.
        let _ = self
            .get()
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep);
    }

    /// Closes it after reading, and leaves what lies beside the file as it is unless nobody else uses it.
    pub fn close_after_reading(&mut self, paths: &Paths) {
        let is_empty = |log: &Log| log.state().is_some_and(|log| log.size == 0);
        // What is in it may be another file's by now, and so may be the names that the database goes by.
        let log = Log::open(&paths.log).unwrap_or_default().filter(is_empty);
        let lock = log.and_then(|log| log.lock_at_once());
        self.keep_log(lock.is_none() || has_moved(self.get()));
        self.close();
    }

    /// Closes it. Nothing may be asked of it any more.
    pub fn close(&mut self) {
        drop(self.connection.take());
    }

    /// The connection.
    pub fn get(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("it is there until this is dropped"),
        }
    }

    /// The connection.
    pub fn get_mut(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("it is there until this is dropped"),
        }
    }
}

/// `path` as a URI that says that nobody changes the file.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str("?immutable=1");
    uri
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.close();
        self.gate.disconnected();
    }
}

/// Whether the file that it has opened does not lie any more where it was.
#[cfg(unix)]
pub fn has_moved(connection: &Connection) -> bool {
    let mut moved = 0;
    let ask = rusqlite::FileControl::HasMoved(&mut moved);
    connection.file_control(Some("main"), ask).is_err() || moved != 0
}

/// Files in use have to stay where they are.
#[cfg(not(unix))]
pub fn has_moved(_connection: &Connection) -> bool {
    false
}
