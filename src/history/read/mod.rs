//! The file, opened for reading.

mod errors;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use rusqlite::{Row, Transaction};

use super::{
    connected::Connected,
    files::{Paths, State},
    hours::Hours,
    identity::Identity,
    problem::{Cause, Problem},
    retention::MINUTES_FROM,
    rows::{self, KeyColumns, RollupColumns},
    schema,
    series::state,
    spans::{Kept, Period, Span, Table, fewest, finest},
    store::Access,
};
use crate::{
    error::Error,
    rollup::{Key, Rollup},
    time::TimeRange,
};

/// What a file holds of one key in a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Of what.
    pub key: Key,
    /// From the writers that were asked about.
    pub own: Rollup,
    /// From all others.
    pub others: Rollup,
}

/// What a file holds of one key, by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Of what.
    pub key: Key,
    /// How many seconds a slot is long.
    pub seconds: i64,
    /// The start of each slot that has samples, in seconds since the Unix epoch, in order, with the
    /// samples of all writers.
    pub slots: Vec<(i64, Rollup)>,
}

impl Timeline {
    /// The slot that begins at `start`, which is made if there is none.
    pub(super) fn slot(&mut self, start: i64) -> &mut Rollup {
        let at = self.slots.partition_point(|(known, _)| *known < start);
        if self.slots.get(at).is_none_or(|(known, _)| *known != start) {
            self.slots.insert(at, (start, Rollup::default()));
        }
        &mut self.slots[at].1
    }
}

/// The file, opened for reading. To be held by whoever has a pass.
#[derive(Debug)]
pub struct Reader {
    connected: Connected,
    path: PathBuf,
    is_begun: bool,
    /// The version of its schema, which an earlier release may have made.
    schema: usize,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.connected.close_after_reading(&Paths::of(&self.path));
    }
}

/// What is needed to read rows of a moment.
struct Moment<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
    series: HashMap<i64, Key, RandomState>,
    writers: HashMap<i64, Writer, RandomState>,
    kept: Kept,
}

#[derive(Debug, Clone, Copy)]
struct Writer {
    own: bool,
    hour_shift: i64,
}

impl Reader {
    /// Opens `path`, which must be a history of this release's schema or an earlier one, or have nothing in
    /// it yet.
    pub fn open(path: &Path, access: &Access) -> Result<Self, Problem> {
        let connected = || Connected::open_for_reading(path, access);
        Self::of_what_lies_there(path, access, connected)
    }

    /// The same, where the log is known to be that of the file.
    pub(super) fn open_with_its_log(path: &Path, access: &Access) -> Result<Self, Problem> {
        let connected = || Connected::open_with_its_log(path, access);
        Self::of_what_lies_there(path, access, connected)
    }

    fn of_what_lies_there(
        path: &Path,
        access: &Access,
        connect: impl FnOnce() -> Result<Connected, Problem>,
    ) -> Result<Self, Problem> {
        let problem = |error: rusqlite::Error| Problem::of(path, &error);
        if State::at(path).is_some_and(|file| file.size == 0) {
            return Self::of_nothing(path, access);
        }
        let connected = connect()?;
        let connection = connected.get();
        connection
            .pragma_update(None, "query_only", true)
            .map_err(problem)?;
        let version =
            schema::version(connection, schema::STEPS).map_err(|refusal| refusal.problem(path))?;
        if version == 0 {
            return Self::of_nothing(path, access);
        }
        Ok(Self {
            connected,
            path: path.to_owned(),
            is_begun: true,
            schema: version,
        })
    }

    /// For a file that was made, and has not been written to.
    fn of_nothing(path: &Path, access: &Access) -> Result<Self, Problem> {
        let problem = |error: rusqlite::Error| Problem::of(path, &error);
        let mut connected = Connected::in_memory(access).map_err(problem)?;
        schema::bring_up(connected.get_mut(), schema::STEPS)
            .map_err(|refusal| refusal.problem(path))?;
        Ok(Self {
            connected,
            path: path.to_owned(),
            is_begun: false,
            schema: schema::STEPS.len(),
        })
    }

    /// Whether the file has been written to.
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// What the file holds of each key that is `wanted` in `range`, those of `own` apart from those
    /// of other writers.
    pub fn read(
        &mut self,
        range: TimeRange,
        wanted: impl Fn(&Key) -> bool,
        own: &[Arc<Identity>],
    ) -> Result<Vec<Found>, Problem> {
        let (found, _) = self.read_covered(range, wanted, own)?;
        Ok(found)
    }

    /// The same, and the time that the rows are about.
    pub fn read_covered(
        &mut self,
        range: TimeRange,
        wanted: impl Fn(&Key) -> bool,
        own: &[Arc<Identity>],
    ) -> Result<(Vec<Found>, Period), Problem> {
        let period = Period::of(range);
        let moment = self.moment(wanted, own)?;
        let found = moment.found(period)?;
        let shifts = moment.shifts().into_iter();
        let covered = shifts.map(|shift| period.covered(moment.kept, shift));
        Ok((found, covered.reduce(Period::hull).unwrap_or(period)))
    }

    /// What the writers of a version, as they noted it, have written of each key that is `wanted`.
    pub fn of_version(
        &mut self,
        version: &str,
        wanted: impl Fn(&Key) -> bool,
    ) -> Result<Vec<Found>, Problem> {
        if !self.has_errors() {
            return Ok(Vec::new());
        }
        let mut moment = self.moment(wanted, &[])?;
        let path = moment.path;
        moment
            .keep_version(version)
            .map_err(|error| Problem::of(path, &error))?;
        moment.found(Period::of(TimeRange::ALL))
    }

    /// What the file holds of each key that is `wanted` in `range`, in slots that begin with the
    /// range; and how many seconds these are long: what `length` says for the part of the range that
    /// there are rows of, or as long as the longest of the rows still kept, which belong to one slot
    /// each.
    pub fn timelines(
        &mut self,
        range: TimeRange,
        length: impl Fn(TimeRange) -> i64,
        wanted: impl Fn(&Key) -> bool,
    ) -> Result<(Vec<Timeline>, i64), Problem> {
        let period = Period::of(range);
        let moment = self.moment(wanted, &[])?;
        let spans = moment.spans(period, finest);
        let rows = spans.iter().map(|(_, span)| span.table.seconds());
        let longest = rows.fold(Table::Minutes.seconds(), i64::max);
        let recorded = moment.recorded(&spans)?;
        let seconds = length(recorded.map_or(range, Period::range)).max(longest);
        let timelines = moment.by_time(&spans, period, seconds)?;
        Ok((timelines, seconds))
    }

    /// Hands on to `hours` what the file holds by the hour of each key that is `wanted`, in each of
    /// `periods`, as of one moment. The first hour begins with the period. What an edge cuts off of an
    /// hour is told as [`Reader::read`] tells it.
    pub fn hourly(
        &mut self,
        periods: &[Period],
        wanted: impl Fn(&Key) -> bool,
        hours: &mut impl Hours,
    ) -> Result<(), Problem> {
        let moment = self.moment(wanted, &[])?;
        for (number, &period) in periods.iter().enumerate() {
            let mut places: HashMap<i64, usize, RandomState> = HashMap::default();
            moment.each(&moment.spans(period, fewest), |row| {
                let place = places
                    .entry(row.series)
                    .or_insert_with(|| hours.place(number, row.key));
                let start = period.slot_of(row.start, Table::Hours.seconds());
                hours.take(*place, start, |samples| {
                    row.columns.merge_samples_into(samples)
                })
            })?;
        }
        Ok(())
    }

    /// The start, in seconds since the Unix epoch, from which on the file holds rows of minutes.
    pub fn minutes_from(&self) -> Result<i64, Problem> {
        state(self.connected.get(), MINUTES_FROM)
            .map(|from| from.unwrap_or(i64::MIN))
            .map_err(|error| Problem::of(&self.path, &error))
    }

    /// Whether its writers note what release of their program they are, and it keeps errors.
    pub(super) fn has_errors(&self) -> bool {
        self.schema >= schema::WITH_ERRORS
    }

    /// The connection, for what is asked but rarely.
    pub(super) fn parts(&self) -> (&rusqlite::Connection, &Path) {
        (self.connected.get(), &self.path)
    }

    fn moment(
        &mut self,
        wanted: impl Fn(&Key) -> bool,
        own: &[Arc<Identity>],
    ) -> Result<Moment<'_>, Problem> {
        let path = &self.path;
        let problem = |error: rusqlite::Error| Problem::of(path, &error);
        let transaction = self.connected.get_mut().transaction().map_err(problem)?;
        let series = series(&transaction, wanted).map_err(problem)?;
        let writers = writers(&transaction, own).map_err(problem)?;
        let kept = kept(&transaction).map_err(problem)?;
        Ok(Moment {
            transaction,
            path,
            series,
            writers,
            kept,
        })
    }
}

/// A row that is wanted.
struct Wanted<'a> {
    start: i64,
    series: i64,
    key: &'a Key,
    own: bool,
    columns: RollupColumns<'a>,
}

impl Moment<'_> {
    /// By how much the hours of the writers start after those of UTC.
    fn shifts(&self) -> Vec<i64> {
        let shifts = self.writers.values().map(|writer| writer.hour_shift);
        let mut shifts: Vec<i64> = shifts.collect();
        shifts.sort_unstable();
        shifts.dedup();
        shifts
    }

    /// What `choose` picks for `period`, with the shift of the writers whose rows it is about.
    fn spans(
        &self,
        period: Period,
        choose: fn(Period, Kept, i64) -> Vec<Span>,
    ) -> Vec<(i64, Span)> {
        let of_shift = |shift| {
            let spans = choose(period, self.kept, shift).into_iter();
            spans.map(move |span| (shift, span))
        };
        self.shifts().into_iter().flat_map(of_shift).collect()
    }

    /// From the first to the last row of `spans`, whatever it is of.
    fn recorded(&self, spans: &[(i64, Span)]) -> Result<Option<Period>, Problem> {
        let of_span = |span: &Span| {
            let table = span.table.name();
            // Each by itself is one look into the index.
            let edge = |end: &str| {
                format!("(SELECT {end}(start) FROM {table} WHERE start >= ?1 AND start < ?2)")
            };
            let sql = format!("SELECT {}, {}", edge("min"), edge("max"));
            let period = (span.period.start, span.period.end);
            self.transaction.query_row(&sql, period, |row| {
                let (first, last): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
                Ok(first.zip(last).map(|(start, last)| Period {
                    start,
                    end: last.saturating_add(span.table.seconds()),
                }))
            })
        };
        let found: Result<Vec<_>, _> = spans.iter().map(|(_, span)| of_span(span)).collect();
        let found = found.map_err(|error| Problem::of(self.path, &error))?;
        Ok(found.into_iter().flatten().reduce(Period::hull))
    }

    /// Leaves writers of other versions out.
    fn keep_version(&mut self, version: &str) -> rusqlite::Result<()> {
        let sql = "SELECT id FROM writers WHERE version = ?";
        let mut statement = self.transaction.prepare(sql)?;
        let ids = statement.query_map([version], |row| row.get(0))?;
        let ids: HashSet<i64, RandomState> = ids.collect::<rusqlite::Result<_>>()?;
        self.writers.retain(|id, _| ids.contains(id));
        Ok(())
    }

    /// What the fewest rows of `period` come to.
    fn found(&self, period: Period) -> Result<Vec<Found>, Problem> {
        let mut found: Vec<Found> = Vec::new();
        let mut places: HashMap<i64, usize, RandomState> = HashMap::default();
        self.each(&self.spans(period, fewest), |row| {
            let place = *places.entry(row.series).or_insert_with(|| {
                found.push(Found {
                    key: row.key.clone(),
                    own: Rollup::default(),
                    others: Rollup::default(),
                });
                found.len() - 1
            });
            let found = &mut found[place];
            row.columns.merge_into(if row.own {
                &mut found.own
            } else {
                &mut found.others
            })
        })?;
        Ok(found)
    }

    /// What the rows of `spans` come to in slots of `seconds` that begin with `period`.
    fn by_time(
        &self,
        spans: &[(i64, Span)],
        period: Period,
        seconds: i64,
    ) -> Result<Vec<Timeline>, Problem> {
        let mut timelines: Vec<Timeline> = Vec::new();
        let mut places: HashMap<i64, usize, RandomState> = HashMap::default();
        self.each(spans, |row| {
            let place = *places.entry(row.series).or_insert_with(|| {
                timelines.push(Timeline {
                    key: row.key.clone(),
                    seconds,
                    slots: Vec::new(),
                });
                timelines.len() - 1
            });
            let start = period.slot_of(row.start, seconds);
            row.columns.merge_into(timelines[place].slot(start))
        })?;
        Ok(timelines)
    }

    /// Calls `visit` with each row of `spans`, in order of time for each table.
    fn each(
        &self,
        spans: &[(i64, Span)],
        mut visit: impl FnMut(Wanted<'_>) -> Result<(), Error>,
    ) -> Result<(), Problem> {
        // A comparison also asks files that have operations alone for requests.
        if self.series.is_empty() {
            return Ok(());
        }
        spans
            .iter()
            .try_for_each(|&(shift, span)| self.each_of_span(span, shift, &mut visit))
    }

    fn each_of_span(
        &self,
        span: Span,
        shift: i64,
        visit: &mut impl FnMut(Wanted<'_>) -> Result<(), Error>,
    ) -> Result<(), Problem> {
        let problem = |error: rusqlite::Error| Problem::of(self.path, &error);
        let sql = format!(
            "SELECT start, series, writer, {} FROM {} WHERE start >= ? AND start < ? \
             ORDER BY start, series, writer",
            rows::ROLLUP,
            span.table.name(),
        );
        let mut statement = self.transaction.prepare(&sql).map_err(problem)?;
        let period = (span.period.start, span.period.end);
        let mut rows = statement.query(period).map_err(problem)?;
        while let Some(row) = rows.next().map_err(problem)? {
            let series = row.get(1).map_err(problem)?;
            let writer: i64 = row.get(2).map_err(problem)?;
            let Some(key) = self.series.get(&series) else {
                continue;
            };
            let writer = self.writers.get(&writer);
            let Some(writer) = writer.filter(|writer| writer.hour_shift == shift) else {
                continue;
            };
            let wanted = Wanted {
                start: row.get(0).map_err(problem)?,
                series,
                key,
                own: writer.own,
                columns: RollupColumns::read(row, 3).map_err(problem)?,
            };
            visit(wanted).map_err(|error| Problem::new(self.path, Cause::Damaged, error))?;
        }
        Ok(())
    }
}

fn series(
    transaction: &Transaction<'_>,
    wanted: impl Fn(&Key) -> bool,
) -> rusqlite::Result<HashMap<i64, Key, RandomState>> {
    let sql = format!("SELECT id, {} FROM series", KeyColumns::NAMES);
    let mut statement = transaction.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut series = HashMap::default();
    while let Some(row) = rows.next()? {
        if let Some(key) = rows::key(row, 1)?.filter(&wanted) {
            series.insert(row.get(0)?, key);
        }
    }
    Ok(series)
}

fn writers(
    transaction: &Transaction<'_>,
    own: &[Arc<Identity>],
) -> rusqlite::Result<HashMap<i64, Writer, RandomState>> {
    let sql = "SELECT id, hour_shift, host, pid, started_ns, source FROM writers";
    let mut statement = transaction.prepare(sql)?;
    let is_own = |row: &Row<'_>| {
        let (host, pid, started): (String, u32, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let source: String = row.get(5)?;
        Ok::<_, rusqlite::Error>(own.iter().any(|own| {
            (own.host, own.pid, own.started, &own.source) == (&host, pid, started, &source)
        }))
    };
    let mut rows = statement.query([])?;
    let mut writers = HashMap::default();
    while let Some(row) = rows.next()? {
        let hour_shift = row.get(1)?;
        let own = is_own(row)?;
        writers.insert(row.get(0)?, Writer { own, hour_shift });
    }
    Ok(writers)
}

fn kept(transaction: &Transaction<'_>) -> rusqlite::Result<Kept> {
    let last: Option<i64> =
        transaction.query_row("SELECT max(start) FROM minutes", [], |row| row.get(0))?;
    Ok(Kept {
        minutes_from: state(transaction, MINUTES_FROM)?.unwrap_or(i64::MIN),
        last_minute: last.unwrap_or(i64::MIN),
    })
}
