//! Data of many shapes, and how far a histogram's percentiles lie from the exact ones.

use ptpd_monitoring::stats::{Histogram, histogram::RELATIVE_ERROR, percentiles};

/// Numbers without a pattern, the same in each run.
pub struct Numbers(pub u64);

impl Numbers {
    /// Above 0, at most 1.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 12) + 1) as f64 / (1_u64 << 52) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

fn generate(count: usize, mut next: impl FnMut(&mut Numbers) -> f64) -> Vec<f64> {
    let mut numbers = Numbers(count as u64);
    (0..count).map(|_| next(&mut numbers)).collect()
}

/// Latencies in seconds, about 20 ms.
pub fn lognormal(count: usize) -> Vec<f64> {
    generate(count, |numbers| 0.02 * (0.5 * numbers.normal()).exp())
}

/// The shapes that latencies and other figures have.
pub fn data_sets(count: usize) -> Vec<(&'static str, Vec<f64>)> {
    let bimodal = |numbers: &mut Numbers| {
        let mode = if numbers.uniform() < 0.7 { 0.001 } else { 0.2 };
        mode * (0.1 * numbers.normal()).exp()
    };
    vec![
        ("lognormal", lognormal(count)),
        ("bimodal", generate(count, bimodal)),
        ("constant", vec![0.1; count]),
        (
            "heavy-tailed",
            generate(count, |n| 1e-3 * n.uniform().powf(-1.0 / 0.6)),
        ),
        ("negative", generate(count, |n| -(2.0 * n.normal()).exp())),
        ("mixed", generate(count, |n| 10.0 * n.normal())),
        (
            "two values",
            generate(count, |n| if n.uniform() < 0.5 { 1.0 } else { 100.0 }),
        ),
        ("whole", generate(count, |n| (20.0 * n.uniform()).floor())),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position among the samples"
)]
fn whole(position: f64) -> usize {
    position as usize
}

/// Each percentile from 1 to 99.9 in steps of 0.1 lies within the stated error: of the exact one
/// where all numbers have one sign, else of the neighbouring samples.
pub fn assert_accurate(name: &str, values: &[f64], histogram: &Histogram) {
    let asked: Vec<f64> = (10..=999).map(|tenth| f64::from(tenth) / 10.0).collect();
    let exact = percentiles(values, &asked);
    let found = histogram.percentiles(&asked);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let one_sign = sorted[0] >= 0.0 || sorted[sorted.len() - 1] <= 0.0;
    for ((percentile, exact), found) in asked.iter().zip(exact).zip(found) {
        let position = (sorted.len() - 1) as f64 * (percentile / 100.0);
        let neighbours = [sorted[whole(position)], sorted[whole(position.ceil())]];
        let size = if one_sign {
            exact.abs()
        } else {
            neighbours[0].abs().max(neighbours[1].abs())
        };
        let off = (found - exact).abs();
        assert!(
            off <= RELATIVE_ERROR * size,
            "{name}: p{percentile} is {exact}, estimated {found}, between {neighbours:?}"
        );
    }
}
