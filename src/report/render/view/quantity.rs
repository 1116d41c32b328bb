//! Numbers as people read them: three significant digits, a unit that fits, thin separators.

use std::fmt;

use super::names::{shortened, visible};

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
    fn new(number: String, unit: &str) -> Self {
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

/// What values are measured in.
#[derive(Debug, Clone, PartialEq)]
pub enum Unit {
    /// A time; the factor makes seconds of it.
    Time(f64),
    /// An amount of data; the factor makes bytes of it.
    Data(f64),
    /// 0 to 100.
    Percent,
    /// Anything else, shown as it is called.
    Other(String),
}

/// A step of the units of one kind: from how many on it is used, what it is, its name.
type Step = (f64, f64, &'static str);

const TIME: [Step; 6] = [
    (2.0, 3_600.0, "h"),
    (2.0, 60.0, "min"),
    (1.0, 1.0, "s"),
    (1.0, 1e-3, "ms"),
    (1.0, 1e-6, "µs"),
    (0.0, 1e-9, "ns"),
];

const KB: f64 = 1_024.0;
const MB: f64 = KB * KB;
const GB: f64 = MB * KB;
const TB: f64 = GB * KB;

const DATA: [Step; 5] = [
    (1.0, TB, "TB"),
    (1.0, GB, "GB"),
    (1.0, MB, "MB"),
    (1.0, KB, "KB"),
    (0.0, 1.0, "B"),
];

/// The seconds in one of the units called `name`; `None` if that is none of time.
#[must_use]
pub fn seconds_in_unit(name: &str) -> Option<f64> {
    match Unit::parse(name) {
        Unit::Time(seconds) => Some(seconds),
        _ => None,
    }
}

impl Unit {
    /// The longest name of a unit that is shown in full.
    const LONGEST: usize = 16;

    /// The unit called `name`.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name.trim().to_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Time(1.0),
            "ms" | "millisecond" | "milliseconds" => Self::Time(1e-3),
            "us" | "µs" | "μs" | "microsecond" | "microseconds" => Self::Time(1e-6),
            "ns" | "nanosecond" | "nanoseconds" => Self::Time(1e-9),
            "min" | "minute" | "minutes" => Self::Time(60.0),
            "h" | "hour" | "hours" => Self::Time(3_600.0),
            "byte" | "bytes" => Self::Data(1.0),
            "kb" | "kib" => Self::Data(KB),
            "mb" | "mib" => Self::Data(MB),
            "gb" | "gib" => Self::Data(GB),
            "%" | "percent" => Self::Percent,
            "" => Self::Other(String::new()),
            _ => Self::Other(shortened(&visible(name.trim()), Self::LONGEST)),
        }
    }

    /// Whether both names are of the same unit, such as `s` and `seconds`.
    #[must_use]
    pub fn is_same(one: &str, other: &str) -> bool {
        let (unit, same) = (Self::parse(one), Self::parse(other));
        // Long names are shortened.
        one.trim() == other.trim() || (unit == same && !matches!(unit, Self::Other(_)))
    }

    /// What it is called, where it does not depend on the magnitude.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::Other(name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }

    /// Whether it is one of time.
    #[must_use]
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Time(_))
    }

    /// The value in seconds, bytes, or what it is in.
    #[must_use]
    pub fn to_base(&self, value: f64) -> f64 {
        match self {
            Self::Time(factor) | Self::Data(factor) => value * factor,
            Self::Percent | Self::Other(_) => value,
        }
    }

    /// The value with the unit that fits its magnitude.
    #[must_use]
    pub fn show(&self, value: f64) -> Quantity {
        let (scale, unit) = self.scale(value);
        Quantity::new(digits(value / scale), &unit)
    }

    /// As [`Unit::show`], without the zeros at the end.
    #[must_use]
    pub fn show_short(&self, value: f64) -> Quantity {
        let (scale, unit) = self.scale(value);
        Quantity::new(short_digits(value / scale), &unit)
    }

    /// The value where that of others, `greatest`, says the unit: on an axis. A unit that has one
    /// name alone is not repeated there.
    #[must_use]
    pub fn label(&self, value: f64, greatest: f64) -> String {
        let (scale, unit) = self.scale(greatest);
        let number = short_digits(value / scale);
        if value == 0.0 || self.named().is_some() {
            return number;
        }
        Quantity::new(number, &unit).to_string()
    }

    /// A power of ten, or a simple multiple of one, where the unit does not turn it into a crooked
    /// number: seconds do not become hours there.
    #[must_use]
    pub fn power_label(&self, value: f64) -> String {
        match self {
            Self::Time(factor) if value * factor >= 1.0 => {
                Quantity::new(short_digits(value * factor), "s").to_string()
            }
            Self::Data(factor) => {
                let is_own = |(_, scale, _): &&Step| scale.total_cmp(factor).is_eq();
                let own = DATA.iter().find(is_own);
                Quantity::new(short_digits(value), own.map_or("", |step| step.2)).to_string()
            }
            Self::Other(_) => short_digits(value),
            Self::Time(_) | Self::Percent => self.show_short(value).to_string(),
        }
    }

    /// What a value has to be divided by to be shown, and the unit that it then is in.
    #[must_use]
    pub fn scale(&self, value: f64) -> (f64, String) {
        let (factor, steps): (f64, &[Step]) = match self {
            Self::Time(factor) => (*factor, &TIME),
            Self::Data(factor) => (*factor, &DATA),
            Self::Percent => return (1.0, "%".to_owned()),
            Self::Other(name) => return (1.0, name.clone()),
        };
        let magnitude = (value * factor).abs();
        // As it will be read: 999.6 µs are 1.00 ms.
        let fits = |&&(least, scale, _): &&Step| rounded(magnitude / scale) >= least;
        let fitting = steps.iter().find(fits);
        // Neither fits zero well, nor what is no number.
        let default = if self.is_time() { TIME[2] } else { DATA[2] };
        let &(_, scale, name) = match fitting {
            Some(step) if magnitude > 0.0 && magnitude.is_finite() => step,
            _ => &default,
        };
        (scale / factor, name.to_owned())
    }
}

/// To three significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
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

/// A stretch of time in words, from nanoseconds.
#[must_use]
pub fn span(nanos: i64) -> String {
    let seconds = (nanos as f64 / 1e9).round();
    for (length, name) in [
        (86_400.0, "day"),
        (3_600.0, "hour"),
        (60.0, "minute"),
        (1.0, "second"),
    ] {
        let number = seconds / length;
        // A day may have other hours than 24, so one is given in those.
        let least = if name == "day" { 2.0 } else { 1.0 };
        if number.fract() == 0.0 && number >= least {
            let plural = if number > 1.0 { "s" } else { "" };
            return format!("{} {name}{plural}", count(number));
        }
    }
    Unit::Time(1.0).show_short(seconds).to_string()
}
