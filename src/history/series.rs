//! The numbers of series, which are looked up once.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension};

use super::rows::KeyColumns;
use crate::{
    recording::overflow::{
        OTHER_ENDPOINTS, OTHER_METHODS, OTHER_OPERATIONS, OTHER_SESSIONS, OTHER_UNITS,
    },
    rollup::Key,
};

/// How many series a file holds of sessions, and how many of all else: sessions come and go, and
/// must not keep out what stays. What is of a further one goes to those that stand for all others.
pub const MAX_SERIES: i64 = 100_000;

/// How many keys are remembered. There are more of them than series where many go to one.
const MAX_KNOWN: usize = 200_000;

/// The number of times that series were deleted from the file, in its table `state`.
pub const DELETIONS: &str = "deletions";

/// The series of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesId {
    /// Its number.
    pub id: i64,
    /// Whether it is the one for all others.
    pub is_others: bool,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    id: SeriesId,
    /// The start of the last hour that is known to be noted in the file.
    last_start: i64,
}

/// The numbers that the file gave to keys.
#[derive(Debug)]
pub struct SeriesIds {
    known: HashMap<Key, Known, RandomState>,
    /// What [`DELETIONS`] was when they were looked up.
    deletions: i64,
    /// How many series of sessions there were at last, in any case not more.
    sessions: Option<i64>,
    /// Likewise of all else.
    others: Option<i64>,
    /// How many of each there may be.
    most: i64,
}

impl SeriesIds {
    /// Nothing looked up yet, of a file that holds up to `most` series of sessions and as many of
    /// all else.
    #[must_use]
    pub fn new(most: i64) -> Self {
        Self {
            known: HashMap::default(),
            deletions: 0,
            sessions: None,
            others: None,
            most,
        }
    }

    /// Forgets what another process may have deleted. To be called within each transaction.
    pub fn refresh(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let deletions = state(connection, DELETIONS)?.unwrap_or(0);
        if deletions != self.deletions || self.known.len() > MAX_KNOWN {
            self.known.clear();
            self.deletions = deletions;
        }
        self.sessions = None;
        self.others = None;
        Ok(())
    }

    /// The number of `key`'s series, which is made if there is none, and gets a row of the hour
    /// that begins at `hour`.
    pub fn id(
        &mut self,
        connection: &Connection,
        key: &Key,
        hour: i64,
    ) -> rusqlite::Result<SeriesId> {
        if let Some(known) = self.known.get_mut(key) {
            if known.last_start < hour {
                note(connection, known.id.id, hour)?;
                known.last_start = hour;
            }
            return Ok(known.id);
        }
        let id = match find(connection, key)? {
            Some(id) => {
                note(connection, id, hour)?;
                let is_others = false;
                SeriesId { id, is_others }
            }
            None => self.make(connection, key, hour)?,
        };
        let last_start = hour;
        self.known.insert(key.clone(), Known { id, last_start });
        Ok(id)
    }

    fn make(
        &mut self,
        connection: &Connection,
        key: &Key,
        hour: i64,
    ) -> rusqlite::Result<SeriesId> {
        let (known, sql) = match key {
            Key::Operation {
                session: Some(_), ..
            }
            | Key::Failures {
                session: Some(_), ..
            } => (
                &mut self.sessions,
                "SELECT count(*) FROM series WHERE kind IN ('session', 'session_failure')",
            ),
            _ => (
                &mut self.others,
                "SELECT count(*) FROM series WHERE kind NOT IN ('session', 'session_failure')",
            ),
        };
        let count = match *known {
            Some(count) => count,
            None => connection.query_row(sql, [], |row| row.get(0))?,
        };
        let other = other(key);
        let is_others = count >= self.most && other != *key;
        *known = Some(count + i64::from(!is_others));
        let id = if !is_others {
            insert(connection, key, hour)?
        } else if let Some(id) = find(connection, &other)? {
            note(connection, id, hour)?;
            id
        } else {
            insert(connection, &other, hour)?
        };
        Ok(SeriesId { id, is_others })
    }
}

fn find(connection: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
    let sql = format!(
        "SELECT id FROM series WHERE ({}) = (?, ?, ?, ?, ?, ?)",
        KeyColumns::NAMES
    );
    let columns = KeyColumns::of(key);
    connection
        .query_row(&sql, &columns.parameters()[..], |row| row.get(0))
        .optional()
}

fn insert(connection: &Connection, key: &Key, hour: i64) -> rusqlite::Result<i64> {
    let sql = format!(
        "INSERT INTO series ({}, last_start) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        KeyColumns::NAMES
    );
    let columns = KeyColumns::of(key);
    let mut parameters = columns.parameters().to_vec();
    parameters.push(&hour);
    connection.query_row(&sql, &parameters[..], |row| row.get(0))
}

/// Notes that there is a row of `hour`, so that the series stays as long as that.
fn note(connection: &Connection, id: i64, hour: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE series SET last_start = ?2 WHERE id = ?1 AND last_start < ?2";
    connection.execute(sql, (id, hour))?;
    Ok(())
}

/// The key that stands for all others of its kind. There are few statuses and figures.
fn other(key: &Key) -> Key {
    let session = |session: &Option<_>| session.as_ref().map(|_| OTHER_SESSIONS.into());
    match key {
        Key::Operation { session: of, .. } => Key::Operation {
            name: OTHER_OPERATIONS.into(),
            unit: OTHER_UNITS.into(),
            session: session(of),
        },
        Key::Failures { session: of, .. } => Key::Failures {
            name: OTHER_OPERATIONS.into(),
            unit: OTHER_UNITS.into(),
            session: session(of),
        },
        Key::Endpoint { status_class, .. } => Key::Endpoint {
            endpoint: OTHER_ENDPOINTS.into(),
            method: OTHER_METHODS.into(),
            status_class: *status_class,
        },
        Key::Error(error) => other(&error.of_endpoint()),
        Key::Resource { .. } => key.clone(),
    }
}

/// A number that the file keeps under `name`.
pub fn state(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT value FROM state WHERE name = ?";
    connection
        .query_row(sql, [name], |row| row.get(0))
        .optional()
}

/// Puts `value` under `name`.
pub fn set_state(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO state VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(sql, (name, value))?;
    Ok(())
}
