//! What two sets of samples tell, against scipy's figures and against counting pairs.

mod proportions;
mod ranks;
mod skewness;
mod student;
mod welch;

/// Whether they agree to that relative error.
fn close(found: f64, expected: f64, error: f64) -> bool {
    (found - expected).abs() <= error * expected.abs()
}
