//! The file, opened for writing.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{
    connected::Connected,
    edition::{self, Alone},
    files::{Log, Paths, State},
    gate::Gate,
    pending::Batch,
    problem::{Cause, Problem},
    schema::{self, Refusal},
    series::{MAX_SERIES, SeriesIds},
    transaction::{self, Committed},
    watch::{Change, Frames, Left, Watch},
};
use crate::clock::Monotonic;

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
    pub problem: Problem,
    /// Set if the rows may have been written nevertheless: the error came from the commit, or somebody
    /// changed the file meanwhile.
    pub in_doubt: Option<Committed>,
    /// What somebody did to the file.
    pub change: Option<Change>,
}

/// The file, opened for writing.
#[derive(Debug)]
pub struct Store {
    connected: Connected,
    path: PathBuf,
    access: Access,
    series: SeriesIds,
    /// `None` where the system does not tell, or the file could not be looked at yet.
    watch: Option<Watch>,
    /// What the log was when something in it was found waiting for being written back, and when.
    waits: Option<(u64, Monotonic)>,
    is_given_up: bool,
}

impl Store {
    /// Opens `path`, or makes it.
    pub fn open(path: &Path, access: &Access) -> Result<Self, Problem> {
        Self::open_again(path, access, None).map(|(store, _)| store)
    }

    /// The same for one that was open before, and what was found changed since then.
    pub fn open_again(
        path: &Path,
        access: &Access,
        left: Option<&Left>,
    ) -> Result<(Self, Option<Change>), Problem> {
        let problem = |error: rusqlite::Error| Problem::of(path, &error);
        let paths = Paths::of(path);
        let mut is_another = false;
        if let Some(left) = left {
            if left.is_spoilt(&paths, access) {
                let detail = "somebody cut it off or wrote over it";
                return Err(Problem::new(path, Cause::Damaged, detail));
            }
            is_another = left.clear(&paths, access) && left.is_untold();
        }
        let is_replaced = is_another && path.exists();
        paths.remove_orphans();
        refuse_unusable(&paths, access)?;
        let (mut connected, change) = open_with_its_log(&paths, access)?;
        let connection = connected.get_mut();
        schema::bring_up(connection, schema::STEPS).map_err(|refusal| refusal.problem(path))?;
        configure(connection).map_err(problem)?;
        if let Some(opened) = &access.opened {
            opened(connection).map_err(problem)?;
        }
        // What belongs to the file is made when something is read for the first time.
        schema::version(connection, schema::STEPS).map_err(|refusal| refusal.problem(path))?;
        let begin = || Watch::begin(connection, paths.clone(), access);
        let watch = begin().or_else(|| {
            // What a crash has left in the log may be what the file lacks.
            Frames::write_back(connection).ok()?;
            begin()
        });
        let store = Self {
            connected,
            path: path.to_owned(),
            access: access.clone(),
            series: SeriesIds::new(access.max_series),
            watch,
            waits: None,
            is_given_up: false,
        };
        Ok((store, change.or(is_replaced.then_some(Change::Restored))))
    }

    /// Whether the files are as they should be. What is written to others, or to one that was
    /// changed, may be lost, or spoil it; see [`Store::give_up`].
    pub fn look(&mut self) -> Result<(), Change> {
        let connection = self.connected.get();
        if let Some(watch) = &mut self.watch {
            return watch.look(connection, &self.access);
        }
        self.watch = Watch::begin(connection, Paths::of(&self.path), &self.access);
        Ok(())
    }

    /// Closes the file after a `change`, and leaves nothing behind that could spoil what lies there now.
    /// Returns what that came to.
    pub fn give_up(mut self, change: Change) -> (Option<Left>, Change) {
        self.let_go(change)
    }

    fn let_go(&mut self, change: Change) -> (Option<Left>, Change) {
        self.is_given_up = true;
        let connection = self.connected.get();
        let watch = self.watch.as_ref();
        let given_up = watch.map(|watch| watch.give_up(connection, change, &self.access));
        self.connected.keep_log(true);
        match given_up {
            Some((left, change)) => (Some(left), change),
            None => (None, change),
        }
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
        if (waiting >= MOST_FRAMES || self.is_to_write_back(now)) && self.look().is_ok() {
            self.waits = None;
            // What cannot be written back stays in the log.
            let _ = Frames::write_back(self.connected.get());
            if let Some(watch) = &mut self.watch {
                watch.wrote_back(&self.access);
            }
        }
    }

    /// Whether something has waited for long in the log.
    pub fn is_to_write_back(&self, now: Monotonic) -> bool {
        let since = self.waits.map(|(_, since)| since);
        since.is_some_and(|since| now >= since.after(WRITE_BACK))
    }

    /// Waits for somebody else's lock for so long from now on.
    pub fn wait_for(&mut self, patience: Duration) -> Result<(), Problem> {
        self.connected
            .wait_for(patience)
            .map_err(|error| Problem::of(&self.path, &error))
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
        match result {
            Ok((overflowed, committed)) => match self.look() {
                Ok(()) => Ok(overflowed),
                Err(change) => Err(Failed {
                    problem: Problem::new(&self.path, Cause::System, "somebody else changes it"),
                    in_doubt: committed,
                    change: Some(change),
                }),
            },
            Err(failure) => {
                // The numbers of series that are new in this transaction may be gone with it.
                self.series = SeriesIds::new(self.access.max_series);
                Err(Failed {
                    problem: failure.problem(&self.path),
                    in_doubt: failure.in_doubt(),
                    change: None,
                })
            }
        }
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
    pub fn close_quickly(mut self) -> Option<Left> {
        self.is_given_up = true;
        self.connected.keep_log(true);
        self.watch.as_ref().map(|watch| watch.left(None))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if !self.is_given_up
            && let Err(change) = self.look()
        {
            self.let_go(change);
        }
    }
}

/// Refuses what is no history, or none that can be used, without its log, and leaves it as it is.
fn refuse_unusable(paths: &Paths, access: &Access) -> Result<(), Problem> {
    let path = &paths.main;
    if path.is_dir() {
        return Err(Problem::new(path, Cause::Foreign, "it is a folder"));
    }
    let Some(main) = State::at(path).filter(|main| main.size > 0) else {
        return Ok(());
    };
    let alone = Alone::of(path, access);
    // A crash may have kept what is missing from being written back.
    let is_in_log = || {
        let log = Log::open(&paths.log);
        log.is_ok_and(|log| log.is_some_and(|log| log.completes(main.size)))
    };
    match &alone {
        Alone::Refused(refusal) if !(alone.is_incomplete() && is_in_log()) => {
            Err(refusal.problem(path))
        }
        _ => Ok(()),
    }
}

/// Opens a file that is there, or makes it. The log of another file, whose place it has taken, is
/// removed.
fn open_with_its_log(
    paths: &Paths,
    access: &Access,
) -> Result<(Connected, Option<Change>), Problem> {
    let path = &paths.main;
    let problem = |error: rusqlite::Error| Problem::of(path, &error);
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connected = Connected::open(path, flags, access).map_err(problem)?;
        // Before anything is read, for which files would be made beside it that nobody could write
        // even when this one can be again.
        if connected.get().is_readonly("main").map_err(problem)? {
            return Err(Problem::new(path, Cause::ReadOnly, ""));
        }
        Ok(connected)
    };
    let connected = open()?;
    if State::at(&paths.log).is_none_or(|log| log.size == 0) {
        return Ok((connected, None));
    }
    connected.keep_log(true);
    let is_anothers = || edition::has_anothers_log(connected.get(), paths, access);
    let identity = |path: &Path| State::at(path).map(|state| state.identity);
    let before = identity(&paths.log);
    let mut is_stale = is_anothers().map_err(problem)?;
    // The index may have been made by that. Others who find the same remove both, and begin new ones
    // after that, the log first: so this is the one of the log that lies there now.
    let index = identity(&paths.index);
    let log = identity(&paths.log);
    // Twice, for what is removed is gone.
    is_stale = is_stale && is_anothers().map_err(problem)?;
    if is_stale {
        drop(connected);
        if log == before {
            let judged = [log, index];
            paths.remove_log(|state| judged.contains(&Some(state.identity)));
        }
        return Ok((open()?, Some(Change::Restored)));
    }
    connected.keep_log(false);
    Ok((connected, None))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // What is committed is in the system's hands and survives the end of the process. What the
    // machine's sudden end takes is the last few transactions as a whole.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // By [`Store::write_back`] instead, which looks at the file before.
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))?;
    // A log that grew while readers kept it from being written back is cut down again.
    connection.query_row("PRAGMA journal_size_limit = 8388608", [], |_| Ok(()))
}

/// Begins a transaction that writes, unless a later release has changed the schema meanwhile.
pub(super) fn immediate(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, Refusal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::version(&transaction, schema::STEPS)?;
    Ok(transaction)
}
