//! What two sets of samples allow to be said about what they were drawn from, as scipy has it.

mod proportions;
mod ranks;
mod skewness;
mod student;
mod welch;

pub use proportions::{Share, proportions_p_value};
pub use ranks::{RankTest, least_p_value};
pub use skewness::skewness;
pub use student::upper_quantile;
pub use welch::{Interval, Moments, welch_interval};

/// Samples that count as equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// What they are, or stands for it.
    pub value: f64,
    /// How many there are.
    pub count: u64,
}
