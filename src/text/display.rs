//! Names and texts of anybody's, so that they can do no harm where they are shown.

use std::fmt;

/// The longest name that is shown in full.
const LONGEST: usize = 100;

/// Texts may be longer than names.
const LONGEST_TEXT: usize = 500;

/// A name as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    shown: String,
    full: Option<String>,
}

impl Name {
    /// What to show of `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let visible = visible(name);
        let shown = shortened(&visible, LONGEST);
        let full = (shown != visible).then(|| shortened(&visible, LONGEST_TEXT));
        Self { shown, full }
    }

    /// More of it, where not all is shown.
    #[must_use]
    pub fn full(&self) -> Option<&str> {
        self.full.as_deref()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A text as it is shown.
#[must_use]
pub fn text(text: &str) -> String {
    shortened(&visible(text), LONGEST_TEXT)
}

/// `text` with something to see for what would not be seen: control characters have pictures of
/// their own, and those that turn the direction of what follows become U+FFFD.
#[must_use]
pub fn visible(text: &str) -> String {
    let shown = |character: char| match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(character),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        '\u{2028}' | '\u{2029}' => '\u{2424}',
        _ => character,
    };
    if text.trim().is_empty() {
        return "(blank)".to_owned();
    }
    text.chars().map(shown).collect()
}

/// `text`, its middle left out where it has more than `longest` characters: names that begin alike
/// often differ at the end.
#[must_use]
pub fn shortened(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return text.to_owned();
    }
    let tail = longest / 3;
    let head = longest.saturating_sub(tail + 1);
    let (first, last) = (text.chars().take(head), text.chars().skip(length - tail));
    first.chain(['…']).chain(last).collect()
}
