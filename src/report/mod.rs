//! Reports as data, and their renderings.

mod api;
pub mod changed;
pub mod charts;
mod comparison;
mod csv;
mod drawn;
mod evidence;
mod failures;
mod few;
mod file;
mod format;
mod formula;
mod html;
mod json;
mod markdown;
mod recorded;
mod requests;
mod samples;
mod slots;
mod stream;
mod verdict;
mod view;

pub use api::{ApiReport, EndpointReport};
pub use comparison::{
    Change, Comparison, Direction, EndpointChange, Period, PeriodEndpoint, PeriodOperation, compare,
};
pub use csv::report_csv;
pub use drawn::{comparison_charts, endpoint_charts, period_charts};
pub use failures::{FailureChange, Failures};
pub use few::{FEW, Few, few_samples};
pub use file::{Replacement, write_atomically};
pub use format::ReportFormat;
pub use formula::neutralized;
pub use html::{Glance, MAX_CHARTED, MAX_GLANCED, render_fragment, render_glance, render_html};
pub use json::report_json;
pub use markdown::render_markdown;
pub use recorded::{
    EXACT, EndpointsInMemory, InMemory, MILLISECONDS, Origin, RecordedEndpoint, RecordedOperation,
    Samples, endpoints, operations, routes,
};
pub use requests::{MAX_REPORTED_ERRORS, errors, routes_of_several};
pub use samples::{ExportedSample, Format, Formulas, render_samples};
pub use slots::{slot_length, slots};
pub use stream::Stream;
pub use verdict::{Reason, Thresholds, Verdict};
pub use view::{
    Changed as ChangedInWords, Order, order,
    quantity::{self, THIN_SPACE, seconds_in_unit},
};

/// The key of a report under which it tells the course of resources, from its history.
pub const RESOURCE_READINGS: &str = "resource_readings";
