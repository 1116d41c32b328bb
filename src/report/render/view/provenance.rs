//! How exact figures are and where they come from.

use super::{Cell, Document, Fact, times};
use crate::{
    quantity,
    report::schema::{ComparedEntry, EndpointEntry, Field, Number, OperationEntry},
    text::display,
};

/// What a report says of an operation's or endpoint's figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    accuracy: Option<String>,
    source: Option<String>,
    /// Of how many they are and since when, where samples fell off.
    counted: Option<String>,
}

impl Provenance {
    fn of(accuracy: &Field<String>, source: &Field<String>, counted: Option<String>) -> Self {
        let shown = |field: &Field<String>| field.text().map(display::text);
        Self {
            accuracy: shown(accuracy),
            source: shown(source),
            counted,
        }
    }

    pub(super) fn of_operation(entry: &OperationEntry) -> Self {
        let counted = counted(entry.count, entry.recorded, &entry.counted_from);
        Self::of(&entry.accuracy, &entry.source, counted)
    }

    pub(super) fn of_endpoint(entry: &EndpointEntry) -> Self {
        Self::of(&entry.accuracy, &entry.source, None)
    }

    pub(super) fn of_compared(entry: &ComparedEntry) -> Self {
        let counted = counted(entry.count, entry.recorded, &entry.counted_from);
        Self::of(&entry.accuracy, &entry.source, counted)
    }

    /// In a few words; `None` where the report says nothing of it.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let source = self.source.as_ref().map(|source| format!("from {source}"));
        let parts = [self.accuracy.clone(), source, self.counted.clone()];
        let words: Vec<String> = parts.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Of both periods of a comparison, once where they are alike.
    pub(super) fn words_of_both([before, after]: &[Self; 2]) -> Option<String> {
        if before == after {
            return before.words();
        }
        let said = |it: &Self| it.words().unwrap_or_else(|| "?".to_owned());
        Some(format!("before {}; after {}", said(before), said(after)))
    }

    pub(super) fn cell(words: Option<String>) -> Cell {
        words.map_or(Cell::None, Cell::Text)
    }
}

/// Of how many samples or requests the figures are, and since when, where not of all.
pub(super) fn counted(
    count: Field<Number>,
    recorded: Field<Number>,
    since: &Field<String>,
) -> Option<String> {
    let recorded = quantity::count(recorded.number()?);
    let count = quantity::count(count.number()?);
    let since = since.text().map(times::moment_in_words)?;
    Some(format!("the last {count} of {recorded}, since {since}"))
}

/// What is to be said once of a whole table, as it is the same of all rows.
pub(super) fn of_all(mut rows: impl Iterator<Item = Option<String>>) -> Option<Fact> {
    let words = rows.next().flatten()?;
    rows.all(|other| other.as_ref() == Some(&words))
        .then(|| Fact::new("Accuracy", Cell::Text(words)))
}

impl Document {
    /// Notes how exact figures are, so that the whole says nothing else.
    pub(super) fn rest_on<'a>(&mut self, origins: impl IntoIterator<Item = &'a Provenance>) {
        let accuracies = origins.into_iter().filter_map(|it| it.accuracy.clone());
        self.accuracies.extend(accuracies);
    }
}
