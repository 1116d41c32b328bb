use super::any_report;
use proptest::prelude::*;
use ptpd_monitoring::report::render_markdown;
use serde_json::{Map, Value, json};

fn rendered(report: &Value) -> String {
    render_markdown(&any_report(report), None).unwrap()
}

/// The cells of the row that begins with the code of `name`.
fn cells(text: &str, name: &str) -> Vec<String> {
    let begin = format!("| `{name}`");
    let row = text.lines().find(|line| line.starts_with(&begin)).unwrap();
    let inner = row.trim_start_matches("| ").trim_end_matches(" |");
    inner.split(" | ").map(ToOwned::to_owned).collect()
}

fn mean_of(mean: &Value, unit: &str) -> String {
    let report = json!({"operations": {"x": {"mean": mean, "unit": unit}}});
    cells(&rendered(&report), "x")[1].clone()
}

#[test]
fn figures_have_three_digits_and_the_unit_that_fits() {
    for (mean, unit, shown) in [
        (0.0, "seconds", "0 s"),
        (1.234e-9, "seconds", "1.23 ns"),
        (9.996e-7, "s", "1.00 µs"),
        (0.012_345, "seconds", "12.3 ms"),
        (0.999_6, "seconds", "1.00 s"),
        (119.0, "seconds", "119 s"),
        (150.0, "seconds", "2.50 min"),
        (7_200.0, "seconds", "2.00 h"),
        (12_345_678.0, "seconds", "3 429 h"),
        (12.5, "ms", "12.5 ms"),
        (1_250.0, "milliseconds", "1.25 s"),
        (-0.5, "seconds", "−500 ms"),
        (512.0, "MB", "512 MB"),
        (1_023.9, "MB", "1.00 GB"),
        (0.25, "MB", "256 KB"),
        (2_048.0, "GB", "2.00 TB"),
        (97.25, "%", "97.2 %"),
        (1_234_567.0, "", "1 234 567"),
        (0.000_012_3, "", "1.23e−5"),
        (1e20, "", "1.00e20"),
    ] {
        let shown = shown.replace(' ', "\u{202f}");
        assert_eq!(mean_of(&json!(mean), unit), shown, "{mean} {unit}");
    }
}

#[test]
fn what_json_cannot_hold_is_shown_from_its_text() {
    assert_eq!(mean_of(&json!("inf"), ""), "∞");
    assert_eq!(mean_of(&json!("-inf"), ""), "−∞");
    assert_eq!(mean_of(&json!("nan"), ""), "NaN");
}

#[test]
fn a_unit_that_is_always_the_same_stands_beside_the_name() {
    let report = json!({"operations": {"x": {"mean": 1.5, "unit": "density"}}});
    assert_eq!(cells(&rendered(&report), "x"), ["`x` (density)", "1.50"]);
}

#[test]
fn operations_come_by_the_time_that_they_took() {
    let report = json!({"operations": {
        "size": {"count": 9, "mean": 1e9, "unit": "px"},
        "short": {"count": 1_000, "mean": 1.0, "unit": "ms"},
        "long": {"count": 2, "mean": 1.0, "unit": "seconds"},
        "other": {"count": 10, "mean": 1.0, "unit": "px"},
    }});
    let text = rendered(&report);
    let place = |name: &str| text.find(&format!("| `{name}`")).unwrap();
    assert!(place("long") < place("short") && place("short") < place("other"));
    assert!(place("other") < place("size"));
    assert_eq!(cells(&text, "long")[2], "2.00\u{202f}s");
    assert_eq!(cells(&text, "size")[2], "–");
    assert!(text.contains("Slowest by mean: **1.00\u{202f}s** (`long`)"));
}

fn comparison(change: &Value) -> Value {
    json!({
        "period1": {"x": {"mean": 0.0125, "count": 40, "median": 0.0121, "p95": 0.02, "unit": "seconds"}},
        "period2": {"x": {"mean": 0.0157, "count": 50, "median": 0.0153, "p95": 0.03, "unit": "seconds"},
                    "new": {"mean": 1.0, "count": 1}},
        "changes": {"x": change},
    })
}

#[test]
fn a_verdict_is_given_in_words() {
    let report = comparison(&json!({
        "absolute": 0.0032, "percentage": 25.6, "direction": "degraded", "verdict": "degraded",
        "confidence_interval": {"low": 0.0025, "high": 0.003_875}, "p_value": 0.000_01, "effect_size": 0.4,
    }));
    let text = rendered(&report).replace('\u{202f}', " ");
    assert!(
        text.starts_with("# Comparison: One operation has degraded\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "- ▲ `x` **degraded**: median 12.1 ms → 15.3 ms (+26 %), \
             mean +26 % (95 % interval +20 … +31 %), p < 0.001\n"
        ),
        "{text}"
    );
    assert_eq!(
        cells(&text, "x")[1..],
        [
            "▲ degraded",
            "12.1 ms → 15.3 ms",
            "20.0 ms → 30.0 ms",
            "+26 %",
            "+20 … +31 %",
            "< 0.001"
        ]
    );
    assert_eq!(cells(&text, "new")[1..], ["second", "1", "1.00"]);
}

#[test]
fn a_comparison_without_the_later_keys_says_what_it_knows() {
    let report = json!({
        "period1": {"x": {"mean": 2.0, "count": 1}},
        "period2": {"x": {"mean": 1.0, "count": 1}},
        "changes": {"x": {"absolute": -1.0, "percentage": -50.0, "direction": "improved"}},
    });
    let text = rendered(&report).replace('\u{202f}', " ");
    assert!(
        text.contains("- ▼ `x` **improved**: mean 2.00 → 1.00, mean −50 %\n"),
        "{text}"
    );
}

#[test]
fn what_matters_comes_first() {
    let change =
        |verdict: &str, percentage: f64| json!({"verdict": verdict, "percentage": percentage});
    let report = json!({"changes": {
        "same": change("unchanged", 99.0),
        "little": change("not enough data", 80.0),
        "better": change("improved", -70.0),
        "bad": change("degraded", 5.0),
        "worse": change("degraded", 50.0),
    }});
    let text = rendered(&report);
    let places = ["worse", "bad", "better", "same", "little"]
        .map(|name| text.find(&format!("`{name}`")).unwrap());
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn what_callers_add_to_a_report_is_shown() {
    let report = json!({
        "date": "2024-02-29",
        "photographs": [{"name": "camera", "columns": 4_096}, {"name": "moon"}],
        "linearity": {"before": 1.25, "unit": "L*"},
        "by_paper": {"rag": {"dmax": 1.5}},
        "ok": true,
        "operations": [1, 2],
    });
    let text = rendered(&report).replace('\u{202f}', " ");
    assert!(
        text.starts_with("# Daily report: Thursday, 29 February 2024\n"),
        "{text}"
    );
    assert_eq!(cells(&text, "camera"), ["`camera`", "4 096"]);
    assert_eq!(cells(&text, "rag"), ["`rag`", "1.50"]);
    assert!(text.contains("| before | 1.25 |"), "{text}");
    assert!(
        text.contains("- ok: yes\n") && text.contains("- operations: `[1,2]`\n"),
        "{text}"
    );
}

#[test]
fn a_table_ends_before_an_issue_does_and_says_so() {
    let operations: Map<String, Value> = (0..1_234)
        .map(|number| (format!("op{number}"), json!({"count": 1})))
        .collect();
    let text = rendered(&json!({"operations": operations}));
    assert_eq!(text.matches("\n| `op").count(), 100);
    assert!(text.contains("and 1\u{202f}134 more"), "{text}");
}

proptest! {
    #[test]
    fn a_name_of_any_kind_stays_in_its_cell(name in "[`|<>&*_#@!\\\\\\[\\]()a-c\r\n\t ]{0,12}") {
        let row = |name: &str| {
            let mut operations = Map::new();
            operations.insert(name.to_owned(), json!({"count": 7, "unit": name}));
            let text = rendered(&json!({"operations": operations}));
            let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
            let rule = lines.iter().position(|line| line.starts_with("| ---")).unwrap();
            (lines.len(), lines[rule + 1].clone())
        };
        let (lines, cells) = row(&name);
        prop_assert_eq!(lines, row("plain").0);
        let bars = cells.replace("\\|", "").matches('|').count();
        prop_assert_eq!(bars, 3, "{}", cells);
        prop_assert!(cells.ends_with("| 7 |"));
    }
}

#[test]
fn no_samples_are_zero_and_not_less() {
    let text = rendered(&json!({"date": "2026-06-15", "operations": {}}));
    assert!(text.contains("- Samples: **0**\n"), "{text}");
    let negative = json!({"operations": {"x": {"count": -0.0}}, "api": {"total_requests": -0.0}});
    assert!(!rendered(&negative).contains("−0"));
}

#[test]
fn each_operation_and_endpoint_says_its_accuracy_and_source() {
    let (exact, estimate) = ("exact", "histogram, 1.1 %");
    let of = |accuracy: &str, source: &str| json!({"count": 20, "median": 1.0, "accuracy": accuracy, "source": source});
    let last = |report: &Value| cells(&rendered(report), "x").pop().unwrap();
    for (key, within) in [("operations", None), ("endpoints", Some("api"))] {
        let daily = |x: Value, y: Value| {
            let part = json!({key: {"x": x, "y": y}});
            within.map_or_else(|| part.clone(), |within| json!({within: part.clone()}))
        };
        let differing = daily(of(estimate, "history"), of(exact, "memory"));
        assert_eq!(last(&differing), "histogram, 1.1 %, from history");
        assert_eq!(
            cells(&rendered(&differing), "y").pop().unwrap(),
            "exact, from memory"
        );
        // What is the same of all is said once.
        let text = rendered(&daily(of(exact, "memory"), of(exact, "memory")));
        assert_eq!(text.matches("exact, from memory").count(), 1, "{text}");
    }
    let compared = |first: &Value, second: &Value| {
        let old = json!({"x": first, "y": first});
        let new = json!({"x": second, "y": first});
        json!({"period1": old, "period2": new, "changes": {"x": {}, "y": {}}})
    };
    let (read, kept) = (of(estimate, "history"), of(exact, "memory"));
    assert_eq!(
        last(&compared(&read, &kept)),
        "before histogram, 1.1 %, from history; after exact, from memory"
    );
    let text = rendered(&compared(&kept, &kept));
    assert_eq!(text.matches("exact, from memory").count(), 1, "{text}");
    assert!(text.contains("- Accuracy: exact, from memory\n"), "{text}");
    let alone = json!({"period1": {"x": of(estimate, "history")}, "period2": {}, "changes": {}});
    assert_eq!(last(&alone), "histogram, 1.1 %, from history");
}

#[test]
fn a_change_between_units_is_told_as_such_and_not_in_numbers() {
    let compared = |before: Value, after: Value| {
        rendered(&json!({
            "period1": {"x": before}, "period2": {"x": after},
            "changes": {"x": {"percentage": "nan", "verdict": "not enough data"}},
        }))
    };
    let of = |median: f64, unit: &str| json!({"median": median, "mean": median, "unit": unit});
    let text = compared(of(100.0, "ms"), of(0.1, "seconds"));
    assert!(
        text.contains("no verdict, since units differ: ms before, seconds after"),
        "{text}"
    );
    assert!(text.contains("100 → 0.100"), "{text}");
    assert!(!text.contains("NaN"), "{text}");
    let mixed = json!({"median": 5.0, "unit": "ms", "units": ["ms", "seconds"]});
    let text = compared(of(100.0, "ms"), mixed);
    assert!(text.contains("ms before, ms and seconds after"), "{text}");
    let text = compared(of(1.0, "s"), of(1.0, "seconds"));
    assert!(
        text.contains("median 1.00\u{202f}s → 1.00\u{202f}s"),
        "{text}"
    );
}

#[test]
fn an_operation_in_several_units_is_warned_of() {
    let units = json!({"x": {"mean": 3.0, "unit": "ms", "units": ["ms", "px", "seconds"]}});
    let text = rendered(&json!({"operations": units}));
    let warning = "x was recorded in ms, px and seconds: its figures mix them";
    assert!(text.contains(warning), "{text}");
}

#[test]
fn what_counts_is_told_where_it_is_not_the_period() {
    let bounds = |start: &str, end: &str| json!({"start": start, "end": end});
    let mut period = bounds("2026-11-11T00:00:00+05:30", "2026-11-12T00:00:00+05:30");
    let rule = "those count whose minute or hour begins in the period";
    let report = |period: &Value| json!({"period": period, "operations": {}});
    assert!(!rendered(&report(&period)).contains(rule));
    let counted = bounds("2026-11-11T00:30:00+05:30", "2026-11-12T00:30:00+05:30");
    period["counted"] = counted.clone();
    let text = rendered(&report(&period));
    let fact = "Counted from disk: 2026-11-11 00:30:00 +05:30 to 2026-11-12 00:30:00 +05:30";
    assert!(text.contains(fact) && text.contains(rule), "{text}");
    let text = rendered(&json!({"changes": {}, "counted": {"period2": counted}}));
    assert!(
        text.contains("Second counted from disk: 2026-11-11"),
        "{text}"
    );
    assert!(
        text.contains(rule) && !text.contains("Further figures"),
        "{text}"
    );
}
