//! One transaction: every rollup is added to its row of a minute and to that of its hour.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    edition, errors,
    identity::Identity,
    pending::Batch,
    problem::{Cause, Problem},
    retention::MINUTES_FROM,
    rows::{self, Place, RollupColumns},
    schema::Refusal,
    series::{SeriesId, SeriesIds, state},
    spans::Table,
    store::{Act, immediate},
};
use crate::{
    error::Error,
    rollup::{Key, Rollup},
};

/// A transaction as the row of one of its writers remembers it.
#[derive(Debug, Clone)]
pub struct Committed {
    writer: Arc<Identity>,
    flushes: i64,
}

/// Why nothing was written, or may not have been.
#[derive(Debug)]
pub enum Failure {
    /// The database failed, or is no longer one of ours, and the transaction was undone.
    Refused(Refusal),
    /// A row holds what it cannot hold.
    Damaged(Error),
    /// The commit failed, and nobody knows whether before or after it took effect.
    Commit(rusqlite::Error, Committed),
}

impl Failure {
    /// As a problem of the file at `path`.
    pub fn problem(&self, path: &Path) -> Problem {
        match self {
            Self::Refused(refusal) => refusal.problem(path),
            Self::Commit(error, _) => Problem::of(path, error),
            Self::Damaged(error) => Problem::new(path, Cause::Damaged, error),
        }
    }

    /// What to look for, if it may have been written.
    pub fn in_doubt(self) -> Option<Committed> {
        match self {
            Self::Commit(_, committed) => Some(committed),
            Self::Refused(_) | Self::Damaged(_) => None,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// Start, series and writer: the primary key of a row.
type RowKey = (i64, i64, i64);

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// How many samples went to the series that stand for all others.
    pub overflowed: u64,
    /// How often rows have been added to the file by now.
    pub additions: i64,
    /// What tells whether it has been written.
    pub committed: Option<Committed>,
}

/// Writes `batch`, all of it or nothing.
pub fn write(
    connection: &mut Connection,
    series: &mut SeriesIds,
    batch: &Batch,
    commit: &Act,
) -> Result<Written, Failure> {
    let transaction = immediate(connection)?;
    let additions = edition::count(&transaction)?;
    series.refresh(&transaction)?;
    let minutes_from = state(&transaction, MINUTES_FROM)?.unwrap_or(i64::MIN);
    let mut overflowed = 0;
    let mut writers = Writers::of(batch);
    let mut minutes: BTreeMap<RowKey, Rollup> = BTreeMap::new();
    let mut hours: BTreeMap<RowKey, Rollup> = BTreeMap::new();
    let mut failed = errors::Rows::new();
    for (slot, rollup) in batch {
        let start = slot.minute.saturating_mul(60);
        let hour = slot.writer.hour_of(start);
        if let Key::Error(error) = &slot.key {
            let SeriesId { id, .. } = series.id(&transaction, &error.of_endpoint(), hour)?;
            let writer = writers.id(&transaction, &slot.writer)?;
            let mut add = |table: Table, start| {
                let text = Arc::clone(&error.text);
                let key = (table.seconds(), start, id, writer, error.status, text);
                failed.entry(key).or_default().merge(&rollup.into());
            };
            if start >= minutes_from {
                add(Table::Minutes, start);
            }
            add(Table::Hours, hour);
            continue;
        }
        let SeriesId { id, is_others } = series.id(&transaction, &slot.key, hour)?;
        if is_others {
            overflowed += rollup.len();
        }
        let writer = writers.id(&transaction, &slot.writer)?;
        // Minutes that old have gone, and readers look for them among the hours.
        if start >= minutes_from {
            minutes
                .entry((start, id, writer))
                .or_default()
                .merge(rollup);
        }
        hours.entry((hour, id, writer)).or_default().merge(rollup);
    }
    add_to_table(&transaction, "minutes", minutes)?;
    add_to_table(&transaction, "hours", hours)?;
    errors::add(&transaction, &failed)?;
    match (commit(&transaction), writers.committed) {
        (Ok(()), committed) => Ok(Written {
            overflowed,
            additions,
            committed,
        }),
        (Err(error), Some(committed)) => Err(Failure::Commit(error, committed)),
        (Err(error), None) => Err(error.into()),
    }
}

/// Whether `doubtful` has taken effect. Its writer writes nothing else meanwhile, so that the row
/// says how often it did.
pub fn was_written(connection: &mut Connection, doubtful: &Committed) -> Result<bool, Refusal> {
    // Nobody is in the middle of a commit while this has the right to write.
    let transaction = immediate(connection)?;
    let sql = format!("SELECT flushes FROM writers WHERE {WRITER}");
    let flushes: Option<i64> = transaction
        .query_row(&sql, parameters(&doubtful.writer), |row| row.get(0))
        .optional()?;
    Ok(flushes.is_some_and(|flushes| flushes >= doubtful.flushes))
}

const WRITER: &str = "(host, pid, started_ns, source) = (?, ?, ?, ?)";

fn parameters(writer: &Identity) -> (&str, u32, i64, &str) {
    (writer.host, writer.pid, writer.started, &writer.source)
}

/// The writers of a transaction, each of which it counts.
struct Writers {
    /// Each with the starts of the first and the last hour that it writes, and its number once that is
    /// known.
    known: BTreeMap<Arc<Identity>, (i64, i64, Option<i64>)>,
    committed: Option<Committed>,
}

impl Writers {
    fn of(batch: &Batch) -> Self {
        let mut known = BTreeMap::new();
        for slot in batch.keys() {
            let hour = slot.writer.hour_of(slot.minute.saturating_mul(60));
            // They come in the order of their minutes.
            let writer = known.entry(Arc::clone(&slot.writer));
            writer.or_insert((hour, hour, None)).1 = hour;
        }
        Self {
            known,
            committed: None,
        }
    }

    fn id(&mut self, connection: &Connection, writer: &Arc<Identity>) -> rusqlite::Result<i64> {
        let (first, last, id) = self.known.entry(Arc::clone(writer)).or_default();
        if let Some(id) = *id {
            return Ok(id);
        }
        let (found, flushes) = count(connection, writer, (*first, *last))?;
        *id = Some(found);
        self.committed = Some(Committed {
            writer: Arc::clone(writer),
            flushes,
        });
        Ok(found)
    }
}

/// Counts a flush of `writer`, whose row is made if it is new, or went with its last rows. Returns
/// its number and how many flushes that makes.
fn count(
    connection: &Connection,
    writer: &Identity,
    (first, last): (i64, i64),
) -> rusqlite::Result<(i64, i64)> {
    let both = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (host, pid, started, source) = parameters(writer);
    let sql = format!(
        "UPDATE writers SET flushes = flushes + 1, first_start = min(first_start, ?), \
         last_start = max(last_start, ?) WHERE {WRITER} RETURNING id, flushes"
    );
    let known = connection
        .query_row(&sql, (first, last, host, pid, started, source), both)
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    connection.query_row(
        "INSERT INTO writers (host, pid, started_ns, source, hour_shift, flushes, first_start, \
         last_start, version) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?) RETURNING id, flushes",
        rusqlite::params![
            host,
            pid,
            started,
            source,
            writer.hour_shift,
            first,
            last,
            writer.version.as_deref(),
        ],
        both,
    )
}

fn add_to_table(
    connection: &Connection,
    table: &str,
    rollups: BTreeMap<RowKey, Rollup>,
) -> Result<(), Failure> {
    let mut read = connection.prepare(&format!(
        "SELECT {} FROM {table} WHERE (start, series, writer) = (?, ?, ?)",
        rows::ROLLUP
    ))?;
    let mut write = connection.prepare(&format!(
        "INSERT OR REPLACE INTO {table} (start, series, writer, count, {}) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows::ROLLUP
    ))?;
    for (key, mut rollup) in rollups {
        let (start, series, writer) = key;
        let mut found = read.query(key)?;
        if let Some(row) = found.next()? {
            let row = RollupColumns::read(row, 0)?;
            row.merge_into(&mut rollup).map_err(Failure::Damaged)?;
        }
        drop(found);
        let place = Place {
            start,
            series,
            writer,
        };
        rows::replace(&mut write, place, &rollup)?;
    }
    Ok(())
}
