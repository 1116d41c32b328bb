use ::csv::ReaderBuilder;
use proptest::prelude::*;
use ptpd_monitoring::{
    export::{ExportedSample, Format, Formulas, render_samples},
    time::{IsoFormatter, Times},
};
use serde_json::{Value, value::RawValue};

use crate::zone::in_zone;

#[derive(Debug, Clone)]
struct Row {
    name: String,
    value: f64,
    unit: String,
    time: i64,
    metadata: Box<RawValue>,
}

impl Row {
    fn exported(&self) -> ExportedSample<'_> {
        ExportedSample {
            name: &self.name,
            value: self.value,
            unit: &self.unit,
            time: self.time,
            metadata: &self.metadata,
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let value = prop_oneof![
        any::<f64>(),
        prop::sample::select(&[0.0, -0.0, 1e16, 1e-7, 0.1, 5e-324]),
        prop::sample::select(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ];
    // Text with everything that JSON and CSV have to protect.
    let text = || prop_oneof![any::<String>(), "[\",;\\\\\r\n\t\u{0}é\u{1f600} =a]{0,12}"];
    let metadata = prop::collection::btree_map(text(), text(), 0..3)
        .prop_map(|map| serde_json::value::to_raw_value(&map).unwrap());
    let row = (text(), value, text(), any::<i64>(), metadata);
    let row = row.prop_map(|(name, value, unit, time, metadata)| Row {
        name,
        value,
        unit,
        time,
        metadata,
    });
    prop::collection::vec(row, 1..10)
}

fn render(format: Format, rows: &[Row]) -> String {
    let samples = rows.iter().map(Row::exported);
    // Wherever this is run, and whatever clocks there show twice.
    render_samples(format, Formulas::Kept, Times::Offset, samples).unwrap()
}

fn timestamp(row: &Row) -> String {
    IsoFormatter::new(Times::Offset)
        .format(row.time)
        .to_string()
}

proptest! {
    #[test]
    fn json_reads_back_as_the_same_samples(rows in rows()) {
        let list: Vec<Value> = serde_json::from_str(&render(Format::Json, &rows)).unwrap();
        prop_assert_eq!(list.len(), rows.len());
        for (object, row) in list.iter().zip(&rows) {
            let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
            prop_assert_eq!(keys, ["metric_name", "value", "unit", "timestamp", "metadata"]);
            prop_assert_eq!(object["metric_name"].as_str(), Some(&*row.name));
            prop_assert_eq!(object["unit"].as_str(), Some(&*row.unit));
            let expected = timestamp(row);
            prop_assert_eq!(object["timestamp"].as_str(), Some(&*expected));
            let metadata: Value = serde_json::from_str(row.metadata.get()).unwrap();
            prop_assert_eq!(&object["metadata"], &metadata);
            if row.value.is_finite() {
                let value = object["value"].as_f64().unwrap();
                prop_assert_eq!(value.to_bits(), row.value.to_bits());
            } else {
                prop_assert!(object["value"].is_null());
            }
        }
    }

    #[test]
    fn csv_reads_back_as_the_same_samples(rows in rows()) {
        let text = render(Format::Csv, &rows);
        prop_assert!(text.starts_with("metric_name,value,unit,timestamp,metadata\r\n"));
        prop_assert!(text.ends_with("\r\n"));
        let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(records.len(), rows.len());
        for (record, row) in records.iter().zip(&rows) {
            let expected = timestamp(row);
            prop_assert_eq!(
                [&record[0], &record[2], &record[3], &record[4]],
                [&*row.name, &*row.unit, &*expected, row.metadata.get()]
            );
            let value: f64 = record[1].parse().unwrap();
            if row.value.is_nan() {
                prop_assert_eq!(&record[1], "nan");
            } else {
                prop_assert_eq!(value.to_bits(), row.value.to_bits());
            }
        }
    }
}

#[test]
fn infinities_are_spelt_in_csv_as_python_reads_them() {
    let rows = [f64::INFINITY, f64::NEG_INFINITY, 1.0].map(|value| Row {
        name: "op".to_owned(),
        value,
        unit: "s".to_owned(),
        time: 0,
        metadata: RawValue::from_string("{}".to_owned()).unwrap(),
    });
    let text = render(Format::Csv, &rows);
    let values: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|line| &line[..line.len() - 3])
        .collect();
    assert!(values[0].starts_with("op,inf,s,") && values[1].starts_with("op,-inf,s,"));
    assert!(values[2].starts_with("op,1.0,s,"));
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn no_samples_are_an_empty_list_and_a_header() {
    assert_eq!(render(Format::Json, &[]), "[]");
    let header = "metric_name,value,unit,timestamp,metadata\r\n";
    assert_eq!(render(Format::Csv, &[]), header);
}

#[test]
fn one_time_that_clocks_show_twice_gives_all_of_an_export_their_offsets() {
    in_zone("Europe/Berlin", || {
        let at = |time: i64| Row {
            name: "op".to_owned(),
            value: 1.0,
            unit: "s".to_owned(),
            time: time * 1_000_000_000,
            metadata: RawValue::from_string("{}".to_owned()).unwrap(),
        };
        let change = 1_729_990_800;
        let texts = |times, rows: &[Row]| -> Vec<String> {
            let samples = rows.iter().map(Row::exported);
            let text = render_samples(Format::Json, Formulas::Kept, times, samples).unwrap();
            let list: Vec<Value> = serde_json::from_str(&text).unwrap();
            let text = |object: &Value| object["timestamp"].as_str().unwrap().to_owned();
            list.iter().map(text).collect()
        };
        // The last second before the hour that comes twice, its first, its first again, and one
        // after it.
        let before = [at(change - 3_601)];
        let all = [-3_601, -3_600, 0, 3_600].map(|away| at(change + away));
        assert_eq!(texts(Times::Local, &before), ["2024-10-27T01:59:59"]);
        let offsets = [
            "2024-10-27T01:59:59+02:00",
            "2024-10-27T02:00:00+02:00",
            "2024-10-27T02:00:00+01:00",
            "2024-10-27T03:00:00+01:00",
        ];
        assert_eq!(texts(Times::Local, &all), offsets);
        assert_eq!(texts(Times::Local, &all[1..2]), offsets[1..2]);
        assert_eq!(texts(Times::Offset, &all), offsets);
        assert_eq!(texts(Times::Local, &all[3..]), ["2024-10-27T03:00:00"]);
        let utc = texts(Times::Utc, &all);
        assert_eq!(utc[0], "2024-10-26T23:59:59+00:00");
        assert_eq!(utc[3], "2024-10-27T02:00:00+00:00");
    });
}

#[test]
fn formats_are_known_in_any_case_and_others_refused_by_name() {
    for (name, format) in [
        ("json", Format::Json),
        ("JSON", Format::Json),
        ("Csv", Format::Csv),
    ] {
        assert_eq!(Format::parse(name).unwrap(), format);
    }
    for name in ["xml", "", " json", "json\n"] {
        let error = Format::parse(name).unwrap_err();
        assert_eq!(error.to_string(), format!("Unsupported format: {name}"));
    }
}

#[test]
fn names_and_units_that_a_spreadsheet_would_run_are_neutralized_and_numbers_are_not() {
    let row = Row {
        name: "=HYPERLINK(\"x\")".to_owned(),
        value: -1.5,
        unit: "-1".to_owned(),
        time: 0,
        metadata: RawValue::from_string("{\"=\":\"=1\"}".to_owned()).unwrap(),
    };
    let render = |format| {
        let samples = [row.exported()];
        render_samples(format, Formulas::Neutralized, Times::Local, samples).unwrap()
    };
    let text = render(Format::Csv);
    let record = ReaderBuilder::new()
        .from_reader(text.as_bytes())
        .records()
        .next();
    let record = record.unwrap().unwrap();
    assert_eq!(
        [&record[0], &record[1], &record[2], &record[4]],
        ["'=HYPERLINK(\"x\")", "-1.5", "'-1", "{\"=\":\"=1\"}"]
    );
    let list: Value = serde_json::from_str(&render(Format::Json)).unwrap();
    assert_eq!(list[0]["metric_name"], "=HYPERLINK(\"x\")");
}
