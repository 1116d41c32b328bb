//! How an operation's samples went over time: percentiles above, how many there were below.

use plotters::prelude::*;

use super::{Area, Axis, Drawing, DrawingError, Frame, Ink, Sign, UNIT, Window, draw, marks, plot};
use crate::{
    quantity,
    report::charts::{Mark, Slot},
    time::NANOS_PER_SEC,
    units::Unit,
};

const SIZE: (i32, i32) = (420, 230);

/// The height of the part above.
const ABOVE: i32 = 146;

const FRAME: Frame = Frame {
    left: 46,
    right: 18,
    top: 8,
    bottom: 4,
};

const FRAME_BELOW: Frame = Frame {
    left: 46,
    right: 18,
    top: 10,
    bottom: 24,
};

/// Percentiles that differ so much ask for a logarithmic axis.
const WIDE: f64 = 50.0;

/// The dot of a slot without neighbours, in units.
const DOT: i32 = 2;

type Figure = fn(&Slot) -> f64;

const LINES: [(Ink, Ink, &str, Figure); 3] = [
    (Ink::P99, Ink::P99Dot, "p99", |slot| slot.p99),
    (Ink::P95, Ink::P95Dot, "p95", |slot| slot.p95),
    (Ink::P50, Ink::P50Dot, "p50", |slot| slot.p50),
];

/// The percentiles and the throughput of slots. `None` without any.
pub fn timeline(
    slots: &[Slot],
    unit: &Unit,
    window: Window<'_>,
    marks: &[Mark],
) -> Result<Option<Drawing>, DrawingError> {
    let marked = marks::within(marks, window);
    let known: Vec<&Slot> = slots.iter().filter(|slot| slot.count > 0).collect();
    let figures = || {
        let of_slot = |slot: &&Slot| [slot.p50, slot.p95, slot.p99];
        let figures = known.iter().flat_map(of_slot);
        figures.filter(|figure| figure.is_finite())
    };
    if known.is_empty() {
        return Ok(None);
    }
    let low = figures().fold(f64::INFINITY, f64::min);
    let high = figures().fold(f64::NEG_INFINITY, f64::max);
    let values = if low > 0.0 && high / low > WIDE {
        Axis::of_values(low, high, unit, 5)
    } else {
        Axis::from_zero(low.min(0.0), high.max(0.0), unit, 4)
    };
    let rate = Rate::of(&known);
    let elements = draw(SIZE, |area| {
        let (above, below) = area.split_vertically(ABOVE * UNIT);
        draw_percentiles(&above, &known, values, window, &marked)?;
        draw_rates(&below, &known, &rate, window)
    })?;
    let mut description = Drawing::over(&format!("{} slots", known.len()), window);
    if low <= high {
        let [low, high] = [low, high].map(|figure| unit.show(figure));
        description = format!("{description}: percentiles from {low} to {high}");
    }
    let most = quantity::digits(rate.most);
    description = format!("{description}; at most {most} {}", rate.name);
    let mut legend: Vec<Sign> = LINES
        .iter()
        .rev()
        .map(|(_, _, name, _)| Sign::new(name, *name))
        .collect();
    legend.push(Sign::new("bars", rate.name));
    legend.extend(marks::signs(&marked, window));
    Ok(Some(Drawing {
        size: SIZE,
        elements,
        title: Drawing::over("Percentiles and throughput", window),
        description,
        legend,
        note: None,
    }))
}

fn middle(slot: &Slot) -> i64 {
    i64::midpoint(slot.start, slot.end)
}

fn draw_percentiles(
    area: &Area<'_>,
    slots: &[&Slot],
    values: Axis,
    window: Window<'_>,
    marked: &[&Mark],
) -> Result<(), DrawingError> {
    // The times are told below.
    let (_, end) = window.axis().bounds();
    let ends: [f64; 2] = values.bounds().into();
    let mut plot = plot(area, &FRAME, Axis::new(0.0..end, Vec::new()), values)?;
    marks::draw(&mut plot, marked, ends, window)?;
    for (line, dot, _, figure) in LINES {
        let known: Vec<&&Slot> = slots
            .iter()
            .filter(|slot| figure(slot).is_finite())
            .collect();
        let at = |slot: &&&Slot| (window.at(middle(slot)), figure(slot));
        let (alone, runs): (Vec<_>, Vec<_>) = known
            .chunk_by(|a, b| a.end == b.start)
            .partition(|run| run.len() == 1);
        for run in runs {
            plot.draw_series(LineSeries::new(run.iter().map(at), line.line()))?;
        }
        let dots = alone.into_iter().flatten();
        plot.draw_series(dots.map(|slot| Circle::new(at(slot), DOT * UNIT, dot.area())))?;
    }
    Ok(())
}

/// What throughput is counted in.
struct Rate {
    seconds: f64,
    name: &'static str,
    most: f64,
}

impl Rate {
    /// The shortest time in which there is one sample at least, where the most are.
    fn of(slots: &[&Slot]) -> Self {
        let most = slots.iter().map(|slot| a_second(slot)).fold(0.0, f64::max);
        let units = [
            (1.0, "samples a second"),
            (60.0, "samples a minute"),
            (3_600.0, "samples an hour"),
        ];
        let fits = |&&(seconds, _): &&(f64, &str)| most * seconds >= 1.0;
        let (seconds, name) = *units.iter().find(fits).unwrap_or(&units[2]);
        Self {
            seconds,
            name,
            most: most * seconds,
        }
    }
}

fn a_second(slot: &Slot) -> f64 {
    let length = slot.end.saturating_sub(slot.start).max(1);
    slot.count as f64 / (length as f64 / NANOS_PER_SEC as f64)
}

fn draw_rates(
    area: &Area<'_>,
    slots: &[&Slot],
    rate: &Rate,
    window: Window<'_>,
) -> Result<(), DrawingError> {
    let unit = Unit::Other(String::new());
    let rates = Axis::from_zero(0.0, rate.most, &unit, 3);
    let mut plot = plot(area, &FRAME_BELOW, window.axis(), rates)?;
    plot.draw_series(slots.iter().map(|slot| {
        let (from, to) = (window.at(slot.start), window.at(slot.end));
        let height = a_second(slot) * rate.seconds;
        Rectangle::new([(from, height), (to, 0.0)], Ink::Bars.area())
    }))?;
    Ok(())
}
