//! Reports as Markdown, in GitHub's dialect, to be pasted into an issue.
//!
//! Names and texts of anybody's become code, in which nothing is a link, a mention, HTML or
//! emphasis. Only backticks and, in tables, bars mean anything there.

use crate::report::schema::AnyReport;

use super::view::{Cell, Changed, Document, Fact, Section, Table};
use crate::{
    error::Result,
    quantity::THIN_SPACE,
    report::charts::{Charts, few::FEW},
};

/// What would become a link although it is only letters.
const LINKS: [&str; 3] = ["://", "www.", "gh-"];

/// How many rows a table has; issues have an end, too.
const MAX_ROWS: usize = 100;

/// Renders a report as Markdown. `charts` tell what the report does not say itself.
pub fn render_markdown(report: &AnyReport, charts: Option<&Charts>) -> Result<String> {
    let document = Document::of(report, charts, MAX_ROWS);
    let mut lines = vec![
        format!("# {}: {}", document.kind, plain(&document.title)),
        String::new(),
    ];
    for fact in &document.facts {
        lines.push(format!("- {}", fact_text(fact)));
    }
    if let Some(changed) = &document.changed {
        write_changed(changed, &mut lines);
    }
    for tile in &document.tiles {
        let whose = tile.name.as_ref().map(|name| code(&name.to_string()));
        let whose = whose.map_or_else(String::new, |name| format!(" ({name})"));
        lines.push(format!("- {}: **{}**{whose}", tile.label, tile.value));
    }
    for alert in &document.alerts {
        let (severity, message) = (code(&alert.severity), code(&alert.message));
        lines.push(format!("- ⚠ **{severity}** {message}"));
    }
    for section in &document.sections {
        write_section(section, &document, &mut lines);
    }
    let notes = document.notes();
    if !notes.is_empty() {
        end_block(&mut lines);
        lines.push(notes.join(" "));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    Ok(text)
}

/// Ends a paragraph, list or table by an empty line.
fn end_block(lines: &mut Vec<String>) {
    if lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
}

fn write_changed(changed: &Changed, lines: &mut Vec<String>) {
    end_block(lines);
    lines.push(format!(
        "**{}.** {}",
        plain(&changed.headline),
        changed.intro
    ));
    end_block(lines);
    for row in changed.rows.iter().take(MAX_ROWS) {
        lines.push(format!(
            "- {} {} **{}** {}",
            row.outcome.sign,
            code(&row.name.to_string()),
            row.outcome.words,
            plain(&row.words())
        ));
    }
    end_block(lines);
}

fn write_section(section: &Section, document: &Document, lines: &mut Vec<String>) {
    // There may be charts of it, which HTML alone has.
    if section.intro.is_none() && section.facts.is_empty() && section.tables.is_empty() {
        return;
    }
    end_block(lines);
    lines.push(format!("## {}", plain(&section.title)));
    if let Some(intro) = &section.intro {
        end_block(lines);
        lines.push(intro.clone());
    }
    let changes = match section.id {
        "changes" => &document.changes[..],
        "endpoints" => &document.requests,
        _ => &[],
    };
    if !changes.is_empty() {
        end_block(lines);
        for change in changes.iter().take(MAX_ROWS) {
            let verdict = change.overall();
            lines.push(format!(
                "- {} {} **{}**: {}",
                verdict.sign(),
                code(&change.name.to_string()),
                verdict.as_str(),
                plain(&change.words())
            ));
        }
    }
    if !section.facts.is_empty() {
        end_block(lines);
        let facts = section.facts.iter();
        lines.extend(facts.map(|fact| format!("- {}", fact_text(fact))));
    }
    for table in &section.tables {
        write_table(table, lines);
    }
    if section.id == "operations" {
        write_few(document, lines);
    }
}

/// The samples of operations that have few of them.
fn write_few(document: &Document, lines: &mut Vec<String>) {
    let few = document.operations.iter().filter_map(|operation| {
        let words = operation.few.as_ref()?.words(&operation.unit);
        let name = code(&operation.name.to_string());
        Some(format!("- {name}: {}", plain(&words)))
    });
    let few: Vec<String> = few.take(MAX_ROWS).collect();
    if !few.is_empty() {
        end_block(lines);
        lines.push(format!("Each sample of operations with fewer than {FEW}:"));
        end_block(lines);
        lines.extend(few);
    }
}

fn write_table(table: &Table, lines: &mut Vec<String>) {
    end_block(lines);
    // Bold, so that whatever it begins with begins no list.
    lines.push(format!("**{}**", plain(&table.caption)));
    end_block(lines);
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let headings = table.columns.iter();
    lines.push(row(headings
        .map(|column| in_table(&plain(&column.label)))
        .collect()));
    let rules = table.columns.iter();
    lines.push(row(rules
        .map(|column| if column.numeric { "--:" } else { "---" })
        .map(ToOwned::to_owned)
        .collect()));
    for cells in &table.rows {
        let texts = cells.iter().map(|cell| in_table(&cell_text(cell)));
        lines.push(row(texts.collect()));
    }
    if let Some(rest) = table.rest() {
        end_block(lines);
        lines.push(rest);
    }
}

fn fact_text(fact: &Fact) -> String {
    format!("{}: {}", plain(&fact.label), cell_text(&fact.value))
}

fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::None => "–".to_owned(),
        Cell::Name(name) => code(&name.to_string()),
        Cell::Operation { name, unit, .. } => match unit {
            Some(unit) => format!("{} ({})", code(&name.to_string()), plain(unit)),
            None => code(&name.to_string()),
        },
        Cell::Text(text) | Cell::Pair(text) => plain(text),
        Cell::Quantity(quantity) => plain(&quantity.to_string()),
        Cell::Verdict(verdict) => format!("{} {}", verdict.sign(), verdict.as_str()),
        Cell::Outcome(outcome) => format!("{} {}", outcome.sign, outcome.words),
    }
}

/// A bar ends a cell, also within code.
fn in_table(text: &str) -> String {
    text.replace('|', "\\|")
}

/// `text` as code, between more backticks than it has in a row.
fn code(text: &str) -> String {
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space on each side is taken away again, where there is more than spaces.
    let apart = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if apart { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// `text` as it is where it has nothing in it that means anything to Markdown; else as code.
fn plain(text: &str) -> String {
    let harmless = |character: char| {
        character.is_alphanumeric()
            || matches!(
                character,
                ' ' | ','
                    | ';'
                    | '.'
                    | ':'
                    | '%'
                    | '('
                    | ')'
                    | '+'
                    | '-'
                    | '/'
                    | '='
                    | '→'
                    | '…'
                    | '–'
                    | '−'
                    | '×'
                    | '∞'
                    | '?'
                    | '\''
                    | '<'
                    | THIN_SPACE
            )
    };
    let is_plain = text.chars().all(harmless)
        // A tag begins so; a comparison does not.
        && !text.replace("< ", "").contains('<')
        && !LINKS.iter().any(|link| text.to_lowercase().contains(link));
    if is_plain {
        text.to_owned()
    } else {
        code(text)
    }
}
