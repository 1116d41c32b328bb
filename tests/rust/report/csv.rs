use ::csv::ReaderBuilder;
use proptest::prelude::*;
use ptpd_monitoring::{
    export::{Formulas, neutralized},
    report::{report_csv, report_json},
};
use serde_json::{Map, Value, json};

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let records = reader.records().map(Result::unwrap);
    records
        .map(|record| record.iter().map(ToOwned::to_owned).collect())
        .collect()
}

#[test]
fn columns_are_the_union_of_all_figures_in_order_of_first_appearance() {
    let report = json!({"date": "2024-03-31", "operations": {
        "b": {"count": 2, "mean": 0.5},
        "a": {"mean": 1e300, "unit": "MB", "count": 1},
        "none": {},
    }});
    assert_eq!(
        report_csv(&report, Formulas::Kept).unwrap(),
        "operation,count,mean,unit\r\nb,2,0.5,\r\na,1,1e+300,MB\r\nnone,,,\r\n"
    );
}

#[test]
fn a_comparison_has_one_row_for_each_change() {
    let report = json!({"period1": {"x": {"mean": 1}}, "changes": {
        "x": {"absolute": -1.5, "percentage": null, "direction": "improved"},
    }});
    assert_eq!(
        report_csv(&report, Formulas::Kept).unwrap(),
        "operation,absolute,percentage,direction\r\nx,-1.5,,improved\r\n"
    );
}

#[test]
fn a_report_of_nothing_has_the_header_that_its_kind_usually_has() {
    let statistics = "operation,count,min,max,mean,median,std,unit,p50,p90,p95,p99\r\n";
    for (report, header) in [
        (json!({}), statistics),
        (json!({"operations": {}}), statistics),
        (json!({"operations": []}), statistics),
        (
            json!({"operations": {"x": 3}, "api": {"total_requests": 0}}),
            statistics,
        ),
        (json!([]), statistics),
        (json!(null), statistics),
        (
            json!({"changes": {}}),
            "operation,absolute,percentage,direction\r\n",
        ),
        (
            json!({"session_id": "a", "operations": {}}),
            "operation,count,total,mean,unit\r\n",
        ),
    ] {
        assert_eq!(
            report_csv(&report, Formulas::Kept).unwrap(),
            header,
            "{report}"
        );
    }
}

#[test]
fn requests_and_resources_follow_the_operations_and_the_last_column_tells_them_apart() {
    let report = json!({
        "operations": {"films": {"count": 2, "unit": "s"}},
        "api": {"total_requests": 3, "endpoints": {"films": {"count": 3, "error_rate": 0.5}}},
        "resources": {"cpu_percent": 12.5, "disk_used_gb": 3, "timestamp": "x", "gpu_percent": null},
        "resource_readings": {
            "memory_used_mb": {"count": 4, "unit": "MB"},
            "cpu_percent": {"count": 5, "unit": "percent"},
        },
    });
    assert_eq!(
        report_csv(&report, Formulas::Kept).unwrap(),
        "operation,count,unit,error_rate,now,kind\r\n\
         films,2,s,,,operation\r\n\
         films,3,,0.5,,request\r\n\
         cpu_percent,5,percent,,12.5,resource\r\n\
         disk_used_gb,,GB,,3,resource\r\n\
         memory_used_mb,4,MB,,,resource\r\n"
    );
}

#[test]
fn a_figure_that_consists_of_figures_has_a_column_for_each() {
    let report = json!({"operations": {
        "x": {"a": {"b": 1, "c": null}, "a_b": 2},
        "y": {"a": {"c": 3, "d": {"e": 4}}},
        "z": {"a": 5},
        "w": {"a": {}},
    }});
    let found = rows(&report_csv(&report, Formulas::Kept).unwrap());
    assert_eq!(found[0], ["operation", "a_b", "a_c", "a_b", "a_d", "a"]);
    assert_eq!(found[1], ["x", "1", "", "2", "", ""]);
    assert_eq!(found[2], ["y", "", "3", "", r#"{"e":4}"#, ""]);
    assert_eq!(found[3], ["z", "", "", "", "", "5"]);
    assert_eq!(found[4], ["w", "", "", "", "", "{}"]);
}

#[test]
fn a_list_is_one_cell_of_json() {
    let report = json!({"operations": {"x": {"a": [1, "two", {"b": 3}]}}});
    let cells = &rows(&report_csv(&report, Formulas::Kept).unwrap())[1];
    assert_eq!(cells, &["x", r#"[1,"two",{"b":3}]"#]);
}

#[test]
fn texts_that_a_spreadsheet_would_run_are_neutralized_and_numbers_are_not() {
    let report = json!({"operations": {
        "=1+1": {"-text": "@SUM(A1)", "n": -1.5, "big": "-9223372036854775809", "low": "-inf"},
        "-1": {"-text": "plain", "n": -0.0, "big": "-2+3", "low": null},
    }});
    assert_eq!(
        report_csv(&report, Formulas::Neutralized).unwrap(),
        "operation,'-text,n,big,low\r\n'=1+1,'@SUM(A1),-1.5,-9223372036854775809,-inf\r\n\
         '-1,plain,-0.0,'-2+3,\r\n"
    );
}

#[test]
fn every_beginning_of_a_formula_is_neutralized_quotes_before_it_or_not() {
    for first in [
        "=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}",
    ] {
        for quotes in ["", "'", "\"", "\"'\""] {
            let text = format!("{quotes}{first}cmd");
            assert_eq!(neutralized(&text), format!("'{text}"));
        }
    }
    for harmless in [
        "",
        "a=1",
        "'quoted'",
        "\"a\"",
        "'",
        "1-2",
        " ",
        "é=",
        "{\"=\":1}",
    ] {
        assert_eq!(neutralized(harmless), harmless);
    }
}

proptest! {
    #[test]
    fn a_neutralized_text_can_be_told_from_one_that_was_not(text in "[-=+@\t\r'\"a1]{0,6}") {
        let cell = neutralized(&text);
        let touched = neutralized(&cell) != *cell;
        let back = if touched { &cell[1..] } else { &*cell };
        prop_assert_eq!(back, &text);
    }

    #[test]
    fn names_and_texts_of_any_kind_read_back_unchanged(
        operations in prop::collection::btree_map(
            any::<String>(),
            prop::collection::btree_map("[a-d,\"\r\n]{1,3}", any::<String>(), 1..4),
            1..5,
        ),
    ) {
        let report = json!({"operations": operations});
        let text = report_csv(&report, Formulas::Kept).unwrap();
        let table = rows(&text);
        prop_assert_eq!(table.len(), operations.len() + 1);
        let columns = &table[0][1..];
        for (row, (name, figures)) in table[1..].iter().zip(&operations) {
            prop_assert_eq!(&row[0], name);
            for (column, cell) in columns.iter().zip(&row[1..]) {
                prop_assert_eq!(cell, figures.get(column).map_or("", |text| text));
            }
            prop_assert!(figures.keys().all(|key| columns.contains(key)));
        }
    }

    #[test]
    fn numbers_read_back_as_the_same_numbers(value in any::<f64>()) {
        let report = json!({"operations": {"x": {"value": value}}});
        let cell = &rows(&report_csv(&report, Formulas::Kept).unwrap())[1][1];
        if value.is_finite() {
            prop_assert_eq!(cell.parse::<f64>().unwrap().to_bits(), value.to_bits());
        } else {
            prop_assert_eq!(cell, "");
        }
    }

    #[test]
    fn a_report_as_json_reads_back_in_the_same_order(
        names in prop::collection::vec(any::<String>(), 0..5),
        value in prop::num::f64::NORMAL,
    ) {
        let entries = names.into_iter().map(|name| (name, json!([value, null, "é\u{1f600}"])));
        let report = Value::Object(entries.collect::<Map<_, _>>());
        let text = report_json(&report).unwrap();
        let back: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &report);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&back), keys(&report));
    }
}
