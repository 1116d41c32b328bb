use std::fs;

use ptpd_monitoring::history::{Period, StoredRow, Table};

use super::{DAY, HOUR, NOON, Place, operation};

const ALWAYS: Period = Period {
    start: i64::MIN,
    end: i64::MAX,
};

#[test]
fn a_file_tells_what_it_holds() {
    let place = Place::new();
    let writer = place.writer();
    writer.write();
    let info = place.reader().info().unwrap();
    assert_eq!(
        (info.minutes, info.hours, info.series, info.writers),
        (0, 0, 0, 0)
    );
    assert_eq!((info.oldest, info.newest), (None, None));
    writer.record("a", NOON - DAY, 1.0);
    writer.record("a", NOON - DAY + 60, 1.0);
    writer.record("b", NOON, 1.0);
    writer.write();
    let info = place.reader().info().unwrap();
    assert_eq!(
        (info.minutes, info.hours, info.series, info.writers),
        (3, 2, 2, 1)
    );
    assert_eq!(info.oldest, Some((NOON - DAY) * 1_000_000_000));
    assert_eq!(info.newest, Some(NOON * 1_000_000_000));
    assert_eq!(info.minutes_from, Some(NOON - 2 * DAY));
    assert_eq!((info.path, info.schema), (place.path.clone(), 2));
    assert!(info.bytes > 10_000 && info.free_bytes == 0);
}

#[test]
fn rows_come_in_pages() {
    let place = Place::new();
    let (one, other) = (place.writer(), place.writer());
    for minute in 0..5 {
        for writer in [&one, &other] {
            writer.record("a", NOON + 60 * minute, minute as f64);
            writer.record("b", NOON + 60 * minute, minute as f64);
            writer.write();
        }
    }
    let mut reader = place.reader();
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = reader.rows(Table::Minutes, ALWAYS, after, 3).unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() == 3 || seen.len() + page.len() == 20);
        after = Some(last.primary_key());
        seen.extend(page);
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.is_sorted_by(|a, b| a.primary_key() < b.primary_key()));
    assert_eq!(seen[19].rollup.histogram.max(), Some(4.0));
    assert_eq!(seen[0].pid, std::process::id());
    let one_minute = Period {
        start: NOON + 60,
        end: NOON + 120,
    };
    assert_eq!(
        reader
            .rows(Table::Minutes, one_minute, None, 99)
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        reader.rows(Table::Hours, ALWAYS, None, 99).unwrap().len(),
        4
    );
}

#[test]
fn a_sound_file_has_no_faults_and_a_wrong_row_is_found() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..3 {
        writer.record("a", NOON + 60 * minute, 1.0);
    }
    writer.write();
    assert_eq!(place.reader().check().unwrap(), [""; 0]);
    for (damage, told) in [
        ("UPDATE minutes SET count = 7", "its count 7"),
        ("UPDATE hours SET buckets = x'02'", "histogram"),
        ("UPDATE hours SET max = 7", "maximum"),
        ("UPDATE minutes SET first_ns = last_ns + 1", "begins at"),
        ("UPDATE minutes SET buckets = 'text'", "buckets"),
        (
            "UPDATE hours SET series = 99",
            "series or its writer is unknown",
        ),
        (
            "UPDATE hours SET writer = 99",
            "series or its writer is unknown",
        ),
    ] {
        let copy = place.path.with_extension("copy");
        fs::copy(&place.path, &copy).unwrap();
        place
            .sqlite()
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        fs::copy(&place.path, &copy).unwrap();
        rusqlite::Connection::open(&copy)
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let access = Place::access();
        let mut reader = ptpd_monitoring::history::Reader::open(&copy, &access).unwrap();
        let faults = reader.check().unwrap();
        assert!(!faults.is_empty(), "{damage}");
        assert!(faults[0].contains(told), "{damage}: {faults:?}");
    }
}

#[test]
fn damaged_pages_are_found() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..2_000 {
        writer.record("a", NOON - 60 * minute, 1.0);
    }
    writer.write();
    drop(writer);
    place
        .sqlite()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut bytes = fs::read(&place.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4_096].fill(0xA5);
    fs::write(&place.path, bytes).unwrap();
    let faults = place.reader().check();
    assert!(faults.is_err() || !faults.unwrap().is_empty());
}

#[test]
fn vacuuming_gives_back_what_is_free() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..2_000 {
        writer.record("a", NOON - 60 * minute, 1.0);
    }
    writer.write();
    place.clock.advance(10 * DAY.unsigned_abs() * 1_000_000_000);
    let pass = writer.engine.options().access.gate.enter().unwrap();
    let mut slices = 1;
    while writer.engine.fold(&pass).unwrap() {
        slices += 1;
    }
    assert_eq!(slices, 3);
    let before = place.reader().info().unwrap();
    assert!(before.free_bytes > before.bytes / 2, "{before:?}");
    writer.engine.vacuum(&pass).unwrap();
    let after = place.reader().info().unwrap();
    assert_eq!(after.free_bytes, 0);
    assert!(after.bytes < before.bytes / 2);
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 2_000);
    assert!(fs::metadata(&place.path).unwrap().len() < HOUR.unsigned_abs() * 100);
}

#[test]
fn what_a_file_is_known_by_stays_on_its_page_when_the_file_is_vacuumed() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("a", NOON, 1.0);
    writer.write();
    let page = || place.count("SELECT rootpage FROM sqlite_schema WHERE name = 'state'");
    let before = page();
    let pass = writer.engine.options().access.gate.enter().unwrap();
    writer.engine.vacuum(&pass).unwrap();
    assert_eq!([before, page()], [2, 2]);
}

#[test]
fn rows_of_a_kind_that_is_not_known_end_no_page_early() {
    let place = Place::new();
    let writer = place.writer();
    for name in ["a", "b", "c", "d"] {
        writer.record(name, NOON, 1.0);
    }
    writer.write();
    place
        .sqlite()
        .execute_batch("UPDATE series SET kind = 'later' WHERE name IN ('a', 'c')")
        .unwrap();
    let mut reader = place.reader();
    let page = reader.rows(Table::Hours, ALWAYS, None, 1).unwrap();
    let after = page.last().map(StoredRow::primary_key);
    let rest = reader.rows(Table::Hours, ALWAYS, after, 1).unwrap();
    let keys: Vec<_> = page.iter().chain(&rest).map(|row| &row.key).collect();
    assert_eq!(keys, [&operation("b"), &operation("d")]);
}
