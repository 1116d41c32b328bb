//! How lopsided samples are.

use super::Group;

/// The skewness of all `groups` together, the third moment of the samples in standard deviations,
/// as `scipy.stats.skew`; 0 where they do not vary, NaN if a sample is infinite.
#[must_use]
pub fn skewness<'a>(groups: impl Iterator<Item = &'a Group> + Clone) -> f64 {
    // Scaled, so that no square leaves the range of a float.
    let scale = groups
        .clone()
        .fold(0.0, |scale: f64, group| scale.max(group.value.abs()));
    if scale == 0.0 {
        return 0.0;
    }
    let moment = |term: &dyn Fn(f64) -> f64| {
        let (count, sum) = groups.clone().fold((0.0, 0.0), |(count, sum), group| {
            let weight = group.count as f64;
            (count + weight, sum + weight * term(group.value / scale))
        });
        sum / count
    };
    let mean = moment(&|value| value);
    let deviation = moment(&|value| (value - mean).powi(2)).sqrt();
    if deviation == 0.0 {
        return 0.0;
    }
    moment(&|value| ((value - mean) / deviation).powi(3))
}
