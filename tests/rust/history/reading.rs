use std::{cell::Cell, sync::Arc};

use ptpd_monitoring::{
    history::{Identity, Reader, Retention, delete_some},
    rollup::Key,
};

use super::{DAY, HOUR, NOON, Place, Writer, counts, everything, operation, range, sample};

/// One sample a minute, whose value is the minute.
fn record_minutes(writer: &Writer, name: &str, minutes: std::ops::Range<i64>) {
    for minute in minutes {
        writer.record(name, NOON + 60 * minute, minute as f64);
    }
    writer.write();
}

fn sum(reader: &mut Reader, start: i64, end: i64) -> (u64, f64) {
    let found = reader.read(range(start, end), everything, &[]).unwrap();
    let count = found
        .iter()
        .map(|found| found.others.histogram.count())
        .sum();
    let sum = found.iter().map(|found| found.others.histogram.sum()).sum();
    (count, sum)
}

#[test]
fn a_period_is_read_to_the_minute() {
    let place = Place::new();
    record_minutes(&place.writer(), "op", 0..600);
    let mut reader = place.reader();
    for (start, end) in [
        (0_i64, 600),
        (7, 8),
        (59, 61),
        (30, 90),
        (61, 599),
        (0, 60),
        (17, 477),
    ] {
        let expected = (
            (end - start).unsigned_abs(),
            (start..end).sum::<i64>() as f64,
        );
        let found = sum(&mut reader, NOON + 60 * start, NOON + 60 * end);
        assert_eq!(found, expected, "{start} to {end}");
    }
    assert_eq!(sum(&mut reader, NOON - DAY, NOON), (0, 0.0));
    assert_eq!(
        reader
            .read(range(NOON - DAY, NOON), everything, &[])
            .unwrap(),
        []
    );
}

#[test]
fn only_what_is_wanted_is_read() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("a", NOON, 1.0);
    writer.record("b", NOON, 1.0);
    writer.write();
    let found = place
        .reader()
        .read(range(NOON, NOON + 60), |key| *key == operation("b"), &[])
        .unwrap();
    assert_eq!(counts(&found), [("b".to_owned(), 0, 1)]);
}

/// A writer whose hours start as those of a zone that is half an hour off.
fn of_another_zone(place: &Place) -> Arc<Identity> {
    let writer = place.writer();
    writer.record("op", NOON, 0.0);
    writer.write();
    let identity = Identity {
        hour_shift: 1_800,
        ..(*writer.identity()).clone()
    };
    Arc::new(identity)
}

#[test]
fn writers_whose_hours_start_at_other_minutes_are_read_together() {
    use ptpd_monitoring::history::{Batch, Slot, Store};

    let place = Place::new();
    record_minutes(&place.writer(), "op", 0..600);
    let shifted = of_another_zone(&place);
    place
        .sqlite()
        .execute_batch("UPDATE writers SET hour_shift = 1800 WHERE id = 2")
        .unwrap();
    let batch: Batch = (1..600)
        .map(|minute| {
            let delta = sample(&operation("op"), NOON + 60 * minute, minute as f64);
            let slot = Slot {
                minute: delta.minute,
                writer: Arc::clone(&shifted),
                key: delta.key,
            };
            (slot, delta.rollup)
        })
        .collect();
    let access = Place::access();
    // The sample that is there already lies in an hour of the old kind.
    place
        .sqlite()
        .execute_batch("UPDATE hours SET start = start - 1800 WHERE writer = 2")
        .unwrap();
    Store::open(&place.path, &access)
        .unwrap()
        .write(&batch)
        .unwrap();
    assert_eq!(
        place.count("SELECT count(*) FROM hours WHERE start % 3600 = 1800"),
        11
    );
    let mut reader = place.reader();
    for (start, end) in [(0_i64, 600), (30, 90), (60, 120), (45, 46), (7, 555)] {
        let expected = (
            2 * (end - start).unsigned_abs(),
            2.0 * (start..end).sum::<i64>() as f64,
        );
        let found = sum(&mut reader, NOON + 60 * start, NOON + 60 * end);
        assert_eq!(found, expected, "{start} to {end}");
    }
    let found = reader
        .read(range(NOON, NOON + 600 * 60), everything, &[shifted])
        .unwrap();
    assert_eq!(counts(&found), [("op".to_owned(), 600, 600)]);
}

#[test]
fn a_timeline_has_the_samples_of_each_slot() {
    let place = Place::new();
    let (one, other) = (place.writer(), place.writer());
    record_minutes(&one, "a", 0..120);
    record_minutes(&other, "a", 60..90);
    record_minutes(&other, "b", 5..6);
    let (timelines, _) = place
        .reader()
        .timelines(range(NOON, NOON + 2 * HOUR), |_| 900, everything)
        .unwrap();
    let slots = |name: &str| -> Vec<(i64, u64)> {
        let timeline = timelines
            .iter()
            .find(|timeline| timeline.key == operation(name));
        timeline
            .unwrap()
            .slots
            .iter()
            .map(|(start, rollup)| ((start - NOON) / 60, rollup.histogram.count()))
            .collect()
    };
    let a = [
        (0, 15),
        (15, 15),
        (30, 15),
        (45, 15),
        (60, 30),
        (75, 30),
        (90, 15),
        (105, 15),
    ];
    assert_eq!(slots("a"), a);
    assert_eq!(slots("b"), [(0, 1)]);
}

#[test]
fn the_length_of_slots_is_chosen_for_the_part_of_the_range_that_has_rows() {
    let place = Place::new();
    let day = range(NOON - 12 * HOUR, NOON + 12 * HOUR);
    let asked = |reader: &mut Reader| {
        let asked = Cell::new(None);
        let length = |part| {
            asked.set(Some(part));
            120
        };
        let (_, seconds) = reader.timelines(day, length, everything).unwrap();
        assert_eq!(seconds, 120);
        asked.get().unwrap()
    };
    let writer = place.writer();
    record_minutes(&writer, "op", -2_000..-1_990);
    assert_eq!(asked(&mut place.reader()), day);
    record_minutes(&writer, "op", 30..40);
    let part = range(NOON + 30 * 60, NOON + 40 * 60);
    assert_eq!(asked(&mut place.reader()), part);
}

#[test]
fn slots_are_as_long_as_the_rows_where_minutes_are_no_longer_kept() {
    let place = Place::new();
    record_minutes(&place.writer(), "op", 0..240);
    let mut sqlite = place.sqlite();
    let now = NOON + 2 * HOUR + 60 + 2 * DAY;
    while delete_some(&mut sqlite, Retention::of_days(30), now).unwrap() {}
    let mut reader = place.reader();
    assert_eq!(reader.minutes_from().unwrap(), NOON + 2 * HOUR + 60);
    let mut slots = |start: i64, seconds: i64| -> (i64, Vec<(i64, u64)>) {
        let (timelines, seconds) = reader
            .timelines(range(start, NOON + 4 * HOUR), |_| seconds, everything)
            .unwrap();
        assert_eq!(timelines[0].seconds, seconds);
        let slots = timelines[0].slots.iter();
        let found = slots.map(|(start, rollup)| ((start - NOON) / 60, rollup.histogram.count()));
        (seconds, found.collect())
    };
    let hours = vec![(0, 60), (60, 60), (120, 60), (180, 60)];
    assert_eq!(slots(NOON, 1_800), (HOUR, hours));
    assert_eq!(
        slots(NOON, 2 * HOUR),
        (2 * HOUR, vec![(0, 120), (120, 120)])
    );
    // From here on there are minutes, which are as fine as it gets.
    let minutes = vec![(180, 30), (210, 30)];
    assert_eq!(slots(NOON + 3 * HOUR, 1_800), (1_800, minutes));
    assert_eq!(slots(NOON + 3 * HOUR, 1).0, 60);
    // An edge counts the hour that begins within.
    assert_eq!(sum(&mut reader, NOON + 60, NOON + 4 * HOUR).0, 180);
    assert_eq!(sum(&mut reader, NOON, NOON + HOUR + 60).0, 120);
    assert_eq!(
        sum(&mut reader, NOON + 3 * HOUR + 60, NOON + 4 * HOUR).0,
        59
    );
}

#[test]
fn a_reader_sees_one_moment_while_others_write() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    let barrier = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            for _ in 0..300 {
                writer.record("op", NOON, 1.0);
                writer.record("op", NOON + HOUR + 60, 1.0);
                writer.write();
            }
        });
        let mut reader = place.reader();
        barrier.wait();
        for _ in 0..300 {
            // One part comes from the hours, the other one from the minutes.
            let cut = range(NOON, NOON + HOUR + 120);
            let mut counts = Vec::new();
            reader
                .read(cut, |key| matches!(key, Key::Operation { .. }), &[])
                .unwrap()
                .iter()
                .for_each(|found| counts.push(found.others.histogram.count()));
            assert!(counts[0] % 2 == 1, "{counts:?}");
        }
    });
}

#[test]
fn what_waits_is_read_with_what_is_on_disk() {
    let place = Place::new();
    let (one, other) = (place.writer(), place.writer());
    one.record("a", NOON, 1.0);
    one.write();
    other.record("a", NOON, 1.0);
    other.write();
    let lock = place.sqlite();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    one.record("a", NOON, 1.0);
    one.record("b", NOON + 60, 1.0);
    one.record("b", NOON + DAY, 1.0);
    assert!(!one.flush().complete);
    let pass = one.engine.options().access.gate.enter().unwrap();
    let own = [one.identity()];
    let hour = range(NOON, NOON + HOUR);
    let reading = one.engine.read(&pass, hour, everything, &own);
    assert_eq!(reading.problem, None);
    assert_eq!(
        counts(&reading.found),
        [("a".to_owned(), 2, 1), ("b".to_owned(), 1, 0)]
    );
    let timelines = one.engine.timelines(&pass, hour, |_| 60, everything).found;
    let slots: Vec<_> = timelines
        .iter()
        .map(|timeline| (timeline.key.clone(), timeline.slots.len()))
        .collect();
    assert_eq!(slots, [(operation("a"), 1), (operation("b"), 1)]);
    assert_eq!(timelines[0].slots[0].1.histogram.count(), 3);
}

#[test]
fn what_waits_is_read_alone_where_the_file_cannot_be() {
    let place = Place::new();
    std::fs::write(&place.path, "something else".repeat(100)).unwrap();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    assert!(!writer.flush().complete);
    let pass = writer.engine.options().access.gate.enter().unwrap();
    let hour = range(NOON, NOON + HOUR);
    let reading = writer
        .engine
        .read(&pass, hour, everything, &[writer.identity()]);
    assert!(reading.problem.is_some());
    assert_eq!(counts(&reading.found), [("op".to_owned(), 1, 0)]);
    let reading = writer.engine.timelines(&pass, hour, |_| HOUR, everything);
    assert!(reading.problem.is_some());
    assert_eq!(reading.found[0].slots.len(), 1);
}
