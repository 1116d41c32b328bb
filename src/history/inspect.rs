//! What a file holds, looked at as a whole.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    files::State,
    problem::{Cause, Problem},
    read::Reader,
    retention::{MINUTES_FROM, RETENTION_DAYS},
    rows::{self, KeyColumns, RollupColumns},
    series::state,
    spans::{Period, Table},
};
use crate::rollup::{Key, Rollup};

/// How much is found wrong before nothing more is looked at.
const MAX_FAULTS: usize = 100;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The file.
    pub path: PathBuf,
    /// The version of its schema.
    pub schema: i64,
    /// Its size without the log, in bytes.
    pub bytes: i64,
    /// How much of that is free.
    pub free_bytes: i64,
    /// Rows of minutes.
    pub minutes: i64,
    /// Rows of hours.
    pub hours: i64,
    /// How many different things the rows are of.
    pub series: i64,
    /// How many sources of processes wrote them.
    pub writers: i64,
    /// The first stamp, in UTC nanoseconds since the Unix epoch; `None` if there are no rows.
    pub oldest: Option<i64>,
    /// The last stamp.
    pub newest: Option<i64>,
    /// The start from which on there are rows of minutes, in seconds since the Unix epoch, if any
    /// have been deleted.
    pub minutes_from: Option<i64>,
    /// How many days whoever wrote last keeps hours.
    pub retention_days: Option<i64>,
}

/// A row as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// Its start, in seconds since the Unix epoch.
    pub start: i64,
    /// The number of its series.
    pub series: i64,
    /// The number of its writer.
    pub writer: i64,
    /// What it is of.
    pub key: Key,
    /// The host that wrote it.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The samples.
    pub rollup: Rollup,
}

/// The primary key of a row: start, series and writer.
pub type RowKey = (i64, i64, i64);

impl StoredRow {
    /// The kind, the name and the unit of its series.
    #[must_use]
    pub fn series(&self) -> [&str; 3] {
        let KeyColumns {
            kind, name, unit, ..
        } = KeyColumns::of(&self.key);
        [kind, name, unit]
    }

    /// Its primary key.
    #[must_use]
    pub fn primary_key(&self) -> RowKey {
        (self.start, self.series, self.writer)
    }
}

impl Reader {
    /// What the file holds. Counts the rows, which takes a while where there are many.
    pub fn info(&mut self) -> Result<Info, Problem> {
        let info = self.info_of_rows()?;
        if self.is_begun() {
            return Ok(info);
        }
        Ok(Info {
            schema: 0,
            bytes: State::at(&info.path).map_or(0, |file| file.size.cast_signed()),
            free_bytes: 0,
            ..info
        })
    }

    fn info_of_rows(&self) -> Result<Info, Problem> {
        self.ask(|connection, path| {
            let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            let stamp = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).optional();
            let page = number("PRAGMA page_size")?;
            Ok(Info {
                path,
                schema: number("PRAGMA user_version")?,
                bytes: page * number("PRAGMA page_count")?,
                free_bytes: page * number("PRAGMA freelist_count")?,
                minutes: number("SELECT count(*) FROM minutes")?,
                hours: number("SELECT count(*) FROM hours")?,
                series: number("SELECT count(*) FROM series")?,
                writers: number("SELECT count(*) FROM writers")?,
                // Stamps lie within their rows, so the first and the last start tell.
                oldest: stamp(
                    "SELECT min(first_ns) FROM hours GROUP BY start ORDER BY start LIMIT 1",
                )?,
                newest: stamp(
                    "SELECT max(last_ns) FROM hours GROUP BY start ORDER BY start DESC LIMIT 1",
                )?,
                minutes_from: state(connection, MINUTES_FROM)?,
                retention_days: state(connection, RETENTION_DAYS)?,
            })
        })
    }

    /// Looks at every page and every row, and tells what is wrong with them.
    pub fn check(&mut self) -> Result<Vec<String>, Problem> {
        self.ask(|connection, _| {
            let mut faults = Vec::new();
            let mut statement =
                connection.prepare(&format!("PRAGMA integrity_check({MAX_FAULTS})"))?;
            let mut lines = statement.query([])?;
            while let Some(row) = lines.next()? {
                let line: String = row.get(0)?;
                if line != "ok" {
                    faults.push(line);
                }
            }
            // Where pages are damaged, rows cannot be relied on.
            if faults.is_empty() {
                for table in [Table::Minutes, Table::Hours] {
                    check_rows(connection, table, &mut faults)?;
                }
                if self.has_errors() {
                    check_errors(connection, &mut faults)?;
                }
            }
            Ok(faults)
        })
    }

    /// Up to `most` rows of `table` that start in `period`, in the order of their primary keys, from
    /// the one after `after` on; fewer are the last ones. Those of kinds that this release does not
    /// know are left out.
    pub fn rows(
        &mut self,
        table: Table,
        period: Period,
        after: Option<RowKey>,
        most: usize,
    ) -> Result<Vec<StoredRow>, Problem> {
        let path = self.parts().1.to_owned();
        let damaged = |error| Problem::new(&path, Cause::Damaged, error);
        self.ask(|connection, _| {
            let sql = format!(
                "SELECT start, series, writer, host, pid, {}, {} FROM {} \
                 JOIN series ON series.id = series JOIN writers ON writers.id = writer \
                 WHERE (start, series, writer) > (?, ?, ?) AND start >= ? AND start < ? \
                 AND kind IN {} \
                 ORDER BY start, series, writer LIMIT ?",
                KeyColumns::NAMES,
                rows::ROLLUP,
                table.name(),
                KeyColumns::KINDS,
            );
            let (start, series, writer) = after.unwrap_or((i64::MIN, 0, 0));
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut statement = connection.prepare(&sql)?;
            let mut rows =
                statement.query((start, series, writer, period.start, period.end, most))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(stored_row(row)?);
            }
            Ok(found)
        })?
        .into_iter()
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()
        .map_err(damaged)
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection, PathBuf) -> rusqlite::Result<T>,
    ) -> Result<T, Problem> {
        let (connection, path) = self.parts();
        question(connection, path.to_owned()).map_err(|error| Problem::of(path, &error))
    }
}

/// A row of the query above; nothing for a kind of key that this release does not know.
fn stored_row(row: &Row<'_>) -> rusqlite::Result<crate::error::Result<Option<StoredRow>>> {
    let Some(key) = rows::key(row, 5)? else {
        return Ok(Ok(None));
    };
    let columns = RollupColumns::read(row, 11)?;
    let mut rollup = Rollup::default();
    if let Err(error) = columns.merge_into(&mut rollup) {
        return Ok(Err(error));
    }
    Ok(Ok(Some(StoredRow {
        start: row.get(0)?,
        series: row.get(1)?,
        writer: row.get(2)?,
        host: row.get(3)?,
        pid: row.get(4)?,
        key,
        rollup,
    })))
}

fn check_rows(
    connection: &Connection,
    table: Table,
    faults: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let name = table.name();
    let mut statement = connection.prepare(&format!(
        "SELECT start, series, writer, count, {}, \
         series IN (SELECT id FROM series) AND writer IN (SELECT id FROM writers) FROM {name}",
        rows::ROLLUP
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        if let Some(fault) = fault(row)? {
            let key: RowKey = (row.get(0)?, row.get(1)?, row.get(2)?);
            faults.push(format!("the row {key:?} of {name}: {fault}"));
        }
    }
    Ok(())
}

fn check_errors(connection: &Connection, faults: &mut Vec<String>) -> rusqlite::Result<()> {
    let sql = "SELECT seconds, start, series, writer, status FROM errors \
               WHERE seconds NOT IN (60, 3600) OR count < 1 OR first_ns > last_ns \
               OR series NOT IN (SELECT id FROM series) OR writer NOT IN (SELECT id FROM writers)";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        let key: (i64, i64, i64, i64, i64) = (
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
        );
        faults.push(format!(
            "the row {key:?} of errors: it counts nothing, or of what is unknown"
        ));
    }
    Ok(())
}

fn fault(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    let columns = match RollupColumns::read(row, 4) {
        Ok(columns) => columns,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let mut rollup = Rollup::default();
    if let Err(error) = columns.merge_into(&mut rollup) {
        return Ok(Some(error.to_string()));
    }
    let count: i64 = row.get(3)?;
    if rollup.histogram.count() != count.unsigned_abs() {
        return Ok(Some(format!(
            "its count {count} is not that of its buckets"
        )));
    }
    let is_known: bool = row.get(11)?;
    Ok((!is_known).then(|| "its series or its writer is unknown".to_owned()))
}
