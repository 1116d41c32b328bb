use crate::report::Alone;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use allocation_counter::measure;
use proptest::prelude::*;
use ptpd_monitoring::{
    report::{
        requests_report,
        schema::{EndpointEntry, Field, List, Number, RankedEndpoint, RequestsReport},
    },
    requests::{EndpointStats, Group, Request, Requests},
    stats::Summary,
    time::{Clock, ManualClock, Monotonic, TimeRange},
};

const NOW: Monotonic = Monotonic(0);

#[derive(Debug, Clone, PartialEq)]
struct Row {
    endpoint: u8,
    method: &'static str,
    time: i64,
    seconds: f64,
    status: u16,
    error: Option<u8>,
}

impl Row {
    fn endpoint(&self) -> String {
        format!("/api/{}", self.endpoint)
    }

    fn is(&self, request: &Request) -> bool {
        *request.endpoint == *self.endpoint()
            && &*request.method == self.method
            && request.time == self.time
            && request.duration_ms.to_bits() == (self.seconds * 1_000.0).to_bits()
            && request.status == self.status
            && request.error.as_deref() == self.error.map(|error| error.to_string()).as_deref()
    }

    fn is_error(&self) -> bool {
        self.status >= 400
    }
}

fn new_log(max_history: usize) -> (Requests, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(0));
    let log = Requests::new(max_history, Clock::Manual(Arc::clone(&clock)));
    (log.unwrap(), clock)
}

fn record(log: &Requests, clock: &ManualClock, row: &Row) {
    clock.set_wall(row.time);
    let error = row.error.map(|error| error.to_string());
    let endpoint = row.endpoint();
    log.record(
        &endpoint,
        row.method,
        NOW,
        row.seconds,
        row.status,
        error.as_deref(),
    );
}

fn row() -> impl Strategy<Value = Row> {
    use prop::sample::select;
    (
        // A few endpoints all the time, and many that come and go.
        prop_oneof![0..3_u8, any::<u8>()],
        select(&["GET", "POST", "PATCH"]),
        -9..9_i64,
        0.0..10.0,
        select(&[200_u16, 204, 302, 399, 400, 404, 500]),
        prop::option::of(any::<u8>()),
    )
        .prop_map(|(endpoint, method, time, seconds, status, error)| Row {
            endpoint,
            method,
            time,
            seconds,
            status,
            error,
        })
}

fn milliseconds<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<f64> {
    rows.into_iter().map(|row| row.seconds * 1_000.0).collect()
}

fn assert_stats(stats: &EndpointStats, rows: &[&Row]) -> Result<(), TestCaseError> {
    let errors = rows.iter().filter(|row| row.is_error()).count();
    prop_assert_eq!((stats.count(), stats.errors), (rows.len(), errors));
    prop_assert_eq!(stats.error_rate(), errors as f64 / rows.len() as f64);
    let durations = milliseconds(rows.iter().copied());
    prop_assert_eq!(Some(stats.durations), Summary::of(&durations));
    Ok(())
}

/// Everything that readers can ask, against the rows that should be there.
fn check(log: &Requests, rows: &[Row], range: TimeRange) -> Result<(), TestCaseError> {
    prop_assert_eq!(log.len(), rows.len());
    prop_assert_eq!(log.is_empty(), rows.is_empty());
    for (index, row) in rows.iter().enumerate() {
        prop_assert!(row.is(&log.request_at(index).unwrap()), "{index}: {row:?}");
    }
    prop_assert!(log.request_at(rows.len()).is_none());

    let inside: Vec<&Row> = rows.iter().filter(|row| range.contains(row.time)).collect();
    let mut endpoints: Vec<u8> = Vec::new();
    for row in &inside {
        if !endpoints.contains(&row.endpoint) {
            endpoints.push(row.endpoint);
        }
    }
    let groups = log.groups(range);
    prop_assert_eq!(groups.len(), endpoints.len());
    for ((name, group), endpoint) in groups.iter().zip(endpoints) {
        let own: Vec<&Row> = inside
            .iter()
            .copied()
            .filter(|r| r.endpoint == endpoint)
            .collect();
        prop_assert_eq!(name.to_string(), own[0].endpoint());
        assert_stats(&group.stats().unwrap(), &own)?;
        assert_stats(&log.endpoint(name, range, None).stats().unwrap(), &own)?;
    }
    let present: BTreeSet<u8> = inside.iter().map(|row| row.endpoint).collect();
    for absent in (0..=u8::MAX)
        .filter(|endpoint| !present.contains(endpoint))
        .take(4)
    {
        let group = log.endpoint(&format!("/api/{absent}"), range, None);
        prop_assert!(group.stats().is_none());
        prop_assert_eq!(group.error_rate(), 0.0);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_sequence_of_requests_reads_like_a_list(
        steps in prop::collection::vec(prop_oneof![
            20 => row().prop_map(Ok),
            1 => (1..20_usize).prop_map(Err),
        ], 0..80),
        first_bound in 1..20_usize,
        start in -10..10_i64,
        length in 0..10_i64,
    ) {
        let (log, clock) = new_log(first_bound);
        let (mut rows, mut bound) = (Vec::new(), first_bound);
        for step in steps {
            match step {
                Ok(row) => {
                    record(&log, &clock, &row);
                    rows.push(row);
                }
                Err(new) => {
                    log.set_max_history(new).unwrap();
                    bound = new;
                }
            }
            rows.drain(..rows.len().saturating_sub(bound));
            check(&log, &rows, TimeRange { start, end: start + length })?;
            check(&log, &rows, TimeRange::ALL)?;
        }
    }

    #[test]
    fn a_report_adds_up_to_figures_computed_without_groups(
        rows in prop::collection::vec(row(), 1..60),
    ) {
        let (log, clock) = new_log(100);
        for row in &rows {
            record(&log, &clock, row);
        }
        let report = requests_report(&Alone, log.groups(TimeRange::ALL), Vec::new(), false);
        let number = |field: Field<Number>| field.number().unwrap();
        prop_assert_eq!(number(report.total_requests), rows.len() as f64);
        let errors = rows.iter().filter(|row| row.is_error()).count();
        prop_assert_eq!(number(report.total_errors), errors as f64);
        let overall = Summary::of(&milliseconds(&rows)).unwrap();
        prop_assert_eq!(number(report.overall_median_ms), overall.median);
        prop_assert_eq!(number(report.overall_p95_ms), overall.p95);
        prop_assert!((number(report.overall_mean_ms) - overall.mean).abs() <= 1e-12 * overall.mean);
        for (name, entry) in report.endpoints.entries() {
            let own: Vec<&Row> = rows.iter().filter(|row| *row.endpoint() == *name).collect();
            let stats = log.endpoint(name, TimeRange::ALL, None).stats();
            prop_assert_eq!(entry, &EndpointEntry::of(stats.as_ref()));
            assert_stats(&stats.unwrap(), &own)?;
        }
        let slowest: Vec<f64> =
            report.slowest_endpoints.items().iter().map(|it| number(it.p95_ms)).collect();
        let mut p95: Vec<f64> = report.endpoints.entries().map(|(_, it)| number(it.p95_ms)).collect();
        prop_assert_eq!(slowest.len(), p95.len().min(5));
        p95.sort_by(|a, b| b.total_cmp(a));
        prop_assert!(slowest.iter().eq(p95.iter().take(5)));
    }
}

fn group(durations: &[f64], errors: usize) -> Group {
    Group {
        durations: durations.to_vec(),
        errors,
        server_errors: 0,
    }
}

fn report(groups: &[(&str, Group)]) -> RequestsReport {
    let groups = groups
        .iter()
        .map(|(name, g)| ((*name).into(), group(&g.durations, g.errors)));
    requests_report(&Alone, groups.collect(), Vec::new(), false)
}

fn names(ranked: &Field<List<RankedEndpoint>>) -> Vec<&str> {
    ranked
        .items()
        .iter()
        .filter_map(|it| it.endpoint.text())
        .collect()
}

#[test]
fn rankings_hold_the_worst_five_and_keep_the_order_of_use_among_equals() {
    let report = report(&[
        ("a", group(&[1.0, 1.0], 1)),
        ("b", group(&[5.0, 5.0], 0)),
        ("c", group(&[1.0, 1.0], 2)),
        ("d", group(&[9.0, 9.0], 1)),
        ("e", group(&[1.0, 1.0], 0)),
        ("f", group(&[5.0, 5.0], 1)),
    ]);
    assert_eq!(names(&report.slowest_endpoints), ["d", "b", "f", "a", "c"]);
    assert_eq!(
        names(&report.highest_error_endpoints),
        ["c", "a", "d", "f", "b"]
    );
    let worst = &report.highest_error_endpoints.items()[0];
    assert_eq!(worst.error_rate.number(), Some(1.0));
}

#[test]
fn no_requests_make_a_report_of_their_number_alone() {
    let (log, _) = new_log(10);
    let report = requests_report(&Alone, log.groups(TimeRange::ALL), Vec::new(), false);
    let none = RequestsReport {
        total_requests: 0_usize.into(),
        ..RequestsReport::default()
    };
    assert_eq!(report, none);
}

#[test]
fn a_status_from_400_up_is_an_error_and_a_text_alone_is_not() {
    let (log, _) = new_log(10);
    for status in [200, 399, 400, 599] {
        log.record("/", "GET", NOW, 0.1, status, Some("said so"));
    }
    let group = log.endpoint("/", TimeRange::ALL, None);
    assert_eq!((group.errors, group.error_rate()), (2, 0.5));
}

#[test]
fn a_history_of_none_is_refused_and_changes_nothing() {
    let refusal = "max_history must be at least 1, got 0";
    assert_eq!(
        Requests::new(0, Clock::System).unwrap_err().to_string(),
        refusal
    );
    let (log, _) = new_log(3);
    log.record("/", "GET", NOW, 0.1, 200, None);
    assert_eq!(log.set_max_history(0).unwrap_err().to_string(), refusal);
    assert_eq!((log.max_history(), log.len()), (3, 1));
}

#[test]
fn names_and_errors_of_requests_gone_take_no_memory() {
    let (log, _) = new_log(100);
    let fill = |number: u32| {
        let name = format!("/items/{number:08}");
        log.record(&name, &name, NOW, 0.1, 500, Some(&name));
    };
    (0..1_000).for_each(fill);
    let more = measure(|| (1_000..50_000).for_each(fill));
    assert!(more.bytes_current < 20_000, "{}", more.bytes_current);
}

#[test]
fn a_known_request_is_recorded_without_allocating() {
    let (log, _) = new_log(100);
    let fill = |_| log.record("/api/process", "POST", NOW, 0.1, 200, None);
    (0..200).for_each(fill);
    assert_eq!(measure(|| (0..1_000).for_each(fill)).count_total, 0);
}

#[test]
fn a_lower_bound_gives_the_memory_back() {
    let shrink = || {
        let (log, _) = new_log(10_000);
        for _ in 0..10_000 {
            log.record("/", "GET", NOW, 0.1, 200, None);
        }
        log.set_max_history(10).unwrap();
        log
    };
    let mut kept = None;
    let bytes = measure(|| kept = Some(shrink())).bytes_current;
    assert!(bytes < 3_000, "{bytes}");
    assert_eq!(kept.unwrap().len(), 10);
}

#[test]
fn a_history_shortened_while_threads_record_is_never_exceeded_afterwards() {
    for _ in 0..100 {
        let log = Requests::new(1_000, Clock::System).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        log.record("/", "GET", NOW, 0.1, 200, None);
                    }
                });
            }
            while log.len() < 20 {}
            log.set_max_history(5).unwrap();
            let longest = (0..20).map(|_| log.len()).max();
            stop.store(true, Relaxed);
            assert!(longest <= Some(5), "{longest:?} requests");
        });
    }
}
