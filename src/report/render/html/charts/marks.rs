//! Where something happened, across a drawing over time.

use plotters::prelude::*;

use super::{DrawingError, Ink, Plot, Sign, Window};
use crate::{
    report::{charts::Mark, render::view::Moment},
    text::display,
};

/// More of them would hide what there is to see.
const MOST: usize = 6;

/// The longest label.
const LONGEST: usize = 24;

/// Those of `marks` that a drawing has room for: the last ones within.
pub fn within<'a>(marks: &'a [Mark], window: Window<'_>) -> Vec<&'a Mark> {
    let is_within = |mark: &&Mark| window.holds(mark.time);
    let mut kept: Vec<&Mark> = marks.iter().filter(is_within).collect();
    kept.drain(..kept.len().saturating_sub(MOST));
    kept
}

/// Draws them from the bottom to the top.
pub fn draw(
    plot: &mut Plot<'_, '_>,
    marks: &[&Mark],
    [low, high]: [f64; 2],
    window: Window<'_>,
) -> Result<(), DrawingError> {
    for mark in marks {
        let at = window.at(mark.time);
        let line = [(at, low), (at, high)];
        plot.draw_series(LineSeries::new(line, Ink::Mark.line()))?;
    }
    Ok(())
}

/// What to say of them below.
pub fn signs(marks: &[&Mark], window: Window<'_>) -> Vec<Sign> {
    marks
        .iter()
        .map(|mark| {
            let label = display::shortened(&display::text(&mark.label), LONGEST);
            let from = when(mark.time, window);
            Sign::new("mark", format!("{label} from {from}"))
        })
        .collect()
}

fn when(time: i64, window: Window<'_>) -> String {
    let moment = Moment::new(window.zone(), time);
    if window.is_of_days() {
        format!("{} {}", moment.day(), moment.hour_and_minute())
    } else {
        moment.hour_and_minute()
    }
}
