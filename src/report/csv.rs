//! A report's operations as a table.

use std::{borrow::Cow, collections::HashMap};

use csv::{Terminator, Writer, WriterBuilder};
use serde_json::{Map, Value};

use super::Formulas;
use crate::error::{Error, Result};

/// RFC 4180, and what Python's `csv` writes.
pub(super) const TERMINATOR: Terminator = Terminator::CRLF;

/// The sections that have one entry for each operation; a report has one of them.
const SECTIONS: [&str; 2] = ["operations", "changes"];

/// One row for each operation, and in a comparison for the requests of each method to each endpoint
/// after them: the column `operation`, then a column for each figure that any of
/// them has, in order of first appearance. A figure that is an object has a column for each of its
/// own, named as `figure_inner`. Empty text where the report has no operations.
///
/// Names and texts are treated as `formulas` says. Numbers never are, nor the texts of figures that
/// read as a number: a number that JSON cannot hold comes as its text.
pub fn report_csv(report: &Value, formulas: Formulas) -> Result<String> {
    let section = |name: &str| report.get(name).and_then(Value::as_object);
    let operations = SECTIONS
        .iter()
        .find_map(|name| Some((*name, section(name)?)));
    let requests = operations
        .filter(|(name, _)| *name == "changes")
        .and_then(|(name, _)| section("api")?.get(name)?.as_object());
    let operations = operations.map(|(_, operations)| operations);
    let rows: Vec<(&String, &Map<String, Value>)> = operations
        .into_iter()
        .chain(requests)
        .flatten()
        .filter_map(|(name, figures)| Some((name, figures.as_object()?)))
        .collect();
    if rows.is_empty() {
        return Ok(String::new());
    }
    let mut columns: Vec<Column<'_>> = Vec::new();
    for (_, figures) in &rows {
        for (column, _) in cells(figures) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    let mut writer = WriterBuilder::new()
        .terminator(TERMINATOR)
        .from_writer(Vec::new());
    let header = columns.iter().map(|column| {
        let name = column.name();
        formulas.cell(&name).into_owned()
    });
    writer
        .write_record(std::iter::once("operation".to_owned()).chain(header))
        .map_err(encoding)?;
    for (name, figures) in rows {
        let found: HashMap<Column<'_>, &Value> = cells(figures).collect();
        let cells = columns.iter().map(|column| {
            found
                .get(column)
                .map_or_else(String::new, |figure| cell(figure, formulas))
        });
        writer
            .write_record(std::iter::once(formulas.cell(name).into_owned()).chain(cells))
            .map_err(encoding)?;
    }
    finish(writer)
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

/// The shortest text that reads back as the same number; `nan`, `inf` and `-inf` for the others.
#[must_use]
pub(super) fn number_text(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else {
        zmij::Buffer::new().format_finite(value).to_owned()
    }
}

pub(super) fn finish(writer: Writer<Vec<u8>>) -> Result<String> {
    let bytes = writer.into_inner().map_err(encoding)?;
    String::from_utf8(bytes).map_err(encoding)
}

fn encoding(error: impl std::fmt::Display) -> Error {
    Error::Encoding(error.to_string())
}
