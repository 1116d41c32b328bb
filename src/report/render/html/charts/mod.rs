//! Charts as SVG, drawn by plotters.

mod axis;
mod canvas;
mod distribution;
mod dots;
mod marks;
mod resource;
mod time;
mod timeline;
mod view;

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use axis::Axis;
use canvas::{Canvas, DrawingError, Ink, TEXT, UNIT};
pub use distribution::{compared, distribution};
pub use resource::readings;
pub use time::Window;
pub use timeline::timeline;

/// A drawing and what to say of it.
#[derive(Debug)]
pub struct Drawing {
    /// Width and height, in units of the drawing.
    pub size: (i32, i32),
    /// The elements of the SVG.
    pub elements: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What there is to see, for those who do not see it.
    pub description: String,
    /// What is drawn how.
    pub legend: Vec<Sign>,
    /// What it does not show.
    pub note: Option<String>,
}

/// What stands for something in a drawing.
#[derive(Debug)]
pub struct Sign {
    /// The class it is drawn with.
    pub class: &'static str,
    /// What it stands for.
    pub label: String,
}

impl Sign {
    fn new(class: &'static str, label: impl Into<String>) -> Self {
        Self {
            class,
            label: label.into(),
        }
    }
}

type Area<'a> = DrawingArea<Canvas<'a>, plotters::coord::Shift>;
type Plot<'a, 'b> = ChartContext<'a, Canvas<'b>, Cartesian2d<Axis, Axis>>;

/// The sides of a plot, in units: where the labels of the axes are, and the room beyond.
struct Frame {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

/// Draws on a canvas of `size` units, and returns the elements.
fn draw(
    size: (i32, i32),
    work: impl FnOnce(&Area<'_>) -> Result<(), DrawingError>,
) -> Result<String, DrawingError> {
    let mut elements = String::new();
    {
        let area = Canvas::new(size, &mut elements).into_drawing_area();
        work(&area)?;
        area.present()?;
    }
    Ok(elements)
}

fn text(ink: Ink, anchor: (HPos, VPos)) -> TextStyle<'static> {
    // The style sheet has the last word; this one is for the layout.
    let font = ("sans-serif", f64::from(TEXT)).into_font();
    let (horizontal, vertical) = anchor;
    font.color(&ink.color()).pos(Pos::new(horizontal, vertical))
}

/// The axes and lines across.
fn plot<'a, 'b>(
    area: &'a Area<'b>,
    frame: &Frame,
    x: Axis,
    y: Axis,
) -> Result<Plot<'a, 'b>, DrawingError> {
    let mut plot = ChartBuilder::on(area)
        .margin_top(frame.top * UNIT)
        .margin_right(frame.right * UNIT)
        .set_label_area_size(LabelAreaPosition::Left, frame.left * UNIT)
        .set_label_area_size(LabelAreaPosition::Bottom, frame.bottom * UNIT)
        .build_cartesian_2d(x, y)?;
    plot.configure_mesh()
        .disable_x_mesh()
        .bold_line_style(Ink::Grid.line())
        .light_line_style(TRANSPARENT)
        .axis_style(Ink::Axis.line())
        .label_style(text(Ink::Label, (HPos::Center, VPos::Top)))
        .set_all_tick_mark_size(3 * UNIT)
        .draw()?;
    Ok(plot)
}
