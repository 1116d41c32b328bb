//! Few samples, drawn one by one.

use plotters::prelude::*;

use super::{
    Area, Axis, Drawing, DrawingError, Ink, Plot, Sign, UNIT, draw, plot,
    view::{FRAME, SIZE, View, extent, samples},
};
use crate::{report::charts::few::Few, stats::Histogram, units::Unit};

/// Each sample as a dot.
pub(super) fn one_by_one(view: &View, few: &Few, unit: &Unit) -> Result<Drawing, DrawingError> {
    const SIZE: (i32, i32) = (420, 96);
    let words = few.words(unit);
    let title = match few.values.len() {
        1 => "One sample".to_owned(),
        more => format!("{more} samples, one by one"),
    };
    let elements = draw(SIZE, |area| {
        let axes = Axis::new(0.0..1.0, Vec::new());
        let plot = plot(area, &FRAME, view.axis.clone(), axes)?;
        draw_dots(view, &plot, area, (few, Ink::SampleDot), 0.0)
    })?;
    Ok(Drawing {
        size: SIZE,
        elements,
        title,
        description: words.clone(),
        legend: Vec::new(),
        note: Some(words),
    })
}

/// The samples of two periods, of which at least one has few: those as dots, the others as bars.
pub(super) fn compared_one_by_one(
    view: &View,
    histograms: [&Histogram; 2],
    few: [Option<&Few>; 2],
    unit: &Unit,
) -> Result<Drawing, DrawingError> {
    let names = ["before", "after"];
    let bars = ["earlier", "bars"];
    let dots = [Ink::EarlierDot, Ink::SampleDot];
    let shares: Vec<Vec<f64>> = histograms
        .iter()
        .zip(few)
        .map(|(histogram, few)| match few {
            Some(_) => Vec::new(),
            None => view.shares(histogram),
        })
        .collect();
    let elements = draw(SIZE, |area| {
        let most = shares.iter().flatten().copied().fold(0.0, f64::max);
        let mut plot = if most > 0.0 {
            view.axes(area, shares.iter().flatten().copied())?
        } else {
            let axes = Axis::new(0.0..1.0, Vec::new());
            plot(area, &FRAME, view.axis.clone(), axes)?
        };
        if few[1].is_none() {
            view.draw_bars_alone(&mut plot, &shares[1])?;
        }
        if few[0].is_none() {
            view.draw_outline(&mut plot, &shares[0])?;
        }
        let height = if most > 0.0 { most * 1.04 } else { 1.0 };
        for ((few, ink), level) in few.iter().zip(dots).zip([0.5, 0.0]) {
            if let Some(few) = few {
                draw_dots(view, &plot, area, (few, ink), level * height)?;
            }
        }
        Ok(())
    })?;
    let said = |which: usize| match few[which] {
        Some(few) => few.words(unit),
        None => extent(histograms[which], unit),
    };
    let legend = [0, 1].map(|which| {
        let class = match few[which] {
            Some(_) => dots[which].class(),
            None => bars[which],
        };
        Sign::new(
            class,
            format!("{}, {}", names[which], samples(histograms[which])),
        )
    });
    let told = [0, 1].map(|which| Some(format!("{}: {}", names[which], few[which]?.words(unit))));
    let told: Vec<String> = told.into_iter().flatten().collect();
    Ok(Drawing {
        size: SIZE,
        elements,
        title: "Samples of both periods".to_owned(),
        description: format!("Before: {}. After: {}", said(0), said(1)),
        legend: legend.into(),
        note: Some(told.join("; ")),
    })
}

/// Draws samples as dots above `level`; those that would hide each other one above the other.
fn draw_dots(
    view: &View,
    plot: &Plot<'_, '_>,
    area: &Area<'_>,
    (few, ink): (&Few, Ink),
    level: f64,
) -> Result<(), DrawingError> {
    const RADIUS: i32 = 5 * UNIT;
    let mut drawn: Vec<(i32, i32)> = Vec::new();
    let (start, end) = view.axis.bounds();
    // What is beyond the axis is told in words alone.
    for value in few.finite().filter(|value| (start..=end).contains(value)) {
        let (x, bottom) = plot.backend_coord(&(value, level));
        let mut y = bottom - 2 * RADIUS;
        let hides = |&(other, height): &(i32, i32), y: i32| {
            (other - x).abs() < 2 * RADIUS && (height - y).abs() < 2 * RADIUS
        };
        while drawn.iter().any(|dot| hides(dot, y)) {
            y -= 2 * RADIUS;
        }
        // Those that there is no room for any more lie upon each other.
        let y = y.max(FRAME.top * UNIT);
        drawn.push((x, y));
        area.draw(&Circle::new((x, y), RADIUS, ink.area()))?;
    }
    Ok(())
}
