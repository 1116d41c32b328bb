//! Days, moments and periods in words.

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::{Cell, Fact, Scope};
use crate::{
    report::{
        charts::Zone,
        schema::{Bounds, Field},
    },
    text::display,
    time::{NANOS_PER_SEC, TimeRange},
    units::span,
};

/// A moment as clocks show it.
#[derive(Debug, Clone, Copy)]
pub struct Moment(NaiveDateTime);

impl Moment {
    /// What the clocks of `zone` show at a UTC nanosecond.
    #[must_use]
    pub fn new(zone: &Zone, time: i64) -> Self {
        Self(zone.reading(time))
    }

    /// Hour and minute.
    #[must_use]
    pub fn hour_and_minute(self) -> String {
        self.0.format("%H:%M").to_string()
    }

    /// Hour, minute and second.
    #[must_use]
    pub fn to_the_second(self) -> String {
        self.0.format("%H:%M:%S").to_string()
    }

    /// Day and month.
    #[must_use]
    pub fn day(self) -> String {
        self.0.format("%-d %b").to_string()
    }

    /// Seconds since midnight.
    #[must_use]
    pub fn second_of_day(self) -> i64 {
        self.0.num_seconds_from_midnight().into()
    }
}

/// A date of ISO 8601 in words; another text as it is.
pub(super) fn date_in_words(date: &str) -> String {
    NaiveDate::parse_from_str(date, "%Y-%m-%d").map_or_else(
        |_| display::text(date),
        |date| date.format("%A, %-d %B %Y").to_string(),
    )
}

/// When a report is from and what about.
pub(super) fn facts(scope: Scope<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |label: &str, text: String| facts.push(Fact::new(label, Cell::Text(text)));
    let zone = scope.charts.map(|charts| &charts.zone);
    let periods = scope.charts.map_or(&[][..], |charts| &charts.periods);
    let labels: &[&str] = match periods.len() {
        1 => &["Period"],
        _ => &["First period", "Second period"],
    };
    for (label, period) in labels.iter().zip(periods) {
        if let Some(zone) = zone {
            add(label, period_in_words(zone, *period));
        }
    }
    let (report, comparison) = (scope.report, scope.comparison);
    // Within a report, or as its own keys.
    let (start, end, timezone) = match report.period.get() {
        Some(period) => (&period.start, &period.end, &period.timezone),
        None => (&report.start, &report.end, &report.timezone),
    };
    if periods.is_empty()
        && let Some(words) = bounds_in_words(start, end)
    {
        add("Period", words);
    }
    for (label, counted) in counted(scope) {
        if let Some(words) = bounds_in_words(&counted.start, &counted.end) {
            add(label, words);
        }
    }
    // The local zone is better told by its offsets.
    let named = timezone.text().filter(|name| *name != "local");
    let named = named.map(display::text);
    if let Some(zone) = named.or_else(|| zone.map(|zone| zone.label().to_owned())) {
        add("Time zone", zone);
    }
    for (label, compared) in [
        ("First session", &comparison.session1),
        ("Second session", &comparison.session2),
        ("First version", &comparison.version1),
        ("Second version", &comparison.version2),
    ] {
        if let Some(compared) = compared.text() {
            add(label, display::text(compared));
        }
    }
    let generated = report
        .generated_at
        .text()
        .or_else(|| comparison.generated_at.text());
    if let Some(generated) = generated {
        add("Generated", moment_in_words(generated));
    }
    if let Some(versions) = versions_in_words(scope) {
        add("Versions", versions);
    }
    if let Some(path) = scope.history().and_then(|history| history.path.text()) {
        add("History", display::text(path));
    }
    facts
}

fn bounds_in_words(start: &Field<String>, end: &Field<String>) -> Option<String> {
    let [start, end] = [start.text()?, end.text()?].map(moment_in_words);
    Some(format!("{start} to {end}"))
}

/// Which releases wrote, and since when those that began within.
fn versions_in_words(scope: Scope<'_>) -> Option<String> {
    let start = scope.report.period.get()?.start.text()?;
    let versions = scope.report.versions.items().iter().filter_map(|version| {
        let name = display::text(version.version.text()?);
        let first = version.first.text()?;
        // Texts of one zone are in the order of time, but for the hour that clocks repeat.
        Some(if first < start {
            name
        } else {
            format!("{name} from {}", moment_in_words(first))
        })
    });
    let said: Vec<String> = versions.collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// What counts of samples on disk, where that is not the period.
pub(super) fn counted(scope: Scope<'_>) -> Vec<(&'static str, &Bounds)> {
    let of_one = scope.report.period.get().map(|period| &period.counted);
    let of_two = scope.comparison.counted.get();
    [
        ("Counted from disk", of_one),
        ("First counted from disk", of_two.map(|it| &it.period1)),
        ("Second counted from disk", of_two.map(|it| &it.period2)),
    ]
    .into_iter()
    .filter_map(|(label, counted)| Some((label, counted?.get()?)))
    .collect()
}

/// A moment of ISO 8601 without its `T` and fractions of a second, as those of periods are shown.
pub(super) fn moment_in_words(moment: &str) -> String {
    let text = display::text(moment);
    match text.split_once('T') {
        Some((date, time)) => {
            let (time, rest) = time.split_at_checked(8).unwrap_or((time, ""));
            let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
            match zone.strip_prefix('-') {
                Some(behind) => format!("{date} {time} −{behind}"),
                None if zone.starts_with('+') => format!("{date} {time} {zone}"),
                None => format!("{date} {time}{zone}"),
            }
        }
        None => text,
    }
}

/// The exact bounds of a period and its length.
fn period_in_words(zone: &Zone, period: TimeRange) -> String {
    if period.start == i64::MIN || period.end == i64::MAX {
        return "all of time".to_owned();
    }
    // A day's last nanosecond is better told by the first one after it.
    let after = period.end + 1;
    let (end, exact) = if after % NANOS_PER_SEC == 0 {
        (after, true)
    } else {
        (period.end, false)
    };
    let bound = |time: i64| {
        let text = zone.reading(time).format("%Y-%m-%d %H:%M:%S");
        format!("{text} {}", offset(zone.offset(time)))
    };
    let mut text = format!("{} to {}", bound(period.start), bound(end));
    let length = end.saturating_sub(period.start);
    if exact || length >= NANOS_PER_SEC {
        text.push_str(", ");
        text.push_str(&span(length));
    }
    text
}

fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '−' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
