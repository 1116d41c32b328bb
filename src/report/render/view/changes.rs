//! What changed from one period to another.

use std::cmp::Reverse;

use super::{
    Cell, Scope, Table, failures::Failures, operations::units_in_words, provenance::Provenance,
    verdict::Verdict,
};
use crate::{
    quantity::{self, THIN_SPACE},
    report::{
        charts::OperationChart,
        schema::{ChangeEntry, ComparedEntry, Field, Named, Number},
    },
    text::display::{self, Name},
    units::Unit,
};

/// The reason of a verdict whose change the median does not show.
const TAIL: &str = "tail";

/// Where changes are read from: a comparison, or what one says of requests.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    /// What each of the two periods has.
    pub periods: [&'a Field<Named<ComparedEntry>>; 2],
    /// How what both have changed.
    pub changes: &'a Field<Named<ChangeEntry>>,
    charts: &'a [OperationChart],
    confidence: Option<f64>,
}

impl<'a> Compared<'a> {
    /// The operations of a comparison.
    pub fn operations(scope: Scope<'a>) -> Self {
        let comparison = scope.comparison;
        let thresholds = comparison.thresholds.get();
        Self {
            periods: [&comparison.period1, &comparison.period2],
            changes: &comparison.changes,
            charts: scope.charts.map_or(&[], |charts| &charts.operations),
            confidence: thresholds
                .map_or(comparison.confidence, |thresholds| thresholds.confidence)
                .number(),
        }
    }

    /// Its requests, if it tells of them.
    pub fn requests(scope: Scope<'a>) -> Option<Self> {
        let requests = scope.comparison.api.get().filter(|api| api.is_any())?;
        Some(Self {
            periods: [&requests.period1, &requests.period2],
            changes: &requests.changes,
            charts: scope.charts.map_or(&[], |charts| &charts.endpoints),
            ..Self::operations(scope)
        })
    }

    /// How they changed.
    pub fn changes(self) -> impl Iterator<Item = Change> {
        let entries = self.changes.entries();
        entries.map(move |(name, entry)| Change::new(self, name, entry))
    }
}

/// How an operation, or requests, changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its place in the report, from 1.
    pub number: usize,
    /// What the report calls it.
    pub key: String,
    /// The same to be shown.
    pub name: Name,
    /// Its unit.
    pub unit: Unit,
    /// Which ones, where units differ and nothing can be told.
    units: Option<String>,
    /// What became of it; of requests, of their durations.
    pub verdict: Verdict,
    /// How many requests failed.
    pub failures: Option<Failures>,
    /// The medians of both periods.
    pub medians: [Option<f64>; 2],
    means: [Option<f64>; 2],
    p95s: [Option<f64>; 2],
    p99s: [Option<f64>; 2],
    /// Which way the verdict was made: by the typical sample, the mean or the tail.
    reason: Option<String>,
    /// The change of the mean in percent.
    percent: Option<f64>,
    /// Where that lies, in percent.
    interval: Option<(f64, f64)>,
    /// How sure that is, in percent.
    confidence: f64,
    p_value: Option<f64>,
    /// How exact the figures of both periods are, and where they come from.
    provenances: [Provenance; 2],
}

impl Change {
    fn new(compared: Compared<'_>, key: &str, entry: &ChangeEntry) -> Self {
        let periods = compared.periods.map(|period| period.entry(key));
        let of_both = |figure: fn(&ComparedEntry) -> Field<Number>| {
            periods.map(|period| figure(period?).number())
        };
        let units = [
            Some(&entry.unit),
            periods[0].map(|it| &it.unit),
            periods[1].map(|it| &it.unit),
        ];
        let unit = units.into_iter().find_map(|unit| unit?.text());
        let charted = || {
            let mut named = compared.charts.iter().filter(|chart| chart.name == key);
            named.next().map(|chart| &*chart.unit)
        };
        let units = differing(periods);
        let words = entry.verdict.text().or_else(|| entry.direction.text());
        let means = of_both(|it| it.mean);
        let confidence = entry.confidence.number().or(compared.confidence);
        Self {
            number: 0,
            key: key.to_owned(),
            name: Name::new(key),
            unit: match &units {
                // Numbers alone: none of the units is that of both periods.
                Some(_) => Unit::Other(String::new()),
                None => Unit::parse(unit.or_else(charted).unwrap_or_default()),
            },
            verdict: Verdict::parse(words.unwrap_or_default()),
            failures: Failures::of(entry, periods),
            medians: periods.map(|period| period?.median()),
            means,
            p95s: of_both(|it| it.p95),
            p99s: of_both(|it| it.p99),
            reason: entry.reason.text().map(display::text),
            percent: entry.percentage.number().filter(|_| units.is_none()),
            interval: interval(entry, means[0]),
            confidence: confidence.unwrap_or(0.95) * 100.0,
            p_value: entry.p_value.number(),
            units,
            provenances: periods
                .map(|period| period.map_or_else(Provenance::default, Provenance::of_compared)),
        }
    }

    /// How exact the figures are and where they come from, in a few words.
    #[must_use]
    pub fn provenance(&self) -> Option<String> {
        Provenance::words_of_both(&self.provenances)
    }

    /// What matters of it: that requests fail more often comes before their durations.
    #[must_use]
    pub fn overall(&self) -> Verdict {
        let failures = self.failures.as_ref().map(|failures| failures.verdict);
        failures.map_or(self.verdict, |failures| failures.min(self.verdict))
    }

    /// What changed and how sure that is, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.failures {
            Some(failures) => {
                let (failures, verdict) = (failures.words(), self.verdict.as_str());
                format!("{failures}; times {verdict}: {}", self.in_words())
            }
            None => self.in_words(),
        }
    }

    fn in_words(&self) -> String {
        if let Some(units) = &self.units {
            return format!("no verdict, since {units}");
        }
        let mut parts = Vec::new();
        if self.reason.as_deref() == Some(TAIL) {
            parts.extend(self.moved("p99", self.p99s));
        }
        parts.extend(self.moved("median", self.medians));
        if let [Some(before), Some(after)] = self.means
            && parts.is_empty()
        {
            let [before, after] = [before, after].map(|value| self.unit.show(value));
            parts.push(format!("mean {before} → {after}"));
        }
        if let Some(percent) = self.percent {
            let interval = self.interval.map_or_else(String::new, |interval| {
                let sure = quantity::short_digits(self.confidence);
                let interval = interval_text(interval);
                format!(" ({sure}{THIN_SPACE}% interval {interval})")
            });
            parts.push(format!("mean {}{interval}", quantity::change(percent)));
        }
        parts.extend(self.p_value.map(quantity::p_value));
        if parts.is_empty() {
            "no figures".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// Whether there is a test of it.
    pub(super) fn is_tested(&self) -> bool {
        self.p_value.is_some()
    }

    /// From what to what a figure went, and by how much of it.
    fn moved(&self, name: &str, values: [Option<f64>; 2]) -> Option<String> {
        let [Some(before), Some(after)] = values else {
            return None;
        };
        let change = relative(before, after).map_or_else(String::new, |percent| {
            format!(" ({})", quantity::change(percent))
        });
        let [before, after] = [before, after].map(|value| self.unit.show(value));
        Some(format!("{name} {before} → {after}{change}"))
    }

    fn pair(&self, values: [Option<f64>; 2]) -> Cell {
        match values {
            [Some(before), Some(after)] => {
                let [before, after] = [before, after].map(|value| match self.unit.named() {
                    Some(_) => quantity::digits(value),
                    None => self.unit.show(value).to_string(),
                });
                Cell::Pair(format!("{before} → {after}"))
            }
            _ => Cell::None,
        }
    }

    /// What matters first: what fails more often, then how bad it is, then how much.
    pub(super) fn importance(&self) -> (bool, Verdict, Reverse<u64>) {
        let failing = self.failures.as_ref().is_some_and(Failures::is_worse);
        let size = self.percent.map_or(0.0, f64::abs);
        // Positive numbers are in the order of their bits.
        (!failing, self.overall(), Reverse(size.to_bits()))
    }
}

impl ComparedEntry {
    /// The median of its samples, whatever it is called.
    pub(super) fn median(&self) -> Option<f64> {
        self.median.number().or_else(|| self.p50.number())
    }
}

/// What to say where the samples of both periods are not all in one unit.
fn differing(periods: [Option<&ComparedEntry>; 2]) -> Option<String> {
    let said = |period: Option<&ComparedEntry>| {
        let mixed = units_in_words(&period?.units);
        mixed.or_else(|| period?.unit.text().map(display::text))
    };
    let is_mixed = |period: &ComparedEntry| units_in_words(&period.units).is_some();
    let unit = |period: Option<&ComparedEntry>| period?.unit.text().map(ToOwned::to_owned);
    let [before, after] = periods.map(unit);
    let differ = periods.into_iter().flatten().any(is_mixed)
        || before
            .zip(after)
            .is_some_and(|(before, after)| !Unit::is_same(&before, &after));
    let [before, after] = periods.map(|period| said(period).unwrap_or_else(|| "none".to_owned()));
    differ.then(|| format!("units differ: {before} before, {after} after"))
}

/// The change in percent of what was before.
fn relative(before: f64, after: f64) -> Option<f64> {
    let percent = (after - before) / before.abs() * 100.0;
    percent.is_finite().then_some(percent)
}

/// The bounds of the mean's change in percent. Those that are in the operation's unit are made so.
fn interval(entry: &ChangeEntry, before: Option<f64>) -> Option<(f64, f64)> {
    let interval = entry.confidence_interval.get()?;
    let pair = |low: Field<Number>, high: Field<Number>| low.number().zip(high.number());
    let (low, high) = pair(interval.low_percentage, interval.high_percentage).or_else(|| {
        let (low, high) = pair(interval.low, interval.high)?;
        let percent = |change: f64| change / before.unwrap_or(f64::NAN).abs() * 100.0;
        Some((percent(low), percent(high)))
    })?;
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

fn interval_text((low, high): (f64, f64)) -> String {
    let [low, high] = [low, high].map(quantity::signed);
    format!("{low} … {high}{THIN_SPACE}%")
}

/// The figures of changes, as a table.
pub(super) fn table(
    changes: &[Change],
    [what, caption]: [&str; 2],
    provenances: bool,
    most: usize,
) -> Option<Table> {
    let rows = changes.iter().map(|change| {
        let text = |text: Option<String>| text.map_or(Cell::None, Cell::number);
        let reason = change.reason.clone();
        vec![
            Cell::Operation {
                name: change.name.clone(),
                number: change.number,
                unit: change
                    .units
                    .clone()
                    .or_else(|| change.unit.named().map(ToOwned::to_owned)),
            },
            Cell::Verdict(change.verdict),
            reason.map_or(Cell::None, Cell::Text),
            change.pair(change.medians),
            change.pair(change.p95s),
            change.pair(change.p99s),
            // Where there are no medians, from elsewhere.
            if change.medians.contains(&None) {
                change.pair(change.means)
            } else {
                Cell::None
            },
            text(change.percent.map(quantity::change)),
            change
                .interval
                .map_or(Cell::None, |it| Cell::Pair(interval_text(it))),
            text(change.p_value.map(p_number)),
            Provenance::cell(change.provenance().filter(|_| provenances)),
        ]
    });
    let columns = [
        (what, false),
        ("Verdict", false),
        ("By", false),
        ("Median", true),
        ("p95", true),
        ("p99", true),
        ("Mean", true),
        ("Change", true),
        ("Interval", true),
        ("p", true),
        ("Accuracy", false),
    ];
    Table::new(caption, &columns, rows.collect(), most)
}

pub(super) fn p_number(p: f64) -> String {
    let text = quantity::p_value(p);
    text.trim_start_matches("p ")
        .trim_start_matches("= ")
        .to_owned()
}
