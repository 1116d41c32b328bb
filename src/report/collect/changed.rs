//! What a report says of changes against the periods before.

use std::sync::Arc;

use super::{
    entries::bounds,
    sources::{Caller, Sources},
};
use crate::{
    history::{Attachment, History},
    report::{
        changes::{Changed, Entry, Frame, Kind, Recorded, Side, Wanted, changed, kind_of},
        compare::verdict::{Reason, Thresholds},
        schema::{ChangedEntry, ComparedWith, Field, List, SideEntry},
    },
    time::{TimeRange, Zone},
};

/// What changed in `range` against the periods before, and what that was compared with, if there is a
/// history.
pub(super) fn entries<M>(
    sources: &Sources<'_, M>,
    caller: &impl Caller,
    range: TimeRange,
    zone: Zone,
) -> (Field<List<ChangedEntry>>, Field<ComparedWith>) {
    let history = |attachment: Option<&Attachment>| attachment.map(|it| Arc::clone(it.history()));
    let of_operations = history(sources.history);
    let of_requests = match &sources.tracker {
        Some(tracker) => history(tracker.history),
        // As in comparisons.
        None => of_operations.clone(),
    };
    if of_operations.is_none() && of_requests.is_none() {
        return (Field::Missing, Field::Missing);
    }
    let now = sources.monitor.clock().wall();
    caller.wait(|| {
        let frame = Frame::of(range, zone, now);
        let found = frame.map_or_else(Changed::default, |frame| {
            let read = |wanted: Wanted<'_>, empty: &Recorded| {
                readings(&frame, [&of_operations, &of_requests], wanted, empty)
            };
            changed(&frame, read, &Thresholds::DEFAULT)
        });
        let entries: List<ChangedEntry> = found.entries.iter().map(|it| entry(it, zone)).collect();
        let compared_with = ComparedWith {
            verdict: found.summary().as_str().to_owned().into(),
            judged: found.judged.into(),
            unjudged: found.unjudged.into(),
            hours: Field::optional(frame.map(|frame| bounds(frame.compared(0), zone))),
            periods: Field::optional(frame.map(|frame| {
                let periods = found.periods.iter();
                periods
                    .map(|&period| bounds(frame.compared(period), zone))
                    .collect::<List<_>>()
            })),
        };
        (entries.into(), compared_with.into())
    })
}

/// What the ranges of `frame` hold of what is `wanted`: operations of the one history, requests of the
/// other.
fn readings(
    frame: &Frame,
    histories: [&Option<Arc<History>>; 2],
    wanted: Wanted<'_>,
    empty: &Recorded,
) -> Recorded {
    let ranges = frame.ranges();
    let read = |history: &History, kinds: &[Kind]| {
        let is_of = |key: &_| kind_of(key).is_some_and(|kind| kinds.contains(&kind));
        history.hourly(&ranges, |key| is_of(key) && wanted(key), || empty.clone())
    };
    if let [Some(one), Some(other)] = histories
        && one.path() == other.path()
    {
        return read(one, &[Kind::Operation, Kind::Endpoint]);
    }
    let mut all = empty.clone();
    for (history, kind) in histories.into_iter().zip([Kind::Operation, Kind::Endpoint]) {
        if let Some(history) = history {
            all.extend(read(history, &[kind]));
        }
    }
    all
}

fn entry(entry: &Entry, zone: Zone) -> ChangedEntry {
    let text = |text: &str| Field::from(text.to_owned());
    let reason = entry.reason.map(Reason::as_str).or(entry.outcome.reason());
    let side = |side: Option<Side>| Field::nullable(side.map(|it| side_entry(entry.kind, it)));
    ChangedEntry {
        kind: text(entry.kind.as_str()),
        name: entry.name.clone().into(),
        unit: entry.unit.clone().into(),
        verdict: text(entry.outcome.verdict()),
        reason: Field::nullable(reason),
        since: zone.iso(entry.since).into(),
        until: Field::nullable(entry.until.map(|until| zone.iso(until))),
        percentage: Field::nullable(entry.percentage()),
        before: side(entry.before),
        after: side(entry.after),
    }
}

fn side_entry(kind: Kind, side: Side) -> SideEntry {
    let mut entry = SideEntry {
        count: side.figures.count.into(),
        mean: side.figures.mean.into(),
        median: side.figures.median.into(),
        p95: side.figures.p95.into(),
        p99: side.figures.p99.into(),
        ..SideEntry::default()
    };
    if let Some(failures) = side.failures {
        match kind {
            Kind::Operation => {
                entry.failures = failures.server.into();
                entry.failure_rate = failures.rate().into();
            }
            Kind::Endpoint => {
                entry.error_rate = failures.rate().into();
                entry.client_error_rate = failures.client_rate().into();
            }
        }
    }
    entry
}
