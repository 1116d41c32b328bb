//! The four models and what they have in common.

mod api_metric;
mod base;
mod cache_stats;
mod fields;
mod metric;
mod resource_usage;

pub use api_metric::APIMetric;
pub use base::Model;
pub use cache_stats::{CacheStats, Counts};
pub use fields::FieldError;
pub use metric::{Origin, PerformanceMetric};
pub use resource_usage::{Readings, ResourceUsage};
