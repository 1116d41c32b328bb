//! What becomes of the file.

use std::{fs, sync::Arc};

use ptpd_monitoring::{
    history::{Cause, Event, schema},
    recording::overflow::{OTHER_OPERATIONS, OTHER_SESSIONS, OTHER_UNITS},
    rollup::Key,
    time::NANOS_PER_SEC,
};
use rusqlite::Connection;

use super::{HOUR, NOON, Place, counts, everything, operation, range, sample};

#[test]
fn a_new_file_says_what_it_is() {
    let place = Place::new();
    place.writer().write();
    let pragma = |name: &str| place.count(&format!("SELECT * FROM pragma_{name}"));
    assert_eq!(pragma("application_id"), schema::APPLICATION_ID);
    assert_eq!(pragma("application_id").to_be_bytes()[4..], *b"PtPd");
    assert_eq!(pragma("user_version"), 2);
    let mode: String = place
        .sqlite()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn an_empty_file_becomes_a_history() {
    let place = Place::new();
    fs::write(&place.path, "").unwrap();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    assert_eq!(place.samples(), 1);
}

#[test]
fn a_row_holds_what_was_recorded_in_its_minute_and_hour() {
    let place = Place::new();
    let writer = place.writer();
    for (second, value) in [(0, 2.0), (59, -1.0), (60, 4.0)] {
        writer.record("op", NOON + second, value);
        writer.write();
    }
    let sqlite = place.sqlite();
    let rows = |table: &str| -> Vec<(i64, i64, f64, f64, f64, f64)> {
        let sql =
            format!("SELECT start, count, sum, sum_squares, min, max FROM {table} ORDER BY start");
        sqlite
            .prepare(&sql)
            .unwrap()
            .query_map([], |row| {
                let (start, count, sum) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((start, count, sum, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    assert_eq!(
        rows("minutes"),
        [
            (NOON, 2, 1.0, 5.0, -1.0, 2.0),
            (NOON + 60, 1, 4.0, 16.0, 4.0, 4.0)
        ]
    );
    assert_eq!(rows("hours"), [(NOON, 3, 5.0, 21.0, -1.0, 4.0)]);
    assert_eq!(
        place.count("SELECT min(first_ns) FROM hours"),
        NOON * 1_000_000_000
    );
    assert_eq!(
        place.count("SELECT max(last_ns) FROM hours"),
        (NOON + 60) * 1_000_000_000
    );
    assert_eq!(place.count("SELECT flushes FROM writers"), 3);
}

#[test]
fn numbers_that_a_database_does_not_have_come_back() {
    let place = Place::new();
    let writer = place.writer();
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        writer.record("op", NOON, value);
    }
    writer.record("not a number", NOON, f64::NAN);
    writer.write();
    // Merged with what is there.
    writer.record("op", NOON, 1.0);
    writer.record("not a number", NOON, f64::NAN);
    writer.write();
    let found = place
        .reader()
        .read(range(NOON, NOON + 60), everything, &[])
        .unwrap();
    let histogram = &found[1].others.histogram;
    assert_eq!((histogram.count(), histogram.nans()), (3, 1));
    assert!(histogram.sum().is_nan());
    assert_eq!(histogram.min(), Some(f64::NEG_INFINITY));
    let histogram = &found[0].others.histogram;
    assert_eq!(
        (histogram.count(), histogram.nans(), histogram.min()),
        (0, 2, None)
    );
}

#[test]
fn every_kind_of_key_comes_back() {
    let place = Place::new();
    let writer = place.writer();
    let text = |text: &str| -> Arc<str> { text.into() };
    let keys = [
        operation("op"),
        operation(""),
        operation("a\0b\u{1F600}'\""),
        Key::Operation {
            name: text("op"),
            unit: text("seconds"),
            session: Some(text("")),
        },
        Key::Operation {
            name: text("op"),
            unit: text("MB"),
            session: Some(text("job 42")),
        },
        Key::Endpoint {
            endpoint: text("/prints"),
            method: text("GET"),
            status_class: 5,
        },
        Key::Resource {
            figure: text("cpu_percent"),
            unit: text("percent"),
        },
    ];
    for (number, key) in keys.iter().enumerate() {
        writer.source.push(sample(key, NOON, number as f64));
    }
    writer.write();
    let found = place
        .reader()
        .read(range(NOON, NOON + 60), everything, &[])
        .unwrap();
    for (number, key) in keys.iter().enumerate() {
        let found: Vec<_> = found.iter().filter(|found| found.key == *key).collect();
        assert_eq!(found.len(), 1, "{key:?}");
        assert_eq!(found[0].others.histogram.max(), Some(number as f64));
    }
    assert_eq!(found.len(), keys.len());
}

#[test]
fn two_writers_of_one_file_keep_rows_of_their_own() {
    let place = Place::new();
    let (one, other) = (place.writer(), place.writer());
    for _ in 0..3 {
        one.record("op", NOON, 1.0);
        one.write();
        other.record("op", NOON, 1.0);
        other.record("op", NOON, 1.0);
        other.write();
    }
    assert_eq!(place.count("SELECT count(*) FROM hours"), 2);
    let own = [one.identity()];
    let found = place
        .reader()
        .read(range(NOON, NOON + 60), everything, &own)
        .unwrap();
    assert_eq!(counts(&found), [("op".to_owned(), 3, 6)]);
}

#[test]
fn what_comes_late_goes_where_it_belongs() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    // The clock was set back, and the process slept.
    writer.record("op", NOON - 5 * HOUR, 2.0);
    writer.record("op", NOON + 5 * HOUR, 3.0);
    writer.write();
    assert_eq!(place.count("SELECT count(*) FROM hours"), 3);
    let found = place
        .reader()
        .read(range(NOON - 5 * HOUR, NOON - 4 * HOUR), everything, &[])
        .unwrap();
    assert_eq!(found[0].others.histogram.sum(), 2.0);
}

#[test]
fn more_than_fits_into_one_transaction_is_written_by_several() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..2_500 {
        writer.record("a", NOON - 60 * minute, 1.0);
        writer.record("b", NOON - 60 * minute, 1.0);
    }
    writer.write();
    assert_eq!(place.samples(), 5_000);
    assert_eq!(place.count("SELECT flushes FROM writers"), 3);
}

#[test]
fn series_beyond_the_bound_go_to_those_that_stand_for_all_others() {
    let place = Place::new();
    let mut access = Place::access();
    access.max_series = 2;
    let writer = place.writer_with(place.options(access));
    let key = |name: &str, unit: &str, session: Option<&str>| Key::Operation {
        name: name.into(),
        unit: unit.into(),
        session: session.map(Into::into),
    };
    // As many sessions as there may be, and more, leave room for operations.
    for name in ["first", "third", "fourth", "fifth"] {
        let share = key("first", "seconds", Some(name));
        writer.source.push(sample(&share, NOON, 1.0));
    }
    writer.write();
    writer.record("first", NOON, 1.0);
    writer.record("second", NOON, 1.0);
    writer.write();
    assert_eq!(writer.overflowed(), 2);
    // However many names and units there are, all else stays the same two series.
    for name in ["third", "fourth", "fifth"] {
        for unit in ["seconds", "MB"] {
            writer
                .source
                .push(sample(&key(name, unit, None), NOON, 1.0));
            let share = key(name, unit, Some(name));
            writer.source.push(sample(&share, NOON, 1.0));
        }
    }
    writer.record("first", NOON, 1.0);
    let flushed = writer.flush();
    assert!(
        flushed.complete && flushed.events.is_empty(),
        "it is told once"
    );
    assert_eq!(writer.overflowed(), 14);
    let found = place
        .reader()
        .read(range(NOON, NOON + 60), everything, &[])
        .unwrap();
    let mut names: Vec<_> = found
        .iter()
        .map(|found| match &found.key {
            Key::Operation {
                name,
                unit,
                session,
            } => (
                name.to_string(),
                unit.to_string(),
                session.clone(),
                found.others.histogram.count(),
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            (OTHER_OPERATIONS, OTHER_UNITS, None, 6),
            (OTHER_OPERATIONS, OTHER_UNITS, Some(OTHER_SESSIONS), 8),
            ("first", "seconds", None, 2),
            ("first", "seconds", Some("fifth"), 1),
            ("first", "seconds", Some("first"), 1),
            ("second", "seconds", None, 1),
        ]
        .map(|(name, unit, session, count)| {
            let session = session.map(Into::into);
            (name.to_owned(), unit.to_owned(), session, count)
        })
    );
}

#[test]
fn a_file_that_can_hold_no_more_series_is_told_of_once() {
    let place = Place::new();
    let mut access = Place::access();
    access.max_series = 1;
    let writer = place.writer_with(place.options(access));
    let mut told = Vec::new();
    for name in ["first", "second", "third"] {
        writer.record(name, NOON, 1.0);
        told.push(writer.flush().events.len());
    }
    assert_eq!(told, [0, 1, 0]);
}

#[test]
fn a_file_that_was_removed_is_made_again() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    for name in ["history.db", "history.db-wal", "history.db-shm"] {
        fs::remove_file(place.path.with_file_name(name)).unwrap();
    }
    writer.record("op", NOON, 1.0);
    writer.write();
    assert_eq!(place.samples(), 1);
}

#[test]
fn an_older_schema_is_brought_up_to_date_with_its_rows() {
    const LATER: &str = "ALTER TABLE writers ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    drop(writer);
    let known = schema::STEPS.len();
    let steps = [schema::STEPS, &[LATER]].concat();
    let mut sqlite = place.sqlite();
    assert_eq!(schema::version(&sqlite, &steps).unwrap(), known);
    schema::bring_up(&mut sqlite, &steps).unwrap();
    assert_eq!(schema::version(&sqlite, &steps).unwrap(), known + 1);
    assert_eq!(
        place.count("SELECT count(*) FROM writers WHERE note = 'none'"),
        1
    );
    assert_eq!(place.samples(), 1);
    // Once is enough.
    schema::bring_up(&mut sqlite, &steps).unwrap();
}

#[test]
fn a_step_that_fails_leaves_the_older_schema_as_it_was() {
    let place = Place::new();
    place.writer().write();
    let steps = [
        schema::STEPS,
        &["CREATE TABLE half (x); CREATE TABLE hours (x)"],
    ]
    .concat();
    let mut sqlite = place.sqlite();
    assert!(schema::bring_up(&mut sqlite, &steps).is_err());
    assert_eq!(
        schema::version(&sqlite, &steps).unwrap(),
        schema::STEPS.len()
    );
    assert_eq!(
        place.count("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"),
        0
    );
}

#[test]
fn several_that_make_the_file_at_once_make_it_once() {
    let place = Place::new();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let mut access = Place::access();
            access.patience = std::time::Duration::from_secs(30);
            place.writer_with(place.options(access))
        })
        .collect();
    let barrier = std::sync::Barrier::new(writers.len());
    std::thread::scope(|scope| {
        for writer in &writers {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..20 {
                    writer.record("op", NOON, 1.0);
                    writer.write();
                }
            });
        }
    });
    assert_eq!(place.samples(), 160);
    assert_eq!(place.count("SELECT count(*) FROM series"), 1);
    assert_eq!(place.count("SELECT count(*) FROM writers"), 8);
}

fn refused(place: &Place) -> Event {
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    let mut flushed = writer.flush();
    assert!(!flushed.complete);
    assert_eq!(writer.waiting().0, 1);
    assert_eq!(flushed.events.len(), 1);
    flushed.events.remove(0)
}

fn cause(event: &Event) -> Cause {
    match event {
        Event::Failed(problem) => problem.cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_file_is_left_as_it_is() {
    let place = Place::new();
    let text = "not a database, ".repeat(1_000);
    fs::write(&place.path, &text).unwrap();
    assert_eq!(cause(&refused(&place)), Cause::Foreign);
    assert_eq!(fs::read_to_string(&place.path).unwrap(), text);
}

#[test]
fn a_database_of_another_application_is_left_as_it_is() {
    for setup in [
        "CREATE TABLE their_own (x)",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 3",
    ] {
        let place = Place::new();
        place.sqlite().execute_batch(setup).unwrap();
        let before = fs::read(&place.path).unwrap();
        assert!(!before.is_empty(), "{setup}");
        assert_eq!(cause(&refused(&place)), Cause::Foreign, "{setup}");
        assert_eq!(fs::read(&place.path).unwrap(), before, "{setup}");
    }
}

#[test]
fn a_newer_schema_is_left_as_it_is() {
    let place = Place::new();
    place.writer().write();
    place
        .sqlite()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let event = refused(&place);
    assert_eq!(cause(&event), Cause::Newer);
    assert!(format!("{event:?}").contains("schema 99"));
    assert_eq!(place.count("PRAGMA user_version"), 99);
}

#[test]
fn a_damaged_file_is_left_as_it_is_until_it_is_moved_away() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..2_000 {
        writer.record("op", NOON - minute * 60, 1.0);
    }
    writer.write();
    drop(writer);
    // Without its log the file alone says what is in it.
    place
        .sqlite()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut bytes = fs::read(&place.path).unwrap();
    assert!(bytes.len() > 40_000);
    for byte in &mut bytes[4_096..] {
        *byte = 0xA5;
    }
    fs::write(&place.path, &bytes).unwrap();

    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    let flushed = writer.flush();
    assert_eq!(cause(&flushed.events[0]), Cause::Damaged);
    let now = fs::read(&place.path).unwrap();
    assert!(now.starts_with(&bytes[..4_096]) && now[4_096..] == bytes[4_096..]);

    fs::rename(&place.path, place.path.with_extension("away")).unwrap();
    let flushed = writer.flush();
    assert!(flushed.complete);
    assert!(matches!(
        &flushed.events[..],
        [Event::Healed { dropped: 0, .. }]
    ));
    assert_eq!(place.samples(), 1);
}

#[test]
fn a_row_that_cannot_be_is_damage() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    for damage in [
        "buckets = x'ff'",
        "max = -5",
        "first_ns = last_ns + 1",
        "buckets = 'text'",
        "min = 'text'",
    ] {
        let copy = place.sqlite();
        let transaction = copy.unchecked_transaction().unwrap();
        transaction
            .execute(&format!("UPDATE hours SET {damage}"), [])
            .unwrap();
        transaction.commit().unwrap();
        let error = place
            .reader()
            .read(range(NOON, NOON + HOUR), everything, &[]);
        assert_eq!(error.unwrap_err().cause, Cause::Damaged, "{damage}");
        writer.record("op", NOON, 1.0);
        assert_eq!(cause(&writer.flush().events[0]), Cause::Damaged, "{damage}");
        heal(&copy);
        writer.write();
    }
}

fn heal(sqlite: &Connection) {
    sqlite
        .execute_batch(
            "DELETE FROM hours; INSERT INTO hours SELECT * FROM minutes; \
             UPDATE hours SET start = start - start % 3600",
        )
        .unwrap();
}

#[test]
fn a_schema_that_a_later_release_raises_meanwhile_is_left_alone_from_then_on() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    let set_version = |version| {
        let sqlite = place.sqlite();
        sqlite.pragma_update(None, "user_version", version).unwrap();
    };
    set_version(3);
    writer.record("op", NOON, 1.0);
    let [event] = &writer.flush().events[..] else {
        panic!("a newer schema was written");
    };
    assert_eq!(cause(event), Cause::Newer);
    assert_eq!(place.samples(), 1);
    place.clock.advance(600 * NANOS_PER_SEC.unsigned_abs());
    assert!(!writer.flush().complete);
    set_version(2);
    writer.write();
    assert_eq!(place.samples(), 2);
}
