//! A part of a page for notebooks: the figures to begin with and the tables, in the notebook's own
//! colours.

use crate::report::schema::AnyReport;
use askama::Template;

use super::encoding;
use crate::{
    error::Result,
    quantity::THIN_SPACE,
    report::{
        charts::Charts,
        render::view::{Cell, Document, Fact, Table},
    },
    text::display,
};

/// How many rows a table has there.
pub const MAX_ROWS: usize = 20;

#[derive(Template)]
#[template(path = "fragment.html")]
struct Fragment<'a> {
    document: &'a Document,
    changed_rows: Option<Table>,
}

impl Fragment<'_> {
    /// There are no cards.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        clippy::unused_self,
        reason = "what the templates of pages ask of a page"
    )]
    fn is_carded(&self, _number: &usize) -> bool {
        false
    }
}

/// What a notebook shows of an object.
#[derive(Debug, Default)]
pub struct Glance {
    /// What it is.
    pub kind: &'static str,
    /// What there is to say of it in a few words.
    pub title: String,
    /// What it is called and how it fares, each by name.
    pub facts: Vec<(&'static str, String)>,
}

/// Renders an object as a part of a page: `figures` are those that a report would have of it, `charts`
/// what it does not say itself.
pub fn render_glance(
    glance: Glance,
    figures: &AnyReport,
    charts: Option<&Charts>,
) -> Result<String> {
    let text = |(label, text): (&str, String)| Fact::new(label, Cell::Text(display::text(&text)));
    let mut document = Document::of(figures, charts, MAX_ROWS);
    document.kind = glance.kind;
    document.title = display::text(&glance.title);
    document.facts = glance.facts.into_iter().map(text).collect();
    let fragment = Fragment {
        changed_rows: None,
        document: &document,
    };
    fragment.render().map_err(encoding)
}

/// Renders the essence of a report as a part of a page. `charts` tell what the report does not say
/// itself.
pub fn render_fragment(report: &AnyReport, charts: Option<&Charts>) -> Result<String> {
    let document = Document::of(report, charts, MAX_ROWS);
    let fragment = Fragment {
        changed_rows: document
            .changed
            .as_ref()
            .and_then(|changed| changed.table(MAX_ROWS)),
        document: &document,
    };
    fragment.render().map_err(encoding)
}
