//! Opening a file for writing: together with a log that belongs to it, and without one that was left by
//! another file in its place.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{
    change::Change,
    connected::Connected,
    edition::{self, Alone},
    files::{Paths, State},
    log::{Frames, Lock, Log},
    mixed::{self, Fit},
    problem::{Cause, Problem},
    schema,
    store::{Access, Store},
    watch::{Left, Watch},
};

/// How often it is begun anew, because others have removed the log, or the file, meanwhile.
const ATTEMPTS: u32 = 20;

/// Opens `path`, or makes it; and what somebody was found to have done to it, also since this process has
/// `left` it.
pub fn open(
    path: &Path,
    left: Option<&Left>,
    access: &Access,
) -> Result<(Store, Option<Change>), Problem> {
    let problem = |error: rusqlite::Error| Problem::of(path, &error);
    let paths = Paths::of(path);
    if path.is_dir() {
        return Err(Problem::new(path, Cause::Foreign, "it is a folder"));
    }
    let mut change = None;
    for _ in 0..ATTEMPTS {
        let Some(log) = Locked::of(&paths, access)? else {
            continue;
        };
        refuse_unusable(&paths, access)?;
        let connected = connect(path, access)?;
        // What lies beside a file that nobody uses may be that of a file that was there before, with which
        // somebody may use it still.
        let is_known = left.is_some_and(|left| left.is_still_at(&paths));
        let exclusively = (!is_known && log.is_anything_beside(&paths))
            .then(|| Connected::open_exclusively(path, access).ok())
            .flatten();
        let connection = exclusively.as_ref().unwrap_or(&connected).get();
        let fit = |log| mixed::fit(log, connection, &paths, access);
        let fit = log.written().map(fit).transpose();
        let fit = fit.map_err(|refusal| refusal.problem(path))?;
        if let Some(Fit::Incomplete(refusal)) = &fit
            && !mixed::is_sound(connection).map_err(problem)?
        {
            return Err(refusal.problem(path));
        }
        let is_anothers = matches!(fit, Some(Fit::Anothers));
        if is_anothers {
            change = Some(Change::Restored);
        } else if exclusively.is_some() || matches!(fit, Some(Fit::Incomplete(_))) {
            if exclusively.is_some() {
                connection.execute_batch("COMMIT").map_err(problem)?;
            }
            let frames = Frames::write_back(connection).map_err(problem)?;
            if !frames.are_written_back() {
                // Somebody still reads what was there before.
                break;
            }
        }
        if is_anothers || exclusively.is_some() {
            log.remove(&paths);
            continue;
        }
        if let Some(store) = begin(connected, log, &paths, access)? {
            return Ok((store, change));
        }
    }
    Err(Problem::new(path, Cause::Locked, ""))
}

/// The log, if there is one, and its lock.
#[derive(Debug, Default)]
struct Locked {
    log: Option<Log>,
    _lock: Option<Lock>,
}

impl Locked {
    /// `None` if others have removed it meanwhile.
    fn of(paths: &Paths, access: &Access) -> Result<Option<Self>, Problem> {
        let unreadable = |error| Problem::new(&paths.main, Cause::ReadOnly, error);
        let Some(log) = Log::open(&paths.log).map_err(unreadable)? else {
            return Ok(Some(Self::default()));
        };
        let lock = log.lock(access);
        let lock = lock.ok_or_else(|| Problem::new(&paths.main, Cause::Locked, ""))?;
        Ok(log.lies_at(&paths.log).then_some(Self {
            log: Some(log),
            _lock: Some(lock),
        }))
    }

    /// The log, if something was written to it.
    fn written(&self) -> Option<&Log> {
        let is_written = |log: &&Log| log.state().is_some_and(|log| log.size > 0);
        self.log.as_ref().filter(is_written)
    }

    fn is_anything_beside(&self, paths: &Paths) -> bool {
        self.log.is_some() || State::at(&paths.index).is_some()
    }

    /// Removes the log, and the index that lies beside it now, which nobody replaces meanwhile.
    fn remove(&self, paths: &Paths) {
        let log = self.log.as_ref().and_then(Log::state);
        let both = log.into_iter().chain(State::at(&paths.index));
        let both: Vec<_> = both.map(|state| state.identity).collect();
        paths.remove_beside(&both);
    }
}

/// Makes what has just been opened ready. `None` if somebody has removed something meanwhile.
fn begin(
    mut connected: Connected,
    mut log: Locked,
    paths: &Paths,
    access: &Access,
) -> Result<Option<Store>, Problem> {
    let path = &paths.main;
    let problem = |error: rusqlite::Error| Problem::of(path, &error);
    let connection = connected.get_mut();
    schema::bring_up(connection, schema::STEPS).map_err(|refusal| refusal.problem(path))?;
    configure(connection).map_err(problem)?;
    if let Some(opened) = &access.opened {
        opened(connection).map_err(problem)?;
    }
    // What belongs to the file is made when something is read for the first time.
    schema::version(connection, schema::STEPS).map_err(|refusal| refusal.problem(path))?;
    if log.log.is_none() {
        let Some(made) = Locked::of(paths, access)? else {
            return Ok(None);
        };
        log = made;
    } else if !log.log.as_ref().is_some_and(|log| log.lies_at(&paths.log)) {
        return Ok(None);
    }
    let watch = Watch::begin(connection, paths.clone(), log.log.clone(), access);
    Ok(watch.map(|watch| {
        connected.keep_log(false);
        Store::new(connected, path, access, watch)
    }))
}

/// Refuses what is no history, or none that can be used, and leaves it as it is.
fn refuse_unusable(paths: &Paths, access: &Access) -> Result<(), Problem> {
    let is_there = || State::at(&paths.main).is_some();
    if !is_there() {
        return Ok(());
    }
    match Alone::of(&paths.main, access) {
        // A log may have what is missing.
        Alone::Refused(refusal) if !edition::is_incomplete(&refusal) && is_there() => {
            Err(refusal.problem(&paths.main))
        }
        _ => Ok(()),
    }
}

fn connect(path: &Path, access: &Access) -> Result<Connected, Problem> {
    let problem = |error: rusqlite::Error| Problem::of(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connected = Connected::open(path, flags, access).map_err(problem)?;
    // Before anything is read, for which files would be made beside it that nobody could write even when
    // this one can be again.
    if connected.get().is_readonly("main").map_err(problem)? {
        return Err(Problem::new(path, Cause::ReadOnly, ""));
    }
    connected.keep_log(true);
    Ok(connected)
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
