//! Requests, the cache, bottlenecks, and the session within a daily report.

use super::{
    Cell, Document, Fact, Scope, Section, Table, Tile,
    changes::is_comparison,
    figures::{self, Figures, number, objects},
    operations::{self, Operation},
    provenance::{self, Provenance},
    times::moment_in_words,
};
use crate::{quantity, requests::route, text::display::Name, units::Unit};

const MILLISECONDS: Unit = Unit::Time(1e-3);
const SECONDS: Unit = Unit::Time(1.0);

fn ms(figures: &Figures, key: &str) -> Cell {
    Cell::quantity(number(figures, key), |value| MILLISECONDS.show(value))
}

fn rate(figures: &Figures, key: &str) -> Cell {
    Cell::quantity(number(figures, key), quantity::share)
}

fn count(figures: &Figures, key: &str) -> Cell {
    Cell::count(number(figures, key))
}

fn bytes(figures: &Figures, key: &str) -> Cell {
    Cell::quantity(number(figures, key), |bytes| Unit::Data(1.0).show(bytes))
}

/// Those facts that hold something.
fn held(facts: impl IntoIterator<Item = (&'static str, Cell)>) -> Vec<Fact> {
    let held = facts.into_iter().filter(|(_, value)| !value.is_none());
    held.map(|(label, value)| Fact::new(label, value)).collect()
}

/// Adds what the report says of requests.
pub(super) fn add_requests(scope: Scope<'_>, document: &mut Document) {
    // What a comparison says of them is no report of one period.
    let Some(api) = scope.object("api").filter(|api| !is_comparison(api)) else {
        return;
    };
    let tile = |label: &'static str, value: Cell| match value {
        Cell::Quantity(value) => Some(Tile {
            label,
            value,
            name: None,
            verdict: None,
        }),
        _ => None,
    };
    document
        .tiles
        .extend(tile("Requests", count(api, "total_requests")));
    document
        .tiles
        .extend(tile("Error rate", rate(api, "overall_error_rate")));
    let facts = held([
        ("requests", count(api, "total_requests")),
        ("errors", count(api, "total_errors")),
        ("error rate", rate(api, "overall_error_rate")),
        ("mean", ms(api, "overall_mean_ms")),
        ("median", ms(api, "overall_median_ms")),
        ("p95", ms(api, "overall_p95_ms")),
    ]);
    let rankings = [slowest(api), failing(api)].into_iter().flatten();
    let of_each: Vec<Provenance> = figures::named(api, "endpoints")
        .map(|(_, entry)| Provenance::of(entry))
        .collect();
    document.rest_on(&of_each);
    let of_all = provenance::of_all(of_each.iter().map(Provenance::words));
    let provenances = of_all.is_none();
    let endpoints = [
        ("endpoints", "Endpoints, those with the most requests first"),
        ("methods", "By method, where an endpoint has several"),
    ];
    let endpoints =
        endpoints.map(|(key, caption)| endpoints_table(scope, key, caption, provenances));
    let endpoints = endpoints.into_iter().flatten();
    let errors = errors(scope);
    document.sections.push(Section {
        id: "requests",
        title: "Requests".to_owned(),
        intro: provenance::counted(api).map(|words| format!("These are {words}.")),
        facts: facts.into_iter().chain(of_all).collect(),
        tables: rankings.chain(endpoints).chain(errors).collect(),
    });
}

fn slowest(api: &Figures) -> Option<Table> {
    let rows = objects(api, "slowest_endpoints").filter_map(|entry| {
        let name = Name::new(figures::text(entry, "endpoint")?);
        Some(vec![Cell::Name(name), ms(entry, "p95_ms")])
    });
    let columns = [("Endpoint", false), ("p95", true)];
    Table::new("Slowest endpoints", &columns, rows.collect(), usize::MAX)
}

fn failing(api: &Figures) -> Option<Table> {
    let rows = objects(api, "highest_error_endpoints")
        .filter(|entry| number(entry, "error_rate").is_some_and(|rate| rate > 0.0))
        .filter_map(|entry| {
            let name = Name::new(figures::text(entry, "endpoint")?);
            Some(vec![Cell::Name(name), rate(entry, "error_rate")])
        });
    let columns = [("Endpoint", false), ("Error rate", true)];
    Table::new(
        "Most failing endpoints",
        &columns,
        rows.collect(),
        usize::MAX,
    )
}

/// The different errors, those of the server first.
fn errors(scope: Scope<'_>) -> Option<Table> {
    let failed = scope.object("request_errors")?;
    let moment = |entry: &Figures, key: &str| {
        figures::text(entry, key).map_or(Cell::None, |moment| Cell::Text(moment_in_words(moment)))
    };
    let rows = objects(failed, "errors").filter_map(|entry| {
        let endpoint = figures::text(entry, "endpoint")?;
        let method = figures::text(entry, "method");
        let name = method.map_or_else(|| endpoint.into(), |method| route(method, endpoint));
        let text = figures::text(entry, "error");
        Some(vec![
            Cell::Name(Name::new(&name)),
            count(entry, "status"),
            text.map_or(Cell::None, |text| Cell::Name(Name::new(text))),
            count(entry, "count"),
            moment(entry, "first"),
            moment(entry, "last"),
        ])
    });
    let columns = [
        ("Endpoint", false),
        ("Status", true),
        ("Error", false),
        ("Requests", true),
        ("First", false),
        ("Last", false),
    ];
    let caption = "Errors, those of the server first";
    Table::new(caption, &columns, rows.collect(), scope.rows)
}

/// The endpoints, those with the most requests first.
pub(super) fn endpoints_by_requests(api: &Figures) -> Vec<(&str, &Figures)> {
    by_requests(api, "endpoints")
}

fn by_requests<'a>(api: &'a Figures, key: &str) -> Vec<(&'a str, &'a Figures)> {
    let mut endpoints: Vec<(&str, &Figures)> = figures::named(api, key).collect();
    let requests = |figures: &Figures| number(figures, "count").unwrap_or(0.0);
    endpoints.sort_by(|(_, a), (_, b)| requests(b).total_cmp(&requests(a)));
    endpoints
}

fn endpoints_table(scope: Scope<'_>, key: &str, caption: &str, provenances: bool) -> Option<Table> {
    let api = scope.object("api")?;
    let failed = scope.object("request_errors");
    let failed = failed.and_then(|failed| failed.get(key)?.as_object());
    let failed = |name: &str, figure: &str| {
        let of = failed.and_then(|failed| failed.get(name)?.as_object());
        of.map_or(Cell::None, |of| count(of, figure))
    };
    let rows = by_requests(api, key).into_iter().map(|(name, entry)| {
        vec![
            Cell::Name(Name::new(name)),
            count(entry, "count"),
            count(entry, "error_count"),
            failed(name, "client_errors"),
            failed(name, "server_errors"),
            rate(entry, "error_rate"),
            ms(entry, "mean_ms"),
            ms(entry, "median_ms"),
            ms(entry, "p95_ms"),
            ms(entry, "p99_ms"),
            ms(entry, "max_ms"),
            Provenance::cell(Provenance::of(entry).words().filter(|_| provenances)),
        ]
    });
    let columns = [
        ("Endpoint", false),
        ("Requests", true),
        ("Errors", true),
        ("4xx", true),
        ("5xx", true),
        ("Error rate", true),
        ("Mean", true),
        ("p50", true),
        ("p95", true),
        ("p99", true),
        ("Max", true),
        ("Accuracy", false),
    ];
    Table::new(caption, &columns, rows.collect(), scope.rows)
}

/// Adds what is known of the cache, and of bottlenecks.
pub(super) fn add_cache(scope: Scope<'_>, document: &mut Document) {
    let facts = scope.object("cache").map_or_else(Vec::new, |cache| {
        let looked_up = number(cache, "hits").zip(number(cache, "misses"));
        let rate = number(cache, "hit_rate").or_else(|| hit_rate(looked_up?));
        held([
            ("hit rate", Cell::quantity(rate, quantity::share)),
            ("hits", count(cache, "hits")),
            ("misses", count(cache, "misses")),
            ("evictions", count(cache, "evictions")),
            ("expirations", count(cache, "expirations")),
            ("entries", count(cache, "size")),
            ("entries at most", count(cache, "max_size")),
            ("bytes", bytes(cache, "total_bytes")),
            ("bytes at most", bytes(cache, "max_bytes")),
        ])
    });
    if !facts.is_empty() {
        document.sections.push(Section {
            id: "cache",
            title: "Cache".to_owned(),
            facts,
            ..Section::default()
        });
    }
    let found = bottlenecks(scope, &document.operations);
    let tables: Vec<Table> = found.into_iter().collect();
    if !tables.is_empty() {
        document.sections.push(Section {
            id: "bottlenecks",
            title: "Bottlenecks".to_owned(),
            intro: Some(
                "Operations whose slow calls take more than twice as long as their usual ones."
                    .to_owned(),
            ),
            tables,
            ..Section::default()
        });
    }
}

fn hit_rate((hits, misses): (f64, f64)) -> Option<f64> {
    (hits + misses > 0.0).then(|| hits / (hits + misses))
}

/// Slow calls that take so many times as long as usual ones make an operation a bottleneck, as for
/// `identify_bottlenecks`.
const UNEVEN: f64 = 2.0;

/// An operation with a smaller part of the time than this holds nothing up, however uneven it is.
const WEIGHTY: f64 = 0.01;

/// The bottlenecks that the report names, or else those that its figures show, the worst first.
fn bottlenecks(scope: Scope<'_>, operations: &[Operation]) -> Option<Table> {
    let rows: Vec<Vec<Cell>> = if scope.report.contains_key("bottlenecks") {
        objects(scope.report, "bottlenecks")
            .filter_map(|entry| {
                let name = figures::text(entry, "operation")?;
                let times = ["median_time", "p90_time", "max_time"].map(|key| number(entry, key));
                let slowdown = number(entry, "slowdown_factor");
                let count = number(entry, "count");
                Some(bottleneck(name, &SECONDS, slowdown, times, count))
            })
            .collect()
    } else {
        let all: f64 = operations.iter().map(Operation::seconds).sum();
        let weighty = operations
            .iter()
            .filter(|operation| operation.seconds() >= WEIGHTY * all);
        let mut uneven: Vec<(f64, &Operation)> = weighty
            .filter_map(|operation| Some((operation.unevenness()?, operation)))
            .filter(|(slowdown, _)| *slowdown > UNEVEN)
            .collect();
        uneven.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        uneven
            .into_iter()
            .map(|(slowdown, found)| {
                let times = [found.p50, found.p90, found.max];
                bottleneck(&found.key, &found.unit, Some(slowdown), times, found.count)
            })
            .collect()
    };
    let columns = [
        ("Operation", false),
        ("Slowdown", true),
        ("p50", true),
        ("p90", true),
        ("Max", true),
        ("Samples", true),
    ];
    Table::new("Bottlenecks, the worst first", &columns, rows, scope.rows)
}

fn bottleneck(
    name: &str,
    unit: &Unit,
    slowdown: Option<f64>,
    times: [Option<f64>; 3],
    count: Option<f64>,
) -> Vec<Cell> {
    let [median, p90, max] = times.map(|time| Cell::quantity(time, |time| unit.show(time)));
    let slowdown = slowdown.map_or(Cell::None, |factor| {
        Cell::number(format!("{} ×", quantity::digits(factor)))
    });
    let name = Cell::Name(Name::new(name));
    vec![name, slowdown, median, p90, max, Cell::count(count)]
}

/// Adds the session report that a daily report may hold.
pub(super) fn add_session(scope: Scope<'_>, document: &mut Document) {
    let Some(session) = scope.object("session") else {
        return;
    };
    let id = figures::text(session, "session_id").unwrap_or_default();
    let mut operations = operations::read(session);
    for operation in &mut operations {
        // They are not the operations that the report has charts of.
        operation.number = 0;
    }
    document.rest_on(operations.iter().map(|operation| &operation.provenance));
    let of_all = operations::of_all(&operations);
    let table = operations::table(&operations, of_all.is_none(), scope.rows);
    document.sections.push(Section {
        id: "session",
        title: format!("Session: {}", Name::new(id)),
        facts: of_all.into_iter().collect(),
        tables: table.into_iter().collect(),
        ..Section::default()
    });
}
