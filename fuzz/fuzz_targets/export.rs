//! Samples recorded, exported and read back.
#![no_main]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use ptpd_monitoring::{
    export::{ExportedSample, Format, Formulas, neutralized, render_samples},
    monitor::Monitor,
    recording::series::{LabelRef, Outcome},
    report::report_csv,
    time::{Clock, ManualClock, TimeRange, Times},
};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

type Metadata = BTreeMap<String, String>;

#[derive(Debug, Clone, Arbitrary)]
struct Recorded {
    name: String,
    value: f64,
    unit: String,
    timer: bool,
    session: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Record(Recorded),
    Many(String, Vec<f64>),
    Wall(i64),
    Bound(u8),
    Clear(Option<String>),
}

#[derive(Debug, Clone)]
struct Kept {
    time: i64,
    recorded: Recorded,
}

/// In order of first use, each with its newest samples.
type Expected = Vec<(String, VecDeque<Kept>)>;

fn keep(expected: &mut Expected, bound: usize, kept: Kept) {
    let name = &kept.recorded.name;
    let at = expected.iter().position(|(known, _)| known == name);
    let at = at.unwrap_or_else(|| {
        expected.push((name.clone(), VecDeque::new()));
        expected.len() - 1
    });
    expected[at].1.push_back(kept);
    if expected[at].1.len() > bound {
        expected[at].1.pop_front();
    }
}

/// The table in `text` as RFC 4180 has it, read by nothing that had to do with writing it.
fn read_table(text: &str) -> Vec<Vec<String>> {
    let mut table = Vec::new();
    let mut row = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        let cell = row.last_mut().expect("a row has a cell");
        match char {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => {
                assert!(quoted || cell.is_empty(), "a quote inside a cell");
                quoted = !quoted;
            }
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'), "a lone carriage return");
                table.push(std::mem::replace(&mut row, vec![String::new()]));
            }
            '\n' if !quoted => panic!("a lone line feed"),
            other => cell.push(other),
        }
    }
    assert!(!quoted && row == [""], "a row without an end");
    table
}

/// The text that a cell was made of.
fn original(cell: &str) -> &str {
    if neutralized(cell) == cell {
        cell
    } else {
        &cell[1..]
    }
}

fn assert_json(text: &str, expected: &[&Kept]) {
    let list: Vec<Value> = serde_json::from_str(text).expect("an array");
    assert_eq!(list.len(), expected.len());
    for (object, Kept { recorded, .. }) in list.iter().zip(expected) {
        assert_eq!(object["metric_name"], *recorded.name);
        assert_eq!(object["unit"], *recorded.unit);
        let value = object["value"].as_f64().map(f64::to_bits);
        assert_eq!(
            value,
            recorded.value.is_finite().then(|| recorded.value.to_bits())
        );
        let metadata = serde_json::to_value(recorded.metadata.clone().unwrap_or_default());
        assert_eq!(object["metadata"], metadata.expect("a map of texts"));
        assert!(
            object["timestamp"]
                .as_str()
                .is_some_and(|time| time.len() >= 19)
        );
    }
}

fn assert_csv(text: &str, formulas: Formulas, expected: &[&Kept]) {
    let table = read_table(text);
    let records = table.get(1..).unwrap_or_default();
    assert_eq!(records.len(), expected.len());
    for (record, Kept { recorded, .. }) in records.iter().zip(expected) {
        assert_eq!(record.len(), 5);
        let read = |at: usize| match formulas {
            Formulas::Neutralized => original(&record[at]),
            Formulas::Kept => &*record[at],
        };
        assert_eq!((read(0), read(2)), (&*recorded.name, &*recorded.unit));
        if formulas == Formulas::Neutralized {
            let risky = ['=', '+', '-', '@', '\t', '\r'];
            assert!(!record[0].starts_with(risky) && !record[2].starts_with(risky));
        }
        let value: f64 = record[1].parse().expect("a number");
        assert!(
            value.to_bits() == recorded.value.to_bits()
                || value.is_nan() && recorded.value.is_nan()
        );
        let metadata: Metadata = serde_json::from_str(&record[4]).expect("an object");
        assert_eq!(metadata, recorded.metadata.clone().unwrap_or_default());
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let clock = Arc::new(ManualClock::new(0));
    let mut bound = 5;
    let monitor: Monitor<Metadata> =
        Monitor::new(bound, Clock::Manual(Arc::clone(&clock))).expect("a valid bound");
    let mut expected = Expected::new();
    for step in steps {
        match step {
            Step::Record(recorded) => {
                let label = LabelRef {
                    unit: &recorded.unit,
                    timer: recorded.timer,
                    outcome: Outcome::None,
                    session: recorded.session.as_deref(),
                };
                let now = monitor.clock().monotonic();
                let metadata = recorded.metadata.clone();
                monitor.record(&recorded.name, now, recorded.value, label, metadata);
                keep(
                    &mut expected,
                    bound,
                    Kept {
                        time: clock.wall(),
                        recorded,
                    },
                );
            }
            Step::Many(name, values) => {
                let label = LabelRef {
                    unit: "many",
                    timer: false,
                    outcome: Outcome::None,
                    session: None,
                };
                monitor.record_many(&name, &values, label);
                for value in values {
                    let recorded = Recorded {
                        name: name.clone(),
                        value,
                        unit: "many".to_owned(),
                        timer: false,
                        session: None,
                        metadata: None,
                    };
                    keep(
                        &mut expected,
                        bound,
                        Kept {
                            time: clock.wall(),
                            recorded,
                        },
                    );
                }
            }
            Step::Wall(time) => clock.set_wall(time),
            Step::Bound(new) => {
                let changed = monitor.set_max_history(new.into());
                assert_eq!(changed.is_ok(), new > 0);
                if changed.is_ok() {
                    bound = new.into();
                    for (_, samples) in &mut expected {
                        samples.drain(..samples.len().saturating_sub(bound));
                    }
                }
            }
            Step::Clear(name) => {
                drop(monitor.clear(name.as_deref()));
                expected.retain(|(known, _)| name.as_ref().is_some_and(|name| name != known));
            }
        }
    }
    let mut rows: Vec<(Arc<str>, _, Box<RawValue>)> = Vec::new();
    for operation in monitor.operations() {
        assert!(operation.len() <= bound);
        for sample in operation.samples(TimeRange::ALL) {
            let metadata = sample.metadata.clone().unwrap_or_default();
            let metadata = to_raw_value(&metadata).expect("a map of texts");
            rows.push((Arc::clone(operation.name()), sample, metadata));
        }
    }
    let expected: Vec<&Kept> = expected.iter().flat_map(|(_, samples)| samples).collect();
    assert_eq!(rows.len(), expected.len());
    for ((_, sample, _), kept) in rows.iter().zip(&expected) {
        assert_eq!(sample.time, kept.time);
        assert_eq!(sample.label.timer, kept.recorded.timer);
        assert_eq!(
            sample.label.session.as_deref(),
            kept.recorded.session.as_deref()
        );
    }
    let render = |format, formulas| {
        let samples = rows.iter().map(|(name, sample, metadata)| ExportedSample {
            name,
            value: sample.value,
            unit: &sample.label.unit,
            time: sample.time,
            metadata,
        });
        render_samples(format, formulas, Times::Local, samples).expect("a rendering")
    };
    let json = render(Format::Json, Formulas::Neutralized);
    assert_json(&json, &expected);
    for formulas in [Formulas::Neutralized, Formulas::Kept] {
        assert_csv(&render(Format::Csv, formulas), formulas, &expected);
        let operations: serde_json::Map<String, Value> = expected
            .iter()
            .map(|kept| {
                (
                    kept.recorded.name.clone(),
                    serde_json::json!({"unit": kept.recorded.unit}),
                )
            })
            .collect();
        let report = serde_json::json!({ "operations": operations });
        let table = report_csv(&report, formulas).expect("a table");
        let rows = read_table(&table);
        let rows = rows.get(1..).unwrap_or_default();
        assert!(rows.iter().map(Vec::len).all(|cells| cells == 2));
        assert_eq!(rows.len(), operations.len());
    }
});
