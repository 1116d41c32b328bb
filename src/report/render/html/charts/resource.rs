//! How busy a resource was.

use plotters::prelude::*;

use super::{Axis, Drawing, DrawingError, Frame, Ink, Sign, Window, axis, draw, marks, plot};
use crate::{
    report::charts::{Band, Mark, ResourceChart},
    units::Unit,
};

const SIZE: (i32, i32) = (420, 160);

const FRAME: Frame = Frame {
    left: 46,
    right: 18,
    top: 8,
    bottom: 24,
};

/// The readings of a resource: the band from the lowest to the highest, the means, and the
/// threshold. `None` without any.
pub fn readings(
    chart: &ResourceChart,
    name: &str,
    window: Window<'_>,
    marks: &[Mark],
) -> Result<Option<Drawing>, DrawingError> {
    let marked = marks::within(marks, window);
    let unit = Unit::parse(&chart.unit);
    let bands: Vec<&Band> = chart
        .slots
        .iter()
        .filter(|band| {
            [band.min, band.mean, band.max]
                .iter()
                .all(|it| it.is_finite())
        })
        .collect();
    if bands.is_empty() {
        return Ok(None);
    }
    let low = bands
        .iter()
        .map(|band| band.min)
        .fold(f64::INFINITY, f64::min);
    let high = bands
        .iter()
        .map(|band| band.max)
        .fold(f64::NEG_INFINITY, f64::max);
    let elements = draw(SIZE, |area| {
        let values = if unit == Unit::Percent && low >= 0.0 && high <= 100.0 {
            let marks = axis::even_marks(0.0, 100.0, 4);
            let labelled = marks.into_iter().map(|it| (it, unit.label(it, 100.0)));
            Axis::new(0.0..100.0, labelled.collect())
        } else {
            let most = chart.threshold.map_or(high, |limit| limit.max(high));
            Axis::from_zero(low, most, &unit, 4)
        };
        let (_, end) = window.axis().bounds();
        let ends: [f64; 2] = values.bounds().into();
        let mut plot = plot(area, &FRAME, window.axis(), values)?;
        for run in bands.chunk_by(|a, b| a.end == b.start) {
            let upper = run.iter().flat_map(|band| edges(band, band.max, window));
            let lower = run.iter().rev().flat_map(|band| {
                let [start, end] = edges(band, band.min, window);
                [end, start]
            });
            let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
            plot.draw_series([Polygon::new(outline, Ink::Band.area())])?;
        }
        for run in bands.chunk_by(|a, b| a.end == b.start) {
            let means = run.iter().flat_map(|band| edges(band, band.mean, window));
            plot.draw_series(LineSeries::new(means, Ink::Mean.line()))?;
        }
        marks::draw(&mut plot, &marked, ends, window)?;
        if let Some(limit) = chart.threshold {
            let across = [(0.0, limit), (end, limit)];
            plot.draw_series(LineSeries::new(across, Ink::Limit.line()))?;
        }
        Ok(())
    })?;
    let [low, high] = [low, high].map(|reading| unit.show(reading));
    let mut legend = vec![Sign::new("mean", "mean"), Sign::new("band", "min to max")];
    if let Some(limit) = chart.threshold {
        let limit = unit.show_short(limit);
        legend.push(Sign::new("limit", format!("threshold, {limit}")));
    }
    legend.extend(marks::signs(&marked, window));
    Ok(Some(Drawing {
        size: SIZE,
        elements,
        title: Drawing::over(name, window),
        description: format!("Readings from {low} to {high}"),
        legend,
        note: None,
    }))
}

fn edges(band: &Band, value: f64, window: Window<'_>) -> [(f64, f64); 2] {
    [band.start, band.end].map(|time| (window.at(time), value))
}
