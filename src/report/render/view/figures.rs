//! What is in a report, which may have come from anywhere.

use serde_json::{Map, Value};

/// A JSON object of figures.
pub type Figures = Map<String, Value>;

/// A number, or the text of one that JSON cannot hold.
#[must_use]
pub fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The number called `key`.
#[must_use]
pub fn number(figures: &Figures, key: &str) -> Option<f64> {
    figures.get(key).and_then(as_number)
}

/// The number called by the first of `keys` that there is.
#[must_use]
pub fn first_number(figures: &Figures, keys: &[&str]) -> Option<f64> {
    keys.iter().find_map(|key| number(figures, key))
}

/// The text called `key`.
#[must_use]
pub fn text<'a>(figures: &'a Figures, key: &str) -> Option<&'a str> {
    figures.get(key)?.as_str()
}

/// The objects of the list called `key`.
pub fn objects<'a>(figures: &'a Figures, key: &str) -> impl Iterator<Item = &'a Figures> {
    let list = figures.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

/// The objects by name in the object called `key`.
pub fn named<'a>(figures: &'a Figures, key: &str) -> impl Iterator<Item = (&'a str, &'a Figures)> {
    let object = figures.get(key).and_then(Value::as_object);
    object
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_object()?)))
}
