//! A report as people read it, before it becomes HTML or Markdown: texts, figures with their units,
//! tables. Whatever dict a report may be, what it lacks is left out, and what it has beyond the
//! documented keys comes at the end.

mod changed;
mod changes;
mod comparison;
mod failures;
mod further;
mod operations;
mod profiles;
mod provenance;
mod resources;
mod service;
mod times;
mod verdict;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    quantity::{self, Quantity},
    report::{
        charts::Charts,
        collect::EXACT,
        schema::{AnyReport, ComparisonReport, HistoryEntry, Report},
    },
    stats::histogram::RELATIVE_ERROR_TEXT,
    text::display::{self, Name},
    units::Unit,
};
pub use changed::{Changed, Outcome};
pub use changes::Change;
pub use comparison::COMPARISON;
pub use operations::Operation;
pub use resources::name_of as resource_name;
pub use times::Moment;
pub use verdict::Verdict;

/// A report, ready to be written down.
#[derive(Debug, Default)]
pub struct Document {
    /// What kind of report it is.
    pub kind: &'static str,
    /// What it is about.
    pub title: String,
    /// When, and by which clocks.
    pub facts: Vec<Fact>,
    /// The figures to begin with.
    pub tiles: Vec<Tile>,
    /// What changed against the periods before, which is said first.
    pub changed: Option<Changed>,
    /// What needs somebody's attention.
    pub alerts: Vec<Alert>,
    /// The parts.
    pub sections: Vec<Section>,
    /// The operations, those that took the most time first.
    pub operations: Vec<Operation>,
    /// The changes of operations, what matters first.
    pub changes: Vec<Change>,
    /// The changes of requests, what fails first.
    pub requests: Vec<Change>,
    /// How exact the figures are, of whatever part.
    accuracies: BTreeSet<String>,
    /// Whether a period cuts rows of the history.
    is_cut: bool,
}

/// A value and what it is.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// The value.
    pub value: Cell,
}

impl Fact {
    /// A value by its label.
    pub fn new(label: impl Into<String>, value: Cell) -> Self {
        Self {
            label: label.into(),
            value,
        }
    }
}

/// One of the figures to begin with.
#[derive(Debug)]
pub struct Tile {
    /// What it is.
    pub label: &'static str,
    /// The figure.
    pub value: Quantity,
    /// Whose it is.
    pub name: Option<Name>,
    /// Whether it is good or bad.
    pub verdict: Option<Verdict>,
}

/// What needs somebody's attention.
#[derive(Debug)]
pub struct Alert {
    /// How much of it.
    pub severity: String,
    /// Why.
    pub message: String,
}

/// A part of a report.
#[derive(Debug, Default)]
pub struct Section {
    /// Names it in links; letters alone.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What to know before reading it.
    pub intro: Option<String>,
    /// Figures that stand alone.
    pub facts: Vec<Fact>,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns; the first one says what a row is about.
    pub columns: Vec<Column>,
    /// Its rows, as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// How many rows there would be further.
    pub left_out: usize,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its heading.
    pub label: String,
    /// Whether it is one of numbers.
    pub numeric: bool,
}

/// What a cell of a table holds.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Nothing.
    None,
    /// Somebody's name for something.
    Name(Name),
    /// An operation.
    Operation {
        /// Its name.
        name: Name,
        /// Its place in the report, from 1.
        number: usize,
        /// Its unit, where the cells of its row do not say it.
        unit: Option<String>,
    },
    /// Words of ours.
    Text(String),
    /// A number and its unit.
    Quantity(Quantity),
    /// Two of them: before and after, or from and to.
    Pair(String),
    /// A verdict.
    Verdict(Verdict),
    /// What became of something since the periods before.
    Outcome(Outcome),
}

impl Unit {
    /// A figure of a row that says the unit once if it is always the same.
    fn cell(&self, value: Option<f64>) -> Cell {
        Cell::quantity(value, |value| match self.named() {
            Some(_) => Quantity {
                number: quantity::digits(value),
                unit: String::new(),
            },
            None => self.show(value),
        })
    }
}

impl Cell {
    fn quantity(value: Option<f64>, show: impl FnOnce(f64) -> Quantity) -> Self {
        value.map_or(Self::None, |value| Self::Quantity(show(value)))
    }

    fn count(value: Option<f64>) -> Self {
        value.map_or(Self::None, |value| Self::number(quantity::count(value)))
    }

    fn number(number: String) -> Self {
        Self::Quantity(Quantity {
            number,
            unit: String::new(),
        })
    }

    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl Table {
    /// A table of at most `most` rows, without columns that hold nothing. `None` without rows.
    fn new(
        caption: impl Into<String>,
        columns: &[(&str, bool)],
        mut rows: Vec<Vec<Cell>>,
        most: usize,
    ) -> Option<Self> {
        let left_out = rows.len().saturating_sub(most);
        rows.truncate(most);
        let held: Vec<bool> = (0..columns.len())
            .map(|column| column == 0 || rows.iter().any(|row| !row[column].is_none()))
            .collect();
        let columns = columns
            .iter()
            .zip(&held)
            .filter(|(_, held)| **held)
            .map(|(&(label, numeric), _)| Column {
                label: label.to_owned(),
                numeric,
            })
            .collect();
        let kept = |row: Vec<Cell>| -> Vec<Cell> {
            let cells = row.into_iter().zip(&held);
            cells
                .filter(|(_, held)| **held)
                .map(|(cell, _)| cell)
                .collect()
        };
        (!rows.is_empty()).then(|| Self {
            caption: caption.into(),
            columns,
            rows: rows.into_iter().map(kept).collect(),
            left_out,
        })
    }

    /// What to say of the rows that are not there.
    #[must_use]
    pub fn rest(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            let number = quantity::count(self.left_out as f64);
            format!("and {number} more, which the report as JSON holds")
        })
    }
}

/// How much of a report is written down, and from what.
#[derive(Clone, Copy)]
struct Scope<'a> {
    report: &'a Report,
    comparison: &'a ComparisonReport,
    further: &'a Map<String, Value>,
    charts: Option<&'a Charts>,
    /// The most rows of a table.
    rows: usize,
}

impl Document {
    /// Reads `report`, and from `charts` what it does not say itself. No table gets longer than
    /// `rows`.
    #[must_use]
    pub fn of(any: &AnyReport, charts: Option<&Charts>, rows: usize) -> Self {
        let scope = Scope {
            report: &any.report,
            comparison: &any.comparison,
            further: &any.further,
            charts,
            rows,
        };
        let report = scope.report;
        let mut document = if scope.comparison.is_any() {
            comparison::comparison(scope, 0)
        } else if let Some(session) = report.session_id.text() {
            Self {
                kind: "Session report",
                title: Name::new(session).to_string(),
                ..Self::default()
            }
        } else if let Some(date) = report.date.text() {
            Self {
                kind: "Daily report",
                title: times::date_in_words(date),
                ..Self::default()
            }
        } else {
            Self {
                kind: "Performance",
                title: "Report".to_owned(),
                ..Self::default()
            }
        };
        document.facts = times::facts(scope);
        document.changed = Changed::in_report(report);
        document.is_cut = !times::counted(scope).is_empty();
        document.alerts.extend(history_alert(scope));
        operations::add(scope, &mut document);
        service::add_requests(scope, &mut document);
        resources::add(scope, &mut document);
        service::add_cache(scope, &mut document);
        service::add_session(scope, &mut document);
        if let Some(comparison) = report.comparison.get() {
            let scope = Scope {
                report: &Report::default(),
                comparison,
                ..scope
            };
            document.compare(scope, report.operations.entries().count());
        }
        further::add(scope, &mut document);
        document
    }
}

/// What a report tells of, by name: of each kind what matters first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Operations, those that took the most time first.
    pub operations: Vec<String>,
    /// Endpoints, those with the most requests first.
    pub endpoints: Vec<String>,
    /// Changes of operations, those for the worse first.
    pub changes: Vec<String>,
    /// Changes of requests, those that fail more often first.
    pub requests: Vec<String>,
}

/// The order of a report's tables.
#[must_use]
pub fn order(any: &AnyReport) -> Order {
    let document = Document::of(any, None, 0);
    let changes = |changes: Vec<Change>| changes.into_iter().map(|it| it.key).collect();
    let api = any.report.api.get();
    let endpoints = api.map_or_else(Vec::new, |api| service::by_requests(&api.endpoints));
    Order {
        operations: document.operations.into_iter().map(|it| it.key).collect(),
        endpoints: endpoints
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
        changes: changes(document.changes),
        requests: changes(document.requests),
    }
}

/// What kept the history from being read.
fn history_alert(scope: Scope<'_>) -> Option<Alert> {
    let problem = scope.history()?.problem.text()?;
    Some(Alert {
        severity: "history".to_owned(),
        message: display::text(problem),
    })
}

impl Document {
    /// Adds what a comparison within the report says.
    fn compare(&mut self, scope: Scope<'_>, operations: usize) {
        let comparison = comparison::comparison(scope, operations);
        let facts = times::facts(Scope {
            charts: None,
            ..scope
        });
        self.tiles.extend(comparison.tiles);
        self.changes = comparison.changes;
        self.requests = comparison.requests;
        self.accuracies.extend(comparison.accuracies);
        self.is_cut |= !times::counted(scope).is_empty();
        // What it comes to, and of when, is said once.
        let mut first = Some((comparison.title, facts));
        for section in comparison.sections {
            let (title, facts) = first.take().unwrap_or((section.title, Vec::new()));
            self.sections.push(Section {
                title: format!("Compared: {}", lower_first(&title)),
                facts: [facts, section.facts].concat(),
                ..section
            });
        }
    }

    /// How to read the figures.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self
            .operations
            .iter()
            .any(|operation| operation.p95.is_some())
        {
            notes.push(
                "Half of the samples are at most p50, the median; 95 of 100 are at most p95, and \
                 99 of 100 at most p99."
                    .to_owned(),
            );
        }
        if self.accuracies.iter().any(|accuracy| accuracy != EXACT) {
            notes.push(format!(
                "Where the accuracy is that of a histogram, percentiles lie within \
                 {RELATIVE_ERROR_TEXT} of the exact ones, between samples of opposite sign within \
                 that of the larger of the two; number, total, mean, min and max are exact all the \
                 same."
            ));
        } else if !self.accuracies.is_empty() {
            notes.push("All figures are exact.".to_owned());
        }
        if self.is_cut {
            notes.push(
                "Samples on disk are told apart by the minute, and after two days by the hour: \
                 those count whose minute or hour begins in the period."
                    .to_owned(),
            );
        }
        notes
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    first.chain(chars).collect()
}

impl<'a> Scope<'a> {
    fn history(self) -> Option<&'a HistoryEntry> {
        self.report
            .history
            .get()
            .or_else(|| self.comparison.history.get())
    }
}
