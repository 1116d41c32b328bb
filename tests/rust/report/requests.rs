//! Requests in comparisons.

use super::any_report;
use std::collections::BTreeMap;

use ptpd_monitoring::{
    export::Formulas,
    history::Found,
    report::{
        Comparison, Failures, Period, PeriodEndpoint, PeriodOperation, Thresholds, Verdict,
        render_markdown, report_csv, routes,
    },
    requests::{Grouping, Requests},
    rollup::{Key, Rollup},
    time::{Clock, TimeRange},
};
use serde_json::{Value, json};

fn operation(name: &str, unit: &str, values: Vec<f64>) -> PeriodOperation {
    PeriodOperation {
        operation: name.into(),
        units: vec![unit.into()],
        distribution: values.into(),
        failures: None,
    }
}

/// Steady durations; what failed does not show in them.
fn endpoint(name: &str, requests: u32, server: u64) -> PeriodEndpoint {
    let durations = (0..requests).map(|at| 10.0 + f64::from(at % 7));
    PeriodEndpoint {
        durations: operation(name, "milliseconds", durations.collect()),
        failures: Failures {
            requests: requests.into(),
            client: 0,
            server,
        },
    }
}

fn of_requests(endpoints: Vec<PeriodEndpoint>) -> Period {
    Period {
        endpoints,
        ..Period::default()
    }
}

fn compared(before: (u32, u64), after: (u32, u64), thresholds: &Thresholds) -> (Verdict, f64) {
    let [before, after] = [before, after]
        .map(|(requests, server)| of_requests(vec![endpoint("GET /a", requests, server)]));
    let found = Comparison::of(before, after, thresholds);
    let (name, change) = &found.requests[0];
    assert_eq!(&**name, "GET /a");
    (change.failures.verdict, change.failures.p_value)
}

#[test]
fn a_share_of_failures_is_judged_by_significance_and_by_what_matters() {
    let verdict = |before, after| compared(before, after, &Thresholds::DEFAULT).0;
    assert_eq!(verdict((2_000, 2), (2_000, 100)), Verdict::Degraded);
    assert_eq!(verdict((2_000, 100), (2_000, 2)), Verdict::Improved);
    // From none at all, and to none.
    assert_eq!(verdict((2_000, 0), (2_000, 20)), Verdict::Degraded);
    assert_eq!(verdict((2_000, 20), (2_000, 0)), Verdict::Improved);
    // One more is chance; none is no change.
    assert_eq!(verdict((2_000, 2), (2_000, 3)), Verdict::Unchanged);
    assert_eq!(verdict((2_000, 0), (2_000, 0)), Verdict::Unchanged);
    // All of them failed, before and after.
    assert_eq!(verdict((2_000, 2_000), (2_000, 2_000)), Verdict::Unchanged);
    // However clear it is.
    assert_eq!(verdict((9, 0), (2_000, 1_000)), Verdict::NotEnoughData);
}

#[test]
fn runs_that_fail_more_often_are_told_and_none_are_judged_where_none_fail() {
    let runs = |failed| {
        let steady = (0..2_000).map(|at| 10.0 + f64::from(at % 7));
        let develop = PeriodOperation {
            failures: Some(failed),
            ..operation("develop", "s", steady.collect())
        };
        vec![develop]
    };
    let failures = |before, after| {
        let found = Comparison::of(runs(before), runs(after), &Thresholds::DEFAULT);
        found.changes[0].1.failures
    };
    let worse = failures(2, 100).unwrap();
    assert_eq!(worse.verdict, Verdict::Degraded);
    let (before, after) = compared((2_000, 2), (2_000, 100), &Thresholds::DEFAULT);
    assert_eq!((worse.verdict, worse.p_value), (before, after));
    assert_eq!(worse.after.rate(), 0.05);
    assert_eq!(failures(0, 20).unwrap().verdict, Verdict::Degraded);
    assert_eq!(failures(20, 0).unwrap().verdict, Verdict::Improved);
    assert_eq!(failures(2, 3).unwrap().verdict, Verdict::Unchanged);
    assert_eq!(failures(0, 0), None);
}

#[test]
fn thresholds_decide_on_failures_too() {
    let verdict = |thresholds| compared((100_000, 10_000), (100_000, 10_400), &thresholds).0;
    assert_eq!(verdict(Thresholds::DEFAULT), Verdict::Unchanged);
    let any = Thresholds {
        min_change: 3.9,
        ..Thresholds::DEFAULT
    };
    assert_eq!(verdict(any), Verdict::Degraded);
    let strict = Thresholds {
        significance: 1e-6,
        ..any
    };
    assert_eq!(verdict(strict), Verdict::Unchanged);
    let many = Thresholds {
        min_samples: 100_001,
        ..any
    };
    assert_eq!(verdict(many), Verdict::NotEnoughData);
}

#[test]
fn failures_durations_and_operations_share_what_chance_may_do() {
    let steady = || (0..100).map(|at| 10.0 + f64::from(at % 7)).collect();
    let of = |operations: u32, server| Period {
        operations: (0..operations)
            .map(|at| operation(&at.to_string(), "s", steady()))
            .collect(),
        endpoints: vec![endpoint("GET /a", 1_000, server)],
    };
    let verdict = |operations, thresholds| {
        let found = Comparison::of(of(operations, 0), of(operations, 8), thresholds);
        found.requests[0].1.failures.verdict
    };
    let alone = Thresholds {
        adjust: false,
        ..Thresholds::DEFAULT
    };
    // 0.0077: clear among a few, by chance among many.
    assert_eq!(verdict(0, &Thresholds::DEFAULT), Verdict::Degraded);
    assert_eq!(verdict(20, &Thresholds::DEFAULT), Verdict::Unchanged);
    assert_eq!(verdict(20, &alone), Verdict::Degraded);
}

#[test]
fn an_operation_called_as_an_endpoint_is_not_mixed_up_with_it() {
    let of = |slower: f64| Period {
        operations: vec![operation("GET /a", "s", vec![slower; 50])],
        endpoints: vec![endpoint("GET /a", 50, 0)],
    };
    let found = Comparison::of(of(1.0), of(2.0), &Thresholds::DEFAULT);
    assert_eq!(found.changes[0].1.verdict, Verdict::Degraded);
    assert_eq!(found.requests[0].1.durations.verdict, Verdict::Unchanged);
}

#[test]
fn routes_are_told_apart_by_method_in_memory_and_on_disk() {
    let log = Requests::new(100, Clock::System).unwrap();
    let mut on_disk: BTreeMap<Key, Rollup> = BTreeMap::new();
    let tracked = [
        ("/a", "GET", 200),
        ("/a", "POST", 404),
        ("/b", "GET", 503),
        ("/a", "GET", 500),
        ("/a", "POST", 201),
        ("/a", "GET", 404),
    ];
    for (endpoint, method, status) in tracked {
        let now = log.clock().monotonic();
        log.record(endpoint, method, now, 0.001, status, None);
        let key = Key::Endpoint {
            endpoint: endpoint.into(),
            method: method.into(),
            status_class: u8::try_from(status / 100).unwrap(),
        };
        on_disk.entry(key).or_default().record(10, 1.0);
    }
    let found: Vec<Found> = on_disk
        .into_iter()
        .map(|(key, others)| Found {
            key,
            own: Rollup::default(),
            others,
        })
        .collect();
    let in_memory = log.own_grouped(TimeRange::ALL, Grouping::Route);
    let expected = BTreeMap::from([
        ("GET /a".to_owned(), (3, 2, 1)),
        ("POST /a".to_owned(), (2, 1, 0)),
        ("GET /b".to_owned(), (1, 1, 1)),
    ]);
    for recorded in [routes(in_memory, &[]), routes((Vec::new(), true), &found)] {
        let figures: BTreeMap<String, (u64, usize, usize)> = recorded
            .into_iter()
            .map(|it| {
                let counts = (it.durations.len(), it.errors, it.server_errors);
                (it.endpoint.to_string(), counts)
            })
            .collect();
        assert_eq!(figures, expected);
    }
}

fn entry(count: u32, error_rate: f64) -> Value {
    json!({
        "mean": 12.0, "count": count, "median": 11.0, "p95": 20.0, "unit": "milliseconds",
        "error_rate": error_rate, "client_error_rate": 0.01,
    })
}

fn change(verdict: &str, failing: &str, [before, after]: [f64; 2]) -> Value {
    json!({
        "percentage": 0.5, "direction": "degraded", "p_value": 0.5, "verdict": verdict,
        "error_rate": {"period1": before, "period2": after, "p_value": 0.000_01, "verdict": failing},
        "client_error_rate": {"period1": 0.01, "period2": 0.02},
    })
}

fn report() -> Value {
    json!({
        "period1": {}, "period2": {}, "changes": {},
        "api": {
            "period1": {"GET /slow": entry(90, 0.0), "GET /a": entry(90, 0.001), "GET /b": entry(9, 0.0)},
            "period2": {"GET /slow": entry(80, 0.0), "GET /a": entry(80, 0.05), "GET /new": entry(9, 0.0)},
            "changes": {
                "GET /slow": change("degraded", "unchanged", [0.0, 0.0]),
                "GET /a": change("unchanged", "degraded", [0.001, 0.05]),
            },
        },
    })
}

#[test]
fn what_fails_comes_before_what_got_slower() {
    let text = render_markdown(&any_report(&report()), None)
        .unwrap()
        .replace('\u{202f}', " ");
    assert!(
        text.starts_with(
            "# Comparison: One endpoint fails more often and one endpoint got slower\n"
        ),
        "{text}"
    );
    let failing = "- ▲ `GET /a` **degraded**: errors degraded: 0.10 % → 5.00 %, p < 0.001; \
                   times unchanged: median 11.0 ms → 11.0 ms";
    let place = |what: &str| {
        text.find(what)
            .unwrap_or_else(|| panic!("{what} in {text}"))
    };
    assert!(place(failing) < place("- ▲ `GET /slow` **degraded**: no errors; times degraded: "));
    assert!(text.contains(
        "| `GET /a` | ▲ degraded | 90 → 80 | 0.10 % → 5.00 % | < 0.001 | 1.00 % → 2.00 % |"
    ));
    assert!(text.contains("**Endpoints of one period alone**"));
    assert!(text.contains("| `GET /new` | second |"), "{text}");
    // Nor is there a section of nothing.
    assert!(!text.contains("## Operations") && !text.contains("## Changes"));
}

#[test]
fn a_comparison_in_which_nothing_could_be_judged_says_so() {
    let report = json!({
        "period1": {"x": {"mean": 1.0, "count": 5}}, "period2": {"x": {"mean": 9.0, "count": 5}},
        "changes": {"x": {"percentage": 800.0, "verdict": "not enough data"}},
    });
    let text = render_markdown(&any_report(&report), None).unwrap();
    assert!(
        text.starts_with("# Comparison: Nothing could be judged\n"),
        "{text}"
    );
}

#[test]
fn a_table_of_a_comparison_has_rows_of_requests_after_those_of_operations() {
    let mut report = report();
    report["changes"] = json!({"op": {"verdict": "unchanged"}});
    let text = report_csv(&report, Formulas::Kept).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows[0],
        "operation,verdict,percentage,direction,p_value,error_rate_period1,error_rate_period2,\
         error_rate_p_value,error_rate_verdict,client_error_rate_period1,client_error_rate_period2"
    );
    assert_eq!(rows[1], "op,unchanged,,,,,,,,,");
    assert_eq!(
        rows[3],
        "GET /a,unchanged,0.5,degraded,0.5,0.001,0.05,0.00001,degraded,0.01,0.02"
    );
    assert_eq!(rows.len(), 4);
}
