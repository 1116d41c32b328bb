//! Where plotters draws: SVG whose looks are left to the page's style sheet, so that one drawing
//! fits light and dark pages and paper.
//!
//! plotters knows no classes, only colours. So each [`Ink`] has a colour that stands for it, and
//! comes out as the class of that name. Plotters counts in whole pixels; a tenth of a unit is one.

use std::{convert::Infallible, fmt::Write};

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

/// Plotters' pixels in a unit of the drawing.
pub const UNIT: i32 = 10;

/// The height of a line of text, in plotters' pixels.
pub const TEXT: i32 = 12 * UNIT;

/// What something is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Lines across.
    Grid,
    /// The axes.
    Axis,
    /// Labels of the axes.
    Label,
    /// Bars that tell how many.
    Bars,
    /// A sample.
    SampleDot,
    /// A sample of what was before.
    EarlierDot,
    /// The outline of what was before.
    Earlier,
    /// Medians.
    P50,
    /// 95th percentiles.
    P95,
    /// 99th percentiles.
    P99,
    /// A median that stands alone.
    P50Dot,
    /// A 95th percentile that stands alone.
    P95Dot,
    /// A 99th percentile that stands alone.
    P99Dot,
    /// The median of what was before.
    EarlierP50,
    /// From the lowest to the highest.
    Band,
    /// Means.
    Mean,
    /// What should not be passed.
    Limit,
    /// Where something happened.
    Mark,
}

impl Ink {
    const ALL: [(Self, &'static str); 18] = [
        (Self::Grid, "grid"),
        (Self::Axis, "axis"),
        (Self::Label, "label"),
        (Self::Bars, "bars"),
        (Self::SampleDot, "bars dot"),
        (Self::EarlierDot, "earlier dot"),
        (Self::Earlier, "earlier"),
        (Self::P50, "p50"),
        (Self::P95, "p95"),
        (Self::P99, "p99"),
        (Self::P50Dot, "p50 dot"),
        (Self::P95Dot, "p95 dot"),
        (Self::P99Dot, "p99 dot"),
        (Self::EarlierP50, "earlier-p50"),
        (Self::Band, "band"),
        (Self::Mean, "mean"),
        (Self::Limit, "limit"),
        (Self::Mark, "mark"),
    ];

    /// The colour that stands for it.
    pub fn color(self) -> RGBColor {
        let place = Self::ALL.iter().position(|(ink, _)| *ink == self);
        RGBColor(0, 0, u8::try_from(place.unwrap_or(0)).unwrap_or(0))
    }

    /// The class that it comes out as.
    pub fn class(self) -> &'static str {
        let found = Self::ALL.iter().find(|(ink, _)| *ink == self);
        found.map_or("grid", |(_, class)| class)
    }

    fn class_of(color: BackendColor) -> &'static str {
        let place = usize::from(color.rgb.2);
        Self::ALL.get(place).map_or("grid", |(_, class)| class)
    }

    /// For outlines.
    pub fn line(self) -> ShapeStyle {
        Color::stroke_width(&self.color(), 1)
    }

    /// For areas.
    pub fn area(self) -> ShapeStyle {
        self.color().filled()
    }
}

/// An error of plotters', which the canvas itself has none of.
pub type DrawingError = DrawingAreaErrorKind<Infallible>;

/// Collects the elements of an SVG.
pub struct Canvas<'a> {
    size: (i32, i32),
    elements: &'a mut String,
    /// The path that further shapes of its class are added to.
    path: Option<(&'static str, String)>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Canvas<'a> {
    /// A canvas of `size` units, which leaves what is drawn in `elements`.
    pub fn new(size: (i32, i32), elements: &'a mut String) -> Self {
        Self {
            size,
            elements,
            path: None,
        }
    }

    /// The path of the class that a style stands for, where there is anything to see.
    fn path(&mut self, color: BackendColor) -> Option<&mut String> {
        if color.alpha <= 0.0 {
            return None;
        }
        let class = Ink::class_of(color);
        if self.path.as_ref().is_none_or(|(open, _)| *open != class) {
            self.end_path();
            self.path = Some((class, String::new()));
        }
        self.path.as_mut().map(|(_, path)| path)
    }

    fn end_path(&mut self) {
        if let Some((class, path)) = self.path.take() {
            push(
                self.elements,
                format_args!(r#"<path class="{class}" d="{path}"/>"#),
            );
        }
    }
}

/// Text is always taken.
fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// Pixels of plotters' in units.
struct Units(i32);

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, tenth) = (self.0.abs() / UNIT, self.0.abs() % UNIT);
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if tenth > 0 {
            write!(f, ".{tenth}")?;
        }
        Ok(())
    }
}

fn polygon(path: &mut String, points: impl IntoIterator<Item = BackendCoord>) {
    for (at, (x, y)) in points.into_iter().enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        push(path, format_args!("{command}{} {}", Units(x), Units(y)));
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let (width, height) = self.size;
        (
            (width * UNIT).unsigned_abs(),
            (height * UNIT).unsigned_abs(),
        )
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        self.end_path();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        if let Some(path) = self.path(color) {
            push(path, format_args!("M{} {}h.1v.1h-.1z", Units(x), Units(y)));
        }
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let (width, height) = (right - left, bottom - top);
        if let Some(path) = self.path(style.color()) {
            push(
                path,
                format_args!(
                    "M{} {}h{}v{}h{}z",
                    Units(left),
                    Units(top),
                    Units(width),
                    Units(height),
                    Units(-width)
                ),
            );
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        if let Some(path) = self.path(style.color()) {
            polygon(path, points);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let radius = i32::try_from(radius).unwrap_or(i32::MAX / 4);
        if let Some(path) = self.path(style.color()) {
            let (r, d) = (Units(radius), Units(2 * radius));
            push(
                path,
                format_args!(
                    "M{} {}a{r} {r} 0 1 1 {d} 0a{r} {r} 0 1 1 -{d} 0z",
                    Units(x - radius),
                    Units(y)
                ),
            );
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        if let Some(path) = self.path(style.color()) {
            polygon(path, points);
            path.push('z');
        }
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        (x, y): BackendCoord,
    ) -> Drawn {
        self.end_path();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => r#" text-anchor="middle""#,
            HPos::Right => r#" text-anchor="end""#,
        };
        let shift = match style.anchor().v_pos {
            VPos::Top => r#" dy=".76em""#,
            VPos::Center => r#" dy=".35em""#,
            VPos::Bottom => "",
        };
        let class = Ink::class_of(style.color());
        let text = askama::filters::escape(text, askama::filters::Html)
            .map_or_else(|never| match never {}, |text| text.to_string());
        push(
            self.elements,
            format_args!(
                r#"<text class="{class}" x="{}" y="{}"{anchor}{shift}>{text}</text>"#,
                Units(x),
                Units(y)
            ),
        );
        Ok(())
    }
}
