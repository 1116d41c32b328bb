//! The operations of a report.

use std::sync::Arc;

use super::{
    Alert, Cell, Document, Fact, Scope, Section, Table, Tile,
    profiles::Row,
    provenance::{self, Provenance},
};
use crate::{
    quantity::{self, Quantity},
    report::{
        charts::{OperationChart, few::Few},
        schema::{Field, List, OperationEntry, Report},
    },
    text::display::{self, Name},
    units::Unit,
};

/// The figures of an operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its place in the report, from 1.
    pub number: usize,
    /// What the report calls it.
    pub key: String,
    /// The same to be shown.
    pub name: Name,
    /// Its unit.
    pub unit: Unit,
    /// How many samples.
    pub count: Option<f64>,
    /// Their sum, where it means something.
    pub total: Option<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their median.
    pub p50: Option<f64>,
    /// Their 90th percentile.
    pub p90: Option<f64>,
    /// Their 95th percentile.
    pub p95: Option<f64>,
    /// Their 99th percentile.
    pub p99: Option<f64>,
    /// The least one.
    pub min: Option<f64>,
    /// The greatest one.
    pub max: Option<f64>,
    /// Their standard deviation.
    pub std: Option<f64>,
    /// How many of the samples are of runs that failed, and their share; where there are any.
    pub failures: Option<(f64, f64)>,
    /// How exact the figures are, and where they come from.
    pub provenance: Provenance,
    /// Each of the samples, where they are few and known.
    pub few: Option<Few>,
}

impl Operation {
    fn new(key: &str, entry: &OperationEntry) -> Self {
        let unit = Unit::parse(entry.unit.text().unwrap_or_default());
        let (count, mean) = (entry.count.number(), entry.mean.number());
        let total = entry.total.number().or_else(|| Some(count? * mean?));
        Self {
            number: 0,
            key: key.to_owned(),
            name: Name::new(key),
            total: total.filter(|_| unit.is_time()),
            unit,
            count,
            mean,
            p50: entry.p50.number().or_else(|| entry.median.number()),
            p90: entry.p90.number(),
            p95: entry.p95.number(),
            p99: entry.p99.number(),
            min: entry.min.number(),
            max: entry.max.number(),
            std: entry.std.number(),
            failures: entry
                .failures
                .number()
                .zip(entry.failure_rate.number())
                .filter(|(failures, _)| *failures > 0.0),
            provenance: Provenance::of_operation(entry),
            few: None,
        }
    }

    /// A figure in its unit.
    #[must_use]
    pub fn show(&self, value: Option<f64>) -> Cell {
        Cell::quantity(value, |value| self.unit.show(value))
    }

    /// Figures that its row in the table has no room for.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        [
            ("samples", Cell::count(self.count)),
            ("failed", self.failed()),
            ("min", self.show(self.min)),
            ("p50", self.show(self.p50)),
            ("p95", self.show(self.p95)),
            ("p99", self.show(self.p99)),
            ("max", self.show(self.max)),
            ("mean", self.show(self.mean)),
            ("deviation", self.show(self.std)),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_none())
        .map(|(label, value)| Fact::new(label, value))
        .collect()
    }

    /// The share of runs that failed.
    fn failed(&self) -> Cell {
        Cell::quantity(self.failures.map(|(_, share)| share), quantity::share)
    }

    /// Seconds in all.
    pub(super) fn seconds(&self) -> f64 {
        let total = self.total.filter(|total| !total.is_nan());
        self.unit.to_base(total.unwrap_or(0.0))
    }

    /// How many times as long as usual the slow ones take, where that is about time.
    pub(super) fn unevenness(&self) -> Option<f64> {
        let (usual, slow) = (self.p50?, self.p90?);
        (self.unit.is_time() && usual > 0.0).then(|| slow / usual)
    }

    /// Seconds that the slow ones take.
    fn slowness(&self) -> Option<f64> {
        let slow = self.p95.or(self.mean)?;
        let seconds = self.unit.to_base(slow);
        (self.unit.is_time() && !seconds.is_nan()).then_some(seconds)
    }
}

/// The operations of a report, those that took the most time first; then the others, those with
/// the most samples first.
pub(super) fn by_time(report: &Report) -> Vec<Operation> {
    let entries = report.operations.entries();
    let mut operations: Vec<Operation> = entries
        .map(|(name, entry)| Operation::new(name, entry))
        .collect();
    let key = |operation: &Operation| {
        let count = operation.count.unwrap_or(0.0);
        let timed = operation.unit.is_time();
        (u8::from(timed), operation.seconds(), count)
    };
    operations.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        b.0.cmp(&a.0)
            .then(b.1.total_cmp(&a.1))
            .then(b.2.total_cmp(&a.2))
    });
    for (at, operation) in operations.iter_mut().enumerate() {
        operation.number = at + 1;
    }
    operations
}

/// What all figures of `operations` rest on, if that is the same.
pub(super) fn of_all(operations: &[Operation]) -> Option<Fact> {
    let words = operations
        .iter()
        .map(|operation| operation.provenance.words());
    provenance::of_all(words)
}

/// The table of `operations`, with what each one's figures rest on or without.
pub(super) fn table(operations: &[Operation], provenances: bool, most: usize) -> Option<Table> {
    let rows = Row::of_all(operations).into_iter().map(|row| {
        let operation = row.operation;
        vec![
            Cell::Operation {
                name: row.name.clone(),
                number: operation.number,
                unit: operation.unit.named().map(ToOwned::to_owned),
            },
            Cell::count(operation.count),
            operation.failed(),
            operation.unit.cell(operation.total),
            operation.unit.cell(operation.mean),
            operation.unit.cell(operation.p50),
            operation.unit.cell(operation.p95),
            operation.unit.cell(operation.p99),
            operation.unit.cell(operation.max),
            row.memory(),
            Provenance::cell(operation.provenance.words().filter(|_| provenances)),
        ]
    });
    let columns = [
        ("Operation", false),
        ("Samples", true),
        ("Failed", true),
        ("Total", true),
        ("Mean", true),
        ("p50", true),
        ("p95", true),
        ("p99", true),
        ("Max", true),
        ("Memory", true),
        ("Accuracy", false),
    ];
    let caption = if operations.iter().any(|operation| operation.total.is_some()) {
        "Operations, those that took the most time first"
    } else {
        "Operations"
    };
    Table::new(caption, &columns, rows.collect(), most)
}

/// Adds what the report says of operations.
pub(super) fn add(scope: Scope<'_>, document: &mut Document) {
    if scope.report.operations.get().is_none() {
        return;
    }
    let mut operations = by_time(scope.report);
    let charts = scope.charts.map_or(&[][..], |charts| &charts.operations);
    for operation in &mut operations {
        let chart = charts.iter().find(|chart| chart.name == operation.key);
        operation.few = chart.and_then(OperationChart::few);
    }
    document.tiles.extend(tiles(&operations));
    let intro = operations
        .is_empty()
        .then(|| "Nothing was recorded.".to_owned());
    let of_all = of_all(&operations);
    let table = table(&operations, of_all.is_none(), scope.rows);
    document.sections.push(Section {
        id: "operations",
        title: "Operations".to_owned(),
        intro,
        facts: of_all.into_iter().collect(),
        tables: table.into_iter().collect(),
    });
    document.rest_on(operations.iter().map(|operation| &operation.provenance));
    let mixed = scope
        .report
        .operations
        .entries()
        .filter_map(|(name, entry)| {
            let units = units_in_words(&entry.units)?;
            let name = Name::new(name);
            Some(Alert {
                severity: "units".to_owned(),
                message: format!("{name} was recorded in {units}: its figures mix them"),
            })
        });
    document.alerts.extend(mixed);
    document.operations = operations;
}

/// The units of an operation that has several.
pub(super) fn units_in_words(units: &Field<List<Arc<str>>>) -> Option<String> {
    let units: Vec<String> = units
        .items()
        .iter()
        .map(|unit| display::text(unit))
        .collect();
    let (last, others) = units.split_last()?;
    (!others.is_empty()).then(|| format!("{} and {last}", others.join(", ")))
}

fn tiles(operations: &[Operation]) -> Vec<Tile> {
    let whole = |label: &'static str, number: f64| Tile {
        label,
        value: Quantity {
            number: quantity::count(number),
            unit: String::new(),
        },
        name: None,
        verdict: None,
    };
    let samples = operations.iter().filter_map(|operation| operation.count);
    let mut tiles = vec![
        whole("Samples", samples.sum()),
        whole("Operations", operations.len() as f64),
    ];
    let slowest = operations
        .iter()
        .filter_map(|operation| Some((operation, operation.slowness()?)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b));
    if let Some((operation, _)) = slowest {
        let (label, value) = match operation.p95 {
            Some(p95) => ("Slowest by p95", p95),
            None => ("Slowest by mean", operation.mean.unwrap_or(0.0)),
        };
        tiles.push(Tile {
            label,
            value: operation.unit.show(value),
            name: Some(operation.name.clone()),
            verdict: None,
        });
    }
    tiles
}
