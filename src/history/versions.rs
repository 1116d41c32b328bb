//! Which releases of a program have written a file, and when.

use rusqlite::{Connection, OptionalExtension};

use super::{problem::Problem, read::Reader};
use crate::time::NANOS_PER_SEC;

/// A release of a program, as it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// The first stamp of what it wrote, in UTC nanoseconds since the Unix epoch; the start of the hour
    /// where the row itself has gone.
    pub first: i64,
    /// The last stamp.
    pub last: i64,
    /// How many sources of processes wrote as it.
    pub writers: i64,
}

impl Reader {
    /// The versions that writers have noted, in order of the first stamp of each. Writers without one are
    /// not in it.
    pub fn versions(&mut self) -> Result<Vec<Version>, Problem> {
        if !self.has_errors() {
            return Ok(Vec::new());
        }
        let (connection, path) = self.parts();
        versions(connection).map_err(|error| Problem::of(path, &error))
    }
}

fn versions(connection: &Connection) -> rusqlite::Result<Vec<Version>> {
    let sql = "SELECT version, min(first_start), max(last_start), count(*) FROM writers \
               WHERE version IS NOT NULL AND first_start IS NOT NULL GROUP BY version";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, first, last): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // Each looks at the rows of one hour.
        let stamp = |figure: &str, start: i64| {
            let sql = format!(
                "SELECT {figure} FROM hours WHERE start = ? \
                 AND writer IN (SELECT id FROM writers WHERE version = ?)"
            );
            let stamp = connection.query_row(&sql, (start, &name), |row| row.get(0));
            let stamp: Option<i64> = stamp.optional()?.flatten();
            Ok::<_, rusqlite::Error>(stamp.unwrap_or(start.saturating_mul(NANOS_PER_SEC)))
        };
        found.push(Version {
            first: stamp("min(first_ns)", first)?,
            last: stamp("max(last_ns)", last)?,
            writers: row.get(3)?,
            name,
        });
    }
    found.sort_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
    Ok(found)
}
