//! Quantiles of Student's distribution.

use std::f64::consts::SQRT_2;

use statrs::{
    distribution::{Continuous, ContinuousCDF, StudentsT},
    function::erf::erfc_inv,
};

/// What Student's t of so many degrees of `freedom`, at least 1, exceeds with the probability
/// `tail`, from 0 to a half. `scipy.stats.t.isf(tail, freedom)`.
#[must_use]
pub fn upper_quantile(tail: f64, freedom: f64) -> f64 {
    let z = SQRT_2 * erfc_inv(2.0 * tail);
    if freedom > 1_000.0 || !z.is_finite() {
        return near_normal(z, freedom);
    }
    let Ok(student) = StudentsT::new(0.0, 1.0, freedom) else {
        return f64::NAN;
    };
    // Newton's method from the left never passes the solution, since the tail is convex and the
    // normal's quantile lies below Student's.
    let mut t = z;
    for _ in 0..500 {
        let next = t + (student.sf(t) - tail) / student.pdf(t);
        if next.partial_cmp(&t) != Some(std::cmp::Ordering::Greater) {
            break;
        }
        t = next;
    }
    t
}

/// Abramowitz and Stegun, 26.7.5.
fn near_normal(z: f64, freedom: f64) -> f64 {
    let s = z * z;
    let terms = [
        s + 1.0,
        (5.0 * s + 16.0) * s + 3.0,
        ((3.0 * s + 19.0) * s + 17.0) * s - 15.0,
        (((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0,
    ];
    let scales = [4.0, 96.0, 384.0, 92_160.0];
    let series = terms
        .iter()
        .zip(scales)
        .rev()
        .fold(0.0, |sum, (term, scale)| (sum + term / scale) / freedom);
    if z.is_finite() { z + z * series } else { z }
}
