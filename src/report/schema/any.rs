//! A report of any kind, as it is read back.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ChangeEntry, ComparedEntry, ComparedRequests, ComparisonReport, Field, Named, Report};

/// A report of any kind: what it says under the keys of reports, and what a caller has added to it.
#[derive(Debug, Clone, Default)]
pub struct AnyReport {
    /// What it says of a period or a session.
    pub report: Report,
    /// What it says of a comparison.
    pub comparison: ComparisonReport,
    /// The rest: other keys, and those whose value is not of their kind.
    pub further: Map<String, Value>,
}

impl From<Value> for AnyReport {
    fn from(value: Value) -> Self {
        let comparison = ComparisonReport::deserialize(&value).unwrap_or_default();
        let report = Report::deserialize(&value).unwrap_or_default();
        let Value::Object(mut further) = value else {
            return Self::default();
        };
        let read = [report.keys(), comparison.keys()].concat();
        further.retain(|key, _| !read.contains(&key.as_str()));
        Self {
            report,
            comparison,
            further,
        }
    }
}

impl From<Report> for AnyReport {
    fn from(report: Report) -> Self {
        Self {
            report,
            ..Self::default()
        }
    }
}

impl ComparisonReport {
    /// Whether it is one.
    #[must_use]
    pub fn is_any(&self) -> bool {
        is_any([&self.period1, &self.period2], &self.changes)
    }
}

impl ComparedRequests {
    /// Whether a comparison says anything of requests.
    #[must_use]
    pub fn is_any(&self) -> bool {
        is_any([&self.period1, &self.period2], &self.changes)
    }
}

fn is_any(periods: [&Field<Named<ComparedEntry>>; 2], changes: &Field<Named<ChangeEntry>>) -> bool {
    changes.get().is_some() || periods.iter().any(|period| period.get().is_some())
}
