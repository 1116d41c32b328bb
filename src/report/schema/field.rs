//! What the fields of a report are made of.
//!
//! A report is written by this crate and read back from anywhere: from a file, or from a program that has
//! changed it. So every field may be missing, and reading never fails: what is not of the kind that it should
//! be counts as missing.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A field of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The report does not have it.
    #[default]
    Missing,
    /// The report says that there is nothing to tell.
    Null,
    /// Its value.
    Value(T),
}

impl<T> Field<T> {
    /// One that is null where there is no value.
    #[must_use]
    pub fn nullable(value: Option<impl Into<T>>) -> Self {
        value.map_or(Self::Null, |value| Self::Value(value.into()))
    }

    /// One that the report does not have where there is no value.
    #[must_use]
    pub fn optional(value: Option<impl Into<T>>) -> Self {
        value.map_or(Self::Missing, |value| Self::Value(value.into()))
    }

    /// The value, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Null => None,
        }
    }

    /// Whether the report does not have it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl Field<Number> {
    /// The number, if there is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.get().map(|number| number.value())
    }
}

impl<T: AsRef<str>> Field<T> {
    /// The text, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.get().map(AsRef::as_ref)
    }
}

impl<T> Field<Named<T>> {
    /// The entries and their names; none where there is no value.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &T)> + Clone {
        let entries = self.get().map_or(&[][..], |named| &named.0);
        entries.iter().map(|(name, entry)| (&**name, entry))
    }

    /// The entry of a name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&T> {
        self.entries()
            .find_map(|(known, entry)| (known == name).then_some(entry))
    }
}

impl<T> Field<List<T>> {
    /// The items; none where there is no value.
    #[must_use]
    pub fn items(&self) -> &[T] {
        self.get().map_or(&[], |list| &list.0)
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Missing | Self::Null => serializer.serialize_none(),
        }
    }
}

impl<'de, T: for<'any> Deserialize<'any>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Self::Null,
            value => T::deserialize(value).map_or(Self::Missing, Self::Value),
        })
    }
}

/// A number. Numbers that JSON cannot hold are read from their text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A count.
    Whole(u64),
    /// Any other.
    Real(f64),
}

impl Number {
    /// Its value.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<f64> for Field<Number> {
    fn from(number: f64) -> Self {
        Self::Value(number.into())
    }
}

impl From<u64> for Field<Number> {
    fn from(number: u64) -> Self {
        Self::Value(number.into())
    }
}

impl From<usize> for Field<Number> {
    fn from(number: usize) -> Self {
        Self::Value(number.into())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(number) => serializer.serialize_u64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Number(number) => number
                .as_u64()
                .map(Self::Whole)
                .or_else(|| number.as_f64().map(Self::Real)),
            Value::String(text) => text.parse().ok().map(Self::Real),
            _ => None,
        };
        number.ok_or_else(|| serde::de::Error::custom("not a number"))
    }
}

/// Entries by their names, in order. Those that are not of their kind are left out when they are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T>(pub Vec<(Arc<str>, T)>);

impl<T> FromIterator<(Arc<str>, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, entry)| (&**name, entry)))
    }
}

impl<'de, T: for<'any> Deserialize<'any>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Map::<String, Value>::deserialize(deserializer)?.into_iter();
        let read =
            entries.filter_map(|(name, entry)| Some((name.into(), T::deserialize(entry).ok()?)));
        Ok(read.collect())
    }
}

/// Items in order. Those that are not of their kind are left out when they are read.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, T: for<'any> Deserialize<'any>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Value>::deserialize(deserializer)?.into_iter();
        Ok(items.filter_map(|item| T::deserialize(item).ok()).collect())
    }
}
