//! A report of any kind, as it is read back.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ComparedRequests, ComparisonReport, Report};

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
        let Value::Object(mut further) = value else {
            return Self::default();
        };
        let value = Value::Object(further.clone());
        let comparison = ComparisonReport::deserialize(&value).unwrap_or_default();
        let report = Report::deserialize(value).unwrap_or_default();
        for read in [
            serde_json::to_value(&report),
            serde_json::to_value(&comparison),
        ] {
            let read = read.ok().as_ref().and_then(Value::as_object).cloned();
            let read = read
                .into_iter()
                .flatten()
                .filter(|(_, value)| !value.is_null());
            read.for_each(|(key, _)| drop(further.shift_remove(&key)));
        }
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
        self.changes.get().is_some() || self.period1.get().is_some() || self.period2.get().is_some()
    }
}

impl ComparedRequests {
    /// Whether a comparison says anything of requests.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.changes.get().is_some() || self.period1.get().is_some() || self.period2.get().is_some()
    }
}
