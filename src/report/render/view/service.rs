//! Requests, the cache, bottlenecks, and the session within a daily report.

use super::{
    Cell, Document, Fact, Scope, Section, Table, Tile,
    operations::{self, Operation},
    provenance::{self, Provenance},
    times::moment_in_words,
};
use crate::{
    quantity,
    report::schema::{
        ComparedRequests, EndpointEntry, FailureCounts, Field, Named, Number, RequestsReport,
    },
    requests::route,
    text::display::Name,
    units::Unit,
};

const MILLISECONDS: Unit = Unit::Time(1e-3);
const SECONDS: Unit = Unit::Time(1.0);

fn ms(field: Field<Number>) -> Cell {
    Cell::quantity(field.number(), |value| MILLISECONDS.show(value))
}

fn rate(field: Field<Number>) -> Cell {
    Cell::quantity(field.number(), quantity::share)
}

fn count(field: Field<Number>) -> Cell {
    Cell::count(field.number())
}

fn bytes(field: Field<Number>) -> Cell {
    Cell::quantity(field.number(), |bytes| Unit::Data(1.0).show(bytes))
}

/// Those facts that hold something.
fn held(facts: impl IntoIterator<Item = (&'static str, Cell)>) -> Vec<Fact> {
    let held = facts.into_iter().filter(|(_, value)| !value.is_none());
    held.map(|(label, value)| Fact::new(label, value)).collect()
}

/// Adds what the report says of requests.
pub(super) fn add_requests(scope: Scope<'_>, document: &mut Document) {
    // What a comparison says of them is no report of one period.
    let is_comparison = scope
        .comparison
        .api
        .get()
        .is_some_and(ComparedRequests::is_any);
    let Some(api) = scope.report.api.get().filter(|_| !is_comparison) else {
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
        .extend(tile("Requests", count(api.total_requests)));
    document
        .tiles
        .extend(tile("Error rate", rate(api.overall_error_rate)));
    let facts = held([
        ("requests", count(api.total_requests)),
        ("errors", count(api.total_errors)),
        ("error rate", rate(api.overall_error_rate)),
        ("mean", ms(api.overall_mean_ms)),
        ("median", ms(api.overall_median_ms)),
        ("p95", ms(api.overall_p95_ms)),
    ]);
    let rankings = [slowest(api), failing(api)].into_iter().flatten();
    let of_each: Vec<Provenance> = api
        .endpoints
        .entries()
        .map(|(_, entry)| Provenance::of_endpoint(entry))
        .collect();
    document.rest_on(&of_each);
    let of_all = provenance::of_all(of_each.iter().map(Provenance::words));
    let provenances = of_all.is_none();
    let failed = scope.report.request_errors.get();
    let endpoints = [
        (
            &api.endpoints,
            failed.map(|failed| &failed.endpoints),
            "Endpoints, those with the most requests first",
        ),
        (
            &api.methods,
            failed.map(|failed| &failed.methods),
            "By method, where an endpoint has several",
        ),
    ];
    let endpoints = endpoints.map(|(endpoints, failed, caption)| {
        endpoints_table(scope, endpoints, failed, caption, provenances)
    });
    let endpoints = endpoints.into_iter().flatten();
    let errors = errors(scope);
    document.sections.push(Section {
        id: "requests",
        title: "Requests".to_owned(),
        intro: provenance::counted(api.total_requests, api.recorded, &api.counted_from)
            .map(|words| format!("These are {words}.")),
        facts: facts.into_iter().chain(of_all).collect(),
        tables: rankings.chain(endpoints).chain(errors).collect(),
    });
}

fn slowest(api: &RequestsReport) -> Option<Table> {
    let rows = api.slowest_endpoints.items().iter().filter_map(|entry| {
        let name = Name::new(entry.endpoint.text()?);
        Some(vec![Cell::Name(name), ms(entry.p95_ms)])
    });
    let columns = [("Endpoint", false), ("p95", true)];
    Table::new("Slowest endpoints", &columns, rows.collect(), usize::MAX)
}

fn failing(api: &RequestsReport) -> Option<Table> {
    let entries = api.highest_error_endpoints.items().iter();
    let rows = entries
        .filter(|entry| entry.error_rate.number().is_some_and(|rate| rate > 0.0))
        .filter_map(|entry| {
            let name = Name::new(entry.endpoint.text()?);
            Some(vec![Cell::Name(name), rate(entry.error_rate)])
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
    let failed = scope.report.request_errors.get()?;
    let moment = |field: &Field<String>| {
        let moment = field.text().map(moment_in_words);
        moment.map_or(Cell::None, Cell::Text)
    };
    let rows = failed.errors.items().iter().filter_map(|entry| {
        let endpoint = entry.endpoint.text()?;
        let method = entry.method.text();
        let name = method.map_or_else(|| endpoint.into(), |method| route(method, endpoint));
        let text = entry.error.text();
        Some(vec![
            Cell::Name(Name::new(&name)),
            count(entry.status),
            text.map_or(Cell::None, |text| Cell::Name(Name::new(text))),
            count(entry.count),
            moment(&entry.first),
            moment(&entry.last),
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

type Endpoints = Field<Named<EndpointEntry>>;

/// The endpoints, those with the most requests first.
pub(super) fn by_requests(endpoints: &Endpoints) -> Vec<(&str, &EndpointEntry)> {
    let mut endpoints: Vec<(&str, &EndpointEntry)> = endpoints.entries().collect();
    let requests = |entry: &EndpointEntry| entry.count.number().unwrap_or(0.0);
    endpoints.sort_by(|(_, a), (_, b)| requests(b).total_cmp(&requests(a)));
    endpoints
}

fn endpoints_table(
    scope: Scope<'_>,
    endpoints: &Endpoints,
    failed: Option<&Field<Named<FailureCounts>>>,
    caption: &str,
    provenances: bool,
) -> Option<Table> {
    let failed = |name: &str, figure: fn(&FailureCounts) -> Field<Number>| {
        let of = failed.and_then(|failed| failed.entry(name));
        of.map_or(Cell::None, |of| count(figure(of)))
    };
    let rows = by_requests(endpoints).into_iter().map(|(name, entry)| {
        vec![
            Cell::Name(Name::new(name)),
            count(entry.count),
            count(entry.error_count),
            failed(name, |of| of.client_errors),
            failed(name, |of| of.server_errors),
            rate(entry.error_rate),
            ms(entry.mean_ms),
            ms(entry.median_ms),
            ms(entry.p95_ms),
            ms(entry.p99_ms),
            ms(entry.max_ms),
            Provenance::cell(
                Provenance::of_endpoint(entry)
                    .words()
                    .filter(|_| provenances),
            ),
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
    let facts = scope.report.cache.get().map_or_else(Vec::new, |cache| {
        let looked_up = cache.hits.number().zip(cache.misses.number());
        let rate = cache.hit_rate.number().or_else(|| hit_rate(looked_up?));
        held([
            ("hit rate", Cell::quantity(rate, quantity::share)),
            ("hits", count(cache.hits)),
            ("misses", count(cache.misses)),
            ("evictions", count(cache.evictions)),
            ("expirations", count(cache.expirations)),
            ("entries", count(cache.size)),
            ("entries at most", count(cache.max_size)),
            ("bytes", bytes(cache.total_bytes)),
            ("bytes at most", bytes(cache.max_bytes)),
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
    let rows: Vec<Vec<Cell>> = if let Some(named) = scope.report.bottlenecks.get() {
        let entries = named.0.iter().filter_map(|entry| {
            let name = entry.operation.text()?;
            let times = [entry.median_time, entry.p90_time, entry.max_time];
            let slowdown = entry.slowdown_factor.number();
            let times = times.map(|time| time.number());
            Some(bottleneck(
                name,
                &SECONDS,
                slowdown,
                times,
                entry.count.number(),
            ))
        });
        entries.collect()
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
    let Some(session) = scope.report.session.get() else {
        return;
    };
    let id = session.session_id.text().unwrap_or_default();
    let mut operations = operations::by_time(session);
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
