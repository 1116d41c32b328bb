//! The schema of the file, its version, and how older ones are brought up to it.

use std::{path::Path, thread, time::Duration};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{
    edition,
    problem::{Cause, Problem},
};

/// What marks a file as a history, in the header of the database: the ASCII codes of `PtPd`.
pub const APPLICATION_ID: i64 = 0x5074_5064;

/// Step `n` (from 0) leads from version `n` to the next one; a new file begins at version 0, which
/// has nothing in it.
pub const STEPS: &[&str] = &[
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
];

/// The version from which on writers note what release of their program they are, and errors are kept.
pub const WITH_ERRORS: usize = 2;

/// Why a file is not one that can be used.
#[derive(Debug)]
pub enum Refusal {
    /// What it holds is not ours, or not of a version that we know.
    Content(Cause, String),
    /// The database says so.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Refusal {
    /// As a problem of the file at `path`.
    #[must_use]
    pub fn problem(&self, path: &Path) -> Problem {
        match self {
            Self::Content(cause, detail) => Problem::new(path, *cause, detail),
            Self::Database(error) => Problem::of(path, error),
        }
    }
}

/// The version that `connection`'s file has; zero for a new one. Changes nothing.
pub fn version(connection: &Connection, steps: &[&str]) -> Result<usize, Refusal> {
    // In one statement, which sees the file at one moment: another process may be making it.
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
               FROM pragma_application_id, pragma_user_version";
    let (application, version, objects): (i64, i64, i64) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if application == APPLICATION_ID {
        return match usize::try_from(version) {
            Ok(known) if known <= steps.len() => Ok(known),
            _ => Err(Refusal::Content(
                Cause::Newer,
                format!(
                    "schema {version}, this release knows those up to {}",
                    steps.len()
                ),
            )),
        };
    }
    if application == 0 && version == 0 && objects == 0 {
        return Ok(0);
    }
    Err(Refusal::Content(
        Cause::Foreign,
        format!("a database of another application, {application:#x}"),
    ))
}

/// Makes the tables of a new file, or brings those of an older one up to date, in one transaction.
pub fn bring_up(connection: &mut Connection, steps: &[&str]) -> Result<(), Refusal> {
    if version(connection, steps)? < steps.len() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been quicker.
        let from = version(&transaction, steps)?;
        if from < steps.len() {
            for step in &steps[from..] {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            let version = i64::try_from(steps.len()).unwrap_or(i64::MAX);
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
    }
    // Into the file itself, if this is a new one.
    edition::begin(connection)?;
    use_write_ahead_log(connection)?;
    Ok(())
}

/// How often the mode of the journal is tried to be changed. It takes a moment without any other
/// connection, and nobody waits for that by himself.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// The mode of the journal is a property of the file, kept for ever. A file system without shared
/// memory refuses it, and the file does without.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    for attempt in 1.. {
        let mode: String = pragma(connection, "journal_mode")?;
        if mode == "wal" {
            break;
        }
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if attempt < ATTEMPTS && is_busy(&error) => thread::sleep(PAUSE),
            result => return result,
        }
    }
    Ok(())
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
