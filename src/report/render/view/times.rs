//! Days, moments and periods in words.

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::{
    Cell, Fact, Scope,
    figures::{self, Figures},
};
use crate::{
    report::charts::Zone,
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
    // Within a report, or as its own keys.
    let stated = scope.object("period").unwrap_or(scope.report);
    if periods.is_empty() {
        let ends = ["start", "end"].map(|key| figures::text(stated, key));
        if let [Some(start), Some(end)] = ends {
            add(
                "Period",
                format!("{} to {}", moment_in_words(start), moment_in_words(end)),
            );
        }
    }
    for (label, counted) in counted(scope) {
        let ends = ["start", "end"].map(|key| figures::text(counted, key));
        if let [Some(start), Some(end)] = ends {
            let (start, end) = (moment_in_words(start), moment_in_words(end));
            add(label, format!("{start} to {end}"));
        }
    }
    // The local zone is better told by its offsets.
    let named = figures::text(stated, "timezone").filter(|name| *name != "local");
    let named = named.map(display::text);
    if let Some(zone) = named.or_else(|| zone.map(|zone| zone.label().to_owned())) {
        add("Time zone", zone);
    }
    for (label, key) in [
        ("First session", "session1"),
        ("Second session", "session2"),
        ("First version", "version1"),
        ("Second version", "version2"),
    ] {
        if let Some(session) = figures::text(scope.report, key) {
            add(label, display::text(session));
        }
    }
    if let Some(generated) = figures::text(scope.report, "generated_at") {
        add("Generated", moment_in_words(generated));
    }
    if let Some(versions) = versions_in_words(scope) {
        add("Versions", versions);
    }
    let history = scope.object("history");
    if let Some(path) = history.and_then(|history| figures::text(history, "path")) {
        add("History", display::text(path));
    }
    facts
}

/// Which releases wrote, and since when those that began within.
fn versions_in_words(scope: Scope<'_>) -> Option<String> {
    let start = figures::text(scope.object("period")?, "start")?;
    let versions = figures::objects(scope.report, "versions").filter_map(|version| {
        let name = display::text(figures::text(version, "version")?);
        let first = figures::text(version, "first")?;
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
pub(super) fn counted(scope: Scope<'_>) -> Vec<(&'static str, &Figures)> {
    let of_one = scope.object("period").and_then(|it| it.get("counted"));
    let of_two = |period: &str| scope.object("counted").and_then(|it| it.get(period));
    [
        ("Counted from disk", of_one),
        ("First counted from disk", of_two("period1")),
        ("Second counted from disk", of_two("period2")),
    ]
    .into_iter()
    .filter_map(|(label, counted)| Some((label, counted?.as_object()?)))
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
