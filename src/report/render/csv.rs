//! A report as a table: operations, requests and resources.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use csv::WriterBuilder;
use serde_json::{Map, Value};

use crate::{
    error::Result,
    export::{
        Formulas,
        csv::{TERMINATOR, encoding, finish},
    },
};

/// One row for each operation: the column `operation`, then a column for each figure that any of
/// them has, in order of first appearance. A figure that is an object has a column for each of its
/// own, named as `figure_inner`. After them come the requests of each endpoint, and of each method where it
/// has several, the errors of requests, and the resources; but for a comparison, whose requests have a method, the last column, `kind`, then tells them apart.
/// Of no rows at all there is the header.
///
/// Names and texts are treated as `formulas` says. Numbers never are, nor the texts of figures that
/// read as a number: a number that JSON cannot hold comes as its text.
pub fn report_csv(report: &Value, formulas: Formulas) -> Result<String> {
    let rows = rows(report);
    let columns = columns(report, &rows);
    // The requests of a comparison are named by their method.
    let kinds =
        report.get("changes").is_none() && rows.iter().any(|row| row.kind != Kind::Operation);
    let mut writer = WriterBuilder::new()
        .terminator(TERMINATOR)
        .from_writer(Vec::new());
    let header = columns.iter().map(|column| {
        let name = column.name();
        formulas.cell(&name).into_owned()
    });
    let header = ["operation".to_owned()].into_iter().chain(header);
    let kind = kinds.then(|| "kind".to_owned());
    writer.write_record(header.chain(kind)).map_err(encoding)?;
    for row in &rows {
        let found: HashMap<Column<'_>, &Value> = cells(&row.figures).collect();
        let name = formulas.cell(row.name).into_owned();
        let kind = kinds.then(|| row.kind.as_str().to_owned());
        let cells = columns.iter().map(|column| {
            found
                .get(column)
                .map_or_else(String::new, |figure| cell(figure, formulas))
        });
        let cells = [name].into_iter().chain(cells).chain(kind);
        writer.write_record(cells).map_err(encoding)?;
    }
    finish(writer)
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Operation,
    Request,
    Error,
    Resource,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Request => "request",
            Self::Error => "error",
            Self::Resource => "resource",
        }
    }
}

struct Row<'a> {
    kind: Kind,
    name: &'a str,
    figures: Cow<'a, Map<String, Value>>,
}

type Rows<'a> = Vec<Row<'a>>;

fn section<'a>(of: &'a Value, name: &str) -> Option<&'a Map<String, Value>> {
    of.get(name).and_then(Value::as_object)
}

fn rows(report: &Value) -> Rows<'_> {
    // A report has one of them.
    let (of_operations, of_requests) = if section(report, "operations").is_some() {
        ("operations", "endpoints")
    } else {
        ("changes", "changes")
    };
    let operations = section(report, of_operations);
    let requests = report.get("api").and_then(|api| section(api, of_requests));
    let mut rows = named(Kind::Operation, operations);
    rows.extend(named(Kind::Request, requests));
    let methods = report.get("api").and_then(|api| section(api, "methods"));
    rows.extend(named(Kind::Request, methods));
    add_failures(report, &mut rows);
    rows.extend(errors(report));
    rows.extend(resources(report));
    rows
}

/// Adds to the rows of requests how many of them failed, and through whose fault.
fn add_failures(report: &Value, rows: &mut Rows<'_>) {
    let failed = |of: &str| section(report.get("request_errors")?, of);
    let failed = [failed("endpoints"), failed("methods")];
    for row in rows.iter_mut().filter(|row| row.kind == Kind::Request) {
        let mut found = failed.iter().flatten();
        let found = found.find_map(|failed| failed.get(row.name)?.as_object());
        if let Some(counts) = found {
            row.figures.to_mut().extend(counts.clone());
        }
    }
}

/// The different errors of requests, named by their endpoints.
fn errors(report: &Value) -> Rows<'_> {
    let failed = report.get("request_errors");
    let errors = failed.and_then(|failed| failed.get("errors")?.as_array());
    let rows = errors.into_iter().flatten().filter_map(|error| {
        let figures = error.as_object()?;
        let name = figures.get("endpoint")?.as_str()?;
        let told = figures.iter().filter(|(key, _)| *key != "endpoint");
        let told = told.map(|(key, value)| (key.clone(), value.clone()));
        Some(Row {
            kind: Kind::Error,
            name,
            figures: Cow::Owned(told.collect()),
        })
    });
    rows.collect()
}

fn named(kind: Kind, figures: Option<&Map<String, Value>>) -> Rows<'_> {
    let entries = figures.into_iter().flatten();
    let rows = entries.filter_map(|(name, figures)| {
        let figures = Cow::Borrowed(figures.as_object()?);
        Some(Row {
            kind,
            name,
            figures,
        })
    });
    rows.collect()
}

/// The resources: what a report says of their course, and what they are `now`.
fn resources(report: &Value) -> Rows<'_> {
    let now = section(report, "resources").into_iter().flatten();
    let now = now.filter_map(|(name, value)| {
        let unit = if name.ends_with("_mb") {
            "MB"
        } else if name.ends_with("_gb") {
            "GB"
        } else {
            "percent"
        };
        let figures = [("unit", unit.into()), ("now", value.clone())];
        let figures = figures.map(|(key, value)| (key.to_owned(), value));
        value.is_number().then(|| (name, Map::from_iter(figures)))
    });
    let mut rows: Vec<Row<'_>> = now
        .map(|(name, figures)| Row {
            kind: Kind::Resource,
            name,
            figures: Cow::Owned(figures),
        })
        .collect();
    for (name, readings) in section(report, "resource_readings").into_iter().flatten() {
        let Some(readings) = readings.as_object() else {
            continue;
        };
        match rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.figures.to_mut().extend(readings.clone()),
            None => rows.push(Row {
                kind: Kind::Resource,
                name,
                figures: Cow::Borrowed(readings),
            }),
        }
    }
    rows
}

/// The columns of figures: all that any row has, or those that such a report usually has.
fn columns<'a>(report: &Value, rows: &'a [Row<'_>]) -> Vec<Column<'a>> {
    const STATISTICS: &[&str] = &[
        "count", "min", "max", "mean", "median", "std", "unit", "p50", "p90", "p95", "p99",
    ];
    let mut columns: Vec<Column<'_>> = Vec::new();
    let mut known = HashSet::new();
    for (column, _) in rows.iter().flat_map(|row| cells(&row.figures)) {
        if known.insert(column) {
            columns.push(column);
        }
    }
    if !rows.is_empty() {
        return columns;
    }
    let usual: &[&str] = if report.get("changes").is_some() {
        &["absolute", "percentage", "direction"]
    } else if report.get("session_id").is_some() {
        &["count", "total", "mean", "unit"]
    } else {
        STATISTICS
    };
    let plain = |&figure| Column {
        figure,
        inner: None,
    };
    usual.iter().map(plain).collect()
}

/// A figure, or one of the figures that it consists of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Column<'a> {
    figure: &'a str,
    inner: Option<&'a str>,
}

impl<'a> Column<'a> {
    fn name(self) -> Cow<'a, str> {
        match self.inner {
            None => self.figure.into(),
            Some(inner) => format!("{}_{inner}", self.figure).into(),
        }
    }
}

/// What each column holds of one operation.
fn cells(figures: &Map<String, Value>) -> impl Iterator<Item = (Column<'_>, &Value)> {
    figures.iter().flat_map(|(figure, value)| {
        let whole = Column {
            figure,
            inner: None,
        };
        let parts = value.as_object().filter(|parts| !parts.is_empty());
        let inner = parts.into_iter().flatten().map(move |(inner, value)| {
            let inner = Some(inner.as_str());
            (Column { figure, inner }, value)
        });
        parts
            .is_none()
            .then_some((whole, value))
            .into_iter()
            .chain(inner)
    })
}

fn cell(value: &Value, formulas: Formulas) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.parse::<f64>().is_ok() => text.clone(),
        Value::String(text) => formulas.cell(text).into_owned(),
        other => other.to_string(),
    }
}
