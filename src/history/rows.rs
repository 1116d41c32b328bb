//! Keys and rollups as the columns of rows.

use std::sync::Arc;

use rusqlite::{Row, Statement, ToSql, types::ValueRef};

use crate::{
    error::{Error, Result},
    rollup::{Key, Rollup, status_class},
    stats::{Histogram, histogram::Figures},
};

/// The columns of `minutes` and `hours` that a rollup fills, in the order of [`RollupColumns`].
pub const ROLLUP: &str = "sum, sum_squares, min, max, first_ns, last_ns, buckets";

const OPERATION: &str = "operation";
const SESSION: &str = "session";
const FAILURE: &str = "failure";
const SESSION_FAILURE: &str = "session_failure";
const ENDPOINT: &str = "endpoint";
const RESOURCE: &str = "resource";

/// A key as the columns of `series`. What a kind does not have is empty, and not `NULL`, which
/// would be another one each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumns<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub unit: &'a str,
    pub method: &'a str,
    pub status_class: u8,
    pub session: &'a str,
}

impl<'a> KeyColumns<'a> {
    /// The kinds that there are, as a list of SQL.
    pub const KINDS: &'static str =
        "('operation', 'session', 'failure', 'session_failure', 'endpoint', 'resource')";

    /// The names of the columns.
    pub const NAMES: &'static str = "kind, name, unit, method, status_class, session";

    /// Those of `key`.
    pub fn of(key: &'a Key) -> Self {
        let none = Self {
            kind: RESOURCE,
            name: "",
            unit: "",
            method: "",
            status_class: 0,
            session: "",
        };
        let of_operation = |kinds: [&'a str; 2], name, unit, session: &'a Option<Arc<str>>| Self {
            kind: kinds[usize::from(session.is_some())],
            name,
            unit,
            session: session.as_deref().unwrap_or(""),
            ..none
        };
        match key {
            Key::Operation {
                name,
                unit,
                session,
            } => of_operation([OPERATION, SESSION], name, unit, session),
            Key::Failures {
                name,
                unit,
                session,
            } => of_operation([FAILURE, SESSION_FAILURE], name, unit, session),
            Key::Endpoint {
                endpoint,
                method,
                status_class,
            } => Self {
                kind: ENDPOINT,
                name: endpoint,
                unit: "milliseconds",
                method,
                status_class: *status_class,
                ..none
            },
            Key::Resource { figure, unit } => Self {
                name: figure,
                unit,
                ..none
            },
            // It counts for the series of its endpoint.
            Key::Error(error) => Self {
                kind: ENDPOINT,
                name: &error.endpoint,
                unit: "milliseconds",
                method: &error.method,
                status_class: status_class(error.status),
                ..none
            },
        }
    }

    /// As parameters, in the order of [`KeyColumns::NAMES`].
    pub fn parameters(&self) -> [&dyn ToSql; 6] {
        [
            &self.kind,
            &self.name,
            &self.unit,
            &self.method,
            &self.status_class,
            &self.session,
        ]
    }
}

/// The key in a row, whose columns from `at` on are [`KeyColumns::NAMES`]; `None` of a kind that
/// this release does not know.
pub fn key(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Key>> {
    let text = |column: usize| row.get::<_, Arc<str>>(at + column);
    Ok(Some(match &*text(0)? {
        OPERATION => Key::Operation {
            name: text(1)?,
            unit: text(2)?,
            session: None,
        },
        SESSION => Key::Operation {
            name: text(1)?,
            unit: text(2)?,
            session: Some(text(5)?),
        },
        FAILURE => Key::Failures {
            name: text(1)?,
            unit: text(2)?,
            session: None,
        },
        SESSION_FAILURE => Key::Failures {
            name: text(1)?,
            unit: text(2)?,
            session: Some(text(5)?),
        },
        ENDPOINT => Key::Endpoint {
            endpoint: text(1)?,
            method: text(3)?,
            status_class: row.get(at + 4)?,
        },
        RESOURCE => Key::Resource {
            figure: text(1)?,
            unit: text(2)?,
        },
        _ => return Ok(None),
    }))
}

/// What a row says of its samples.
#[derive(Debug, Clone, Copy)]
pub struct RollupColumns<'a> {
    pub figures: Figures,
    pub first: i64,
    pub last: i64,
    pub buckets: &'a [u8],
}

impl<'a> RollupColumns<'a> {
    /// Reads the columns from `at` on, which are those of [`ROLLUP`].
    pub fn read(row: &'a Row<'_>, at: usize) -> rusqlite::Result<Self> {
        let number = |column: usize| row.get::<_, Option<f64>>(at + column);
        let buckets = match row.get_ref(at + 6)? {
            ValueRef::Blob(bytes) => bytes,
            other => {
                let (name, kind) = ("buckets".to_owned(), other.data_type());
                return Err(rusqlite::Error::InvalidColumnType(at + 6, name, kind));
            }
        };
        Ok(Self {
            figures: Figures {
                // The database has no NaN, which infinities of both signs add up to.
                sum: number(0)?.unwrap_or(f64::NAN),
                sum_squares: number(1)?.unwrap_or(f64::NAN),
                min: number(2)?,
                max: number(3)?,
            },
            first: row.get(at + 4)?,
            last: row.get(at + 5)?,
            buckets,
        })
    }

    /// Adds the samples to `rollup`. If the row is damaged, nothing is added.
    pub fn merge_into(&self, rollup: &mut Rollup) -> Result<()> {
        self.merge_samples_into(&mut rollup.histogram)?;
        rollup.first = rollup.first.min(self.first);
        rollup.last = rollup.last.max(self.last);
        Ok(())
    }

    /// The same to a histogram.
    pub fn merge_samples_into(&self, histogram: &mut Histogram) -> Result<()> {
        if self.first > self.last {
            return Err(Error::Damaged {
                what: "row",
                problem: format!("it ends at {} and begins at {}", self.last, self.first),
            });
        }
        histogram.merge_encoded(self.buckets, self.figures)
    }
}

/// Where a row belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub start: i64,
    pub series: i64,
    pub writer: i64,
}

/// Puts `rollup` into the row at `place` by a statement that takes the columns of both.
pub fn replace(
    statement: &mut Statement<'_>,
    place: Place,
    rollup: &Rollup,
) -> rusqlite::Result<()> {
    let figures = rollup.histogram.figures();
    let count = i64::try_from(rollup.histogram.count()).unwrap_or(i64::MAX);
    statement.execute(rusqlite::params![
        place.start,
        place.series,
        place.writer,
        count,
        figures.sum,
        figures.sum_squares,
        figures.min,
        figures.max,
        rollup.first,
        rollup.last,
        rollup.histogram.buckets().encode(),
    ])?;
    Ok(())
}
