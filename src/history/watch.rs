//! Notices when somebody else changes the files of a database that is in use: truncates them, puts others
//! in their place, moves or removes them. The database itself takes what it finds for its own.
//!
//! Others that use the database in the usual way change the files as well. What they write into the file
//! is told from what somebody put there by its [`Edition`], and what they write into the log by the index
//! that all share. Nothing is said to be wrong but by who has the [lock](super::log) of the log alone.

use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OpenFlags};

use super::{
    change::{Change, Hindrance},
    connected::{Connected, has_moved},
    edition::{self, Alone, Edition},
    files::{Identity, Paths, State},
    log::{Frames, Lock, Log},
    mixed::{self, Fit},
    patience,
    problem::{Cause, Problem},
    seen::{Held, SeenLog, lies},
    store::Access,
};

/// How long it is waited between two looks at what looks wrong: somebody may be about to put something
/// else there.
const PAUSE: Duration = Duration::from_millis(20);
/// How many looks in a row have to find the same.
const SETTLED: u32 = 5;
/// How often it is looked at most.
const LOOKS: u32 = 25;

/// A file that was written just before it was looked at may be written once more without showing it.
const TICK: i128 = 20_000_000;

/// The files of a database in use, as they were when they were looked at last.
#[derive(Debug)]
pub struct Watch {
    paths: Paths,
    main: Held,
    /// Whether the file may be written without showing it.
    is_fresh: bool,
    edition: Edition,
    /// How often rows had been added when this process did so last.
    writes: i64,
    /// Where there is one.
    log: Option<SeenLog>,
    index: Option<Held>,
}

impl Watch {
    /// Begins with what `connection` has opened, and has read from. The lock of its `log` is held, alone or
    /// with others. `None` if a file is not to be had, or has been moved meanwhile.
    pub fn begin(
        connection: &Connection,
        paths: Paths,
        log: Option<Log>,
        access: &Access,
    ) -> Option<Self> {
        let main = Held::new(&paths.main)?;
        let index = Held::new(&paths.index);
        let log = log.and_then(SeenLog::new);
        let edition = match Alone::of(&paths.main, access) {
            Alone::History(edition) => edition,
            // The log has what is missing.
            Alone::Refused(refusal) if edition::is_incomplete(&refusal) => {
                Edition::of(connection).ok()?.at_first()
            }
            _ => return None,
        };
        let mut watch = Self {
            paths,
            main,
            is_fresh: true,
            edition,
            writes: 0,
            log,
            index,
        };
        watch.saw(watch.main.seen, edition);
        // While somebody in this process reads, an index that was removed is used for the log all the same.
        let is_shared = watch.log.is_none() || watch.index.is_some();
        (is_shared && !has_moved(connection)).then_some(watch)
    }

    fn saw(&mut self, main: State, edition: Edition) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos().cast_signed());
        self.is_fresh = (now - main.modified).abs() < TICK;
        self.main.seen = main;
        self.edition = edition;
    }

    /// Finds out whether the files are what they should be: a few microseconds where nothing has changed.
    /// The lock that comes back is shared.
    pub fn look(
        &mut self,
        connection: &Connection,
        access: &Access,
    ) -> Result<Option<Lock>, Hindrance> {
        let begun = Instant::now();
        loop {
            let shared = self.lock_by(|log| log.share(access))?;
            if self.is_as_usual(connection, access) {
                return Ok(shared);
            }
            // Others may be in the middle of something.
            drop(shared);
            if let Ok(_alone) = self.lock_shortly(access) {
                self.judge(connection, access)?;
            }
            if !patience::has_time(begun, access) {
                return Err(self.undecided());
            }
        }
    }

    /// Whether the files are seen to be what they should be. If not they may be so nevertheless, where
    /// others are in the middle of something.
    pub fn is_as_usual(&mut self, connection: &Connection, access: &Access) -> bool {
        if self.is_unchanged() {
            return true;
        }
        let now = lies(&self.paths.main, self.main.seen.identity);
        let is_usual = match now {
            None => false,
            Some(now) if now == self.main.seen && !self.is_fresh => true,
            Some(now) => {
                let found = self.compare(now, connection, access);
                found.map(|edition| self.saw(now, edition)).is_ok()
            }
        };
        is_usual && self.judge_log(connection, access).is_ok()
    }

    /// Notes that this process has added rows, so that they are that many by now.
    pub fn has_come_to(&mut self, writes: i64) {
        self.writes = writes;
        // Whatever is cut off from now on shows.
        if let Some(of) = &mut self.log
            && let Some(now) = of.log.state()
        {
            of.seen = now;
        }
    }

    /// The lock of the log, if there is one, for nobody else.
    pub fn lock(&self, access: &Access) -> Result<Option<Lock>, Hindrance> {
        self.lock_by(|log| log.lock(access))
    }

    /// The same, waited for only for moments.
    pub fn lock_shortly(&self, access: &Access) -> Result<Option<Lock>, Hindrance> {
        self.lock_by(|log| log.lock_shortly(access))
    }

    fn lock_by(&self, take: impl Fn(&Log) -> Option<Lock>) -> Result<Option<Lock>, Hindrance> {
        let lock = self.log.as_ref().map(|of| take(&of.log));
        lock.map(|lock| lock.ok_or_else(|| self.undecided()))
            .transpose()
    }

    /// Others are in the middle of something, or a fork waits.
    fn undecided(&self) -> Hindrance {
        Hindrance::Problem(Problem::locked(&self.paths.main))
    }

    /// Whether the files are what they were, but for what is added to the log.
    pub fn is_unchanged(&self) -> bool {
        if self.is_fresh || State::at(&self.paths.main) != Some(self.main.seen) {
            return false;
        }
        let is_same = |of: &SeenLog| {
            let now = lies(&self.paths.log, of.seen.identity);
            now.is_some_and(|now| now.size >= of.seen.size) && of.log.header() == of.header
        };
        self.log.as_ref().is_none_or(is_same) && self.has_its_index()
    }

    /// What is cut off of the index must not be touched.
    fn has_its_index(&self) -> bool {
        self.index.as_ref().is_none_or(|index| {
            let now = lies(&self.paths.index, index.seen.identity);
            now.is_some_and(|now| now.size >= index.seen.size)
        })
    }

    /// Whether the file, of which pages are missing, is what it may have become together with the log.
    fn is_sound_with_log(&self, access: &Access) -> bool {
        let Ok(connected) = self.connect_anew(access) else {
            return false;
        };
        let connection = connected.get();
        let edition = Edition::of(connection);
        let has_all =
            |edition: Edition| edition.follows(&self.edition) && edition.writes() >= self.writes;
        edition.is_ok_and(has_all) && mixed::is_sound(connection).unwrap_or(false)
    }

    fn is_of_the_file(&self, log: &Log, access: &Access) -> bool {
        let Ok(connected) = self.connect_anew(access) else {
            return false;
        };
        match mixed::fit(log, connected.get(), &self.paths, access) {
            Ok(Fit::Together { writes, .. }) => writes >= self.writes,
            Ok(Fit::Incomplete(_)) => true,
            Ok(Fit::Anothers { .. }) | Err(_) => false,
        }
    }

    /// Another connection, since one remembers what it has read.
    fn connect_anew(&self, access: &Access) -> rusqlite::Result<Connected> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connected = Connected::open(&self.paths.main, flags, access)?;
        connected.keep_log(true);
        Ok(connected)
    }

    /// Finds out what changed, with the lock held alone.
    fn judge(&mut self, connection: &Connection, access: &Access) -> Result<(), Hindrance> {
        self.judge_main(connection, access)?;
        if self.judge_log(connection, access).is_ok() {
            return Ok(());
        }
        // Whoever removes the log may be about to remove the file as well.
        if !patience::pause(access.gate, PAUSE) {
            return Err(self.undecided());
        }
        self.judge_main(connection, access)?;
        self.judge_log(connection, access)?;
        Ok(())
    }

    fn judge_main(&mut self, connection: &Connection, access: &Access) -> Result<(), Hindrance> {
        let mut before = None;
        let mut times = 0;
        for _ in 0..LOOKS {
            let now = State::at(&self.paths.main);
            let Some(now) = now.filter(|now| now.identity == self.main.seen.identity) else {
                return Err(Change::Moved.into());
            };
            if now == self.main.seen && !self.is_fresh {
                return Ok(());
            }
            let found = match self.compare(now, connection, access) {
                Ok(edition) => {
                    self.saw(now, edition);
                    return Ok(());
                }
                Err(change) => change,
            };
            if before != Some((now, found)) {
                times = 0;
            }
            times += 1;
            before = Some((now, found));
            if times >= SETTLED {
                return Err(found.into());
            }
            if !patience::pause(access.gate, PAUSE) {
                break;
            }
        }
        Err(self.undecided())
    }

    /// What the file is, if it may have become that by being written to.
    fn compare(
        &mut self,
        now: State,
        connection: &Connection,
        access: &Access,
    ) -> Result<Edition, Change> {
        if now.size == 0 {
            return Err(Change::Emptied);
        }
        // The file alone is asked about where its log is not what it should be, which is said later.
        let is_beside = self.judge_log(connection, access).is_ok();
        let Some(SeenLog { log, .. }) = &self.log else {
            // Without a log it may be in the middle of a write: the database knows.
            return match Edition::of(connection) {
                Ok(edition) if edition.follows(&self.edition) => Ok(edition),
                Ok(_) => Err(Change::Restored),
                Err(_) => Err(Change::Unseen),
            };
        };
        let fit = if is_beside {
            mixed::fit(log, connection, &self.paths, access)
        } else {
            match Alone::of(&self.paths.main, access) {
                Alone::Empty => Ok(Fit::Anothers { alone: None }),
                Alone::History(alone) => Ok(Fit::Together {
                    alone: Some(alone),
                    writes: self.writes,
                }),
                // It was already when the log still had what is missing, which is written back now.
                Alone::Refused(refusal)
                    if edition::is_incomplete(&refusal) && now == self.main.seen =>
                {
                    return Ok(self.edition);
                }
                Alone::Refused(refusal) => Err(refusal),
            }
        };
        match fit {
            Ok(Fit::Together { alone: None, .. } | Fit::Anothers { alone: None }) => {
                Err(Change::Emptied)
            }
            Ok(Fit::Together {
                alone: Some(alone),
                writes,
            }) if alone.follows(&self.edition) && writes >= self.writes => Ok(alone),
            Ok(Fit::Incomplete(_)) if self.is_sound_with_log(access) => Ok(self.edition),
            Ok(Fit::Incomplete(_)) => Err(Change::Spoilt),
            // What this process has written is gone, or the log is not that of the file.
            Ok(Fit::Together { .. } | Fit::Anothers { .. }) => Err(Change::Restored),
            Err(refusal) => match refusal.problem(&self.paths.main).cause {
                // Whoever writes next finds out by the version.
                Cause::Newer => Ok(self.edition),
                Cause::Foreign => Err(Change::Foreign),
                Cause::Damaged => Err(Change::Spoilt),
                _ => Err(Change::Unseen),
            },
        }
    }

    fn judge_log(&mut self, connection: &Connection, access: &Access) -> Result<(), Change> {
        let (is_beside, is_whole) = match &self.index {
            Some(index) => (
                lies(&self.paths.index, index.seen.identity).is_some(),
                index.is_whole(&self.paths.index),
            ),
            None => (true, true),
        };
        if !is_whole {
            return Err(Change::Index);
        }
        let Some(of) = &self.log else {
            return Ok(());
        };
        let frames = || Frames::of(connection).map_err(|_| Change::Unseen);
        if !of.log.lies_at(&self.paths.log) {
            let frames = frames()?;
            // Whoever reads makes an empty one.
            let there = State::at(&self.paths.log).filter(|log| log.size > 0);
            let is_gone_on_with = || {
                let log = Log::open(&self.paths.log).unwrap_or_default();
                is_beside && log.is_some_and(|log| log.has(frames.all))
            };
            return Err(if frames.are_written_back() {
                Change::Index
            } else if there.is_none() {
                Change::LogRemoved
            } else if is_gone_on_with() {
                // By others, who have written this one back.
                Change::Index
            } else {
                Change::LogLost
            });
        }
        if !is_beside {
            return Err(Change::Index);
        }
        let (Some(now), header) = (of.log.state(), of.log.header()) else {
            return Err(Change::LogLost);
        };
        if now.size < of.seen.size || header != of.header {
            // Others that do not know of the lock may add to it meanwhile, or begin it anew, and do that
            // to the log first.
            let mut known = frames()?;
            while !of.log.has(known.all) {
                let again = frames()?;
                if again == known {
                    return Err(if known.are_written_back() {
                        Change::Index
                    } else {
                        Change::LogLost
                    });
                }
                known = again;
            }
        }
        // Who begins it anew may be somebody who puts another file's log there.
        if header != of.header && of.header.is_some() && !self.is_of_the_file(&of.log, access) {
            // What is done about that is found out when both are opened.
            return Err(Change::Index);
        }
        if let Some(of) = &mut self.log {
            (of.seen, of.header) = (now, header);
        }
        if let Some(index) = &mut self.index
            && let Some(now) = lies(&self.paths.index, index.seen.identity)
        {
            index.seen = now;
        }
        Ok(())
    }

    /// Which files these are.
    pub fn left(&self) -> Left {
        Left {
            main: self.main.seen,
            log: self.log.as_ref().map(|of| of.seen.identity),
        }
    }

    /// Gives the files up after a `change`, with the lock held: what only the log holds is written
    /// into the file if one of the two was merely moved away, and a log that is of no use any more is
    /// removed. Returns what the change came to.
    pub fn give_up(&self, connection: &Connection, change: Change) -> Change {
        let is_saved = self.save(connection, change);
        let is_elsewhere = self.main.is_named();
        let is_useless = match change {
            Change::Moved => is_saved || !is_elsewhere,
            Change::Restored | Change::Emptied | Change::Foreign => true,
            _ => false,
        };
        if is_useless {
            self.paths.remove_beside(&self.beside());
        }
        match change {
            Change::LogRemoved if !is_saved => Change::LogLost,
            Change::Moved if !is_saved && is_elsewhere && self.has_content() => Change::LogLost,
            _ => change,
        }
    }

    /// Whether something is in the log.
    fn has_content(&self) -> bool {
        let now = self.log.as_ref().and_then(|of| of.log.state());
        now.is_some_and(|log| log.size > 0)
    }

    /// Whether somebody has written to the file where it lies by now, if that can be told.
    fn is_used_elsewhere(&self) -> bool {
        let Some(path) = self.main.path() else {
            return false;
        };
        let log = State::at(&Paths::of(&path).log);
        let own = self.log.as_ref().map(|of| of.seen.identity);
        log.is_some_and(|log| log.size > 0 && Some(log.identity) != own)
    }

    /// Which files lie beside it.
    fn beside(&self) -> Vec<Identity> {
        let log = self.log.as_ref().map(|of| of.seen.identity);
        let index = self.index.as_ref().map(|index| index.seen.identity);
        log.into_iter().chain(index).collect()
    }

    /// Whether all of the log is in the file, wherever that lies by now, or is written there now. If there
    /// is another log others have begun that.
    fn save(&self, connection: &Connection, change: Change) -> bool {
        let is_wanted = match change {
            Change::Moved => self.main.is_named() && !self.is_used_elsewhere(),
            Change::LogRemoved => true,
            _ => false,
        };
        let Some(of) = self.log.as_ref().filter(|_| is_wanted) else {
            return false;
        };
        let has = |frames: Frames| of.log.has(frames.all);
        let index = self.index.as_ref();
        let is_whole = index.is_none_or(|index| index.is_whole(&self.paths.index))
            && Frames::of(connection).is_ok_and(has);
        is_whole && Frames::write_back(connection).is_ok_and(Frames::are_written_back)
    }
}

/// Which files a process has closed as they were, so as to know them when it goes on with them.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    main: State,
    log: Option<Identity>,
}

impl Left {
    /// Whether they lie there still. They may hold something else.
    pub fn is_still_at(&self, paths: &Paths) -> bool {
        let log = State::at(&paths.log).map(|log| log.identity);
        lies(&paths.main, self.main.identity).is_some() && log == self.log
    }

    /// Whether somebody has written to the file since, or has put another one there.
    pub fn was_changed(&self, paths: &Paths) -> bool {
        State::at(&paths.main).is_some_and(|main| main != self.main)
    }
}
