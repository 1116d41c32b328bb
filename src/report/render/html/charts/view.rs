//! What charts of distributions have in common: their range, axes and marks.

use super::{Area, Axis, DrawingError, Frame, Ink, Plot, UNIT, axis, plot, text};
use crate::{quantity, stats::Histogram, units::Unit};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

pub(super) const SIZE: (i32, i32) = (420, 230);

pub(super) const FRAME: Frame = Frame {
    left: 46,
    right: 18,
    top: 20,
    bottom: 24,
};

/// How many bars there is room for.
const BARS: u32 = 48;

/// A bucket of a histogram is some 2.2 % of a value wide; narrower bars would show nothing more.
const BUCKET: f64 = 0.0219;

/// Half the gap between bars, in plotters' pixels.
const GAP: u32 = 2;

/// A value to be marked.
pub struct Mark {
    pub(super) ink: Ink,
    pub(super) name: &'static str,
    pub(super) value: f64,
}

pub(super) fn samples(histogram: &Histogram) -> String {
    match histogram.count() {
        1 => "one sample".to_owned(),
        more => format!("{} samples", quantity::count(more as f64)),
    }
}

/// What is said of a distribution in its description.
pub(super) fn extent(histogram: &Histogram, unit: &Unit) -> String {
    let samples = samples(histogram);
    match (histogram.min(), histogram.max()) {
        (Some(min), Some(max)) => {
            format!("{samples} from {} to {}", unit.show(min), unit.show(max))
        }
        _ => samples,
    }
}

/// The stretch of values to be seen, and the bars that it is divided into.
pub(super) struct View {
    pub(super) axis: Axis,
    bars: u32,
    /// How many samples there are below its beginning, and above its end.
    beyond: [f64; 2],
}

impl View {
    pub(super) fn of(histograms: &[&Histogram], unit: &Unit) -> Option<Self> {
        let ranges = histograms.iter().filter_map(|histogram| range(histogram));
        let (low, high) = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let axis = Axis::of_values(low, high, unit, 6);
        let (start, end) = axis.bounds();
        let narrowest = if axis.is_logarithmic() {
            (end / start).ln() / BUCKET
        } else {
            (end - start) / (BUCKET * start.abs().max(end.abs()))
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "held within the bounds"
        )]
        let bars = narrowest.clamp(8.0, BARS.into()) as u32;
        // A single value is in the middle of its bar.
        let bars = if low < high { bars } else { bars | 1 };
        let of_all =
            |beyond: &dyn Fn(&Histogram) -> f64| histograms.iter().copied().map(beyond).sum();
        let beyond = [
            of_all(&|it| it.count_le(start)),
            of_all(&|it| it.count() as f64 - it.count_le(end)),
        ];
        Some(Self { axis, bars, beyond })
    }

    fn edge(&self, bar: u32) -> f64 {
        self.axis.at(f64::from(bar) / f64::from(self.bars))
    }

    /// The share of the samples in each bar, in percent.
    pub(super) fn shares(&self, histogram: &Histogram) -> Vec<f64> {
        let total = (histogram.count() as f64).max(1.0);
        let up_to: Vec<f64> = (0..=self.bars)
            .map(|bar| histogram.count_le(self.edge(bar)))
            .collect();
        up_to
            .windows(2)
            .map(|ends| ((ends[1] - ends[0]) / total * 100.0).max(0.0))
            .collect()
    }

    pub(super) fn axes<'a, 'b>(
        &self,
        area: &'a Area<'b>,
        shares: impl Iterator<Item = f64>,
    ) -> Result<Plot<'a, 'b>, DrawingError> {
        let most = shares.fold(0.0, f64::max);
        let height = if most > 0.0 { most * 1.04 } else { 1.0 };
        let marks = axis::even_marks(0.0, height, 5)
            .into_iter()
            .map(|mark| (mark, Unit::Percent.label(mark, height)))
            .collect();
        plot(
            area,
            &FRAME,
            self.axis.clone(),
            Axis::new(0.0..height, marks),
        )
    }

    pub(super) fn draw_bars(
        &self,
        mut plot: Plot<'_, '_>,
        area: &Area<'_>,
        shares: &[f64],
        outline: Option<&[f64]>,
        marks: &[Mark],
    ) -> Result<(), DrawingError> {
        self.draw_bars_alone(&mut plot, shares)?;
        if let Some(shares) = outline {
            self.draw_outline(&mut plot, shares)?;
        }
        let bottom = plot.backend_coord(&(self.edge(0), 0.0)).1;
        let places: Vec<i32> = marks
            .iter()
            .map(|mark| plot.backend_coord(&(mark.value, 0.0)).0)
            .collect();
        for (mark, &x) in marks.iter().zip(&places) {
            let line = vec![(x, FRAME.top * UNIT - 2 * UNIT), (x, bottom)];
            area.draw(&PathElement::new(line, mark.ink.line()))?;
        }
        for (mark, x) in marks.iter().zip(apart(marks, &places)) {
            let style = text(Ink::Label, (HPos::Center, VPos::Bottom));
            area.draw_text(mark.name, &style, (x, (FRAME.top - 5) * UNIT))?;
        }
        Ok(())
    }

    fn ends(&self, bar: u32) -> (f64, f64) {
        (self.edge(bar), self.edge(bar + 1))
    }

    pub(super) fn draw_bars_alone(
        &self,
        plot: &mut Plot<'_, '_>,
        shares: &[f64],
    ) -> Result<(), DrawingError> {
        let bars = (0..self.bars)
            .zip(shares)
            .filter(|(_, share)| **share > 0.0);
        plot.draw_series(bars.map(|(bar, &share)| {
            let (from, to) = self.ends(bar);
            let mut bar = Rectangle::new([(from, share), (to, 0.0)], Ink::Bars.area());
            bar.set_margin(0, 0, GAP, GAP);
            bar
        }))?;
        Ok(())
    }

    pub(super) fn draw_outline(
        &self,
        plot: &mut Plot<'_, '_>,
        shares: &[f64],
    ) -> Result<(), DrawingError> {
        let steps = (0..self.bars).zip(shares).flat_map(|(bar, &share)| {
            let (from, to) = self.ends(bar);
            [(from, share), (to, share)]
        });
        plot.draw_series(LineSeries::new(steps, Ink::Earlier.line()))?;
        Ok(())
    }

    /// What is not to be seen.
    pub(super) fn note(&self, histograms: &[&Histogram], unit: &Unit) -> Option<String> {
        let mut notes = Vec::new();
        let least = histograms.iter().filter_map(|it| it.min());
        let greatest = histograms.iter().filter_map(|it| it.max());
        let sides = [
            ("below", "down to", least.fold(f64::INFINITY, f64::min)),
            ("above", "up to", greatest.fold(f64::NEG_INFINITY, f64::max)),
        ];
        for ((side, towards, farthest), number) in sides.into_iter().zip(self.beyond) {
            if number >= 0.5 {
                let number = quantity::count(number.round());
                let farthest = unit.show(farthest);
                notes.push(format!("{number} {side} the axis, {towards} {farthest}"));
            }
        }
        let nans: u64 = histograms.iter().map(|histogram| histogram.nans()).sum();
        if nans > 0 {
            notes.push(format!("{} not a number", quantity::count(nans as f64)));
        }
        (!notes.is_empty()).then(|| format!("Not shown: {}.", notes.join("; ")))
    }
}

/// The values to be seen: all finite ones, but for tails that would leave the others no room.
fn range(histogram: &Histogram) -> Option<(f64, f64)> {
    /// A tail that is so many times as long as most samples are wide is cut.
    const LONG: f64 = 20.0;
    let mut finite = histogram
        .buckets()
        .iter()
        .filter(|bucket| bucket.lower.is_finite() && bucket.upper.is_finite());
    let first = finite.next()?;
    let last = finite.next_back().unwrap_or(first);
    let low = first.lower.max(histogram.min()?);
    let high = last.upper.min(histogram.max()?);
    if low > 0.0 {
        return Some((low, high));
    }
    // A logarithmic axis has no zero, so long tails cannot be had with it.
    let [p1, p5, p95, p99] = histogram.percentiles(&[1.0, 5.0, 95.0, 99.0])[..] else {
        return Some((low, high));
    };
    let most = p95 - p5;
    let is_long = |tail: f64| most > 0.0 && tail > LONG * most;
    Some((
        if is_long(p5 - low) { p1 } else { low },
        if is_long(high - p95) { p99 } else { high },
    ))
}

/// Places for the names of marks, as near to these as they fit beside each other.
fn apart(marks: &[Mark], places: &[i32]) -> Vec<i32> {
    let half = |at: usize| {
        let letters = i32::try_from(marks[at].name.len()).unwrap_or(0);
        (letters * 7 + 8) * UNIT / 2
    };
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&at| places[at]);
    let mut found = places.to_vec();
    let mut least = FRAME.left * UNIT;
    for &at in &order {
        found[at] = found[at].max(least + half(at));
        least = found[at] + half(at);
    }
    let mut most = (SIZE.0 - FRAME.right) * UNIT;
    for &at in order.iter().rev() {
        found[at] = found[at].min(most - half(at));
        most = found[at] - half(at);
    }
    found
}
