//! Which history a file is, and how far it has come: by that, one that somebody else put in the place
//! of another is told from that one.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi::SQLITE_IOERR_SHORT_READ};

use super::{
    connected::Connected,
    schema::{self, Refusal},
    series::{set_state, state},
    store::Access,
};

/// The name, in the table `state`, of the number that a history was given when it was begun.
const HISTORY: &str = "history";

/// Likewise of how often rows have been added to it.
const WRITES: &str = "writes";

/// Likewise of the number that a backup of it was given when it was made.
const COPY: &str = "copy";

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edition {
    /// Which history it is; `None` of one that an earlier release has written alone.
    history: Option<i64>,
    /// Which backup of that it goes on from, if from any.
    copy: Option<i64>,
    /// How often rows have been added.
    writes: i64,
}

impl Edition {
    /// That of the file that `connection` reads.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            history: state(connection, HISTORY)?,
            copy: state(connection, COPY)?,
            writes: state(connection, WRITES)?.unwrap_or(0),
        })
    }

    /// That of the same history and backup when nothing had been added yet.
    pub fn at_first(self) -> Self {
        Self { writes: 0, ..self }
    }

    /// How often rows have been added.
    pub fn writes(&self) -> i64 {
        self.writes
    }

    /// Whether it is of the same history as `other`.
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.history == other.history
    }

    /// Whether a file that was `before` may have become this by being written to.
    pub fn follows(&self, before: &Self) -> bool {
        let is_same = before.history.is_none() || before.history == self.history;
        is_same && before.copy == self.copy && before.writes <= self.writes
    }
}

/// Says in the file which history it is, unless it does.
pub fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    if state(connection, HISTORY)?.is_none() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been quicker.
        if state(&transaction, HISTORY)?.is_none() {
            set_state(&transaction, HISTORY, number(&transaction)?)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Says in a backup which one it is.
pub fn begin_copy(connection: &Connection) -> rusqlite::Result<()> {
    set_state(connection, COPY, number(connection)?)
}

/// One that nobody else has, nor the other side of a fork.
fn number(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT random()", [], |row| row.get(0))
}

/// Counts an addition of rows, and returns how many these are by now.
pub fn count(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO state VALUES (?, 1) \
               ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    connection.query_row(sql, [WRITES], |row| row.get(0))
}

/// What a file is without its log.
#[derive(Debug)]
pub enum Alone {
    /// Nothing yet.
    Empty,
    /// A history.
    History(Edition),
    /// Nothing that can be used, or nothing whole.
    Refused(Refusal),
}

impl Alone {
    /// That of the file at `path`, of which nothing is changed.
    pub fn of(path: &Path, access: &Access) -> Self {
        let look = || {
            let connected = Connected::open_alone(path, access)?;
            let connection = connected.get();
            Ok(match schema::version(connection, schema::STEPS)? {
                0 => Self::Empty,
                _ => Self::History(Edition::of(connection)?),
            })
        };
        look().unwrap_or_else(Self::Refused)
    }
}

/// Whether pages are missing, or cannot be: a log may have them.
pub fn is_incomplete(refusal: &Refusal) -> bool {
    let Refusal::Database(error) = refusal else {
        return false;
    };
    error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
        || error.sqlite_extended_error_code() == Some(SQLITE_IOERR_SHORT_READ)
}
