//! The file, opened for writing.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    change::{Change, Hindrance},
    connected::Connected,
    gate::Gate,
    log::{Frames, Lock},
    opening,
    pending::Batch,
    problem::Problem,
    schema::{self, Refusal},
    series::{MAX_SERIES, SeriesIds},
    transaction::{self, Committed},
    watch::{Left, Watch},
};
use crate::time::Monotonic;

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

/// How many pages of the log wait at most to be written back into the file.
const MOST_FRAMES: u64 = 1_000;

/// For how long they wait at most, so that a plain copy of the file is not much older.
const WRITE_BACK: Duration = Duration::from_mins(1);

/// A write that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub hindrance: Hindrance,
    /// Set if the rows may have been written nevertheless: the error came from the commit, or somebody
    /// changed the file meanwhile.
    pub in_doubt: Option<Committed>,
}

/// The file, opened for writing.
#[derive(Debug)]
pub struct Store {
    connected: Connected,
    path: PathBuf,
    access: Access,
    series: SeriesIds,
    watch: Watch,
    /// What the log was when something in it was found waiting for being written back, and when.
    waits: Option<(u64, Monotonic)>,
    is_closed: bool,
}

impl Store {
    /// Opens `path`, or makes it.
    pub fn open(path: &Path, access: &Access) -> Result<Self, Problem> {
        opening::open(path, None, access, &mut None)
    }

    pub(super) fn new(connected: Connected, path: &Path, access: &Access, watch: Watch) -> Self {
        Self {
            connected,
            path: path.to_owned(),
            access: access.clone(),
            series: SeriesIds::new(access.max_series),
            watch,
            waits: None,
            is_closed: false,
        }
    }

    /// Finds out whether the files are as they should be. What is written to others, or to one that was
    /// changed, may be lost, or spoil it; see [`Store::give_up`].
    ///
    /// As long as the lock that comes back is held, nobody takes what is written for something wrong.
    pub fn look(&mut self) -> Result<Option<Lock>, Hindrance> {
        self.watch.look(self.connected.get(), &self.access)
    }

    /// Whether the files are what they were when they were looked at last.
    pub fn is_unchanged(&self) -> bool {
        self.watch.is_unchanged()
    }

    /// The same as [`Store::look`] for who has nothing to write.
    pub fn look_idly(&mut self) -> Result<(), Hindrance> {
        if self.is_unchanged() {
            return Ok(());
        }
        self.look().map(drop)
    }

    /// Closes the file after a `change`, and leaves nothing behind that could spoil what lies there now.
    /// Returns what that came to.
    pub fn give_up(mut self, change: Change) -> Change {
        let come_to = self.tidy_up_after(change);
        self.close_as_it_is();
        come_to
    }

    fn tidy_up_after(&mut self, change: Change) -> Change {
        let connection = self.connected.get();
        match self.watch.lock(&self.access) {
            // Somebody may have put it right again.
            Ok(_) if self.watch.is_as_usual(connection, &self.access) => change,
            Ok(_lock) => self.watch.give_up(connection, change),
            // Nobody has saved what was in it.
            Err(_) if change == Change::LogRemoved => Change::LogLost,
            Err(_) => change,
        }
    }

    /// Closes the file without tidying up, which takes longer, and is not for who does not know what lies
    /// there. Returns which files they were.
    pub fn close_as_it_is(&mut self) -> Left {
        if !self.is_closed {
            self.is_closed = true;
            self.connected.keep_log(true);
            self.connected.close();
        }
        self.watch.left()
    }

    /// Writes what waits in the log back into the file, if that is much, or has waited for long by
    /// `now`.
    pub fn write_back(&mut self, now: Monotonic) {
        let Ok(frames) = Frames::of(self.connected.get()) else {
            return;
        };
        let waiting = frames.all.saturating_sub(frames.written_back);
        let since = match self.waits {
            // Others do it as well.
            Some((written_back, since)) if written_back == frames.written_back => since,
            _ => now,
        };
        self.waits = (waiting > 0).then_some((frames.written_back, since));
        if (waiting >= MOST_FRAMES || self.is_to_write_back(now))
            && let Ok(_lock) = self.look()
        {
            self.waits = None;
            // What cannot be written back stays in the log.
            let _ = Frames::write_back(self.connected.get());
            // It knows the file as it is now, before somebody changes that. Of a change that has been made
            // already it hears before the next write.
            let _ = self.watch.is_as_usual(self.connected.get(), &self.access);
        }
    }

    /// Whether something has waited for long in the log.
    pub fn is_to_write_back(&self, now: Monotonic) -> bool {
        let since = self.waits.map(|(_, since)| since);
        since.is_some_and(|since| now >= since.after(WRITE_BACK))
    }

    /// Waits for somebody else's lock for so long from now on.
    pub fn wait_for(&mut self, patience: Duration) -> Result<(), Problem> {
        self.access.patience = patience;
        self.connected
            .wait_for(patience)
            .map_err(|error| Problem::of(&self.path, &error))
    }

    /// Adds the rollups of `batch` to their rows, all of them or none. Returns how many samples went
    /// to the series that stand for all others.
    pub fn write(&mut self, batch: &Batch) -> Result<u64, Failed> {
        let lock = self.look().map_err(|hindrance| Failed {
            hindrance,
            in_doubt: None,
        })?;
        let result = transaction::write(
            self.connected.get_mut(),
            &mut self.series,
            batch,
            &self.access.commit,
        );
        match result {
            Ok(written) => {
                self.watch.has_come_to(written.additions);
                // It may have to be had alone now.
                drop(lock);
                match self.look() {
                    Ok(_) => Ok(written.overflowed),
                    Err(hindrance) => Err(Failed {
                        hindrance,
                        in_doubt: written.committed,
                    }),
                }
            }
            Err(failure) => {
                // The numbers of series that are new in this transaction may be gone with it.
                self.series = SeriesIds::new(self.access.max_series);
                Err(Failed {
                    hindrance: Hindrance::Problem(failure.problem(&self.path)),
                    in_doubt: failure.in_doubt(),
                })
            }
        }
    }

    /// Whether a transaction whose commit failed has been written to what lies there now.
    pub fn was_written(&mut self, doubtful: &Committed) -> Result<bool, Hindrance> {
        let _lock = self.look()?;
        transaction::was_written(self.connected.get_mut(), doubtful)
            .map_err(|refusal| refusal.problem(&self.path).into())
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
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        match self.look().map(drop) {
            Ok(()) => {
                // Of two that close it at the same time neither would tidy up. Where others go on to
                // write, the last of them does.
                let lock = self.watch.lock_shortly(&self.access);
                let connection = self.connected.get();
                if lock.is_ok() && self.watch.is_as_usual(connection, &self.access) {
                    return self.connected.close();
                }
            }
            Err(Hindrance::Change(change)) => {
                self.tidy_up_after(change);
            }
            Err(Hindrance::Problem(_)) => {}
        }
        self.close_as_it_is();
    }
}

/// Begins a transaction that writes, unless a later release has changed the schema meanwhile.
pub(super) fn immediate(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, Refusal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::version(&transaction, schema::STEPS)?;
    Ok(transaction)
}
