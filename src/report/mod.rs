//! Reports as data, and their renderings.

pub mod changes;
pub mod charts;
mod collect;
mod compare;
mod format;
pub(crate) mod render;
pub mod schema;

pub use charts::collect::{comparison_charts, endpoint_charts, period_charts};
pub use charts::few::{FEW, Few};
pub use charts::few_samples;
pub use charts::slots::{slot_length, slots};
pub use collect::{
    Caller, Drawn, EXACT, EndpointsInMemory, InMemory, MAX_REPORTED_ERRORS, Origin,
    RecordedEndpoint, RecordedOperation, Samples, Sources, TrackerSource, endpoints, errors,
    methods_in_memory, operations, requests_report, routes, routes_of_several,
};
pub use compare::comparison::{
    Change, Comparison, Direction, EndpointChange, Period, PeriodEndpoint, PeriodOperation, compare,
};
pub use compare::failures::{FailureChange, Failures};
pub use compare::verdict::{Reason, Thresholds, Verdict};
pub use format::ReportFormat;
pub use render::csv::report_csv;
pub use render::html::{
    Glance, MAX_CHARTED, MAX_GLANCED, render_fragment, render_glance, render_html,
};
pub use render::json::report_json;
pub use render::markdown::render_markdown;
pub use render::view::{Changed as ChangedInWords, Order, order};
