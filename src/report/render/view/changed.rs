//! What changed against the periods before: the first thing that a report says.

use std::cmp::Ordering;

use super::{Cell, Table};
use crate::{
    quantity,
    report::schema::{ChangedEntry, ComparedWith, Field, Number, Report, SideEntry},
    text::display::{self, Name},
    units::Unit,
};

/// What a report begins with.
#[derive(Debug, Clone)]
pub struct Changed {
    /// What it comes to, in a line.
    pub headline: String,
    /// One word for style sheets: whether that is bad or good.
    pub class: &'static str,
    /// What was compared with what.
    pub intro: String,
    /// What changed, what matters first.
    pub rows: Vec<Row>,
}

/// An operation or endpoint that changed.
#[derive(Debug, Clone)]
pub struct Row {
    /// What became of it.
    pub outcome: Outcome,
    /// Its name.
    pub name: Name,
    /// In which hours.
    pub since: String,
    /// The figure that shows it, before and after.
    pub figures: String,
    /// The change of that in percent.
    pub change: Option<String>,
    /// How many samples there are in these hours, or were.
    pub samples: Option<f64>,
}

/// What became of an operation or endpoint, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The words.
    pub words: &'static str,
    /// A sign for those who see no colours.
    pub sign: &'static str,
    /// One word, for style sheets.
    pub class: &'static str,
    /// Those of one and of several: what the headline says.
    said: [&'static str; 2],
}

const FAILS_MORE: Outcome = Outcome {
    words: "fails more often",
    sign: "▲",
    class: "bad",
    said: ["fails more often", "fail more often"],
};
const SLOWER: Outcome = Outcome {
    words: "slower",
    sign: "▲",
    class: "bad",
    said: ["is slower", "are slower"],
};
const MORE: Outcome = Outcome {
    words: "more",
    sign: "▲",
    class: "bad",
    said: ["takes more", "take more"],
};
const GONE: Outcome = Outcome {
    words: "gone",
    sign: "−",
    class: "neutral",
    said: ["is gone", "are gone"],
};
const NEW: Outcome = Outcome {
    words: "new",
    sign: "+",
    class: "neutral",
    said: ["is new", "are new"],
};
const FAILS_LESS: Outcome = Outcome {
    words: "fails less often",
    sign: "▼",
    class: "good",
    said: ["fails less often", "fail less often"],
};
const FASTER: Outcome = Outcome {
    words: "faster",
    sign: "▼",
    class: "good",
    said: ["is faster", "are faster"],
};
const LESS: Outcome = Outcome {
    words: "less",
    sign: "▼",
    class: "good",
    said: ["takes less", "take less"],
};

/// In the order in which they matter.
const OUTCOMES: [Outcome; 8] = [
    FAILS_MORE, SLOWER, MORE, GONE, NEW, FAILS_LESS, FASTER, LESS,
];

impl Outcome {
    fn of(entry: &ChangedEntry, unit: &Unit) -> Option<Self> {
        let fails = entry.reason.text() == Some("failures");
        Some(match (entry.verdict.text()?, fails) {
            ("degraded", true) => FAILS_MORE,
            ("degraded", false) if unit.is_time() => SLOWER,
            ("degraded", false) => MORE,
            ("improved", true) => FAILS_LESS,
            ("improved", false) if unit.is_time() => FASTER,
            ("improved", false) => LESS,
            ("gone", _) => GONE,
            ("new", _) => NEW,
            _ => return None,
        })
    }
}

impl Changed {
    /// What `report` says of it; `None` where it says nothing, as without a history.
    #[must_use]
    pub fn in_report(report: &Report) -> Option<Self> {
        let compared = report.compared_with.get()?;
        let entries = report.changed.items();
        let is_long = spans_days(compared);
        let said = entries
            .iter()
            .filter_map(|it| Some((it, Row::of(it, is_long)?)));
        let (entries, rows): (Vec<&ChangedEntry>, Vec<Row>) = said.unzip();
        let verdict = compared.verdict.text();
        let periods = compared.periods.items().len();
        let (headline, class) = if !rows.is_empty() {
            let is_bad = rows.iter().any(|row| row.outcome.class == "bad");
            let class = if is_bad { "bad" } else { "neutral" };
            (headline(&entries, &rows), class)
        } else if verdict == Some("not enough data") {
            let said = "Too little is recorded to tell what changed";
            (said.to_owned(), "neutral")
        } else {
            ("Nothing has changed".to_owned(), "good")
        };
        Some(Self {
            headline,
            class,
            intro: intro(compared, periods),
            rows,
        })
    }

    /// The rows as a table.
    #[must_use]
    pub fn table(&self, most: usize) -> Option<Table> {
        let rows = self.rows.iter().map(|row| {
            vec![
                Cell::Name(row.name.clone()),
                Cell::Outcome(row.outcome),
                Cell::Text(row.since.clone()),
                Cell::Pair(row.figures.clone()),
                row.change.clone().map_or(Cell::None, Cell::number),
                Cell::count(row.samples),
            ]
        });
        let columns = [
            ("Operation or endpoint", false),
            ("What", false),
            ("When", false),
            ("Before → now", true),
            ("Change", true),
            ("Samples", true),
        ];
        let caption = "What changed; figures are those of the hours in which it shows, beside the same \
                       hours before";
        Table::new(caption, &columns, rows.collect(), most)
    }
}

/// The hours that are compared, as texts of ISO 8601.
fn hours(compared: &ComparedWith) -> Option<[&str; 2]> {
    fn usable(bound: &Field<String>) -> Option<&str> {
        bound
            .text()
            .filter(|text| text.is_ascii() && text.len() >= 16)
    }
    let hours = compared.hours.get()?;
    Some([usable(&hours.start)?, usable(&hours.end)?])
}

/// Whether hours have to be told with their days.
fn spans_days(compared: &ComparedWith) -> bool {
    hours(compared).is_some_and(|[start, end]| {
        let is_midnight = &end[11..16] == "00:00";
        start[..10] != end[..10]
            && !(is_midnight && &start[11..16] == "00:00" && days(start, end) == 1)
    })
}

fn days(start: &str, end: &str) -> i64 {
    let date = |text: &str| chrono::NaiveDate::parse_from_str(&text[..10], "%Y-%m-%d").ok();
    let between = date(start).zip(date(end));
    between.map_or(0, |(start, end)| (end - start).num_days())
}

fn intro(compared: &ComparedWith, periods: usize) -> String {
    let is_long = spans_days(compared);
    let hours = hours(compared);
    let length = hours.map_or(1, |[start, end]| days(start, end).max(1));
    let of_days = |number: usize| match (number, length) {
        (1, 1) => "day".to_owned(),
        (_, 1) => format!("{number} days"),
        (1, length) => format!("{length} days"),
        (_, length) => format!("{number} times {length} days"),
    };
    if compared.verdict.text() == Some("not enough data")
        && periods < crate::report::changes::LEAST_PERIODS
    {
        let has = match periods {
            0 => "none has".to_owned(),
            1 => "one has".to_owned(),
            more => format!("{more} have"),
        };
        return format!(
            "It takes {} of the seven periods before with anything recorded at these times, and {has}.",
            crate::report::changes::LEAST_PERIODS,
        );
    }
    let at_hours = match hours.filter(|_| !is_long) {
        Some([start, end]) => match [&start[11..16], &end[11..16]] {
            ["00:00", "00:00"] => String::new(),
            [start, "00:00"] => format!(", from {start} to 24:00 each"),
            [start, end] => format!(", from {start} to {end} each"),
        },
        None => String::new(),
    };
    let count = |field: Field<Number>| quantity::count(field.number().unwrap_or(0.0));
    let judged = match &*count(compared.judged) {
        "1" => "one operation or endpoint".to_owned(),
        more => format!("{more} operations and endpoints"),
    };
    let unjudged = match &*count(compared.unjudged) {
        "0" => String::new(),
        some => format!(", {some} had too few samples"),
    };
    let periods = of_days(periods);
    format!("Compared with the {periods} before{at_hours}: {judged} could be judged{unjudged}.")
}

impl Row {
    fn of(entry: &ChangedEntry, is_long: bool) -> Option<Self> {
        let unit = Unit::parse(entry.unit.text().unwrap_or_default());
        let sides = [entry.before.get(), entry.after.get()];
        let outcome = Outcome::of(entry, &unit)?;
        Some(Self {
            outcome,
            name: Name::new(entry.name.text()?),
            since: hours_in_words(entry, is_long),
            figures: moved(entry, sides, &unit, outcome),
            // From nothing at all the figures say more.
            change: entry
                .percentage
                .number()
                .filter(|percent| percent.is_finite())
                .map(quantity::change),
            samples: sides[1].or(sides[0])?.count.number(),
        })
    }

    /// All of it but the name, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            since,
            figures,
            change,
            ..
        } = self;
        let change = change
            .as_ref()
            .map_or_else(String::new, |change| format!(" ({change})"));
        format!("{since}: {figures}{change}")
    }
}

fn moved(
    entry: &ChangedEntry,
    sides: [Option<&SideEntry>; 2],
    unit: &Unit,
    outcome: Outcome,
) -> String {
    let reason = entry.reason.text();
    let (label, figure): (_, fn(&SideEntry) -> Field<Number>) = match reason {
        Some("failures") => match sides.into_iter().flatten().next() {
            Some(side) if !side.failure_rate.is_missing() => ("failed", |side| side.failure_rate),
            _ => ("errors", |side| side.error_rate),
        },
        Some("mean") => ("mean", |side| side.mean),
        Some("tail") => ("p99", |side| side.p99),
        _ => ("median", |side| side.median),
    };
    let show = |side: Option<&SideEntry>| {
        let value = side.and_then(|side| figure(side).number());
        value.map(|value| match reason {
            Some("failures") => quantity::share(value).to_string(),
            _ => unit.show(value).to_string(),
        })
    };
    match sides.map(show) {
        [Some(before), Some(after)] => format!("{label} {before} → {after}"),
        [Some(before), None] => format!("{label} was {before}"),
        [None, Some(after)] => format!("{label} {after}"),
        [None, None] => outcome.words.to_owned(),
    }
}

/// In which hours a change shows.
fn hours_in_words(entry: &ChangedEntry, is_long: bool) -> String {
    let shown = |field: &Field<String>| {
        let text = field.text()?;
        let usable = text.is_ascii() && text.len() >= 16;
        Some(match (usable, is_long) {
            (false, _) => display::text(text),
            (true, false) => text[11..16].to_owned(),
            (true, true) => format!("{} {}", &text[5..10], &text[11..16]),
        })
    };
    match (shown(&entry.since), shown(&entry.until)) {
        (Some(since), Some(until)) => format!("{since} to {until}"),
        (Some(since), None) => format!("since {since}"),
        _ => String::new(),
    }
}

/// How many of what became what.
fn headline(entries: &[&ChangedEntry], rows: &[Row]) -> String {
    let kinds: Vec<bool> = entries
        .iter()
        .map(|entry| entry.kind.text() == Some("endpoint"))
        .collect();
    let mut parts = Vec::new();
    // What is worse stands alone, or with what is gone: the rows say the rest.
    let is_bad = rows.iter().any(|row| row.outcome.class == "bad");
    let is_said = |outcome: &Outcome| !is_bad || outcome.class == "bad" || *outcome == GONE;
    for outcome in OUTCOMES.into_iter().filter(is_said) {
        for (is_endpoint, nouns) in [
            (true, ["one endpoint", "endpoints"]),
            (false, ["one operation", "operations"]),
        ] {
            let such = rows
                .iter()
                .zip(&kinds)
                .filter(|(row, kind)| row.outcome == outcome && **kind == is_endpoint);
            match such.count() {
                0 => {}
                1 => parts.push(format!("{} {}", nouns[0], outcome.said[0])),
                more => parts.push(format!(
                    "{} {} {}",
                    quantity::count(more as f64),
                    nouns[1],
                    outcome.said[1]
                )),
            }
        }
    }
    let text = match parts.len().cmp(&1) {
        Ordering::Greater => {
            let last = parts.pop().unwrap_or_default();
            format!("{} and {last}", parts.join(", "))
        }
        _ => parts.concat(),
    };
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}
