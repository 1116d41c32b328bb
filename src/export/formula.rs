//! Texts that a spreadsheet would run instead of showing.

use std::borrow::Cow;

/// What stands before a text so that spreadsheets take it for one.
const NEUTRAL: char = '\'';

/// Whether a spreadsheet may take `text` for a formula: it begins, perhaps after quotes, with a
/// character that OWASP's page on CSV injection lists, their full-width forms included.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(['"', NEUTRAL]).starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// `text`, with an apostrophe before it where a spreadsheet would run it. No other text turns into
/// one that looks like that, so a reader gets the text back: where what it reads begins as a
/// formula does, quotes aside, the first character is that apostrophe.
#[must_use]
pub fn neutralized(text: &str) -> Cow<'_, str> {
    if is_formula(text) {
        Cow::Owned(format!("{NEUTRAL}{text}"))
    } else {
        Cow::Borrowed(text)
    }
}
