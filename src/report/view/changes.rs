//! What changed from one period to another.

use std::cmp::Reverse;

use super::{
    Cell, Document, Scope, Section, Table, Tile,
    figures::{self, Figures, first_number, number},
    names::{self, Name},
    operations::units_in_words,
    provenance::{self, Provenance},
    quantity::{self, Quantity, THIN_SPACE, Unit},
    verdict::Verdict,
};

/// The reason of a verdict whose change the median does not show.
const TAIL: &str = "tail";

/// How an operation changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its place in the report, from 1.
    pub number: usize,
    /// What the report calls it.
    pub key: String,
    /// The same to be shown.
    pub name: Name,
    /// Its unit.
    pub unit: Unit,
    /// Which ones, where units differ and nothing can be told.
    units: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// The medians of both periods.
    pub medians: [Option<f64>; 2],
    means: [Option<f64>; 2],
    p95s: [Option<f64>; 2],
    p99s: [Option<f64>; 2],
    /// Which way the verdict was made: by the typical sample, the mean or the tail.
    reason: Option<String>,
    /// The change of the mean in percent.
    percent: Option<f64>,
    /// Where that lies, in percent.
    interval: Option<(f64, f64)>,
    /// How sure that is, in percent.
    confidence: f64,
    p_value: Option<f64>,
    /// How exact the figures of both periods are, and where they come from.
    provenances: [Provenance; 2],
}

impl Change {
    fn new(scope: Scope<'_>, key: &str, figures: &Figures) -> Self {
        let periods = ["period1", "period2"].map(|period| {
            let operations = scope.object(period)?;
            operations.get(key)?.as_object()
        });
        let of_both = |keys: &[&str]| periods.map(|period| first_number(period?, keys));
        let unit = [Some(figures), periods[0], periods[1]]
            .into_iter()
            .find_map(|figures| figures::text(figures?, "unit"));
        let charted = || {
            let charts = scope.charts?.operations.iter();
            let mut named = charts.filter(|chart| chart.name == key);
            named.next().map(|chart| &*chart.unit)
        };
        let units = differing(periods);
        let words = figures::text(figures, "verdict")
            .or_else(|| figures::text(figures, "direction"))
            .unwrap_or_default();
        let means = of_both(&["mean"]);
        let confidence = number(figures, "confidence").or_else(|| {
            let thresholds = scope.object("thresholds").unwrap_or(scope.report);
            number(thresholds, "confidence")
        });
        Self {
            number: 0,
            key: key.to_owned(),
            name: Name::new(key),
            unit: match &units {
                // Numbers alone: none of the units is that of both periods.
                Some(_) => Unit::Other(String::new()),
                None => Unit::parse(unit.or_else(charted).unwrap_or_default()),
            },
            verdict: Verdict::parse(words),
            medians: of_both(&["median", "p50"]),
            means,
            p95s: of_both(&["p95"]),
            p99s: of_both(&["p99"]),
            reason: figures::text(figures, "reason").map(names::text),
            percent: number(figures, "percentage").filter(|_| units.is_none()),
            interval: interval(figures, means[0]),
            confidence: confidence.unwrap_or(0.95) * 100.0,
            p_value: number(figures, "p_value"),
            units,
            provenances: periods
                .map(|period| period.map_or_else(Provenance::default, Provenance::of)),
        }
    }

    /// How exact the figures are and where they come from, in a few words.
    #[must_use]
    pub fn provenance(&self) -> Option<String> {
        Provenance::words_of_both(&self.provenances)
    }

    /// What changed and how sure that is, in words.
    #[must_use]
    pub fn words(&self) -> String {
        if let Some(units) = &self.units {
            return format!("no verdict, since {units}");
        }
        let mut parts = Vec::new();
        if self.reason.as_deref() == Some(TAIL) {
            parts.extend(self.moved("p99", self.p99s));
        }
        parts.extend(self.moved("median", self.medians));
        if let [Some(before), Some(after)] = self.means
            && parts.is_empty()
        {
            let [before, after] = [before, after].map(|value| self.unit.show(value));
            parts.push(format!("mean {before} → {after}"));
        }
        if let Some(percent) = self.percent {
            let interval = self.interval.map_or_else(String::new, |interval| {
                let sure = quantity::short_digits(self.confidence);
                let interval = interval_text(interval);
                format!(" ({sure}{THIN_SPACE}% interval {interval})")
            });
            parts.push(format!("mean {}{interval}", quantity::change(percent)));
        }
        parts.extend(self.p_value.map(quantity::p_value));
        if parts.is_empty() {
            "no figures".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// From what to what a figure went, and by how much of it.
    fn moved(&self, name: &str, values: [Option<f64>; 2]) -> Option<String> {
        let [Some(before), Some(after)] = values else {
            return None;
        };
        let change = relative(before, after).map_or_else(String::new, |percent| {
            format!(" ({})", quantity::change(percent))
        });
        let [before, after] = [before, after].map(|value| self.unit.show(value));
        Some(format!("{name} {before} → {after}{change}"))
    }

    fn pair(&self, values: [Option<f64>; 2]) -> Cell {
        match values {
            [Some(before), Some(after)] => {
                let [before, after] = [before, after].map(|value| match self.unit.named() {
                    Some(_) => quantity::digits(value),
                    None => self.unit.show(value).to_string(),
                });
                Cell::Pair(format!("{before} → {after}"))
            }
            _ => Cell::None,
        }
    }

    /// What matters first: how bad it is, then how much.
    fn importance(&self) -> (Verdict, Reverse<u64>) {
        let size = self.percent.map_or(0.0, f64::abs);
        // Positive numbers are in the order of their bits.
        (self.verdict, Reverse(size.to_bits()))
    }
}

/// What to say where the samples of both periods are not all in one unit.
fn differing(periods: [Option<&Figures>; 2]) -> Option<String> {
    let said = |period: Option<&Figures>| {
        let mixed = units_in_words(period?);
        mixed.or_else(|| figures::text(period?, "unit").map(names::text))
    };
    let is_mixed = |period: &Figures| units_in_words(period).is_some();
    let unit = |period: Option<&Figures>| figures::text(period?, "unit").map(ToOwned::to_owned);
    let [before, after] = periods.map(unit);
    let differ = periods.into_iter().flatten().any(is_mixed)
        || before
            .zip(after)
            .is_some_and(|(before, after)| !Unit::is_same(&before, &after));
    let [before, after] = periods.map(|period| said(period).unwrap_or_else(|| "none".to_owned()));
    differ.then(|| format!("units differ: {before} before, {after} after"))
}

/// The change in percent of what was before.
fn relative(before: f64, after: f64) -> Option<f64> {
    let percent = (after - before) / before.abs() * 100.0;
    percent.is_finite().then_some(percent)
}

/// The bounds of the mean's change in percent. Those that are in the operation's unit are made so.
fn interval(figures: &Figures, before: Option<f64>) -> Option<(f64, f64)> {
    let interval = figures.get("confidence_interval")?.as_object()?;
    let pair = |low, high| Some((number(interval, low)?, number(interval, high)?));
    let (low, high) = pair("low_percentage", "high_percentage").or_else(|| {
        let (low, high) = pair("low", "high")?;
        let percent = |change: f64| change / before.unwrap_or(f64::NAN).abs() * 100.0;
        Some((percent(low), percent(high)))
    })?;
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

fn interval_text((low, high): (f64, f64)) -> String {
    let [low, high] = [low, high].map(quantity::signed);
    format!("{low} … {high}{THIN_SPACE}%")
}

/// The kind of report that a comparison is.
pub const COMPARISON: &str = "Comparison";

/// The report of a comparison, whose changes are numbered after the first `others` of the report.
pub(super) fn comparison(scope: Scope<'_>, others: usize) -> Document {
    let mut changes: Vec<Change> = figures::named(scope.report, "changes")
        .map(|(name, figures)| Change::new(scope, name, figures))
        .collect();
    changes.sort_by_key(Change::importance);
    for (at, change) in changes.iter_mut().enumerate() {
        change.number = others + at + 1;
    }
    let intro = if changes.is_empty() {
        Some("No operation was used in both periods.".to_owned())
    } else if changes.iter().any(|change| change.p_value.is_some()) {
        Some(
            "An operation has degraded or improved where the change is both more than chance \
             would make it and large enough to matter. Less is better."
                .to_owned(),
        )
    } else {
        Some("Less is better.".to_owned())
    };
    let of_all = provenance::of_all(changes.iter().map(Change::provenance));
    let mut tables: Vec<Table> = table(&changes, of_all.is_none(), scope.rows)
        .into_iter()
        .collect();
    tables.extend(unmatched(scope, &changes));
    let of_each: Vec<Provenance> = ["period1", "period2"]
        .into_iter()
        .flat_map(|period| figures::named(scope.report, period))
        .map(|(_, figures)| Provenance::of(figures))
        .collect();
    let mut document = Document {
        kind: COMPARISON,
        title: title(&changes),
        tiles: tiles(&changes),
        sections: vec![Section {
            id: "changes",
            title: "Changes".to_owned(),
            intro,
            facts: of_all.into_iter().collect(),
            tables,
        }],
        changes,
        ..Document::default()
    };
    document.rest_on(&of_each);
    document
}

fn title(changes: &[Change]) -> String {
    let number = |verdict: Verdict| {
        let such = changes.iter().filter(|change| change.verdict == verdict);
        such.count()
    };
    let operations = |number: usize| match number {
        1 => "One operation has".to_owned(),
        more => format!("{} operations have", quantity::count(more as f64)),
    };
    match (number(Verdict::Degraded), number(Verdict::Improved)) {
        (0, 0) if changes.is_empty() => "Nothing to compare".to_owned(),
        (0, 0) => "Nothing has changed that matters".to_owned(),
        (0, improved) => format!("{} improved", operations(improved)),
        (degraded, _) => format!("{} degraded", operations(degraded)),
    }
}

fn tiles(changes: &[Change]) -> Vec<Tile> {
    Verdict::ALL
        .into_iter()
        .filter_map(|verdict| {
            let such = changes.iter().filter(|change| change.verdict == verdict);
            let number = such.count();
            let usual = matches!(
                verdict,
                Verdict::Degraded | Verdict::Improved | Verdict::Unchanged
            );
            (usual || number > 0).then(|| Tile {
                label: verdict.heading(),
                value: Quantity {
                    number: quantity::count(number as f64),
                    unit: String::new(),
                },
                name: None,
                verdict: (number > 0).then_some(verdict),
            })
        })
        .collect()
}

fn table(changes: &[Change], provenances: bool, most: usize) -> Option<Table> {
    let rows = changes.iter().map(|change| {
        let text = |text: Option<String>| text.map_or(Cell::None, Cell::number);
        let reason = change.reason.clone();
        vec![
            Cell::Operation {
                name: change.name.clone(),
                number: change.number,
                unit: change
                    .units
                    .clone()
                    .or_else(|| change.unit.named().map(ToOwned::to_owned)),
            },
            Cell::Verdict(change.verdict),
            reason.map_or(Cell::None, Cell::Text),
            change.pair(change.medians),
            change.pair(change.p95s),
            change.pair(change.p99s),
            // Where there are no medians, from elsewhere.
            if change.medians.contains(&None) {
                change.pair(change.means)
            } else {
                Cell::None
            },
            text(change.percent.map(quantity::change)),
            change
                .interval
                .map_or(Cell::None, |it| Cell::Pair(interval_text(it))),
            text(change.p_value.map(p_number)),
            Provenance::cell(change.provenance().filter(|_| provenances)),
        ]
    });
    let columns = [
        ("Operation", false),
        ("Verdict", false),
        ("By", false),
        ("Median", true),
        ("p95", true),
        ("p99", true),
        ("Mean", true),
        ("Change", true),
        ("Interval", true),
        ("p", true),
        ("Accuracy", false),
    ];
    let caption = "Operations of both periods, what matters first; change and interval are those of the mean, and \
         a verdict is made by the typical sample, the mean or the tail";
    Table::new(caption, &columns, rows.collect(), most)
}

fn p_number(p: f64) -> String {
    let text = quantity::p_value(p);
    text.trim_start_matches("p ")
        .trim_start_matches("= ")
        .to_owned()
}

/// The operations that only one of the periods has.
fn unmatched(scope: Scope<'_>, changes: &[Change]) -> Option<Table> {
    let periods = [("period1", "first"), ("period2", "second")];
    let rows = periods.into_iter().flat_map(|(key, period)| {
        let alone = move |name: &str| !changes.iter().any(|change| change.key == name);
        figures::named(scope.report, key)
            .filter(move |(name, _)| alone(name))
            .map(move |(name, figures)| {
                let unit = Unit::parse(figures::text(figures, "unit").unwrap_or_default());
                let show = |keys: &[&str]| {
                    Cell::quantity(first_number(figures, keys), |value| unit.show(value))
                };
                vec![
                    Cell::Name(Name::new(name)),
                    Cell::Text(period.to_owned()),
                    Cell::count(number(figures, "count")),
                    show(&["mean"]),
                    show(&["median", "p50"]),
                    show(&["p95"]),
                    Provenance::cell(Provenance::of(figures).words()),
                ]
            })
    });
    let columns = [
        ("Operation", false),
        ("Period", false),
        ("Samples", true),
        ("Mean", true),
        ("Median", true),
        ("p95", true),
        ("Accuracy", false),
    ];
    Table::new(
        "Operations of one period alone",
        &columns,
        rows.collect(),
        scope.rows,
    )
}
