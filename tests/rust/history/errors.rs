//! The errors of requests, in the file.

use std::sync::Arc;

use ptpd_monitoring::{
    history::{FoundError, Identity, Options, Retention, Store},
    rollup::{Delta, ErrorKey, Key, Occurrences, Rollup},
    time::NANOS_PER_SEC,
};

use super::{DAY, HOUR, NOON, Place, Writer, range};

fn key(endpoint: &str, status: u16, text: &str) -> ErrorKey {
    ErrorKey {
        endpoint: endpoint.into(),
        method: "GET".into(),
        status,
        text: text.into(),
    }
}

/// A request that fails, as its tracker hands it over.
fn fail(writer: &Writer, key: &ErrorKey, second: i64) {
    let of_both = [
        Key::Error(Box::new(key.clone())),
        Key::Endpoint {
            endpoint: Arc::clone(&key.endpoint),
            method: Arc::clone(&key.method),
            status_class: u8::try_from(key.status / 100).unwrap(),
        },
    ];
    for key in of_both {
        let mut rollup = Rollup::default();
        rollup.record(second * NANOS_PER_SEC, 12.0);
        writer.source.push(Delta {
            key,
            minute: second.div_euclid(60),
            rollup,
        });
    }
}

fn occurred(count: u64, first: i64, last: i64) -> Occurrences {
    Occurrences {
        count,
        first: first * NANOS_PER_SEC,
        last: last * NANOS_PER_SEC,
    }
}

fn errors(place: &Place, from: i64, to: i64, own: &[Arc<Identity>]) -> Vec<FoundError> {
    let mut found = place.reader().errors(range(from, to), own).unwrap();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

fn all(found: &[FoundError]) -> Vec<(&str, u64)> {
    let all = found.iter().map(|found| {
        let count = found.own.count + found.others.count;
        (&*found.key.text, count)
    });
    all.collect()
}

#[test]
fn errors_of_all_writers_are_added_up_and_own_ones_told_apart() {
    let place = Place::new();
    let (one, other) = (place.writer(), place.writer());
    let (paper, ink) = (key("/print", 503, "no paper"), key("/print", 500, ""));
    fail(&one, &paper, NOON + 1);
    fail(&one, &paper, NOON + 70);
    one.write();
    fail(&one, &paper, NOON + 71);
    fail(&other, &paper, NOON + 5);
    fail(&other, &ink, NOON + 6);
    one.write();
    other.write();
    let found = errors(&place, NOON, NOON + HOUR, &[one.identity()]);
    assert_eq!(
        found,
        [
            FoundError {
                key: ink,
                own: Occurrences::default(),
                others: occurred(1, NOON + 6, NOON + 6),
            },
            FoundError {
                key: paper,
                own: occurred(3, NOON + 1, NOON + 71),
                others: occurred(1, NOON + 5, NOON + 5),
            },
        ]
    );
    // A minute by itself.
    let minute = errors(&place, NOON + 60, NOON + 120, &[]);
    assert_eq!(all(&minute), [("no paper", 2)]);
    // They are no samples, and count for nothing else.
    assert_eq!(place.samples(), 5);
    assert_eq!(place.reader().check().unwrap(), Vec::<String>::new());
}

#[test]
fn errors_that_wait_to_be_written_are_found_as_well() {
    let place = Place::new();
    let writer = place.writer();
    let paper = key("/print", 503, "no paper");
    fail(&writer, &paper, NOON);
    writer.write();
    let other = place.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    fail(&writer, &paper, NOON + 1);
    fail(&writer, &key("/print", 500, "no ink"), NOON + 2);
    writer.gather();
    let pass = writer.engine.options().access.gate.enter().unwrap();
    let own = [writer.identity()];
    let mut reading = writer.engine.errors(&pass, range(NOON, NOON + 60), &own);
    reading.found.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(all(&reading.found), [("no ink", 1), ("no paper", 2)]);
    assert!(reading.found.iter().all(|found| found.others.is_empty()));
    // Readers of samples have no errors among them.
    let samples = writer
        .engine
        .read(&pass, range(NOON, NOON + 60), |_| true, &own);
    let is_error = |key: &Key| matches!(key, Key::Error(_));
    assert!(!samples.found.iter().any(|found| is_error(&found.key)));
    other.execute_batch("COMMIT").unwrap();
}

#[test]
fn errors_go_with_the_rows_of_their_time() {
    let place = Place::new();
    let options = Options {
        retention: Some(Retention::of_days(5)),
        ..place.options(Place::access())
    };
    let writer = place.writer_with(options);
    for day in 0..8 {
        place.clock.set_wall((NOON + day * DAY) * NANOS_PER_SEC);
        fail(&writer, &key("/print", 500, "no paper"), NOON + day * DAY);
        for _ in 0..4 {
            writer.write();
            place.clock.advance(600 * NANOS_PER_SEC.unsigned_abs());
        }
    }
    let starts = |table: &str, condition: &str| {
        let sqlite = place.sqlite();
        let sql = format!("SELECT start FROM {table} {condition} ORDER BY start");
        let mut statement = sqlite.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>()
    };
    let minutes = starts("errors", "WHERE seconds = 60");
    let hours = starts("errors", "WHERE seconds = 3600");
    assert_eq!(minutes, starts("minutes", ""));
    assert_eq!(hours, starts("hours", ""));
    assert_eq!((minutes.len(), hours.len()), (2, 5));
    let found = errors(&place, NOON, NOON + 8 * DAY, &[]);
    assert_eq!(all(&found), [("no paper", 5)]);
    assert_eq!(place.reader().check().unwrap(), Vec::<String>::new());
}

#[test]
fn what_waits_for_a_series_to_go_goes_before_it() {
    let place = Place::new();
    let options = Options {
        retention: Some(Retention::of_days(1)),
        ..place.options(Place::access())
    };
    let writer = place.writer_with(options);
    for number in 0..900 {
        let text = format!("no print {number}");
        fail(&writer, &key("/print", 500, &text), NOON + number);
    }
    writer.write();
    place.clock.set_wall((NOON + 30 * DAY) * NANOS_PER_SEC);
    place.clock.advance(600 * NANOS_PER_SEC.unsigned_abs());
    for _ in 0..8 {
        writer.write();
        assert_eq!(place.reader().check().unwrap(), Vec::<String>::new());
    }
    for table in ["errors", "hours", "minutes", "series", "writers"] {
        assert_eq!(place.count(&format!("SELECT count(*) FROM {table}")), 0);
    }
}

#[test]
fn of_too_many_errors_each_endpoint_has_one_that_stands_for_the_rest() {
    let place = Place::new();
    let writers = [place.writer(), place.writer()];
    for number in 0..300 {
        let writer = &writers[number % 2];
        let text = format!("no print {number}");
        fail(writer, &key("/print", 503, &text), NOON);
        fail(writer, &key("/film", 404, &text), NOON);
        writer.write();
    }
    let distinct = |seconds: i64| {
        place.count(&format!(
            "SELECT count(*) FROM (SELECT DISTINCT series, status, error FROM errors \
             WHERE seconds = {seconds})"
        ))
    };
    // An hour has room for more than a minute.
    assert_eq!((distinct(60), distinct(3_600)), (102, 502));
    let found = errors(&place, NOON, NOON + HOUR, &[]);
    let others: Vec<_> = found
        .iter()
        .filter(|found| &*found.key.text == "(other errors)")
        .map(|found| (&*found.key.endpoint, found.key.status, found.others.count))
        .collect();
    assert_eq!(others, [("/film", 400, 50), ("/print", 500, 50)]);
    let sum: u64 = found.iter().map(|found| found.others.count).sum();
    assert_eq!(sum, 600);
    // What is known already is told apart all the same.
    fail(&writers[1], &key("/print", 503, "no print 0"), NOON);
    writers[1].write();
    let again = errors(&place, NOON, NOON + HOUR, &[]);
    assert_eq!(again.len(), found.len());
    let known = again
        .iter()
        .filter(|found| &*found.key.text == "no print 0");
    assert_eq!(known.map(|found| found.others.count).sum::<u64>(), 3);
}

#[test]
fn a_backup_and_a_vacuum_keep_errors() {
    let place = Place::new();
    let writer = place.writer();
    fail(&writer, &key("/print", 503, "no paper"), NOON);
    writer.write();
    let to = place.path.with_file_name("backup.db");
    place.reader().back_up(&to, &Place::access()).unwrap();
    drop(writer);
    let mut store = Store::open(&place.path, &Place::access()).unwrap();
    store.vacuum().unwrap();
    drop(store);
    let whole = errors(&place, NOON, NOON + 60, &[]);
    assert_eq!(all(&whole), [("no paper", 1)]);
    let mut copy = ptpd_monitoring::history::Reader::open(&to, &Place::access()).unwrap();
    assert_eq!(copy.errors(range(NOON, NOON + 60), &[]).unwrap(), whole);
}

#[test]
fn a_row_of_errors_that_is_wrong_is_told() {
    let place = Place::new();
    let writer = place.writer();
    fail(&writer, &key("/print", 503, "no paper"), NOON);
    writer.write();
    for (wrong, right) in [
        ("count = 0", "count = 1"),
        ("last_ns = first_ns - 1", "last_ns = first_ns"),
        ("seconds = seconds + 1", "seconds = seconds - 1"),
        ("writer = 99", "writer = 1"),
        ("series = 99", "series = 1"),
    ] {
        let change = |to: &str| {
            let sql = format!("UPDATE errors SET {to}");
            place.sqlite().execute_batch(&sql).unwrap();
        };
        change(wrong);
        let faults = place.reader().check().unwrap();
        assert!(
            faults.len() == 2 && faults[0].contains("of errors"),
            "{wrong}: {faults:?}"
        );
        change(right);
        assert_eq!(place.reader().check().unwrap(), Vec::<String>::new());
    }
}
