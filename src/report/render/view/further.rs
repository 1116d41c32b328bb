//! What a report holds beyond the documented keys: callers add what they like to the dict.

use serde_json::{Map, Value};

use super::{Cell, Document, Fact, Scope, Section, Table};
use crate::text::display::{self, Name};

type Figures = Map<String, Value>;

/// How many columns fit.
const COLUMNS: usize = 8;

/// Adds the values of unknown keys, and of known ones that are not of their kind.
pub(super) fn add(scope: Scope<'_>, document: &mut Document) {
    let mut section = Section {
        id: "further",
        title: "Further figures".to_owned(),
        ..Section::default()
    };
    for (key, value) in scope.further {
        let label = Name::new(&key.replace('_', " ")).to_string();
        match value {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let items: Vec<&Figures> = items.iter().filter_map(Value::as_object).collect();
                section.tables.extend(list(&label, &items, scope.rows));
            }
            Value::Object(figures) if figures.values().all(Value::is_object) => {
                section.tables.extend(objects(&label, figures, scope.rows));
            }
            Value::Object(figures) => section.tables.extend(pairs(&label, figures, scope.rows)),
            _ => section.facts.push(Fact::new(label, cell(value))),
        }
    }
    if !section.facts.is_empty() || !section.tables.is_empty() {
        document.sections.push(section);
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::None,
        Value::Bool(true) => Cell::Text("yes".to_owned()),
        Value::Bool(false) => Cell::Text("no".to_owned()),
        Value::Number(number) => Cell::count(number.as_f64()),
        Value::String(text) => Cell::Name(Name::new(text)),
        Value::Array(items) if items.is_empty() => Cell::None,
        nested => Cell::Text(display::text(&nested.to_string())),
    }
}

/// The keys of the objects, in order of first appearance.
fn keys<'a>(objects: impl Iterator<Item = &'a Figures>) -> Vec<&'a str> {
    let mut keys: Vec<&str> = Vec::new();
    for object in objects {
        for key in object.keys() {
            if keys.len() < COLUMNS && !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
    }
    keys
}

fn columns<'a>(
    keys: &'a [&'a str],
    objects: impl Iterator<Item = &'a Figures> + Clone,
) -> Vec<(String, bool)> {
    let numeric = |key: &str| {
        let mut values = objects.clone().filter_map(|object| object.get(key));
        values.all(|value| value.is_number() || value.is_null())
    };
    keys.iter()
        .map(|key| (heading(key), numeric(key)))
        .collect()
}

fn heading(key: &str) -> String {
    display::shortened(&display::text(&key.replace('_', " ")), 32)
}

fn table(
    caption: &str,
    columns: &[(String, bool)],
    rows: Vec<Vec<Cell>>,
    most: usize,
) -> Option<Table> {
    let columns: Vec<(&str, bool)> = columns
        .iter()
        .map(|(label, numeric)| (label.as_str(), *numeric))
        .collect();
    Table::new(caption, &columns, rows, most)
}

fn list(label: &str, items: &[&Figures], most: usize) -> Option<Table> {
    let keys = keys(items.iter().copied());
    let rows = items.iter().map(|item| row(item, &keys)).collect();
    let columns = columns(&keys, items.iter().copied());
    if columns.is_empty() {
        return None;
    }
    table(label, &columns, rows, most)
}

fn objects(label: &str, figures: &Figures, most: usize) -> Option<Table> {
    let inner = || figures.values().filter_map(Value::as_object);
    let keys = keys(inner());
    let rows = figures.iter().filter_map(|(name, item)| {
        let mut row = row(item.as_object()?, &keys);
        row.insert(0, Cell::Name(Name::new(name)));
        Some(row)
    });
    let mut columns = columns(&keys, inner());
    columns.insert(0, ("Name".to_owned(), false));
    table(label, &columns, rows.collect(), most)
}

fn pairs(label: &str, figures: &Figures, most: usize) -> Option<Table> {
    let rows = figures
        .iter()
        .map(|(key, value)| vec![Cell::Text(heading(key)), cell(value)]);
    let columns = [("Name".to_owned(), false), ("Value".to_owned(), false)];
    table(label, &columns, rows.collect(), most)
}

fn row(item: &Figures, keys: &[&str]) -> Vec<Cell> {
    keys.iter()
        .map(|key| item.get(*key).map_or(Cell::None, cell))
        .collect()
}
