//! How far two figures are apart.

use std::cmp::Ordering;

/// The second less the first. Equal infinities differ by nothing.
pub(in crate::report) fn difference(before: f64, after: f64) -> f64 {
    if before.partial_cmp(&after) == Some(Ordering::Equal) {
        0.0
    } else {
        after - before
    }
}

/// A change in percent of the magnitude of what changed.
pub(in crate::report) fn percent(change: f64, base: f64) -> f64 {
    if change == 0.0 {
        0.0
    } else {
        change / base.abs() * 100.0
    }
}
