//! Notices when somebody else changes the files of a database that is in use: truncates them, puts others
//! in their place, moves or removes them. The database itself takes what it finds for its own.
//!
//! Others that use the database in the usual way change the files as well. What they write into the file
//! is told from what somebody put there by its [`Edition`], and what they write into the log by where it
//! ends according to the index that all share.

use std::{
    fs::File,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use rusqlite::Connection;

use super::{
    edition::{Alone, Edition},
    files::{Identity, Log, LogHeader, Paths, State, begins_after, hold, is_log},
    problem::Cause,
    store::Access,
};

/// What somebody did to a file in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was moved or removed, and nothing or something else lies there now.
    Moved,
    /// It is empty.
    Emptied,
    /// It holds another history, or what this one was before.
    Restored,
    /// It was written over by something that is no history.
    Foreign,
    /// It was cut off, or written over in part.
    Spoilt,
    /// It could not be looked at.
    Unseen,
    /// Its log was removed, and is still there for whoever has it open.
    LogRemoved,
    /// Its log was cut off, written over or replaced, so that what only the log held is gone.
    LogLost,
    /// The index of its log is another one, or was cut off. It can be made anew from the log.
    Index,
}

/// How long what looks wrong has to stay so: others may be in the middle of their work.
const SETTLED: Duration = Duration::from_millis(20);
/// How often it is looked again.
const LOOKS: u32 = 5;

/// A file that was written just before it was looked at may be written once more without showing it.
const TICK: i128 = 20_000_000;

/// A file of which something is held, and what it was when it was looked at last.
#[derive(Debug)]
struct Held {
    file: Option<File>,
    seen: State,
}

impl Held {
    fn new(path: &Path) -> Option<Self> {
        let file = hold(path).ok();
        let seen = match &file {
            Some(file) => State::now(file)?,
            None => State::at(path)?,
        };
        Some(Self { file, seen })
    }

    /// What it is now, wherever it lies.
    fn now(&self) -> Option<State> {
        self.file.as_ref().and_then(State::now)
    }
}

/// The files of a database in use, as they were when they were looked at last.
#[derive(Debug)]
pub struct Watch {
    paths: Paths,
    main: Held,
    /// Whether the file may be written without showing it.
    is_fresh: bool,
    edition: Edition,
    /// Where there is one.
    log: Option<(Log, State, Option<LogHeader>)>,
    index: Option<Held>,
}

/// What a database was when it was closed.
#[derive(Debug, Clone)]
pub struct Left {
    main: State,
    /// What was found spoilt.
    spoilt: Option<State>,
    edition: Edition,
    log: Option<State>,
    index: Option<Identity>,
    change: Option<Change>,
}

impl Watch {
    /// Begins with what `connection` has opened, and has read from. `None` if that is not to be had, or has
    /// been moved meanwhile.
    pub fn begin(connection: &Connection, paths: Paths, access: &Access) -> Option<Self> {
        let main = Held::new(&paths.main)?;
        let index = Held::new(&paths.index);
        let log = Log::open(&paths.log).ok()?;
        let log = log.and_then(|log| {
            let (state, header) = (log.state()?, log.header());
            Some((log, state, header))
        });
        let Alone::History(edition) = Alone::of(&paths.main, access) else {
            return None;
        };
        let mut watch = Self {
            paths,
            main,
            is_fresh: true,
            edition,
            log,
            index,
        };
        watch.saw(watch.main.seen);
        (!has_moved(connection)).then_some(watch)
    }

    fn saw(&mut self, main: State) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos().cast_signed());
        self.is_fresh = now - main.modified < TICK;
        self.main.seen = main;
    }

    /// What became of the files, if somebody changed them. A few microseconds where nothing has
    /// changed, `connection` left alone.
    pub fn look(&mut self, connection: &Connection, access: &Access) -> Result<(), Change> {
        for _ in 0..LOOKS {
            match self.look_for_main() {
                // Whoever empties it may be about to fill it.
                Err(Change::Emptied) if wait(access) => {}
                Ok(()) => break,
                changed => return changed,
            }
        }
        self.look_for_main()?;
        // First, since others who noticed have begun a new log.
        let looked = self.look_at_main(access)?;
        if self.look_for_log().is_err() && wait(access) {
            // Whoever removes it may be about to remove the file as well.
            self.look_for_main()?;
        }
        let log = self.look_for_log();
        if matches!(log, Ok(()) | Err(Change::LogRemoved)) {
            self.look_at_both(looked, connection, access)?;
        }
        log?;
        self.look_at_log(connection, access)
    }

    /// Whether the same file lies there.
    fn look_for_main(&self) -> Result<(), Change> {
        match lies(&self.paths.main, self.main.seen.identity) {
            None => Err(Change::Moved),
            Some(main) if main.size == 0 => Err(Change::Emptied),
            Some(_) => Ok(()),
        }
    }

    /// Whether the same log lies there, and the index is whole: what is cut off of it must not be
    /// touched.
    fn look_for_log(&self) -> Result<(), Change> {
        let is_whole = |index: &Held| {
            let now = lies(&self.paths.index, index.seen.identity);
            now.is_some_and(|now| now.size >= index.seen.size)
        };
        let index = self.index.as_ref().is_none_or(is_whole);
        if let Some((_, seen, _)) = &self.log
            && lies(&self.paths.log, seen.identity).is_none()
        {
            let is_gone = State::at(&self.paths.log).is_none();
            return Err(if is_gone && index {
                Change::LogRemoved
            } else {
                Change::LogLost
            });
        }
        if index { Ok(()) } else { Err(Change::Index) }
    }

    /// What the file is without its log, if it may have changed: what somebody put there is what this one
    /// was before, or another.
    fn look_at_main(&mut self, access: &Access) -> Result<Option<(State, Edition)>, Change> {
        let mut result = Ok(None);
        for _ in 0..LOOKS {
            let Some(now) = State::at(&self.paths.main) else {
                return Err(Change::Moved);
            };
            if now == self.main.seen && !self.is_fresh {
                return Ok(None);
            }
            result = match Alone::of(&self.paths.main, access) {
                Alone::History(edition) if edition.follows(&self.edition) => {
                    return Ok(Some((now, edition)));
                }
                Alone::History(_) => Err(Change::Restored),
                Alone::Empty => Err(Change::Emptied),
                Alone::Refused(refusal) => match refusal.problem(&self.paths.main).cause {
                    // Whoever writes next finds out by the version.
                    Cause::Newer => {
                        self.saw(now);
                        return Ok(None);
                    }
                    Cause::Foreign => Err(Change::Foreign),
                    Cause::Damaged => Err(Change::Spoilt),
                    _ => Err(Change::Unseen),
                },
            };
            // Whoever writes it may be in the middle of that.
            if !wait(access) {
                break;
            }
        }
        result
    }

    /// Whether what was `looked` at goes with the log, in which a file comes further: otherwise somebody
    /// put there what this one was later than it was before, and the log is that of the time before.
    fn look_at_both(
        &mut self,
        mut looked: Option<(State, Edition)>,
        connection: &Connection,
        access: &Access,
    ) -> Result<(), Change> {
        let mut result = Ok(());
        for _ in 0..LOOKS {
            let Some((now, alone)) = looked else {
                return Ok(());
            };
            result = match Edition::of(connection) {
                Ok(both) if both.follows(&alone) => {
                    self.edition = alone;
                    self.saw(now);
                    return Ok(());
                }
                Ok(_) => Err(Change::Restored),
                // That is found out when both are opened.
                Err(_) => Err(Change::Unseen),
            };
            if !wait(access) {
                break;
            }
            looked = self.look_at_main(access)?;
        }
        result
    }

    fn look_at_log(&mut self, connection: &Connection, access: &Access) -> Result<(), Change> {
        let Some((log, seen, known)) = &mut self.log else {
            return Ok(());
        };
        let mut result = Ok(());
        for _ in 0..LOOKS {
            let (Some(now), header) = (log.state(), log.header()) else {
                return Err(Change::LogLost);
            };
            let is_unchanged = now.size >= seen.size && header == *known;
            if let (Some(known), Some(header)) = (&*known, &header)
                && is_log(header)
                && !begins_after(header, known)
            {
                // Which file it belongs to is found out when both are opened.
                return Err(Change::Index);
            }
            let frames = if is_unchanged {
                None
            } else {
                Frames::of(connection).ok()
            };
            let is_whole = |frames: Frames| match header {
                None => frames.all == 0,
                Some(header) => log.ends_with(&header, frames.all),
            };
            if is_unchanged || frames.is_some_and(is_whole) {
                *seen = now;
                *known = header;
                return Ok(());
            }
            result = match frames {
                Some(frames) if frames.all == frames.written_back => Err(Change::Index),
                _ => Err(Change::LogLost),
            };
            if !wait(access) {
                break;
            }
        }
        result
    }

    /// Has what the log holds written into the file after a `change`, wherever that lies by now, if
    /// nobody else has changed it or the log. Returns whether nothing of the log is missing there.
    fn rescue(&self, connection: &Connection, change: Change) -> bool {
        // Where the file is still in its place, others may have begun a new log with a new index.
        let has_to_be_there = change == Change::LogRemoved;
        if !matches!(change, Change::Moved | Change::LogRemoved) {
            return false;
        }
        let main = self.main.now();
        let main = main.is_some_and(|now| now.is_named && now.is_unwritten_since(&self.main.seen));
        let log = self.log.as_ref().is_some_and(|(log, seen, header)| {
            log.state().is_some_and(|now| now.size >= seen.size) && log.header() == *header
        });
        let index = self.index.as_ref().is_some_and(|index| {
            let now = index.now();
            now.is_some_and(|now| now.size >= index.seen.size && (now.is_named || !has_to_be_there))
        });
        let frames = (main && log && index).then(|| Frames::write_back(connection));
        frames.is_some_and(|frames| frames.is_ok_and(|frames| frames.all == frames.written_back))
    }

    /// Gives the files up after a `change`: what only the log holds is written into the file if that
    /// was merely moved, and a log that is of no use any more is removed. Returns what the change
    /// came to.
    pub fn give_up(
        &self,
        connection: &Connection,
        change: Change,
        access: &Access,
    ) -> (Left, Change) {
        let is_rescued = self.rescue(connection, change);
        let left = self.left(Some(change));
        let is_elsewhere = || self.main.now().is_some_and(|now| now.is_named);
        if is_rescued || change != Change::Moved || !is_elsewhere() {
            left.clear(&self.paths, access);
        }
        match change {
            Change::LogRemoved if !is_rescued => (left, Change::LogLost),
            _ => (left, change),
        }
    }

    /// Notes that this has written to the file itself.
    pub fn wrote_back(&mut self, access: &Access) {
        if let Some(now) = State::at(&self.paths.main)
            && let Alone::History(edition) = Alone::of(&self.paths.main, access)
            && edition.follows(&self.edition)
        {
            self.edition = edition;
            self.saw(now);
        }
    }

    /// What to know about it when it is opened anew.
    pub fn left(&self, change: Option<Change>) -> Left {
        let spoilt = (change == Some(Change::Spoilt)).then(|| State::at(&self.paths.main));
        Left {
            main: self.main.seen,
            spoilt: spoilt.flatten(),
            edition: self.edition,
            log: self.log.as_ref().and_then(|(log, ..)| log.state()),
            index: self.index.as_ref().map(|index| index.seen.identity),
            change,
        }
    }
}

/// What lies at `path`, if it is that file.
fn lies(path: &Path, identity: Identity) -> Option<State> {
    State::at(path).filter(|state| state.identity == identity)
}

/// Waits until others may be done; `false` if a fork waits.
fn wait(access: &Access) -> bool {
    if access.gate.is_closed() {
        return false;
    }
    thread::sleep(SETTLED);
    true
}

#[cfg(unix)]
fn has_moved(connection: &Connection) -> bool {
    let mut moved = 0;
    let ask = rusqlite::FileControl::HasMoved(&mut moved);
    connection.file_control(Some("main"), ask).is_err() || moved != 0
}

#[cfg(not(unix))]
fn has_moved(_connection: &Connection) -> bool {
    false
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

    fn ask(connection: &Connection, sql: &str) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare(sql)?;
        // Both are negative where there is no log.
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        statement.query_row([], |row| {
            Ok(Self {
                all: number(row.get(1)?),
                written_back: number(row.get(2)?),
            })
        })
    }
}

impl Left {
    /// Removes the log that was left where the file at `paths` is another one by now, so that it is not
    /// taken for that one's. Returns whether it is.
    pub fn clear(&self, paths: &Paths, access: &Access) -> bool {
        let now = State::at(&paths.main);
        let is_another = match self.change {
            Some(Change::Restored | Change::Emptied | Change::Foreign) => true,
            _ if now == Some(self.main) => false,
            _ if now.is_none_or(|now| now.identity != self.main.identity) => true,
            _ => match Alone::of(&paths.main, access) {
                Alone::History(edition) => !edition.follows(&self.edition),
                Alone::Empty => true,
                Alone::Refused(refusal) => refusal.problem(&paths.main).cause == Cause::Foreign,
            },
        };
        if is_another {
            // Others may have gone on with it since, and it is theirs then.
            let log = State::at(&paths.log);
            let log = log.filter(|now| self.log.is_some_and(|left| now.is_unwritten_since(&left)));
            if let Some(log) = log {
                let ours = [Some(log.identity), self.index];
                paths.remove_log(|state| ours.contains(&Some(state.identity)));
            }
        }
        is_another
    }

    /// Whether nobody has been told of a change.
    pub fn is_untold(&self) -> bool {
        self.change.is_none()
    }

    /// Whether the file at `paths` is still what was found spoilt, or has been cut off since. Where somebody
    /// was ended while writing the log back, it says that it is longer than it is, and the log has the rest.
    pub fn is_spoilt(&self, paths: &Paths, access: &Access) -> bool {
        let now = State::at(&paths.main);
        let is_cut_off = now.is_some_and(|now| {
            let is_less = now.identity == self.main.identity && now.size < self.main.size;
            is_less && now.size > 0 && Alone::of(&paths.main, access).is_incomplete()
        });
        let is_only_short = |spoilt: State| {
            let log = Log::open(&paths.log);
            log.is_ok_and(|log| log.is_some_and(|log| log.completes(spoilt.size)))
                && Edition::of_too_short(&paths.main, access)
                    .is_ok_and(|edition| edition.follows(&self.edition))
        };
        let is_as_it_was = self.spoilt.filter(|_| now == self.spoilt);
        is_cut_off || is_as_it_was.is_some_and(|spoilt| !is_only_short(spoilt))
    }
}
