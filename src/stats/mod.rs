//! Exact statistics of samples in memory, equal to `NumPy`'s to the last bit.

mod quantile;
mod summary;

pub use quantile::{percentiles, validate_percentile};
pub use summary::{Summary, mean, sum};
