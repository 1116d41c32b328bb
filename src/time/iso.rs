//! Stamps as ISO 8601 text, and back.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use super::{NANOS_PER_SEC, Zone, zone::to_naive};
use crate::error::{Error, Result};

/// How the times of an export are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// As local clocks show them, without an offset unless they are ambiguous.
    #[default]
    Local,
    /// As local clocks show them, with the offset from UTC.
    Offset,
    /// In UTC, with its offset.
    Utc,
}

impl Times {
    /// The one of that name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "local" => Ok(Self::Local),
            "offset" => Ok(Self::Offset),
            "utc" => Ok(Self::Utc),
            _ => Err(Error::argument(
                "times",
                format_args!("{name:?}"),
                "\"local\", \"offset\" or \"utc\"",
            )),
        }
    }
}

/// Renders stamps as ISO 8601 text, as Python's `datetime.isoformat()`: six digits of microseconds,
/// or none where they are zero.
///
/// Samples come in order of time, so most share the second, or at least the minute, of the one
/// before; what they share is kept.
#[derive(Debug, Default)]
pub struct IsoFormatter {
    times: Times,
    /// The last minute and its offset. Clocks have not changed within a minute for decades.
    minute: Option<(i64, i32)>,
    /// The last second.
    second: Option<i64>,
    /// Its text, and behind it the microseconds and the offset of the last stamp.
    text: String,
    /// The offset as text, where it is written.
    suffix: String,
    has_met_repeated: bool,
}

impl IsoFormatter {
    const MINUTE: i64 = 60 * NANOS_PER_SEC;
    /// The length of the text up to the second.
    const WHOLE: usize = "2026-11-23T14:24:47".len();

    /// One that writes times in that way.
    #[must_use]
    pub fn new(times: Times) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }

    /// The text of `time`.
    pub fn format(&mut self, time: i64) -> &str {
        let second = time.div_euclid(NANOS_PER_SEC);
        if self.second != Some(second) {
            self.write_second(time);
            self.second = Some(second);
        }
        self.text.truncate(Self::WHOLE);
        let micros = time.rem_euclid(NANOS_PER_SEC) / 1_000;
        if micros != 0 {
            self.text.push('.');
            push_digits::<6>(&mut self.text, micros.unsigned_abs());
        }
        self.text.push_str(&self.suffix);
        &self.text
    }

    /// Whether a time was written without an offset although clocks show it twice.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.has_met_repeated
    }

    fn write_second(&mut self, time: i64) {
        let minute = time.div_euclid(Self::MINUTE);
        let offset = match self.minute {
            Some((last, offset)) if last == minute => offset,
            _ => self.begin_minute(minute, time),
        };
        let reading = to_naive(time, offset);
        let text = &mut self.text;
        text.clear();
        // Nanoseconds in 64 bits reach from 1677 to 2262.
        push_digits::<4>(text, reading.year().unsigned_abs().into());
        for (mark, part) in [
            ('-', reading.month()),
            ('-', reading.day()),
            ('T', reading.hour()),
            (':', reading.minute()),
            (':', reading.second()),
        ] {
            text.push(mark);
            push_digits::<2>(text, part.into());
        }
    }

    fn begin_minute(&mut self, minute: i64, time: i64) -> i32 {
        let offset = match self.times {
            Times::Local | Times::Offset => Zone::Local.offset(time),
            Times::Utc => 0,
        };
        if self.times == Times::Local {
            self.has_met_repeated |= Zone::Local.is_repeated(time);
        } else {
            self.suffix = offset_text(offset);
        }
        self.minute = Some((minute, offset));
        offset
    }
}

/// `time` as local ISO 8601 text, with the offset where clocks show it twice.
#[must_use]
pub fn iso_local(time: i64) -> String {
    let mut formatter = IsoFormatter::default();
    let text = formatter.format(time).to_owned();
    if formatter.is_ambiguous() {
        IsoFormatter::new(Times::Offset).format(time).to_owned()
    } else {
        text
    }
}

/// A text of ours that tells a time, in another way; `None` if it is none. Without an offset it is
/// local.
#[must_use]
pub fn iso_in(text: &str, times: Times) -> Option<String> {
    let time = if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        time.timestamp_nanos_opt()?
    } else {
        let reading = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        Zone::Local.instant(reading, false)?
    };
    Some(match times {
        Times::Local => iso_local(time),
        Times::Offset | Times::Utc => IsoFormatter::new(times).format(time).to_owned(),
    })
}

/// An offset as Python writes it: its seconds only where there are some, as there were in the time
/// before zones.
fn offset_text(seconds: i32) -> String {
    let (sign, size) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    let (hours, minutes, rest) = (size / 3_600, size / 60 % 60, size % 60);
    if rest == 0 {
        format!("{sign}{hours:02}:{minutes:02}")
    } else {
        format!("{sign}{hours:02}:{minutes:02}:{rest:02}")
    }
}

/// Appends the last `N` digits of `number`.
fn push_digits<const N: usize>(text: &mut String, mut number: u64) {
    let mut digits = ['0'; N];
    for digit in digits.iter_mut().rev() {
        // One at a time by a constant, which is no division for the processor.
        *digit = char::from(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
    }
    text.extend(digits);
}
