//! Exact statistics of samples in memory, equal to `NumPy`'s to the last bit, the mergeable
//! histogram for what is older, wider or merged, and what either says of a change.

mod distribution;
pub mod histogram;
pub mod inference;
mod quantile;
mod summary;

pub use distribution::{Distribution, Figures};
pub use histogram::Histogram;
pub use quantile::{percentiles, validate_percentile};
pub use summary::{Summary, mean, sum};
