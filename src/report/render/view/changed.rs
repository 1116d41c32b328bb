//! What changed against the periods before: the first thing that a report says.

use std::cmp::Ordering;

use super::{
    Cell, Scope, Table,
    figures::{self, Figures, number, objects},
};
use crate::{
    quantity,
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
    fn of(entry: &Figures, unit: &Unit) -> Option<Self> {
        let fails = figures::text(entry, "reason") == Some("failures");
        Some(match (figures::text(entry, "verdict")?, fails) {
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
    /// What `report` says of it; `None` where it says nothing.
    #[must_use]
    pub fn in_report(report: &serde_json::Value) -> Option<Self> {
        Self::of(Scope {
            report: report.as_object()?,
            charts: None,
            rows: usize::MAX,
        })
    }

    /// What `scope` says of it; `None` where it says nothing, as without a history.
    pub(super) fn of(scope: Scope<'_>) -> Option<Self> {
        let compared = scope.object("compared_with")?;
        let entries = || objects(scope.report, "changed");
        let is_long = spans_days(compared);
        let rows: Vec<Row> = entries().filter_map(|it| Row::of(it, is_long)).collect();
        let verdict = figures::text(compared, "verdict");
        let periods = list(compared, "periods");
        let (headline, class) = if !rows.is_empty() {
            let is_bad = rows.iter().any(|row| row.outcome.class == "bad");
            let class = if is_bad { "bad" } else { "neutral" };
            (headline(entries(), &rows), class)
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

fn list(figures: &Figures, key: &str) -> usize {
    let list = figures.get(key).and_then(serde_json::Value::as_array);
    list.map_or(0, Vec::len)
}

/// The hours that are compared, as texts of ISO 8601.
fn hours(compared: &Figures) -> Option<[&str; 2]> {
    let hours = compared.get("hours")?.as_object()?;
    let bound = |key| figures::text(hours, key).filter(|text| text.is_ascii() && text.len() >= 16);
    Some([bound("start")?, bound("end")?])
}

/// Whether hours have to be told with their days.
fn spans_days(compared: &Figures) -> bool {
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

fn intro(compared: &Figures, periods: usize) -> String {
    let is_long = spans_days(compared);
    let hours = hours(compared);
    let length = hours.map_or(1, |[start, end]| days(start, end).max(1));
    let of_days = |number: usize| match (number, length) {
        (1, 1) => "day".to_owned(),
        (_, 1) => format!("{number} days"),
        (1, length) => format!("{length} days"),
        (_, length) => format!("{number} times {length} days"),
    };
    if figures::text(compared, "verdict") == Some("not enough data")
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
    let count = |key| quantity::count(number(compared, key).unwrap_or(0.0));
    let judged = match &*count("judged") {
        "1" => "one operation or endpoint".to_owned(),
        more => format!("{more} operations and endpoints"),
    };
    let unjudged = match &*count("unjudged") {
        "0" => String::new(),
        some => format!(", {some} had too few samples"),
    };
    let periods = of_days(periods);
    format!("Compared with the {periods} before{at_hours}: {judged} could be judged{unjudged}.")
}

impl Row {
    fn of(entry: &Figures, is_long: bool) -> Option<Self> {
        let unit = Unit::parse(figures::text(entry, "unit").unwrap_or_default());
        let side = |key: &str| entry.get(key).and_then(serde_json::Value::as_object);
        let sides = [side("before"), side("after")];
        let outcome = Outcome::of(entry, &unit)?;
        Some(Self {
            outcome,
            name: Name::new(figures::text(entry, "name")?),
            since: hours_in_words(entry, is_long),
            figures: moved(entry, sides, &unit, outcome),
            // From nothing at all the figures say more.
            change: number(entry, "percentage")
                .filter(|percent| percent.is_finite())
                .map(quantity::change),
            samples: number(sides[1].or(sides[0])?, "count"),
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

fn moved(entry: &Figures, sides: [Option<&Figures>; 2], unit: &Unit, outcome: Outcome) -> String {
    let reason = figures::text(entry, "reason");
    let (label, key) = match reason {
        Some("failures") => match sides.into_iter().flatten().next() {
            Some(side) if side.contains_key("failure_rate") => ("failed", "failure_rate"),
            _ => ("errors", "error_rate"),
        },
        Some("mean") => ("mean", "mean"),
        Some("tail") => ("p99", "p99"),
        _ => ("median", "median"),
    };
    let show = |side: Option<&Figures>| {
        let value = side.and_then(|side| number(side, key));
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
fn hours_in_words(entry: &Figures, is_long: bool) -> String {
    let shown = |key| {
        let text = figures::text(entry, key)?;
        let usable = text.is_ascii() && text.len() >= 16;
        Some(match (usable, is_long) {
            (false, _) => display::text(text),
            (true, false) => text[11..16].to_owned(),
            (true, true) => format!("{} {}", &text[5..10], &text[11..16]),
        })
    };
    match (shown("since"), shown("until")) {
        (Some(since), Some(until)) => format!("{since} to {until}"),
        (Some(since), None) => format!("since {since}"),
        _ => String::new(),
    }
}

/// How many of what became what.
fn headline<'a>(entries: impl Iterator<Item = &'a Figures>, rows: &[Row]) -> String {
    let kinds: Vec<bool> = entries
        .map(|entry| figures::text(entry, "kind") == Some("endpoint"))
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
