//! A copy of the file as it is at one moment, made while others write to it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, ErrorCode,
    backup::{Backup, StepResult},
};

use super::{
    connected::Connected,
    edition::{self, Alone, Edition},
    files::{Paths, State},
    problem::{Cause, Problem},
    read::Reader,
    store::Access,
};
use crate::{
    error::{Error, Result},
    export::{Replacement, Stream},
};

impl Reader {
    /// Copies the file, with all that was written to it by now, to `to`, which is there as a whole or not
    /// at all. What lies there is replaced if it is an earlier copy of the same history, or has nothing in
    /// it.
    pub fn back_up(&mut self, to: &Path, access: &Access) -> Result<()> {
        if !self.is_begun() {
            let nothing = io::Error::other("nothing has been written to the history yet");
            return Err(Error::io(to, nothing));
        }
        let (connection, from) = self.parts();
        let edition = Edition::of(connection).map_err(|error| Problem::of(from, &error))?;
        refuse(from, &edition, to, access).map_err(|error| Error::io(to, error))?;
        let replacement = Replacement::begin(to)?;
        copy(connection, from, replacement.place(), access).map_err(|problem| {
            if problem.path == from {
                return Error::from(problem);
            }
            let Problem { cause, detail, .. } = problem;
            Error::from(Problem::new(to, cause, detail))
        })?;
        replacement.finish()
    }
}

/// Refuses to replace what is no copy of this history, or is in use.
fn refuse(from: &Path, edition: &Edition, to: &Path, access: &Access) -> io::Result<()> {
    let is_taken = |why: &str| Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    if Stream::of(to).is_some() || to.exists() && !to.is_file() {
        return is_taken("a backup needs the path of a file");
    }
    let of_source = Paths::of(from);
    if [&of_source.log, &of_source.index].contains(&&real(to)) {
        return is_taken("that belongs to the history itself");
    }
    let Some(there) = State::at(to) else {
        return Ok(());
    };
    if State::at(from).is_some_and(|from| from.identity == there.identity) {
        return is_taken("that is the history itself");
    }
    if State::at(&Paths::of(to).log).is_some_and(|log| log.size > 0) {
        return is_taken("that is a database in use, there is a -wal beside it");
    }
    if there.size == 0 {
        return Ok(());
    }
    match Alone::of(to, access) {
        Alone::Empty => is_taken("that is no history, and is left as it is"),
        Alone::History(other) if !other.is_of_same(edition) => {
            is_taken("that is another history, or a backup of one: move it away")
        }
        Alone::History(_) if is_in_use(to, access) => is_taken("that is a database in use"),
        Alone::History(_) => Ok(()),
        Alone::Refused(refusal) => match refusal.problem(to).cause {
            Cause::Newer => is_taken("that was written by a later release, and is left as it is"),
            _ => is_taken("that is no history, and is left as it is"),
        },
    }
}

/// Whether somebody has the history at `path` open. A log without anything in it does not tell: who only
/// reads leaves one behind.
fn is_in_use(path: &Path, access: &Access) -> bool {
    let paths = Paths::of(path);
    let had_log = State::at(&paths.log).is_some();
    match Connected::open_exclusively(path, access) {
        Ok(_nobody_else) => {
            if let Some(made) = State::at(&paths.log).filter(|_| !had_log) {
                paths.remove_beside(&[made.identity]);
            }
            false
        }
        Err(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy),
    }
}

/// The path of what lies at `path`, or would, without links.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        match (fs::canonicalize(folder), path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => path.to_owned(),
        }
    })
}

/// Copies what `connection` reads `from` there, unless it is damaged.
fn copy(
    connection: &Connection,
    from: &Path,
    to: &Path,
    access: &Access,
) -> std::result::Result<(), Problem> {
    let of_either = |error: rusqlite::Error| {
        let problem = Problem::of(to, &error);
        match problem.cause {
            // What is copied comes from there.
            Cause::Damaged | Cause::Foreign | Cause::Locked | Cause::GaveWay => {
                Problem::of(from, &error)
            }
            _ => problem,
        }
    };
    let mut copy = Connection::open(to).map_err(of_either)?;
    // It is renamed once it is whole, and of no use before.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        .map_err(of_either)?;
    // Whatever the page size that it comes with, all pages in one step are those of one moment.
    let backup = Backup::new(connection, &mut copy).map_err(of_either)?;
    let begun = Instant::now();
    loop {
        match backup.step(-1).map_err(of_either)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ if begun.elapsed() >= access.patience.max(PAUSE) => {
                return Err(Problem::new(from, Cause::Locked, ""));
            }
            // Somebody begins to use the file anew.
            _ => thread::sleep(PAUSE),
        }
    }
    drop(backup);
    let said = complete(&copy).map_err(of_either)?;
    if said != "ok" {
        return Err(Problem::new(from, Cause::Damaged, said));
    }
    Ok(())
}

/// How long it is waited before a step that somebody's lock was in the way of is tried again.
const PAUSE: Duration = Duration::from_millis(2);

/// Gives `copy` a number, by which it is told from the file that it is put in the place of, and returns
/// whether it is "ok". No log is made beside it for that.
fn complete(copy: &Connection) -> rusqlite::Result<String> {
    let mode = |mode: &str| {
        let set = format!("PRAGMA journal_mode = {mode}");
        copy.query_row(&set, [], |row| row.get::<_, String>(0))
    };
    let before = copy.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?;
    mode("DELETE")?;
    mode("OFF")?;
    edition::begin_copy(copy)?;
    let said = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if before == "wal" {
        mode("WAL")?;
    }
    Ok(said)
}
