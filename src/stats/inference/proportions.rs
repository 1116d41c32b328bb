//! Whether two shares differ.

use std::f64::consts::{PI, SQRT_2};

use libm::{erfc, lgamma};

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many have what is counted; at most `total`.
    pub hits: u64,
    /// How many there are.
    pub total: u64,
}

impl Share {
    /// From 0 to 1; NaN of nothing.
    #[must_use]
    pub fn value(self) -> f64 {
        self.hits as f64 / self.total as f64
    }
}

/// From how many expected in each of the four cells on the normal approximation takes over, which
/// is then as good and does not take longer with every sample more.
const NORMAL_FROM: f64 = 1e6;

/// How likely shares at least as different are where both are drawn from the same: Fisher's exact
/// test, as twice the smaller tail. `2 * min(scipy.stats.fisher_exact(table, alternative)[1])` of
/// both alternatives, but no more than 1. 1 if one share is of nothing.
#[must_use]
pub fn proportions_p_value(before: Share, after: Share) -> f64 {
    let [n1, n2] = [before, after].map(|share| share.total as f64);
    let [k1, k2] = [before, after].map(|share| share.hits as f64);
    let (n, hits) = (n1 + n2, k1 + k2);
    if n1 == 0.0 || n2 == 0.0 || hits == 0.0 || hits >= n {
        return 1.0;
    }
    let expected = hits * (n2 / n);
    let least_cell = hits.min(n - hits) * (n1.min(n2) / n);
    if least_cell > NORMAL_FROM {
        let deviation = (expected * (n1 / n) * ((n - hits) / (n - 1.0))).sqrt();
        // Half a hit less: the correction for continuity.
        let distance = ((k2 - expected).abs() - 0.5).max(0.0);
        return erfc(distance / deviation / SQRT_2);
    }
    // By that share which has more hits than expected: what lies farther out on its side.
    let (k, size, other) = if k2 > expected {
        (k2, n2, n1)
    } else {
        (k1, n1, n2)
    };
    let ratio = |x: f64| (hits - x) * (size - x) / ((x + 1.0) * (other - hits + x + 1.0));
    let tail = tail(k, size.min(hits), ratio);
    (2.0 * hypergeometric(k, size, hits, n) * tail).min(1.0)
}

/// The sum of the probabilities of `from` to `to`, in units of the first one, each of which is the
/// one before times `ratio`.
fn tail(from: f64, to: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    let (mut x, mut term, mut sum) = (from, 1.0, 1.0);
    while x < to && term > sum * 1e-17 {
        term *= ratio(x);
        sum += term;
        x += 1.0;
    }
    sum
}

/// How likely `x` of a sample of `size` are hits, of which there are `hits` among `n`.
///
/// As binomials of the same probability, whose digits are not lost in factorials however many there
/// are (Loader, Fast and accurate computation of binomial probabilities, 2000).
fn hypergeometric(x: f64, size: f64, hits: f64, n: f64) -> f64 {
    let p = size / n;
    let ln = ln_binomial(x, hits, p) + ln_binomial(size - x, n - hits, p) - ln_binomial(size, n, p);
    ln.exp()
}

/// The logarithm of the probability of `x` of `n` where each has the probability `p`.
fn ln_binomial(x: f64, n: f64, p: f64) -> f64 {
    let q = 1.0 - p;
    if x == 0.0 {
        return n * (-p).ln_1p();
    }
    if x >= n {
        return n * p.ln();
    }
    let rest = n - x;
    stirling_error(n)
        - stirling_error(x)
        - stirling_error(rest)
        - deviance(x, n * p)
        - deviance(rest, n * q)
        + 0.5 * (n / (2.0 * PI * x * rest)).ln()
}

/// The logarithm of n! less Stirling's formula for it.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return lgamma(n + 1.0) - ((n + 0.5) * n.ln() - n + 0.5 * (2.0 * PI).ln());
    }
    let s = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / s) / s) / s) / s)
        / n
}

/// `x ln(x / m) + m - x`, also where `x` is close to `m`.
fn deviance(x: f64, m: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() >= 0.1 {
        return x * (x / m).ln() + m - x;
    }
    let mut sum = (x - m) * v;
    let mut power = 2.0 * x * v;
    let mut odd = 1.0;
    loop {
        power *= v * v;
        odd += 2.0;
        let next = sum + power / odd;
        if next.partial_cmp(&sum) == Some(std::cmp::Ordering::Equal) || odd > 1_000.0 {
            return next;
        }
        sum = next;
    }
}
