//! A copy of the file as it is at one moment, made while others write to it.

use std::{io, path::Path};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use super::{
    edition::{self, Alone},
    files::{Paths, State},
    problem::Problem,
    read::Reader,
    store::Access,
};
use crate::{
    error::{Error, Result},
    report::{Replacement, Stream},
};

impl Reader {
    /// Copies the file, with all that was written to it by now, to `to`, which is there as a whole or not
    /// at all. What lies there is replaced if it is an earlier copy, or has nothing in it.
    pub fn back_up(&mut self, to: &Path, access: &Access) -> Result<()> {
        let (connection, from) = self.parts();
        refuse(from, to, access).map_err(|error| Error::io(to, error))?;
        let replacement = Replacement::begin(to)?;
        copy(connection, replacement.place()).map_err(|error| {
            let problem = Problem::of(replacement.place(), &error);
            Error::io(to, io::Error::other(format!("{}: {error}", problem.cause)))
        })?;
        replacement.finish()
    }
}

/// Refuses to replace what is no copy of a history, or is in use.
fn refuse(from: &Path, to: &Path, access: &Access) -> io::Result<()> {
    let is_taken = |why: &str| Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    if Stream::of(to).is_some() || to.exists() && !to.is_file() {
        return is_taken("a backup needs the path of a file");
    }
    let Some(there) = State::at(to) else {
        return Ok(());
    };
    if State::at(from).is_some_and(|from| from.identity == there.identity) {
        return is_taken("that is the history itself");
    }
    let paths = Paths::of(to);
    if State::at(&paths.log).is_some_and(|log| log.size > 0) {
        return is_taken("that is a database in use, there is a -wal beside it");
    }
    if there.size > 0 && !matches!(Alone::of(to, access), Alone::History(_)) {
        return is_taken("that is no history, and is left as it is");
    }
    Ok(())
}

fn copy(from: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(to)?;
    // It is renamed once it is whole, and of no use before.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    // Whatever the page size that it comes with, all pages in one step are those of one moment.
    let backup = Backup::new(from, &mut copy)?;
    loop {
        match backup.step(-1)? {
            StepResult::Done => break,
            StepResult::More => {}
            // Somebody begins to use the file anew.
            _ => std::thread::sleep(std::time::Duration::from_millis(2)),
        }
    }
    drop(backup);
    number(&copy)
}

/// Gives `copy` a number, by which it is told from the file that it is put in the place of. No log is
/// made beside it for that.
fn number(copy: &Connection) -> rusqlite::Result<()> {
    let mode = |mode: &str| {
        let set = format!("PRAGMA journal_mode = {mode}");
        copy.query_row(&set, [], |row| row.get::<_, String>(0))
    };
    let before = copy.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?;
    mode("DELETE")?;
    mode("OFF")?;
    edition::begin_copy(copy)?;
    if before == "wal" {
        mode("WAL")?;
    }
    Ok(())
}
