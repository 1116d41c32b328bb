use super::Alone;
use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use ptpd_monitoring::{
    history::Found,
    monitor::{Measured, OwnSamples},
    report::{
        InMemory, Origin, RecordedEndpoint, RecordedOperation, Samples, endpoints, operations,
        requests_report,
    },
    requests::{Group, OwnGroup},
    rollup::{Key, Rollup},
};

fn rollup(time: i64, values: &[f64]) -> Rollup {
    let mut rollup = Rollup::default();
    for &value in values {
        rollup.record(time, value);
    }
    rollup
}

fn found(key: Key, own: &[f64], others: &[f64]) -> Found {
    Found {
        key,
        own: rollup(10, own),
        others: rollup(20, others),
    }
}

fn operation(name: &str, unit: &str, session: Option<&str>) -> Key {
    Key::Operation {
        name: name.into(),
        unit: unit.into(),
        session: session.map(Into::into),
    }
}

fn endpoint(status_class: u8) -> Key {
    Key::Endpoint {
        endpoint: "/a".into(),
        method: "GET".into(),
        status_class,
    }
}

fn measured(values: &[f64], unit: &str) -> Option<Measured> {
    let measured = Measured {
        values: values.to_vec(),
        times: Vec::new(),
        unit: unit.into(),
        other_units: Vec::new(),
        failures: None,
        uncounted: None,
    };
    (!values.is_empty()).then_some(measured)
}

/// What memory has: all of the period, or the newest of it.
fn memory(name: &str, values: &[f64], complete: bool) -> Vec<InMemory> {
    closed(name, values, 0, complete)
}

/// The same, of a history that was closed before it took the newest `alone`.
fn closed(name: &str, values: &[f64], alone: usize, complete: bool) -> Vec<InMemory> {
    vec![InMemory {
        name: name.into(),
        samples: OwnSamples {
            measured: measured(values, "ms"),
            alone: measured(&values[values.len() - alone..], "ms"),
            complete,
        },
    }]
}

#[test]
fn samples_that_memory_still_has_in_full_are_exact() {
    let on_disk = [found(operation("decode", "ms", None), &[1.0, 2.0], &[])];
    let recorded = operations(memory("decode", &[1.0, 2.0], true), &on_disk, None);
    assert_eq!(recorded[0].samples, Samples::Each(vec![1.0, 2.0]));
    assert_eq!(recorded[0].origin, Origin::Memory);
    assert_eq!(recorded[0].samples.accuracy(), "exact");
}

#[test]
fn failures_count_where_their_samples_do_and_not_twice() {
    let failures = |session: Option<&str>| Key::Failures {
        name: "decode".into(),
        unit: "ms".into(),
        session: session.map(Into::into),
    };
    let on_disk = [
        found(operation("decode", "ms", None), &[1.0, 2.0, 3.0], &[4.0]),
        found(failures(None), &[1.0, 2.0], &[4.0]),
        found(failures(Some("morning")), &[1.0], &[]),
    ];
    let known = |values: &[f64], failed: Option<u64>, complete, on_disk: &[Found]| {
        let mut memory = memory("decode", values, complete);
        if let Some(measured) = &mut memory[0].samples.measured {
            measured.failures = failed;
        }
        operations(memory, on_disk, None)[0].failures
    };
    // Memory has all of its own, and the disk what another process recorded.
    assert_eq!(known(&[1.0, 2.0, 3.0], Some(2), true, &on_disk), Some(3));
    assert_eq!(known(&[3.0], Some(0), false, &on_disk), Some(3));
    assert_eq!(known(&[3.0], Some(1), false, &on_disk[..1]), None);
    assert_eq!(known(&[3.0], None, true, &[]), None);
    assert_eq!(known(&[3.0], Some(0), true, &[]), Some(0));
}

#[test]
fn samples_that_fell_out_of_memory_are_counted_from_disk_and_not_twice() {
    let on_disk = [found(
        operation("decode", "ms", None),
        &[1.0, 2.0, 3.0],
        &[],
    )];
    let recorded = operations(memory("decode", &[3.0], false), &on_disk, None);
    let summary = recorded[0].samples.summary().unwrap();
    assert_eq!(
        (summary.count, summary.min, summary.max, summary.mean),
        (3, 1.0, 3.0, 2.0)
    );
    assert_eq!(recorded[0].origin, Origin::History);
    assert_eq!(recorded[0].samples.accuracy(), "histogram, 1.1 %");
}

#[test]
fn samples_that_were_never_written_are_not_lost_although_older_ones_fell_off() {
    let on_disk = [found(operation("decode", "ms", None), &[1.0], &[])];
    let recorded = operations(memory("decode", &[2.0, 3.0], false), &on_disk, None);
    assert_eq!(recorded[0].samples.len(), 2);
}

#[test]
fn samples_of_a_closed_history_are_added_to_those_that_it_took() {
    let key = || operation("decode", "ms", None);
    let merged = |values: &[f64], alone, complete, on_disk: &[f64], others: &[f64]| {
        let memory = closed("decode", values, alone, complete);
        let on_disk = [found(key(), on_disk, others)];
        let recorded = operations(memory, &on_disk, None).remove(0);
        let summary = recorded.samples.summary().unwrap();
        assert_eq!(recorded.unit, "ms".into());
        (summary.count, summary.mean, recorded.origin)
    };
    let taken = [1.0, 2.0, 3.0];
    // The third is in both; all that the disk has are gone from memory; so are some that it has not.
    let both = Origin::Both;
    assert_eq!(merged(&[3.0, 6.0], 1, false, &taken, &[]), (4, 3.0, both));
    assert_eq!(merged(&[6.0, 8.0], 2, false, &taken, &[]), (5, 4.0, both));
    // Nothing but those of others, and nothing at all, is on disk.
    assert_eq!(merged(&[6.0], 1, false, &[], &[2.0]), (2, 4.0, both));
    assert_eq!(
        merged(&[6.0, 8.0], 2, false, &[], &[]),
        (2, 7.0, Origin::Memory)
    );
    // Memory has all, or more than could be written.
    let in_memory = [1.0, 2.0, 3.0, 6.0];
    let exact = (4, 3.0, Origin::Memory);
    assert_eq!(merged(&in_memory, 1, true, &taken, &[]), exact);
    assert_eq!(merged(&in_memory, 1, false, &[3.0], &[]), exact);
    assert_eq!(merged(&in_memory, 1, true, &taken, &[8.0]), (5, 4.0, both));
}

#[test]
fn units_are_those_of_the_samples_that_a_closed_history_took_and_of_those_it_did_not() {
    let mut memory = closed("decode", &[3.0, 6.0], 1, false);
    memory[0].samples.alone = measured(&[6.0], "MB");
    let on_disk = [found(operation("decode", "s", None), &[1.0, 3.0], &[])];
    let recorded = operations(memory, &on_disk, None);
    assert_eq!(units(&recorded[0]), ["s", "MB"]);
}

#[test]
fn a_row_that_reaches_beyond_the_period_adds_nothing_to_what_memory_knows_exactly() {
    // The last minute begins in the period and ends after it.
    let on_disk = [found(
        operation("decode", "ms", None),
        &[1.0, 2.0, 3.0],
        &[],
    )];
    let recorded = operations(memory("decode", &[1.0, 2.0], true), &on_disk, None);
    assert_eq!(recorded[0].samples, Samples::Each(vec![1.0, 2.0]));
    assert!(operations(memory("decode", &[], true), &on_disk, None).is_empty());
}

#[test]
fn what_was_cleared_from_memory_is_still_known_to_the_disk() {
    let on_disk = [found(operation("decode", "ms", None), &[1.0, 2.0], &[])];
    let recorded = operations(Vec::new(), &on_disk, None);
    assert_eq!(
        (recorded[0].samples.len(), recorded[0].origin),
        (2, Origin::History)
    );
}

#[test]
fn what_other_processes_wrote_is_added_to_what_memory_has() {
    let on_disk = [found(operation("decode", "ms", None), &[1.0], &[5.0])];
    let recorded = operations(memory("decode", &[1.0, 3.0], true), &on_disk, None);
    let summary = recorded[0].samples.summary().unwrap();
    assert_eq!((summary.count, summary.mean), (3, 3.0));
    assert_eq!(recorded[0].origin, Origin::Both);
}

#[test]
fn operations_that_only_the_disk_knows_follow_in_order_of_their_first_sample() {
    let mut late = found(operation("late", "ms", None), &[1.0], &[]);
    late.own.first = 500;
    let on_disk = [
        late,
        found(operation("early", "s", None), &[], &[2.0]),
        found(operation("decode", "ms", None), &[1.0], &[]),
        found(operation("decode", "ms", Some("roll-7")), &[1.0], &[]),
        found(endpoint(2), &[1.0], &[]),
    ];
    let recorded = operations(memory("decode", &[1.0], true), &on_disk, None);
    let names: Vec<_> = recorded
        .iter()
        .map(|operation| (&*operation.name, &*operation.unit))
        .collect();
    assert_eq!(names, [("decode", "ms"), ("early", "s"), ("late", "ms")]);
    assert_eq!(recorded[0].samples.len(), 1);
}

#[test]
fn the_unit_is_that_of_the_oldest_sample_wherever_it_is() {
    let mut older = found(operation("decode", "s", None), &[], &[9.0]);
    older.others.first = 1;
    let on_disk = [found(operation("decode", "ms", None), &[1.0], &[]), older];
    let recorded = operations(memory("decode", &[1.0], true), &on_disk, None);
    assert_eq!((&*recorded[0].unit, recorded[0].samples.len()), ("s", 2));
    assert_eq!(units(&recorded[0]), ["s", "ms"]);
}

fn units(operation: &RecordedOperation) -> Vec<&str> {
    operation.units().map(|unit| &**unit).collect()
}

#[test]
fn units_are_told_of_the_samples_that_count_and_once_each() {
    let on_disk = [
        found(operation("decode", "s", None), &[1.0], &[]),
        found(operation("decode", "ms", None), &[2.0], &[]),
        found(operation("decode", "seconds", None), &[], &[3.0]),
    ];
    let of = |memory, on_disk: &[Found]| {
        let recorded = operations(memory, on_disk, None);
        units(&recorded[0]).join(" ")
    };
    // All from memory; others' added to it; all from disk.
    assert_eq!(of(memory("decode", &[1.0, 2.0], true), &on_disk[..2]), "ms");
    assert_eq!(
        of(memory("decode", &[1.0, 2.0], true), &on_disk[1..]),
        "ms seconds"
    );
    assert_eq!(of(memory("decode", &[2.0], false), &on_disk[..2]), "s ms");
    assert_eq!(of(Vec::new(), &on_disk[1..]), "ms seconds");
    assert_eq!(
        of(Vec::new(), &[on_disk[0].clone(), on_disk[2].clone()]),
        "s"
    );
}

#[test]
fn a_session_is_merged_from_its_own_rows() {
    let on_disk = [
        found(operation("decode", "ms", None), &[1.0, 7.0], &[8.0]),
        found(operation("decode", "ms", Some("roll-7")), &[1.0], &[8.0]),
        found(operation("decode", "ms", Some("roll-8")), &[7.0], &[]),
    ];
    let recorded = operations(memory("decode", &[1.0], true), &on_disk, Some("roll-7"));
    assert_eq!(
        (recorded[0].samples.len(), recorded[0].samples.sum()),
        (2, 9.0)
    );
}

#[test]
fn errors_are_counted_from_where_the_durations_are() {
    let group = |durations: &[f64], errors| Group {
        durations: durations.to_vec(),
        errors,
        server_errors: 0,
    };
    let memory = |durations: &[f64], errors, complete| {
        let own = OwnGroup::from(group(durations, errors));
        (vec![(Arc::from("/a"), own)], complete)
    };
    let errors = |memory, on_disk: &[Found]| {
        let RecordedEndpoint { errors, origin, .. } = endpoints(memory, on_disk).remove(0);
        (errors, origin)
    };
    let own = [
        found(endpoint(2), &[1.0, 1.0], &[]),
        found(endpoint(5), &[1.0, 1.0], &[]),
        found(endpoint(4), &[1.0], &[]),
    ];
    assert_eq!(
        errors(memory(&[1.0; 5], 3, true), &own),
        (3, Origin::Memory)
    );
    assert_eq!(errors(memory(&[1.0], 1, false), &own), (3, Origin::History));
    let both = [own[0].clone(), found(endpoint(6), &[], &[1.0, 1.0])];
    assert_eq!(errors(memory(&[1.0; 5], 3, true), &both), (5, Origin::Both));
    // The second of two in memory came after the history was closed.
    let closed = |complete| {
        let (all, alone) = (group(&[1.0, 9.0], 2), group(&[9.0], 1));
        (vec![(Arc::from("/a"), OwnGroup { all, alone })], complete)
    };
    assert_eq!(errors(closed(true), &own), (2, Origin::Memory));
    assert_eq!(errors(closed(false), &own), (4, Origin::Both));
    assert_eq!(endpoints(closed(false), &own)[0].durations.len(), 6);
    let counted = endpoints(memory(&[1.0; 5], 3, true), &both);
    let report = requests_report(&Alone, counted, Vec::new(), true);
    let counts = [report.total_requests, report.total_errors];
    assert_eq!(counts.map(|count| count.number()), [Some(7.0), Some(5.0)]);
}

/// What one of two processes recorded, and whether it is on disk.
#[derive(Debug, Clone)]
struct Recorded {
    name: usize,
    value: f64,
    own: bool,
}

proptest! {
    #[test]
    fn every_sample_that_is_somewhere_counts_and_none_twice(
        recorded in proptest::collection::vec(
            (0..3_usize, 0.5..9.0_f64, any::<bool>())
                .prop_map(|(name, value, own)| Recorded { name, value, own }),
            0..60,
        ),
        kept in 0..20_usize,
        closed_after in 0..20_usize,
    ) {
        let names = ["a", "b", "c"];
        let (mut in_memory, mut on_disk) = (Vec::new(), Vec::new());
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            let of_name = || recorded.iter().filter(|one| one.name == index);
            let own: Vec<f64> = of_name().filter(|one| one.own).map(|one| one.value).collect();
            let others: Vec<f64> = of_name().filter(|one| !one.own).map(|one| one.value).collect();
            let values = &own[own.len().saturating_sub(kept)..];
            let taken = closed_after.min(own.len());
            let alone = values.len().min(own.len() - taken);
            in_memory.extend(closed(name, values, alone, values.len() == own.len()));
            on_disk.push(found(operation(name, "ms", None), &own[..taken], &others));
            let count = taken + alone + others.len();
            if count > 0 {
                expected.insert(name, count as u64);
            }
        }
        let merged = operations(in_memory, &on_disk, None);
        let counts: BTreeMap<&str, u64> = merged
            .iter()
            .map(|operation| (&*operation.name, operation.samples.len()))
            .collect();
        prop_assert_eq!(counts, expected);
    }
}
