//! Numbers as people read them: three significant digits, a unit that fits, thin separators.

use std::fmt;

/// Keeps a number and its unit on one line.
pub const THIN_SPACE: char = '\u{202f}';

/// A number and its unit, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The number.
    pub number: String,
    /// The unit; may be empty.
    pub unit: String,
}

impl Quantity {
    pub(crate) fn new(number: String, unit: &str) -> Self {
        Self {
            number,
            unit: unit.to_owned(),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.number)?;
        if !self.unit.is_empty() {
            write!(f, "{THIN_SPACE}{}", self.unit)?;
        }
        Ok(())
    }
}

/// A number with three significant digits.
#[must_use]
pub fn digits(value: f64) -> String {
    const LEAST: i32 = -4;
    const MOST: i32 = 15;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let scientific = format!("{value:.2e}");
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(LEAST..MOST).contains(&exponent) {
        return scientific.replace('-', "−");
    }
    let decimals = usize::try_from(2 - exponent).unwrap_or(0);
    grouped(&format!("{value:.decimals$}"))
}

/// As [`digits`], without the zeros at the end.
#[must_use]
pub fn short_digits(value: f64) -> String {
    let text = digits(value);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// How many there are of something.
#[must_use]
pub fn count(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e18 {
        // Without the sign of a zero, which the sum of no numbers has.
        grouped(&format!("{:.0}", value + 0.0))
    } else {
        digits(value)
    }
}

/// A decimal number with thin spaces between its thousands, and a minus that is as wide as a plus.
fn grouped(decimal: &str) -> String {
    let unsigned = decimal.trim_start_matches('-');
    let whole = unsigned.find('.').unwrap_or(unsigned.len());
    let mut text = String::with_capacity(decimal.len() + 8);
    if unsigned.len() < decimal.len() {
        text.push('−');
    }
    for (at, digit) in unsigned.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            text.push(THIN_SPACE);
        }
        text.push(digit);
    }
    text
}

/// A share of 0 to 1 in percent, with two decimals; one from ten on.
#[must_use]
pub fn share(value: f64) -> Quantity {
    let percent = value * 100.0;
    let number = if !percent.is_finite() || percent == 0.0 {
        digits(percent)
    } else if percent > 0.0 && percent < 0.005 {
        "< 0.01".to_owned()
    } else if percent < 9.995 {
        format!("{percent:.2}")
    } else {
        format!("{percent:.1}")
    };
    Quantity::new(number, "%")
}

/// A change in percent, with its sign.
#[must_use]
pub fn change(percent: f64) -> String {
    format!("{}{THIN_SPACE}%", signed(percent))
}

/// A number of percent with its sign: whole ones from ten on, one decimal from one on.
#[must_use]
pub fn signed(percent: f64) -> String {
    if !percent.is_finite() {
        return if percent > 0.0 {
            "+∞".to_owned()
        } else {
            digits(percent)
        };
    }
    let decimals = match percent.abs() {
        size if size >= 9.95 => 0,
        size if size >= 0.995 => 1,
        _ => 2,
    };
    let text = grouped(&format!("{percent:.decimals$}"));
    match text.trim_matches(['−', '0', '.']) {
        "" => "0".to_owned(),
        _ if percent > 0.0 => format!("+{text}"),
        _ => text,
    }
}

/// A p-value, as in `p < 0.001`.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".to_owned()
    } else if p < 0.1 {
        format!("p = {p:.3}")
    } else {
        format!("p = {p:.2}")
    }
}
