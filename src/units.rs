//! Units of measurement: what they are called, how large they are, and which one suits a value.

use crate::{
    quantity::{Quantity, count, digits, short_digits},
    text::display::{shortened, visible},
};

/// The unit of timers.
pub const SECONDS: &str = "seconds";

/// The unit of requests' durations.
pub const MILLISECONDS: &str = "milliseconds";

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

/// Bytes in a kilobyte: 1,024, as with all of these.
pub const KB: f64 = 1_024.0;

/// Bytes in a megabyte.
pub const MB: f64 = KB * KB;

/// Bytes in a gigabyte.
pub const GB: f64 = MB * KB;

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
