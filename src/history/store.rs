//! The file, opened for writing.

use std::{
    fmt::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use super::{
    gate::Gate,
    pending::Batch,
    problem::{Cause, Problem},
    schema::{self, Refusal},
    series::{MAX_SERIES, SeriesIds},
    sigterm,
    transaction::{self, Committed},
};

/// Something done with a connection.
pub type Act = Arc<dyn Fn(&Connection) -> rusqlite::Result<()> + Send + Sync>;

/// How a file is used. Tests put faults in here.
#[derive(Clone)]
pub struct Access {
    /// What a connection is opened under, and a fork waits for.
    pub gate: &'static Gate,
    /// For how long somebody else's lock is waited for.
    pub patience: Duration,
    /// How many series a file may hold of sessions, and how many of all else.
    pub max_series: i64,
    /// Is done once a connection is ready.
    pub opened: Option<Act>,
    /// Ends a transaction.
    pub commit: Act,
}

impl Access {
    /// The usual one.
    #[must_use]
    pub fn new(gate: &'static Gate) -> Self {
        Self {
            gate,
            patience: Duration::from_secs(5),
            max_series: MAX_SERIES,
            opened: None,
            commit: Arc::new(|connection| connection.execute_batch("COMMIT")),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

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

    /// Waits for somebody else's lock for so long from now on.
    fn wait_for(&mut self, patience: Duration) -> rusqlite::Result<()> {
        let gate = self.gate;
        self.get_mut()
            .busy_handler(Some(move |count| wait(gate, patience, count)))
    }

    /// Opens `path` for reading, also where it may not be written, or no files may be made beside
    /// it.
    pub fn open_for_reading(path: &Path, access: &Access) -> rusqlite::Result<Self> {
        // Not the flag for reading alone, under which nobody recovers what a crash left in the log.
        let connected = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, access)?;
        let is_in_use = || beside(path, "-wal").exists();
        if !connected.stands_alone()? || is_in_use() {
            return Ok(connected);
        }
        drop(connected);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Self::open(Path::new(&immutable(path)), flags, access)
    }

    /// Whether the files beside it by which readers and writers share it cannot be made.
    fn stands_alone(&self) -> rusqlite::Result<bool> {
        if self.get().is_readonly("main")? {
            return Ok(true);
        }
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

/// A file that the database keeps beside `path`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
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
        drop(self.connection.take());
        self.gate.disconnected();
    }
}

/// Waits a little for somebody else's lock; `false` if that has been long enough, or a fork waits.
fn wait(gate: &Gate, patience: Duration, count: i32) -> bool {
    const STEP: Duration = Duration::from_millis(2);
    let steps = u128::try_from(count).unwrap_or_default();
    if gate.is_closed() || steps * STEP.as_millis() >= patience.as_millis() {
        return false;
    }
    sigterm::get_on();
    std::thread::sleep(STEP);
    true
}

/// A write that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub problem: Problem,
    /// Set if the rows may have been written nevertheless: the error came from the commit.
    pub in_doubt: Option<Committed>,
}

/// The file, opened for writing.
#[derive(Debug)]
pub struct Store {
    connected: Connected,
    path: PathBuf,
    access: Access,
    series: SeriesIds,
}

impl Store {
    /// Opens `path`, or makes it.
    pub fn open(path: &Path, access: &Access) -> Result<Self, Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let problem = |error: rusqlite::Error| Problem::of(path, &error);
        let mut connected = Connected::open(path, flags, access).map_err(problem)?;
        let connection = connected.get_mut();
        // Before anything is read, for which files would be made beside it that nobody could write
        // even when this one can be again.
        if connection.is_readonly("main").map_err(problem)? {
            return Err(Problem::new(path, Cause::ReadOnly, ""));
        }
        schema::bring_up(connection, schema::STEPS).map_err(|refusal| refusal.problem(path))?;
        configure(connection).map_err(problem)?;
        if let Some(opened) = &access.opened {
            opened(connection).map_err(problem)?;
        }
        Ok(Self {
            connected,
            path: path.to_owned(),
            access: access.clone(),
            series: SeriesIds::new(access.max_series),
        })
    }

    /// Waits for somebody else's lock for so long from now on.
    pub fn wait_for(&mut self, patience: Duration) -> Result<(), Problem> {
        self.connected
            .wait_for(patience)
            .map_err(|error| Problem::of(&self.path, &error))
    }

    /// Whether the file still lies at its path. What is written to one that was removed or replaced
    /// is lost with it.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        #[cfg(unix)]
        {
            let mut moved = 0;
            let ask = rusqlite::FileControl::HasMoved(&mut moved);
            self.connected.get().file_control(Some("main"), ask).is_ok() && moved == 0
        }
        #[cfg(not(unix))]
        {
            true
        }
    }

    /// Adds the rollups of `batch` to their rows, all of them or none. Returns how many samples went
    /// to the series that stand for all others.
    pub fn write(&mut self, batch: &Batch) -> Result<u64, Failed> {
        let result = transaction::write(
            self.connected.get_mut(),
            &mut self.series,
            batch,
            &self.access.commit,
        );
        result.map_err(|failure| {
            // The numbers of series that are new in this transaction may be gone with it.
            self.series = SeriesIds::new(self.access.max_series);
            Failed {
                problem: failure.problem(&self.path),
                in_doubt: failure.in_doubt(),
            }
        })
    }

    /// Whether a transaction whose commit failed has been written.
    pub fn was_written(&mut self, doubtful: &Committed) -> Result<bool, Problem> {
        transaction::was_written(self.connected.get_mut(), doubtful)
            .map_err(|refusal| refusal.problem(&self.path))
    }

    /// Gives what is free in the file back to the file system. Nobody else can write meanwhile.
    pub fn vacuum(&mut self) -> Result<(), Problem> {
        let connection = self.connected.get();
        connection
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
            .map_err(|error| Problem::of(&self.path, &error))
    }

    /// The connection, for upkeep.
    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connected.get_mut()
    }

    /// Closes the file without tidying up, which would take longer; for a fork.
    pub fn close_quickly(self) {
        let connection = self.connected.get();
        // If it fails, closing takes longer.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // What is committed is in the system's hands and survives the end of the process. What the
    // machine's sudden end takes is the last few transactions as a whole.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // A log that grew while readers kept it from being written back is cut down again.
    connection.query_row("PRAGMA journal_size_limit = 8388608", [], |_| Ok(()))
}

/// Begins a transaction that writes, unless a later release has changed the schema meanwhile.
pub(super) fn immediate(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, Refusal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::version(&transaction, schema::STEPS)?;
    Ok(transaction)
}
