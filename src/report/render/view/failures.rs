//! How many requests failed, before and after.

use super::{
    Cell, Table,
    changes::{Change, p_number},
    verdict::Verdict,
};
use crate::{
    quantity,
    report::schema::{ChangeEntry, ComparedEntry, RateChange},
};

/// How the shares of failed requests, or of failed runs of an operation, changed.
#[derive(Debug, Clone)]
pub struct Failures {
    /// What became of the share of those that the server failed.
    pub verdict: Verdict,
    requests: [Option<f64>; 2],
    server: [f64; 2],
    client: [Option<f64>; 2],
    p_value: Option<f64>,
}

impl Failures {
    /// What the figures of a change say, if they do.
    pub(super) fn of(change: &ChangeEntry, periods: [Option<&ComparedEntry>; 2]) -> Option<Self> {
        let shares = |of: &RateChange| [of.period1.number(), of.period2.number()];
        let server = change
            .error_rate
            .get()
            .or_else(|| change.failure_rate.get())?;
        let [before, after] = shares(server);
        Some(Self {
            verdict: Verdict::parse(server.verdict.text().unwrap_or_default()),
            requests: periods.map(|period| period?.count.number()),
            server: [before?, after?],
            client: change.client_error_rate.get().map_or([None; 2], shares),
            p_value: server.p_value.number(),
        })
    }

    /// Whether they fail more often.
    pub(super) fn is_worse(&self) -> bool {
        self.verdict == Verdict::Degraded
    }

    fn is_any(&self) -> bool {
        let shares = self
            .server
            .into_iter()
            .chain(self.client.into_iter().flatten());
        shares.into_iter().any(|share| share > 0.0)
    }

    /// What changed, in words.
    pub(super) fn words(&self) -> String {
        if self.server.iter().all(|share| *share == 0.0) {
            return "no errors".to_owned();
        }
        let verdict = self.verdict.as_str();
        let p_value = self.p_value.map(quantity::p_value);
        let p_value = p_value.map_or_else(String::new, |p| format!(", {p}"));
        format!("errors {verdict}: {}{p_value}", pair(self.server))
    }
}

fn pair(shares: [f64; 2]) -> String {
    let [before, after] = shares.map(quantity::share);
    format!("{before} → {after}")
}

fn cell(shares: [Option<f64>; 2], show: impl FnOnce([f64; 2]) -> String) -> Cell {
    match shares {
        [Some(before), Some(after)] => Cell::Pair(show([before, after])),
        _ => Cell::None,
    }
}

/// The shares of requests that failed, of those endpoints where any did.
pub(super) fn table_of_requests(changes: &[Change], most: usize) -> Option<Table> {
    let headings = ["Endpoint", "Requests", "Errors (5xx)"];
    let caption = "Shares of requests that failed, what fails more often first";
    table(changes, headings, caption, most)
}

/// The shares of runs that failed, of those operations where any did.
pub(super) fn table_of_runs(changes: &[Change], most: usize) -> Option<Table> {
    let headings = ["Operation", "Runs", "Failed"];
    let caption = "Shares of runs that failed, what fails more often first";
    table(changes, headings, caption, most)
}

fn table(
    changes: &[Change],
    [what, runs, failed]: [&str; 3],
    caption: &str,
    most: usize,
) -> Option<Table> {
    let failing = changes.iter().filter_map(|change| {
        let failures = change.failures.as_ref().filter(|it| it.is_any())?;
        Some((change, failures))
    });
    let rows = failing.map(|(change, failures)| {
        let p_value = failures.p_value.map(p_number);
        vec![
            Cell::Operation {
                name: change.name.clone(),
                number: change.number,
                unit: None,
            },
            Cell::Verdict(failures.verdict),
            cell(failures.requests, |[before, after]| {
                let [before, after] = [before, after].map(quantity::count);
                format!("{before} → {after}")
            }),
            Cell::Pair(pair(failures.server)),
            p_value.map_or(Cell::None, Cell::number),
            cell(failures.client, pair),
        ]
    });
    let columns = [
        (what, false),
        ("Verdict", false),
        (runs, true),
        (failed, true),
        ("p", true),
        ("Client errors (4xx)", true),
    ];
    Table::new(caption, &columns, rows.collect(), most)
}
