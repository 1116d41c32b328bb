//! The errors of requests that a file holds.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{Moment, Reader};
use crate::{
    history::{
        errors::FoundError,
        identity::Identity,
        problem::Problem,
        spans::{Period, Span, fewest},
    },
    rollup::{ErrorKey, Key, Occurrences},
    time::TimeRange,
};

impl Reader {
    /// The errors that the file holds of requests in `range`, those of `own` apart from those of other
    /// writers.
    pub fn errors(
        &mut self,
        range: TimeRange,
        own: &[Arc<Identity>],
    ) -> Result<Vec<FoundError>, Problem> {
        if !self.has_errors() {
            return Ok(Vec::new());
        }
        let moment = self.moment(|key| matches!(key, Key::Endpoint { .. }), own)?;
        let spans = moment.spans(Period::of(range), fewest);
        let mut found: IndexMap<ErrorKey, FoundError, RandomState> = IndexMap::default();
        for (shift, span) in spans {
            moment
                .errors_of_span(span, shift, &mut found)
                .map_err(|error| Problem::of(moment.path, &error))?;
        }
        Ok(found.into_values().collect())
    }
}

impl Moment<'_> {
    fn errors_of_span(
        &self,
        span: Span,
        shift: i64,
        found: &mut IndexMap<ErrorKey, FoundError, RandomState>,
    ) -> rusqlite::Result<()> {
        let sql = "SELECT series, writer, status, error, count, first_ns, last_ns FROM errors \
                   WHERE seconds = ? AND start >= ? AND start < ?";
        let mut statement = self.transaction.prepare(sql)?;
        let Period { start, end } = span.period;
        let mut rows = statement.query((span.table.seconds(), start, end))?;
        while let Some(row) = rows.next()? {
            let (series, writer): (i64, i64) = (row.get(0)?, row.get(1)?);
            let writer = self.writers.get(&writer);
            let Some(writer) = writer.filter(|writer| writer.hour_shift == shift) else {
                continue;
            };
            let Some(Key::Endpoint {
                endpoint, method, ..
            }) = self.series.get(&series)
            else {
                continue;
            };
            let key = ErrorKey {
                endpoint: Arc::clone(endpoint),
                method: Arc::clone(method),
                status: row.get(2)?,
                text: row.get(3)?,
            };
            let found = found
                .entry(key.clone())
                .or_insert_with(|| FoundError::new(key));
            let occurred = if writer.own {
                &mut found.own
            } else {
                &mut found.others
            };
            occurred.merge(&Occurrences {
                count: row.get::<_, i64>(4)?.unsigned_abs(),
                first: row.get(5)?,
                last: row.get(6)?,
            });
        }
        Ok(())
    }
}
