//! What has become too old is deleted, a little at a time.
//!
//! Every rollup was added to the row of its hour when it was added to that of its minute, so
//! nothing has to be moved: minutes that have become hours only just go.

use rusqlite::Connection;

use super::{
    identity::HOUR,
    schema::Refusal,
    series::{DELETIONS, set_state, state},
    spans::Table,
    store::immediate,
};

/// The name, in the table `state`, of the start from which on there are rows of minutes.
pub const MINUTES_FROM: &str = "minutes_from";

/// Likewise for hours.
pub const HOURS_FROM: &str = "hours_from";

/// Likewise of the days that whoever wrote last keeps hours.
pub const RETENTION_DAYS: &str = "retention_days";

/// Days that hours are kept unless asked otherwise.
pub const DEFAULT_DAYS: u32 = 30;

const DAY: i64 = 86_400;

/// How many rows are deleted in one transaction: a few milliseconds' worth.
const SLICE: i64 = 1_000;

/// How long rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    days: u32,
}

impl Retention {
    /// Hours for so many days, and minutes for two of them.
    #[must_use]
    pub fn of_days(days: u32) -> Self {
        Self { days }
    }

    /// As whoever writes the file keeps its rows.
    pub fn stored(connection: &Connection) -> rusqlite::Result<Self> {
        let days = state(connection, RETENTION_DAYS)?.and_then(|days| u32::try_from(days).ok());
        Ok(Self::of_days(days.unwrap_or(DEFAULT_DAYS)))
    }

    /// Notes in the file how long its rows are kept.
    pub fn store(self, connection: &mut Connection) -> Result<(), Refusal> {
        let days = i64::from(self.days);
        if state(connection, RETENTION_DAYS)? != Some(days) {
            let transaction = immediate(connection)?;
            set_state(&transaction, RETENTION_DAYS, days)?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn hours(self) -> i64 {
        i64::from(self.days) * DAY
    }

    fn minutes(self) -> i64 {
        self.hours().min(2 * DAY)
    }
}

/// Deletes up to [`SLICE`] rows that are too old at `now`, in seconds since the Unix epoch, and
/// tells whether there may be more.
pub fn delete_some(
    connection: &mut Connection,
    retention: Retention,
    now: i64,
) -> Result<bool, Refusal> {
    let transaction = immediate(connection)?;
    let hours_from = now.saturating_sub(retention.hours());
    let hours_from = raise(&transaction, HOURS_FROM, hours_from, now, hours_from)?;
    let minutes_from = now.saturating_sub(retention.minutes());
    // From when on a clock that was ahead has left gaps nobody knows, but there are none from now on.
    let minutes_from = raise(&transaction, MINUTES_FROM, minutes_from, now, now)?;
    let mut left = SLICE;
    for (table, from) in [("minutes", minutes_from), ("hours", hours_from)] {
        let deleted = transaction.execute(
            &format!(
                "DELETE FROM {table} WHERE (start, series, writer) IN \
                 (SELECT start, series, writer FROM {table} WHERE start < ? ORDER BY start LIMIT ?)"
            ),
            (from, left),
        )?;
        left = left.saturating_sub_unsigned(deleted as u64);
    }
    for (seconds, from) in [
        (Table::Minutes.seconds(), minutes_from),
        (Table::Hours.seconds(), hours_from),
    ] {
        let key = "seconds, start, series, writer, status, error";
        let deleted = transaction.execute(
            &format!(
                "DELETE FROM errors WHERE ({key}) IN \
                 (SELECT {key} FROM errors WHERE seconds = ? AND start < ? ORDER BY start LIMIT ?)"
            ),
            (seconds, from, left),
        )?;
        left = left.saturating_sub_unsigned(deleted as u64);
    }
    if left > 0 {
        // With all that is older gone, these have no rows left: neither of hours nor of minutes.
        let from = hours_from.min(minutes_from.saturating_sub(HOUR));
        for table in ["series", "writers"] {
            let sql = format!(
                "DELETE FROM {table} WHERE id IN \
                 (SELECT id FROM {table} WHERE last_start < ? LIMIT ?)"
            );
            let deleted = transaction.execute(&sql, (from, left))?;
            if deleted > 0 && table == "series" {
                let deletions = state(&transaction, DELETIONS)?.unwrap_or(0);
                set_state(&transaction, DELETIONS, deletions + 1)?;
            }
            left = left.saturating_sub_unsigned(deleted as u64);
        }
    }
    transaction.commit()?;
    Ok(left <= 0)
}

/// Raises a start in the table `state`, which another process may have raised further; but not
/// beyond `now`, where only a wrong clock puts it. Then it becomes `instead`.
fn raise(
    connection: &Connection,
    name: &str,
    to: i64,
    now: i64,
    instead: i64,
) -> rusqlite::Result<i64> {
    let from = match state(connection, name)? {
        Some(from) if from > now => instead,
        Some(from) if from >= to => return Ok(from),
        _ => to,
    };
    set_state(connection, name, from).map(|()| from)
}
