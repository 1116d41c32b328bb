//! Opening a file for writing: together with a log that belongs to it, and without one that was left by
//! another file in its place.

use std::{path::Path, time::Instant};

use rusqlite::{Connection, OpenFlags};

use super::{
    change::Change,
    connected::Connected,
    edition::{self, Alone},
    files::{Paths, State},
    log::{Frames, Lock, Log},
    mixed::{self, Fit},
    patience,
    problem::{Cause, Problem},
    schema,
    store::{Access, Store},
    watch::{Left, Watch},
};

/// Opens `path`, or makes it. What somebody was found to have done to it, also since this process has
/// `left` it, becomes the `change`, whatever comes of the opening.
pub fn open(
    path: &Path,
    left: Option<&Left>,
    access: &Access,
    change: &mut Option<Change>,
) -> Result<Store, Problem> {
    let mut opening = Opening {
        paths: Paths::of(path),
        left,
        access,
        is_alone: false,
        change,
    };
    if path.is_dir() {
        return Err(Problem::new(path, Cause::Foreign, "it is a folder"));
    }
    let begun = Instant::now();
    loop {
        match opening.attempt()? {
            Attempt::Opened(store) => return Ok(*store),
            Attempt::Settled => continue,
            Attempt::Suspicious => {
                opening.is_alone = true;
                continue;
            }
            // Others are in the middle of something, which may be all that looked wrong.
            Attempt::Late => opening.is_alone = false,
        }
        if !patience::has_time(begun, access) {
            return Err(Problem::locked(path));
        }
    }
}

/// A file that is being opened.
#[derive(Debug)]
struct Opening<'a> {
    paths: Paths,
    left: Option<&'a Left>,
    access: &'a Access,
    /// Whether the lock of the log is to be had alone.
    is_alone: bool,
    change: &'a mut Option<Change>,
}

/// What came of an attempt.
#[derive(Debug)]
enum Attempt {
    Opened(Box<Store>),
    /// What was left beside the file is removed, or written back into it.
    Settled,
    /// Something looks wrong, or is to be settled, which is only for who has the lock alone.
    Suspicious,
    /// Others have it, or read what was there before, or have removed something meanwhile.
    Late,
}

impl Opening<'_> {
    fn attempt(&mut self) -> Result<Attempt, Problem> {
        let Self { paths, access, .. } = self;
        let (path, access) = (&*paths.main, *access);
        let problem = |error: rusqlite::Error| Problem::of(path, &error);
        let Some(log) = Locked::of(paths, access, self.is_alone)? else {
            return Ok(Attempt::Late);
        };
        let may_settle = self.is_alone || log.log.is_none();
        match refuse_unusable(paths, access) {
            Err(_) if !may_settle => return Ok(Attempt::Suspicious),
            refused => refused?,
        }
        // The database removes the log of an empty file by itself.
        let is_empty = State::at(path).is_some_and(|main| main.size == 0);
        if is_empty && log.written().is_some() && !may_settle {
            return Ok(Attempt::Suspicious);
        }
        let connected = connect(path, access)?;
        // What lies beside a file that nobody uses may be that of a file that was there before, with which
        // somebody may use it still.
        let is_known = self.left.is_some_and(|left| left.is_still_at(paths));
        let exclusively = (!is_known && log.is_anything_beside(paths))
            .then(|| Connected::open_exclusively(path, access).ok())
            .flatten();
        if exclusively.is_some() && !may_settle {
            return Ok(Attempt::Suspicious);
        }
        let connection = exclusively.as_ref().unwrap_or(&connected).get();
        let fit = log
            .written()
            .map(|log| mixed::fit(log, connection, paths, access));
        let fit = fit.transpose();
        let is_fit = match &fit {
            Ok(None | Some(Fit::Together { .. })) => true,
            Ok(Some(Fit::Incomplete(_))) => mixed::is_sound(connection).map_err(problem)?,
            _ => false,
        };
        let fit = match fit {
            Ok(_) if is_fit && exclusively.is_none() => {
                return begin(connected, log, paths, access);
            }
            _ if !may_settle => return Ok(Attempt::Suspicious),
            fit => fit.map_err(|refusal| refusal.problem(path))?,
        };
        match fit {
            Some(Fit::Anothers { .. }) => *self.change = Some(Change::Restored),
            Some(Fit::Incomplete(refusal)) if !is_fit => return Err(refusal.problem(path)),
            // Nobody else uses it.
            _ => {
                connection.execute_batch("COMMIT").map_err(problem)?;
                let frames = Frames::write_back(connection).map_err(problem)?;
                if !frames.are_written_back() {
                    return Ok(Attempt::Late);
                }
            }
        }
        log.remove(paths);
        Ok(Attempt::Settled)
    }
}

/// The log, if there is one, and its lock.
#[derive(Debug, Default)]
struct Locked {
    log: Option<Log>,
    _lock: Option<Lock>,
}

impl Locked {
    /// `None` if others have the lock that is to be had alone, or have removed the log meanwhile.
    fn of(paths: &Paths, access: &Access, alone: bool) -> Result<Option<Self>, Problem> {
        let unreadable = |error| Problem::new(&paths.main, Cause::ReadOnly, error);
        let Some(log) = Log::open(&paths.log).map_err(unreadable)? else {
            return Ok(Some(Self::default()));
        };
        let lock = if alone {
            log.lock_shortly(access)
        } else {
            Some(
                log.share(access)
                    .ok_or_else(|| Problem::locked(&paths.main))?,
            )
        };
        Ok(lock.filter(|_| log.lies_at(&paths.log)).map(|lock| Self {
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

/// Makes what has just been opened ready.
fn begin(
    mut connected: Connected,
    mut log: Locked,
    paths: &Paths,
    access: &Access,
) -> Result<Attempt, Problem> {
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
        let Some(made) = Locked::of(paths, access, false)? else {
            return Ok(Attempt::Late);
        };
        log = made;
    } else if !log.log.as_ref().is_some_and(|log| log.lies_at(&paths.log)) {
        return Ok(Attempt::Late);
    }
    let watch = Watch::begin(connection, paths.clone(), log.log.clone(), access);
    Ok(watch.map_or(Attempt::Late, |watch| {
        connected.keep_log(false);
        Attempt::Opened(Box::new(Store::new(connected, path, access, watch)))
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
