use super::any_report;
use std::collections::HashSet;

use proptest::prelude::*;
use ptpd_monitoring::{
    report::{
        MAX_CHARTED,
        charts::{Band, Charts, OperationChart, ResourceChart, Slot, Zone},
        render_fragment, render_html,
    },
    time::TimeRange,
};
use serde_json::{Map, Value, json};

const HOUR: i64 = 3_600_000_000_000;
const DAY: TimeRange = TimeRange {
    start: 0,
    end: 24 * HOUR - 1,
};

/// What is between angle brackets, in order.
fn tags(page: &str) -> Vec<&str> {
    page.split('<')
        .skip(1)
        .map(|part| part.split_once('>').unwrap().0)
        .collect()
}

/// The same without attributes.
fn structure(page: &str) -> Vec<&str> {
    tags(page)
        .into_iter()
        .map(|tag| tag.split_whitespace().next().unwrap())
        .collect()
}

fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    tags(page)
        .into_iter()
        .filter_map(|tag| Some(tag.split_once(&begin)?.1.split_once('"').unwrap().0))
        .collect()
}

/// What there is to read.
fn texts(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let texts = body
        .split('<')
        .filter_map(|part| Some(part.split_once('>')?.1));
    texts.collect::<String>().replace('\u{202f}', " ")
}

/// A report and charts with everything in them, of operations called `name`.
fn everything(name: &str, unit: &str) -> (Value, Charts) {
    let samples: Vec<(i64, f64)> = (0..600_i32)
        .map(|number| {
            (
                i64::from(number) * HOUR / 25,
                f64::from(number).exp2().min(1e9),
            )
        })
        .collect();
    let mut operations = Map::new();
    operations.insert(
        name.to_owned(),
        json!({
            "count": 600, "mean": 4.0, "min": 1.0, "max": 9.0, "median": 4.0, "std": 1.0, "p50": 4.0,
            "p90": 6.0, "p95": 7.0, "p99": 8.0, "unit": unit, "accuracy": name, "source": name,
        }),
    );
    let mut further = Map::new();
    further.insert(name.to_owned(), json!(name));
    let endpoint = json!({"endpoint": name, "p95_ms": 5.0, "error_rate": 0.5});
    let mut report = json!({
        "date": name, "generated_at": name, "timezone": name, "operations": operations,
        "api": {"total_requests": 3, "overall_error_rate": 0.5, "endpoints": further_endpoint(name),
                "slowest_endpoints": [endpoint], "highest_error_endpoints": [endpoint]},
        "resources": {"cpu_percent": 97.5, "memory_percent": 1, "memory_used_mb": 2.0},
        "resource_alerts": [{"resource": name, "severity": name, "message": name, "threshold": 80}],
        "session": {"session_id": name, "operations": operations},
        "cache": {"hits": 3, "misses": 1, "size": 2, "max_size": 9},
        "bottlenecks": [{"operation": name, "slowdown_factor": 3.0, "median_time": 1}],
        "list": [further], "object": further, "text": name,
    });
    report["_".to_owned() + name] = json!(name);
    let chart = OperationChart {
        earlier: None,
        ..OperationChart::of_samples(name, unit, &samples, 0)
    };
    let bands = (0..24).map(|hour| Band {
        start: hour * HOUR,
        end: (hour + 1) * HOUR,
        min: 10.0,
        mean: 20.0,
        max: 30.0,
    });
    let charts = Charts {
        zone: Zone::over(Some(name), DAY, |_| 0),
        periods: vec![DAY],
        operations: vec![chart],
        resources: vec![ResourceChart {
            figure: name.to_owned(),
            unit: unit.to_owned(),
            threshold: Some(25.0),
            slots: bands.collect(),
        }],
        ..Charts::default()
    };
    (report, charts)
}

fn further_endpoint(name: &str) -> Value {
    let mut endpoints = Map::new();
    endpoints.insert(name.to_owned(), json!({"count": 2, "mean_ms": 1.5}));
    Value::Object(endpoints)
}

fn compared(name: &str, unit: &str) -> (Value, Charts) {
    let period = json!({"mean": 1.0, "count": 3, "median": 1.0, "unit": unit});
    let named = |value: Value| {
        let mut object = Map::new();
        object.insert(name.to_owned(), value);
        Value::Object(object)
    };
    let report = json!({
        "period1": named(period.clone()), "period2": named(period),
        "changes": named(json!({"percentage": 5.0, "verdict": "degraded", "accuracy": name})),
    });
    let chart = OperationChart {
        name: name.to_owned(),
        unit: unit.to_owned(),
        histogram: [1.0, 2.0, 3.0].into_iter().collect(),
        earlier: Some([1.0, 1.5].into_iter().collect()),
        ..OperationChart::default()
    };
    let charts = Charts {
        operations: vec![chart],
        periods: vec![DAY, DAY],
        ..Charts::default()
    };
    (report, charts)
}

fn page(report: &Value, charts: &Charts) -> String {
    render_html(&any_report(report), Some(charts), None).unwrap()
}

#[test]
fn all_parts_of_a_daily_report_are_there() {
    let (report, charts) = everything("resize", "seconds");
    let page = page(&report, &charts);
    let headings: Vec<&str> = attributes(&page, "aria-labelledby");
    for section in [
        "alerts",
        "headline",
        "operations",
        "requests",
        "resources",
        "cache",
        "bottlenecks",
        "session",
        "further",
    ] {
        assert!(headings.contains(&section), "{section}");
    }
    // A distribution, a timeline and the readings of a resource.
    assert_eq!(page.matches("<svg ").count(), 3);
    for class in [
        "bars", "p50", "p95", "p99", "band", "mean", "limit", "grid", "axis",
    ] {
        assert!(
            page.contains(&format!("<path class=\"{class}\"")),
            "{class}"
        );
    }
    let text = texts(&page);
    for words in [
        "1970-01-01 00:00:00 +00:00 to 1970-01-02 00:00:00 +00:00, 24 hours",
        "75.0 %",
        "3.00 ×",
        "00:00",
        "threshold, 25",
        "600 samples from 1.00 s",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn drawings_can_be_read_without_being_seen() {
    let (report, charts) = everything("resize", "seconds");
    let page = page(&report, &charts);
    let ids: HashSet<&str> = attributes(&page, "id").into_iter().collect();
    assert_eq!(ids.len(), attributes(&page, "id").len());
    let mut drawings = 0;
    for tag in tags(&page)
        .into_iter()
        .filter(|tag| tag.starts_with("svg "))
    {
        drawings += 1;
        assert!(tag.contains(" role=\"img\""));
        let names = tag.split_once("aria-labelledby=\"").unwrap().1;
        let names: Vec<&str> = names.split_once('"').unwrap().0.split(' ').collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|name| ids.contains(name)));
    }
    assert_eq!(drawings, 3);
    let tables = page.matches("<table").count();
    assert!(tables >= 8);
    assert_eq!(page.matches("<caption>").count(), tables);
    assert_eq!(
        page.matches("<th ").count(),
        page.matches(" scope=\"").count()
    );
}

#[test]
fn links_lead_to_something() {
    let (report, charts) = everything("resize", "seconds");
    let page = page(&report, &charts);
    let ids = attributes(&page, "id");
    let links = attributes(&page, "href");
    assert!(!links.is_empty());
    for link in links {
        assert!(ids.contains(&link.strip_prefix('#').unwrap()), "{link}");
    }
    let without = render_html(&any_report(&report), None, None).unwrap();
    assert_eq!(attributes(&without, "href"), [""; 0]);
    assert_eq!(without.matches("<svg").count(), 0);
}

#[test]
fn a_page_asks_for_nothing_from_elsewhere_and_runs_nothing() {
    for (report, charts) in [
        everything("resize", "seconds"),
        compared("resize", "seconds"),
    ] {
        let page = page(&report, &charts);
        for foreign in [
            "http:",
            "https:",
            "//",
            "src=",
            "@import",
            "url(",
            "<script",
            "javascript:",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("default-src 'none'"));
        // Colours are the style sheet's, so that they can be dark.
        let body = page.split_once("</style>").unwrap().1;
        assert!(
            !body.contains(" style=") && !body.contains(" fill=") && !body.contains(" stroke=")
        );
    }
}

#[test]
fn reports_that_hold_little_or_nothing_are_pages_too() {
    let (_, charts) = everything("resize", "seconds");
    for report in [
        json!({}),
        json!(null),
        json!([1]),
        json!({"date": 5, "operations": 7, "api": [], "resources": "x", "resource_alerts": {}}),
        json!({"operations": {}}),
        json!({"operations": {"x": {}, "y": 3, "z": {"count": "many", "unit": 5}}}),
        json!({"api": {"total_requests": 0}}),
        json!({"session_id": "", "operations": {}}),
        json!({"changes": {}, "period1": {}, "period2": {}}),
        json!({"changes": {"x": {}}}),
        json!({"changes": {"x": {"confidence_interval": [1], "p_value": "nan"}}}),
        json!({"changes": {"x": {"confidence_interval": {"low": null}, "p_value": null}}}),
        json!({"bottlenecks": [1], "cache": {}, "list": [], "object": {}, "null": null}),
    ] {
        for charts in [None, Some(&charts), Some(&Charts::default())] {
            let page = render_html(&any_report(&report), charts, None).unwrap();
            assert!(
                page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"),
                "{report}"
            );
            assert!(
                !render_fragment(&any_report(&report), charts)
                    .unwrap()
                    .contains("<html")
            );
        }
    }
}

#[test]
fn only_so_many_operations_have_charts_and_the_page_says_so() {
    let names: Vec<String> = (0..MAX_CHARTED + 6).map(|it| format!("op{it}")).collect();
    let mut operations = Map::new();
    let mut charts = Charts::default();
    for (number, name) in names.iter().enumerate() {
        let entry = json!({"count": 1, "mean": number, "unit": "seconds"});
        operations.insert(name.clone(), entry);
        let sample = [(HOUR, number as f64)];
        charts
            .operations
            .push(OperationChart::of_samples(name, "seconds", &sample, 0));
    }
    let page = page(&json!({"operations": operations}), &charts);
    assert_eq!(page.matches("<article").count(), MAX_CHARTED);
    assert_eq!(page.matches("scope=\"row\"").count(), names.len());
    assert!(texts(&page).contains("24 operations of 30 that took the most time"));
    // Those that took the most time.
    let articles = page.split_once("<article").unwrap().1;
    assert!(articles.contains(">op29<") && !articles.contains(">op5<"));
}

#[test]
fn an_hour_that_comes_twice_is_on_the_axis_as_clocks_show_it() {
    let (report, mut charts) = everything("resize", "seconds");
    let day = TimeRange {
        start: 0,
        end: 25 * HOUR - 1,
    };
    charts.periods = vec![day];
    charts.zone = Zone::over(None, day, |time| if time < 3 * HOUR { 0 } else { -3_600 });
    let page = page(&report, &charts);
    let text = texts(&page);
    assert!(
        text.contains("+00:00 to 1970-01-02 00:00:00 −01:00, 25 hours"),
        "{text}"
    );
    let axis = |label: &str| {
        let labels = page.split("<text class=\"label\" x=\"").skip(1);
        let mut such = labels.filter(|it| it.split_once('>').unwrap().1.starts_with(label));
        let x = such.next().unwrap().split_once('"').unwrap().0;
        x.parse::<f64>().unwrap()
    };
    // Four hours by the clock are five where one comes twice.
    let (midnight, four, eight) = (axis("00:00<"), axis("04:00<"), axis("08:00<"));
    assert!(((four - midnight) / (eight - four) - 5.0 / 4.0).abs() < 0.01);
}

#[test]
fn a_short_run_is_seen_in_full_and_not_as_a_dot_in_the_day() {
    let samples: Vec<(i64, f64)> = (0..90).map(|it| (it * HOUR / 1_800, 1.0)).collect();
    let charts = Charts {
        operations: vec![OperationChart::of_samples("x", "s", &samples, 0)],
        periods: vec![DAY],
        ..Charts::default()
    };
    let page = page(&json!({"operations": {"x": {"count": 90}}}), &charts);
    assert!(
        texts(&page).contains("Percentiles and throughput, 00:00:00 to 00:03:00"),
        "{page}"
    );
}

#[test]
fn what_a_drawing_leaves_out_is_said() {
    let mut values: Vec<f64> = (0..1_000).map(|it| f64::from(it % 10)).collect();
    values.extend([1e9, f64::NAN, f64::NAN]);
    let samples: Vec<(i64, f64)> = values.into_iter().map(|value| (0, value)).collect();
    let charts = Charts {
        operations: vec![OperationChart::of_samples("x", "px", &samples, 0)],
        ..Charts::default()
    };
    let page = page(&json!({"operations": {"x": {"unit": "px"}}}), &charts);
    let note = "Not shown: 1 above the axis, up to 1 000 000 000 px; 2 not a number.";
    assert!(texts(&page).contains(note), "{}", texts(&page));
}

#[test]
fn a_fragment_is_a_part_of_a_page_with_the_essence() {
    let (report, charts) = everything("resize", "seconds");
    let fragment = render_fragment(&any_report(&report), Some(&charts)).unwrap();
    assert!(fragment.starts_with("<div class=\"ptpd-report\">") && fragment.ends_with("</div>"));
    assert!(!fragment.contains("<svg") && !fragment.contains("<body"));
    assert!(texts(&fragment).contains("resize"));
    // Its style may not reach beyond it.
    let style = fragment
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    for rule in style.lines().filter(|line| line.contains('{')) {
        for selector in rule.split('{').next().unwrap().split(',') {
            assert!(selector.trim().starts_with(".ptpd-report"), "{rule}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_name_changes_the_structure_of_a_page(
        name in prop_oneof![
            any::<String>(),
            "[<>\"'&/!=a-z{}% -]{1,40}",
            "(</?(script|title|style|svg|b)>|<!--|-->|]]>|\\{\\{ x \\}\\}){1,4}",
        ],
    ) {
        for make in [everything, compared] {
            let (hostile, harmless) = (make(&name, &format!("u{name}")), make("plain", "unit"));
            let pages = [&hostile, &harmless].map(|it| page(&it.0, &it.1));
            prop_assert_eq!(structure(&pages[0]), structure(&pages[1]));
            let fragments = [&hostile, &harmless].map(|it| render_fragment(&any_report(&it.0), Some(&it.1)).unwrap());
            prop_assert_eq!(structure(&fragments[0]), structure(&fragments[1]));
        }
    }

    #[test]
    fn any_numbers_can_be_drawn(
        values in prop::collection::vec(any::<f64>(), 0..20),
        more in prop::collection::vec(-1e3..1e3_f64, 0..20),
        times in prop::collection::vec(any::<i64>(), 20),
        threshold in prop::option::of(any::<f64>()),
        unit in prop::sample::select(&["seconds", "MB", "%", "px"]),
    ) {
        let values = || values.iter().chain(&more).copied();
        let samples: Vec<(i64, f64)> = times.iter().copied().zip(values()).collect();
        let bands = samples.windows(2).map(|pair| Band {
            start: pair[0].0,
            end: pair[0].0.saturating_add(HOUR),
            min: pair[0].1.min(pair[1].1),
            mean: pair[0].1,
            max: pair[0].1.max(pair[1].1),
        });
        let chart = OperationChart {
            earlier: Some(values().rev().take(7).collect()),
            ..OperationChart::of_samples("x", unit, &samples, 0)
        };
        let resource = ResourceChart {
            figure: "cpu_percent".to_owned(),
            unit: unit.to_owned(),
            threshold,
            slots: bands.collect(),
        };
        let charts = Charts {
            operations: vec![chart],
            resources: vec![resource],
            periods: vec![TimeRange::ALL],
            ..Charts::default()
        };
        let entry = json!({"unit": unit, "p50": more.first(), "median": more.first(), "count": 3});
        for report in [
            json!({"operations": {"x": entry}, "resources": {"cpu_percent": 1}}),
            json!({"changes": {"x": {}}, "period1": {"x": entry}, "period2": {"x": entry}}),
        ] {
            let page = page(&report, &charts);
            for path in attributes(&page, "d") {
                let drawn = |it: char| it.is_ascii_digit() || "MLhvaz. -".contains(it);
                prop_assert!(path.chars().all(drawn), "{}", path);
            }
            for place in attributes(&page, "x").into_iter().chain(attributes(&page, "y")) {
                let place: f64 = place.parse().unwrap();
                prop_assert!((0.0..=420.0).contains(&place));
            }
        }
    }
}

#[test]
fn a_slot_without_neighbours_is_a_dot_and_others_are_lines() {
    let slot = |hour: i64| Slot {
        start: hour * HOUR,
        end: (hour + 1) * HOUR,
        count: 1,
        p50: 1.0,
        p95: 2.0,
        p99: 3.0,
    };
    let drawn = |hours: &[i64]| {
        let chart = OperationChart {
            name: "x".to_owned(),
            slots: hours.iter().copied().map(slot).collect(),
            ..OperationChart::default()
        };
        let charts = Charts {
            operations: vec![chart],
            periods: vec![DAY],
            ..Charts::default()
        };
        let page = page(&json!({"operations": {"x": {}}}), &charts);
        ["p50", "p50 dot"].map(|class| {
            let begin = format!("<path class=\"{class}\" d=\"");
            let path = page.split_once(&begin).map_or("", |(_, rest)| rest);
            path.split('"').next().unwrap().matches('M').count()
        })
    };
    assert_eq!(drawn(&[3, 4, 5]), [1, 0]);
    assert_eq!(drawn(&[3, 4, 5, 9, 10]), [2, 0]);
    assert_eq!(drawn(&[0, 7, 8, 23]), [1, 2]);
}

#[test]
fn each_side_of_an_axis_says_what_lies_beyond_it() {
    let mut values: Vec<f64> = (0..1_000).map(|it| 0.5 + f64::from(it % 10)).collect();
    values.extend([-1e4; 5]);
    let note = |values: &[f64]| {
        let samples: Vec<(i64, f64)> = values.iter().map(|value| (0, *value)).collect();
        let charts = Charts {
            operations: vec![OperationChart::of_samples("x", "px", &samples, 0)],
            ..Charts::default()
        };
        let page = page(&json!({"operations": {"x": {"unit": "px"}}}), &charts);
        let text = texts(&page);
        let note = text.split_once("Not shown: ").map(|(_, rest)| rest);
        note.and_then(|rest| Some(rest.split_once('\n')?.0.to_owned()))
    };
    let low = "5 below the axis, down to −10 000 px";
    assert_eq!(note(&values), Some(format!("{low}.")));
    values.push(1e6);
    let high = "1 above the axis, up to 1 000 000 px";
    assert_eq!(note(&values), Some(format!("{low}; {high}.")));
}

#[test]
fn the_footer_says_exact_only_where_all_parts_are() {
    let said = |report: &Value| {
        let text = texts(&render_html(&any_report(report), None, None).unwrap());
        (
            text.contains("All figures are exact."),
            text.contains(
                "within 1.1 % of the exact ones, between samples of opposite sign within",
            ),
        )
    };
    let (exact, estimate) = ("exact", "histogram, 1.1 %");
    let of = |accuracy: &str| json!({"x": {"count": 1, "accuracy": accuracy, "source": "memory"}});
    assert_eq!(said(&json!({"operations": of(exact)})), (true, false));
    assert_eq!(
        said(&json!({"operations": {"x": {"count": 1}}})),
        (false, false)
    );
    for estimated in [
        json!({"operations": of(estimate)}),
        json!({"operations": of(exact), "api": {"endpoints": of(estimate)}}),
        json!({"operations": of(exact), "session": {"operations": of(estimate)}}),
        json!({"changes": {"x": {}}, "period1": of(exact), "period2": of(estimate)}),
        json!({"operations": of(exact), "comparison": {"changes": {}, "period1": of(estimate)}}),
    ] {
        assert_eq!(said(&estimated), (false, true), "{estimated}");
    }
}

#[test]
fn a_fragment_says_that_nothing_was_recorded_and_how_the_cache_did() {
    let report = json!({"operations": {}, "cache": {"hits": 3, "misses": 1}});
    let text = texts(&render_fragment(&any_report(&report), None).unwrap());
    assert!(text.contains("Nothing was recorded."), "{text}");
    assert!(text.contains("hit rate: 75.0 %"), "{text}");
}
