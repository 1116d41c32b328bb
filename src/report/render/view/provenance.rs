//! How exact figures are and where they come from.

use super::{
    Cell, Document, Fact,
    figures::{self, Figures},
    times,
};
use crate::{quantity, text::display};

/// What a report says of an operation's or endpoint's figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    accuracy: Option<String>,
    source: Option<String>,
    /// Of how many they are and since when, where samples fell off.
    counted: Option<String>,
}

impl Provenance {
    pub(super) fn of(figures: &Figures) -> Self {
        let text = |key: &str| figures::text(figures, key).map(display::text);
        Self {
            accuracy: text("accuracy"),
            source: text("source"),
            counted: counted(figures),
        }
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
pub(super) fn counted(figures: &Figures) -> Option<String> {
    let recorded = quantity::count(figures::number(figures, "recorded")?);
    let count = figures::first_number(figures, &["count", "total_requests"])?;
    let since = figures::text(figures, "counted_from").map(times::moment_in_words)?;
    let count = quantity::count(count);
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
