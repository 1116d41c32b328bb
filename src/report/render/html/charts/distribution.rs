//! How samples are distributed.

use super::{
    Drawing, DrawingError, Ink, Sign,
    dots::{compared_one_by_one, one_by_one},
    draw,
    view::{Mark, SIZE, View, extent, samples},
};
use crate::{report::charts::few::Few, stats::Histogram, units::Unit};

/// The distribution of an operation's samples, with their percentiles marked where they are known.
/// Few samples are drawn one by one. `None` if no sample is a finite number.
pub fn distribution(
    histogram: &Histogram,
    few: Option<&Few>,
    unit: &Unit,
    percentiles: [Option<f64>; 3],
) -> Result<Option<Drawing>, DrawingError> {
    let Some(view) = View::of(&[histogram], unit) else {
        return Ok(None);
    };
    if let Some(few) = few {
        return one_by_one(&view, few, unit).map(Some);
    }
    let marks: Vec<Mark> = [(Ink::P50, "p50"), (Ink::P95, "p95"), (Ink::P99, "p99")]
        .into_iter()
        .zip(percentiles)
        .filter_map(|((ink, name), value)| {
            let value = value.filter(|value| value.is_finite())?;
            Some(Mark { ink, name, value })
        })
        .collect();
    let shares = view.shares(histogram);
    let elements = draw(SIZE, |area| {
        let plot = view.axes(area, shares.iter().copied())?;
        view.draw_bars(plot, area, &shares, None, &marks)
    })?;
    let described = marks
        .iter()
        .map(|mark| format!("{} {}", mark.name, unit.show(mark.value)));
    let description: Vec<String> = [extent(histogram, unit)]
        .into_iter()
        .chain(described)
        .collect();
    Ok(Some(Drawing {
        size: SIZE,
        elements,
        title: format!("Distribution of {}", samples(histogram)),
        description: description.join(", "),
        legend: Vec::new(),
        note: view.note(&[histogram], unit),
    }))
}

/// The distributions of two periods, one over the other, with their medians marked. The samples of a
/// period that has few are drawn one by one.
pub fn compared(
    [earlier, later]: [&Histogram; 2],
    few: [Option<&Few>; 2],
    unit: &Unit,
    medians: [Option<f64>; 2],
) -> Result<Option<Drawing>, DrawingError> {
    let Some(view) = View::of(&[earlier, later], unit) else {
        return Ok(None);
    };
    if few.iter().any(Option::is_some) {
        return compared_one_by_one(&view, [earlier, later], few, unit).map(Some);
    }
    let names = [(Ink::EarlierP50, "before"), (Ink::P50, "after")];
    let marks: Vec<Mark> = names
        .into_iter()
        .zip(medians)
        .filter_map(|((ink, name), value)| {
            let value = value.filter(|value| value.is_finite())?;
            Some(Mark { ink, name, value })
        })
        .collect();
    let (before, after) = (view.shares(earlier), view.shares(later));
    let elements = draw(SIZE, |area| {
        let plot = view.axes(area, before.iter().chain(&after).copied())?;
        view.draw_bars(plot, area, &after, Some(&before), &marks)
    })?;
    Ok(Some(Drawing {
        size: SIZE,
        elements,
        title: "Distributions of both periods".to_owned(),
        description: format!(
            "Before: {}. After: {}",
            extent(earlier, unit),
            extent(later, unit)
        ),
        legend: vec![
            Sign::new("earlier", format!("before, {}", samples(earlier))),
            Sign::new("bars", format!("after, {}", samples(later))),
        ],
        note: view.note(&[earlier, later], unit),
    }))
}
