//! What reports say: each key once, with what it means.
//!
//! Reports are made of these types, and pages, Markdown and tables are made from them. As a Python dict or as
//! JSON a report has the fields in this order.

mod any;
mod comparison;
mod field;
mod period;
mod requests;

pub use any::AnyReport;
pub use comparison::{
    ChangeEntry, ComparedEntry, ComparedRequests, ComparisonReport, CountedPeriods, IntervalEntry,
    RateChange, ThresholdsEntry,
};
pub use field::{Field, List, Named, Number};
pub use period::{
    AlertEntry, BottleneckEntry, Bounds, CacheEntry, ChangedEntry, ComparedWith, HistoryEntry,
    OperationEntry, PeriodEntry, ReadingEntry, Report, SideEntry, VersionEntry,
};
pub use requests::{
    EndpointEntry, ErrorEntry, FailureCounts, RankedEndpoint, RequestErrors, RequestsReport,
};

/// A part of a report: each field is written unless it is missing, and may be missing where it is read.
macro_rules! schema {
    ($(#[$attribute:meta])* pub struct $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Field::is_missing")]
                pub $field: Field<$kind>,
            )*
        }

        impl $name {
            /// The keys of the fields that have a value.
            #[must_use]
            pub fn keys(&self) -> Vec<&'static str> {
                let fields = [$((stringify!($field), self.$field.get().is_some())),*];
                fields.into_iter().filter_map(|(key, has_value)| has_value.then_some(key)).collect()
            }
        }
    };
}
use schema;
