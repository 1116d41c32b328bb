//! The four models and what they have in common.

use pyo3::prelude::*;

mod api_metric;
mod base;
mod cache_stats;
mod fields;
mod lax;
mod metric;
mod resource_usage;

pub use api_metric::APIMetric;
use base::MODELS;
pub use base::Model;
pub use cache_stats::{CacheStats, Counts};
pub use fields::FieldError;
pub use metric::{Origin, PerformanceMetric};
pub use resource_usage::{Readings, ResourceUsage};

/// Gives the models what is written in Python.
pub fn complete(py: Python<'_>) -> PyResult<()> {
    let models = (
        py.get_type::<PerformanceMetric>(),
        py.get_type::<ResourceUsage>(),
        py.get_type::<APIMetric>(),
        py.get_type::<CacheStats>(),
    );
    let base = py.get_type::<Model>();
    py.import(MODELS)?
        .call_method1("complete", (base, models))?;
    Ok(())
}
