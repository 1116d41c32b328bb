//! Bytes as a row's buckets: what they say and nothing else, or an error that leaves the histogram
//! as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptpd_monitoring::stats::{
    Histogram,
    histogram::{Bucket, Buckets, Figures},
};

/// Figures that fit the buckets: a number from the first and one from the last. There are buckets
/// in which no number lies, among the smallest.
#[expect(clippy::float_cmp, reason = "this is about the very double")]
fn figures(buckets: &Buckets) -> Option<Figures> {
    // Positive buckets include their upper bound, negative ones their lower bound.
    let number = |bucket: Option<Bucket>| match bucket {
        None => Some(None),
        Some(Bucket { lower, upper, .. }) if lower == upper && lower.is_subnormal() => None,
        Some(Bucket { lower, upper, .. }) if upper <= 0.0 => Some(Some(lower)),
        Some(Bucket { upper, .. }) => Some(Some(upper)),
    };
    Some(Figures {
        sum: 1.0,
        sum_squares: 1.0,
        min: number(buckets.iter().next())?,
        max: number(buckets.iter().next_back())?,
    })
}

fuzz_target!(|bytes: &[u8]| {
    let before: Histogram = [1.0, -3.0, 0.0].into_iter().collect();
    let mut histogram = before.clone();
    if let Ok(buckets) = Buckets::decode(bytes) {
        assert_eq!(buckets.encode(), bytes);
        let Some(figures) = figures(&buckets) else {
            return;
        };
        histogram
            .merge_encoded(bytes, figures)
            .expect("a row that fits");
        let row = Histogram::from_parts(buckets, figures).expect("a row that fits");
        let mut merged = before.clone();
        merged.merge(&row);
        assert_eq!(merged, histogram);
        assert!(histogram.percentiles(&[1.0, 50.0, 99.9]).is_sorted());
        assert!(histogram.count_le(f64::INFINITY) >= 3.0);
    } else {
        let figures = before.figures();
        histogram
            .merge_encoded(bytes, figures)
            .expect_err("damaged bytes");
        assert_eq!(histogram, before);
    }
});
