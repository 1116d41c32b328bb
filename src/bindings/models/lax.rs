//! Numbers written out, by the rules of pydantic's lax mode.

use std::num::IntErrorKind;

/// A float: what Rust reads, with blanks around and single underscores inside.
pub fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_stray = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    if is_stray {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// An int, with zeros after a point if there is one, blanks around and underscores between digits; an
/// error where it is too large.
pub fn int(text: &str) -> Option<Result<i64, IntErrorKind>> {
    let digits = digits(text)?;
    let whole = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => {
            whole
        }
        Some(_) => return None,
        None => &digits,
    };
    match whole
        .parse()
        .map_err(|error: std::num::ParseIntError| *error.kind())
    {
        Err(IntErrorKind::Empty | IntErrorKind::InvalidDigit) => None,
        read => Some(read),
    }
}

/// A float without a fraction as an int.
pub fn whole(float: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is in range and whole")]
    (float.trunc().to_bits() == float.to_bits() && (-END..END).contains(&float))
        .then_some(float as i64)
}

/// `text` without blanks around it and underscores between digits.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_between = |at: usize| at > 0 && is_digit(at - 1) && is_digit(at + 1);
    let mut all = bytes.iter().enumerate();
    all.all(|(at, byte)| *byte != b'_' || is_between(at))
        .then(|| text.replace('_', ""))
}
