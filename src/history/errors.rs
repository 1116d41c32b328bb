//! The table of errors: rows of minutes and of hours, as those of rollups, each of which an error is counted
//! in.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use rusqlite::{Connection, Statement};

use super::{engine::Reading, handle::History, identity::Identity, spans::Table};
use crate::{
    recording::overflow::OTHER_ERRORS,
    rollup::{ErrorKey, MAX_ERRORS, Occurrences},
    time::TimeRange,
};

/// How many different errors a file tells apart in a minute, and in an hour, whoever writes them. What is
/// of a further one counts for [`OTHER_ERRORS`] of its endpoint: of these there are no more than rows of
/// endpoints.
fn most(seconds: i64) -> i64 {
    let minute = i64::try_from(MAX_ERRORS).unwrap_or(i64::MAX);
    if seconds == Table::Minutes.seconds() {
        minute
    } else {
        5 * minute
    }
}

/// An error of some requests, as whoever reads the file gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundError {
    /// What it is.
    pub key: ErrorKey,
    /// How often it occurred to the writers that were asked about.
    pub own: Occurrences,
    /// And to all others.
    pub others: Occurrences,
}

impl FoundError {
    /// That of `key`, which has not occurred yet.
    pub(super) fn new(key: ErrorKey) -> Self {
        Self {
            key,
            own: Occurrences::default(),
            others: Occurrences::default(),
        }
    }
}

impl History {
    /// The errors of requests in `range`, on disk or on their way there; those of `own` sources apart from
    /// those of other writers. As [`History::read`], not while attached to the interpreter.
    pub fn errors(&self, range: TimeRange, own: &[Arc<Identity>]) -> Reading<FoundError> {
        self.reading(|pass| self.engine().errors(pass, range, own))
    }
}

/// The key of a row: seconds, start, series, writer, status and text.
pub(super) type RowKey = (i64, i64, i64, i64, u16, Arc<str>);

/// Errors that are to be added to their rows.
pub(super) type Rows = BTreeMap<RowKey, Occurrences>;

/// Adds `errors` to their rows.
pub(super) fn add(connection: &Connection, errors: &Rows) -> rusqlite::Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let mut writing = Writing::of(connection)?;
    for (key, occurrences) in errors {
        writing.add(key, occurrences)?;
    }
    Ok(())
}

struct Writing<'a> {
    update: Statement<'a>,
    insert: Statement<'a>,
    known: Statement<'a>,
    count: Statement<'a>,
    /// How many different errors there are of each stretch of time.
    counts: BTreeMap<(i64, i64), i64>,
}

impl<'a> Writing<'a> {
    fn of(connection: &'a Connection) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(sql);
        Ok(Self {
            update: prepare(
                "UPDATE errors SET count = count + ?1, first_ns = min(first_ns, ?2), \
                 last_ns = max(last_ns, ?3) \
                 WHERE (seconds, start, series, writer, status, error) = (?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            insert: prepare(
                "INSERT INTO errors (count, first_ns, last_ns, seconds, start, series, writer, \
                 status, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            known: prepare(
                "SELECT 1 FROM errors WHERE (seconds, start, series, status, error) = (?, ?, ?, ?, ?)",
            )?,
            // What several writers met is one.
            count: prepare(
                "SELECT count(*) FROM (SELECT DISTINCT series, status, error FROM errors \
                 WHERE (seconds, start) = (?, ?))",
            )?,
            counts: BTreeMap::new(),
        })
    }

    fn add(&mut self, key: &RowKey, occurrences: &Occurrences) -> rusqlite::Result<()> {
        if run(&mut self.update, key, occurrences)? > 0 {
            return Ok(());
        }
        let &(seconds, start, series, writer, status, ref text) = key;
        // What another writer met is told apart already.
        if self.known.exists((seconds, start, series, status, text))? {
            run(&mut self.insert, key, occurrences)?;
            return Ok(());
        }
        let count = match self.counts.entry((seconds, start)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let count = self.count.query_row((seconds, start), |row| row.get(0))?;
                vacant.insert(count)
            }
        };
        if *count < most(seconds) {
            *count += 1;
            run(&mut self.insert, key, occurrences)?;
            return Ok(());
        }
        let status = status / 100 * 100;
        let other = (seconds, start, series, writer, status, OTHER_ERRORS.into());
        if run(&mut self.update, &other, occurrences)? == 0 {
            run(&mut self.insert, &other, occurrences)?;
        }
        Ok(())
    }
}

fn run(
    statement: &mut Statement<'_>,
    (seconds, start, series, writer, status, text): &RowKey,
    occurrences: &Occurrences,
) -> rusqlite::Result<usize> {
    statement.execute(rusqlite::params![
        i64::try_from(occurrences.count).unwrap_or(i64::MAX),
        occurrences.first,
        occurrences.last,
        seconds,
        start,
        series,
        writer,
        status,
        text,
    ])
}
