//! Reports as HTML: one file that needs nothing else, neither network nor scripts.

mod charts;
mod fragment;

use crate::report::schema::AnyReport;
use askama::Template;

use super::view::{
    COMPARISON, Cell, Change, Document, Fact, Operation, Section, Table, Verdict, resource_name,
};
use crate::{
    error::{Error, Result},
    quantity::{self, THIN_SPACE},
    report::charts::{Charts, Mark, OperationChart},
    text::display::Name,
    units::Unit,
};
use charts::{Drawing, Window};

pub use fragment::{Glance, MAX_ROWS as MAX_GLANCED, render_fragment, render_glance};

/// How many operations have charts; the others are in the table alone.
pub const MAX_CHARTED: usize = 24;

/// How many rows a table has.
const MAX_ROWS: usize = 1_000;

/// Renders a report as one HTML file. What there are charts of is found by the names that the
/// report has; what the report lacks is left out.
///
/// `compared` are the charts of a comparison within the report, as its value `comparison`.
pub fn render_html(
    report: &AnyReport,
    charts: Option<&Charts>,
    compared: Option<&Charts>,
) -> Result<String> {
    let document = Document::of(report, charts, MAX_ROWS);
    let page = Page::of(&document, charts, compared)?;
    page.render().map_err(encoding)
}

fn encoding(error: impl std::fmt::Display) -> Error {
    Error::Encoding(error.to_string())
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    document: &'a Document,
    changed_rows: Option<Table>,
    parts: Vec<Part<'a>>,
    notes: Vec<String>,
    version: &'static str,
}

/// A section and the drawings that belong there.
struct Part<'a> {
    section: &'a Section,
    figures: Vec<Figure>,
    cards: Vec<Card<'a>>,
    cards_note: Option<String>,
}

/// An operation with its drawings.
struct Card<'a> {
    number: usize,
    name: &'a Name,
    provenance: Option<String>,
    verdict: Option<Verdict>,
    words: String,
    facts: Vec<Fact>,
    figures: Vec<Figure>,
}

/// A drawing within the page.
struct Figure {
    /// Makes the names of its parts unique.
    number: usize,
    caption: String,
    drawing: Drawing,
}

impl<'a> Page<'a> {
    fn of(
        document: &'a Document,
        charts: Option<&Charts>,
        compared: Option<&Charts>,
    ) -> Result<Self> {
        let mut drawer = Drawer {
            charts,
            compared: compared.or(charts),
            window: charts.and_then(Window::of),
            drawn: 0,
        };
        let mut parts = Vec::new();
        for section in &document.sections {
            let mut part = Part {
                section,
                figures: Vec::new(),
                cards: Vec::new(),
                cards_note: None,
            };
            match section.id {
                "operations" => {
                    part.cards = drawer.operations(&document.operations)?;
                    let numbers = [part.cards.len(), document.operations.len()];
                    part.cards_note = rest(numbers, "operations", "took the most time");
                }
                "changes" | "endpoints" => {
                    let within = document.kind != COMPARISON;
                    let charts = drawer.compared;
                    let (changes, charts, what) = if section.id == "changes" {
                        let charts = charts.map(|charts| &charts.operations);
                        (&document.changes, charts, "operations")
                    } else {
                        let charts = charts.map(|charts| &charts.endpoints);
                        (&document.requests, charts, "endpoints")
                    };
                    let charts = charts.map_or(&[][..], Vec::as_slice);
                    part.cards = drawer.changes(changes, charts, within)?;
                    if !within {
                        let numbers = [part.cards.len(), changes.len()];
                        part.cards_note = rest(numbers, what, "matter most");
                    }
                }
                "resources" => part.figures = drawer.resources()?,
                _ => {}
            }
            parts.push(part);
        }
        let changed = document.changed.as_ref();
        Ok(Self {
            document,
            changed_rows: changed.and_then(|changed| changed.table(MAX_ROWS)),
            parts,
            notes: document.notes(),
            version: env!("CARGO_PKG_VERSION"),
        })
    }

    /// Whether there is a card to link to.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass references"
    )]
    fn is_carded(&self, number: &usize) -> bool {
        let mut cards = self.parts.iter().flat_map(|part| &part.cards);
        cards.any(|card| card.number == *number)
    }
}

/// What to say where not all operations have charts.
fn rest([charted, all]: [usize; 2], what: &str, why: &str) -> Option<String> {
    (charted > 0 && charted < all && all > MAX_CHARTED).then(|| {
        let [charted, all] = [charted, all].map(|it| quantity::count(it as f64));
        format!("Charts follow of the {charted} {what} of {all} that {why}; the table has all.")
    })
}

/// The caption of a drawing whose axes do not name their unit.
fn in_unit(caption: &str, unit: &Unit) -> String {
    match unit.named() {
        Some(name) => format!("{caption}; in {name}"),
        None => caption.to_owned(),
    }
}

struct Drawer<'a> {
    charts: Option<&'a Charts>,
    compared: Option<&'a Charts>,
    window: Option<Window<'a>>,
    drawn: usize,
}

impl Drawer<'_> {
    fn chart<'c>(charts: &'c [OperationChart], name: &str) -> Option<&'c OperationChart> {
        charts.iter().find(|chart| chart.name == name)
    }

    fn marks(&self) -> &[Mark] {
        self.charts.map_or(&[], |charts| &charts.marks)
    }

    /// Numbers a drawing, if there is one.
    fn figure(&mut self, caption: impl Into<String>, drawing: Option<Drawing>) -> Option<Figure> {
        self.drawn += 1;
        Some(Figure {
            number: self.drawn,
            caption: caption.into(),
            drawing: drawing?,
        })
    }

    fn operations<'d>(&mut self, operations: &'d [Operation]) -> Result<Vec<Card<'d>>> {
        let mut cards = Vec::new();
        let charts = self.charts.map_or(&[][..], |charts| &charts.operations);
        for operation in operations {
            let Some(chart) = Self::chart(charts, &operation.key) else {
                continue;
            };
            if cards.len() == MAX_CHARTED {
                break;
            }
            let percentiles = [operation.p50, operation.p95, operation.p99];
            let (unit, few) = (&operation.unit, chart.few());
            let drawing = charts::distribution(&chart.histogram, few.as_ref(), unit, percentiles)
                .map_err(encoding)?;
            let caption = match few {
                Some(_) => "Each of the samples",
                None => "Distribution, as a share of the samples",
            };
            let mut figures: Vec<Figure> = self
                .figure(in_unit(caption, unit), drawing)
                .into_iter()
                .collect();
            if let Some(window) = self.window {
                let drawing = charts::timeline(&chart.slots, &operation.unit, window, self.marks())
                    .map_err(encoding)?;
                figures.extend(self.figure(
                    in_unit("Percentiles and throughput over time", &operation.unit),
                    drawing,
                ));
            }
            cards.push(Card {
                number: operation.number,
                name: &operation.name,
                provenance: operation.provenance.words(),
                verdict: None,
                words: String::new(),
                facts: operation.facts(),
                figures,
            });
        }
        Ok(cards)
    }

    /// Within another report only the changes that matter are drawn.
    fn changes<'d>(
        &mut self,
        changes: &'d [Change],
        charts: &[OperationChart],
        within: bool,
    ) -> Result<Vec<Card<'d>>> {
        let mut cards = Vec::new();
        for change in changes {
            if within && !matches!(change.overall(), Verdict::Degraded | Verdict::Improved) {
                continue;
            }
            let chart = Self::chart(charts, &change.key);
            let Some((chart, earlier)) =
                chart.and_then(|chart| Some((chart, chart.earlier.as_ref()?)))
            else {
                continue;
            };
            if cards.len() == MAX_CHARTED {
                break;
            }
            let histograms = [earlier, &chart.histogram];
            let few = [chart.earlier_few(), chart.few()];
            let caption = match few {
                [Some(_), Some(_)] => "Each of the samples of both periods",
                _ => "Distributions, as a share of each period's samples",
            };
            let few = few.each_ref().map(Option::as_ref);
            let drawing = charts::compared(histograms, few, &change.unit, change.medians)
                .map_err(encoding)?;
            cards.push(Card {
                number: change.number,
                name: &change.name,
                provenance: change.provenance(),
                verdict: Some(change.overall()),
                words: change.words(),
                facts: Vec::new(),
                figures: self.figure(caption, drawing).into_iter().collect(),
            });
        }
        Ok(cards)
    }

    fn resources(&mut self) -> Result<Vec<Figure>> {
        let (Some(charts), Some(window)) = (self.charts, self.window) else {
            return Ok(Vec::new());
        };
        let mut figures = Vec::new();
        for chart in &charts.resources {
            let name = resource_name(&chart.figure);
            let drawing =
                charts::readings(chart, &name, window, &charts.marks).map_err(encoding)?;
            figures.extend(self.figure(name, drawing));
        }
        Ok(figures)
    }
}
