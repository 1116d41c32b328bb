//! The report of a comparison.

use super::{
    Cell, Document, Scope, Section, Table, Tile,
    changes::{Change, Compared, table},
    failures,
    provenance::{self, Provenance},
    verdict::Verdict,
};
use crate::{
    quantity::{self, Quantity},
    report::schema::Field,
    text::display::Name,
    units::Unit,
};

/// The kind of report that a comparison is.
pub const COMPARISON: &str = "Comparison";

/// The report of a comparison, whose changes are numbered after the first `others` of the report.
pub(super) fn comparison(scope: Scope<'_>, others: usize) -> Document {
    let operations = Compared::operations(scope);
    let changes = by_importance(operations, others);
    let requests = Compared::requests(scope);
    let of_requests =
        requests.map_or_else(Vec::new, |it| by_importance(it, others + changes.len()));
    let mut document = Document {
        kind: COMPARISON,
        title: title(&changes, &of_requests),
        tiles: tiles(&changes, &of_requests),
        ..Document::default()
    };
    if let Some(requests) = requests.filter(|requests| requests.has_any()) {
        let section = requests_section(requests, &of_requests, scope.rows);
        document.sections.push(section);
        document.rest_on(&requests.provenances());
    }
    if operations.has_any() || document.sections.is_empty() {
        let title = if document.sections.is_empty() {
            "Changes"
        } else {
            "Operations"
        };
        let section = operations_section(operations, title, &changes, scope.rows);
        document.sections.push(section);
        document.rest_on(&operations.provenances());
    }
    document.changes = changes;
    document.requests = of_requests;
    document
}

fn by_importance(compared: Compared<'_>, others: usize) -> Vec<Change> {
    let mut changes: Vec<Change> = compared.changes().collect();
    changes.sort_by_key(Change::importance);
    for (at, change) in changes.iter_mut().enumerate() {
        change.number = others + at + 1;
    }
    changes
}

impl Compared<'_> {
    /// Whether either period has any.
    fn has_any(self) -> bool {
        let of_periods = self
            .periods
            .into_iter()
            .any(|period| period.entries().next().is_some());
        of_periods || self.changes.entries().next().is_some()
    }

    fn provenances(self) -> Vec<Provenance> {
        let entries = self.periods.into_iter().flat_map(Field::entries);
        entries
            .map(|(_, entry)| Provenance::of_compared(entry))
            .collect()
    }
}

fn operations_section(
    operations: Compared<'_>,
    title: &str,
    changes: &[Change],
    rows: usize,
) -> Section {
    let intro = if changes.is_empty() {
        "No operation was used in both periods."
    } else if changes.iter().any(Change::is_tested) {
        "An operation has degraded or improved where the change is both more than chance would make \
         it and large enough to matter. Less is better."
    } else {
        "Less is better."
    };
    let of_all = provenance::of_all(changes.iter().map(Change::provenance));
    let caption = "Operations of both periods, what matters first; change and interval are those of the \
                   mean, and a verdict is made by the typical sample, the mean or the tail";
    let of_both = table(changes, ["Operation", caption], of_all.is_none(), rows);
    let unmatched = unmatched(operations, ["Operation", "Operations"], changes, rows);
    let failed = failures::table_of_runs(changes, rows);
    Section {
        id: "changes",
        title: title.to_owned(),
        intro: Some(intro.to_owned()),
        facts: of_all.into_iter().collect(),
        tables: failed.into_iter().chain(of_both).chain(unmatched).collect(),
    }
}

fn requests_section(requests: Compared<'_>, changes: &[Change], rows: usize) -> Section {
    let intro = if changes.is_empty() {
        "No endpoint had requests in both periods."
    } else {
        "Requests fail more or less often where the share of those that the server answered by a \
         status of 500 or above changed by more than chance would make it and enough to matter; \
         statuses from 400 to 499 are shown beside it. Times have degraded or improved likewise. Less \
         is better."
    };
    let of_all = provenance::of_all(changes.iter().map(Change::provenance));
    let caption = "Durations of requests, what fails first, then what matters most; change and interval \
                   are those of the mean";
    let failed = failures::table_of_requests(changes, rows);
    let of_both = table(changes, ["Endpoint", caption], of_all.is_none(), rows);
    let unmatched = unmatched(requests, ["Endpoint", "Endpoints"], changes, rows);
    Section {
        id: "endpoints",
        title: "Requests".to_owned(),
        intro: Some(intro.to_owned()),
        facts: of_all.into_iter().collect(),
        tables: failed.into_iter().chain(of_both).chain(unmatched).collect(),
    }
}

fn number_of(changes: &[Change], is: impl Fn(&Change) -> bool) -> usize {
    changes.iter().filter(|change| is(change)).count()
}

fn title(changes: &[Change], requests: &[Change]) -> String {
    let of_endpoints = |number: usize, one: &str, more: &str| match number {
        0 => None,
        1 => Some(format!("one endpoint {one}")),
        some => {
            let number = quantity::count(some as f64);
            Some(format!("{number} endpoints {more}"))
        }
    };
    let of_operations = |number: usize, verdict: &str| match number {
        0 => None,
        1 => Some(format!("one operation has {verdict}")),
        some => {
            let number = quantity::count(some as f64);
            Some(format!("{number} operations have {verdict}"))
        }
    };
    let failing_operations = |number: usize, often: &str| match number {
        0 => None,
        1 => Some(format!("one operation fails {often} often")),
        some => {
            let number = quantity::count(some as f64);
            Some(format!("{number} operations fail {often} often"))
        }
    };
    let parts = |verdict: Verdict, [often, verb]: [&str; 2]| -> Vec<String> {
        let failing = number_of(requests, |it| it.fails_as(verdict));
        let failed = number_of(changes, |it| it.fails_as(verdict));
        let timed = number_of(requests, |it| it.verdict == verdict);
        let operations = number_of(changes, |it| it.verdict == verdict);
        let (one, more) = (
            format!("fails {often} often"),
            format!("fail {often} often"),
        );
        [
            of_endpoints(failing, &one, &more),
            failing_operations(failed, often),
            of_endpoints(timed, verb, verb),
            of_operations(operations, verdict.as_str()),
        ]
        .into_iter()
        .flatten()
        .collect()
    };
    let mut said = parts(Verdict::Degraded, ["more", "got slower"]);
    if said.is_empty() {
        said = parts(Verdict::Improved, ["less", "got faster"]);
    }
    let all = || changes.iter().chain(requests);
    if let Some(last) = said.pop() {
        let before = said.join(", ");
        let whole = if before.is_empty() {
            last
        } else {
            format!("{before} and {last}")
        };
        upper_first(&whole)
    } else if all().next().is_none() {
        "Nothing to compare".to_owned()
    } else if all().any(Change::is_judged) {
        "Nothing has changed that matters".to_owned()
    } else {
        "Nothing could be judged".to_owned()
    }
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

impl Change {
    fn fails_as(&self, verdict: Verdict) -> bool {
        let failures = self.failures.as_ref();
        failures.is_some_and(|failures| failures.verdict == verdict)
    }

    fn is_judged(&self) -> bool {
        let is_verdict = |it: Verdict| !matches!(it, Verdict::NotEnoughData | Verdict::Unknown);
        let failures = self.failures.as_ref();
        is_verdict(self.verdict) || failures.is_some_and(|it| is_verdict(it.verdict))
    }
}

fn tiles(changes: &[Change], requests: &[Change]) -> Vec<Tile> {
    let tile = |label, number: usize, verdict| Tile {
        label,
        value: Quantity {
            number: quantity::count(number as f64),
            unit: String::new(),
        },
        name: None,
        verdict: (number > 0).then_some(verdict),
    };
    let failing = [
        ("Fail more often", Verdict::Degraded),
        ("Fail less often", Verdict::Improved),
    ]
    .into_iter()
    .filter_map(|(label, verdict)| {
        let fails = |it: &Change| it.fails_as(verdict);
        let number = number_of(requests, fails) + number_of(changes, fails);
        (number > 0).then(|| tile(label, number, verdict))
    });
    let all = Verdict::ALL.into_iter().filter_map(|verdict| {
        let is_such = |it: &Change| it.verdict == verdict;
        let number = number_of(changes, is_such) + number_of(requests, is_such);
        let usual = matches!(
            verdict,
            Verdict::Degraded | Verdict::Improved | Verdict::Unchanged
        );
        (usual || number > 0).then(|| tile(verdict.heading(), number, verdict))
    });
    failing.chain(all).collect()
}

/// What only one of the periods has.
fn unmatched(
    compared: Compared<'_>,
    [one, more]: [&str; 2],
    changes: &[Change],
    most: usize,
) -> Option<Table> {
    let periods = compared.periods.into_iter().zip(["first", "second"]);
    let rows = periods.flat_map(|(entries, period)| {
        let alone = move |name: &str| !changes.iter().any(|change| change.key == name);
        entries
            .entries()
            .filter(move |(name, _)| alone(name))
            .map(move |(name, entry)| {
                let unit = Unit::parse(entry.unit.text().unwrap_or_default());
                let show = |value: Option<f64>| Cell::quantity(value, |value| unit.show(value));
                vec![
                    Cell::Name(Name::new(name)),
                    Cell::Text(period.to_owned()),
                    Cell::count(entry.count.number()),
                    show(entry.mean.number()),
                    show(entry.median()),
                    show(entry.p95.number()),
                    Provenance::cell(Provenance::of_compared(entry).words()),
                ]
            })
    });
    let columns = [
        (one, false),
        ("Period", false),
        ("Samples", true),
        ("Mean", true),
        ("Median", true),
        ("p95", true),
        ("Accuracy", false),
    ];
    Table::new(
        format!("{more} of one period alone"),
        &columns,
        rows.collect(),
        most,
    )
}
