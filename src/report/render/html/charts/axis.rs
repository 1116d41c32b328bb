//! Axes whose marks are where people look for them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::units::Unit;

/// An axis, linear or logarithmic, with its marks and their labels.
#[derive(Debug, Clone)]
pub struct Axis {
    range: Range<f64>,
    logarithmic: bool,
    marks: Vec<(f64, String)>,
}

/// A spread of more than this asks for a logarithmic axis.
const WIDE: f64 = 20.0;

impl Axis {
    /// A linear axis with marks of one's own.
    pub fn new(range: Range<f64>, marks: Vec<(f64, String)>) -> Self {
        Self {
            range,
            logarithmic: false,
            marks,
        }
    }

    /// An axis for values from `low` to `high` in `unit`, logarithmic where the spread asks for it.
    pub fn of_values(low: f64, high: f64, unit: &Unit, marks: usize) -> Self {
        if low > 0.0 && high / low > WIDE {
            Self::logarithmic(low, high, unit, marks)
        } else {
            // As much around a single value as its three digits can tell.
            let least = low.abs().max(high.abs()) * 0.02;
            let room = ((high - low) * 0.04).max(least);
            let room = if room > 0.0 { room } else { 1.0 };
            Self::linear(low - room..high + room, unit, marks)
        }
    }

    /// A linear axis that begins at zero, unless there is less.
    pub fn from_zero(low: f64, high: f64, unit: &Unit, marks: usize) -> Self {
        let high = if high > 0.0 { high * 1.06 } else { 1.0 };
        Self::linear(low.min(0.0)..high, unit, marks)
    }

    fn linear(range: Range<f64>, unit: &Unit, most: usize) -> Self {
        // So far that its length is still a number.
        let farthest = f64::MAX / 4.0;
        let range = range.start.max(-farthest)..range.end.min(farthest);
        // The unit of the greatest one for all of them.
        let greatest = range.start.abs().max(range.end.abs());
        let (scale, _) = unit.scale(greatest);
        let marks = even_marks(range.start / scale, range.end / scale, most)
            .into_iter()
            .map(|mark| mark * scale)
            .map(|mark| (mark, unit.label(mark, greatest)))
            .collect();
        Self::new(range, marks)
    }

    fn logarithmic(low: f64, high: f64, unit: &Unit, most: usize) -> Self {
        let low = (low * 0.9).max(f64::MIN_POSITIVE);
        let high = (high * 1.1).min(f64::MAX);
        // Powers of ten of seconds, since its names change with them.
        let base = if unit.is_time() {
            unit.to_base(1.0)
        } else {
            1.0
        };
        // Not of the products, which may be too large or too small for a number.
        let (first, last) = (low.log10() + base.log10(), high.log10() + base.log10());
        let whole = |exponent: f64| -> i32 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "within some ten of -308 and 309"
            )]
            let whole = exponent as i32;
            whole
        };
        let exponents = whole(first.floor())..=whole(last.ceil());
        let steps: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let within = |factors: &[f64], every: i32| -> Vec<f64> {
            exponents
                .clone()
                .filter(|exponent| exponent.rem_euclid(every) == 0)
                .flat_map(|exponent| {
                    let power = 10_f64.powi(exponent);
                    factors.iter().map(move |factor| factor * power / base)
                })
                .filter(|mark| (low..=high).contains(mark))
                .collect()
        };
        let marks = steps
            .iter()
            .map(|factors| within(factors, 1))
            .chain([2, 3, 5, 10, 20, 50, 100].map(|every| within(&[1.0], every)))
            .find(|marks| marks.len() <= most)
            .unwrap_or_default();
        let marks = marks
            .into_iter()
            .map(|mark| (mark, unit.power_label(mark)))
            .collect();
        Self {
            range: low..high,
            logarithmic: true,
            marks,
        }
    }

    /// Whether it is logarithmic.
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// What it goes from and to.
    pub fn bounds(&self) -> (f64, f64) {
        (self.range.start, self.range.end)
    }

    /// The value at a share of the axis' length.
    pub fn at(&self, share: f64) -> f64 {
        let Range { start, end } = self.range;
        if self.logarithmic {
            (start.ln() + (end.ln() - start.ln()) * share).exp()
        } else {
            start + (end - start) * share
        }
    }

    /// The share of the axis' length that a value lies at; beyond its ends the end.
    pub fn share_of(&self, value: f64) -> f64 {
        let Range { start, end } = self.range;
        let share = if self.logarithmic {
            (value.ln() - start.ln()) / (end.ln() - start.ln())
        } else {
            (value - start) / (end - start)
        };
        // A value that is no number, as that of a logarithm may be, is at the beginning.
        share.clamp(0.0, 1.0).max(0.0)
    }
}

/// At most some `most` marks at multiples of 1, 2 or 5 and a power of ten.
pub fn even_marks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let length = high - low;
    if !(length > 0.0 && length.is_finite()) {
        return Vec::new();
    }
    let rough = length / most.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil();
    (0..=most)
        .map(|at| (first + at as f64) * step)
        .filter(|mark| *mark <= high)
        // Zero may come out as a negative one.
        .map(|mark| mark + 0.0)
        .collect()
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "within the limits")]
        let way = (f64::from(to - from) * self.share_of(*value)).round() as i32;
        from + way
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.marks.iter().map(|(mark, _)| *mark).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let is_it = |mark: &f64| mark.total_cmp(value).is_eq();
        let label = self.marks.iter().find(|(mark, _)| is_it(mark));
        label.map_or_else(String::new, |(_, label)| label.clone())
    }
}
