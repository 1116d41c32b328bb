use std::sync::Arc;

use ptpd_monitoring::{
    history::{Options, Table, Version, schema},
    time::NANOS_PER_SEC,
};
use rusqlite::Connection;

use super::{DAY, HOUR, NOON, Place, Writer, counts, everything, range};

fn writer_of(place: &Place, version: Option<&str>) -> Writer {
    place.writer_with(Options {
        version: version.map(Arc::from),
        ..place.options(Place::access())
    })
}

fn version(name: &str, first: i64, last: i64, writers: i64) -> Version {
    Version {
        name: name.to_owned(),
        first: first * NANOS_PER_SEC,
        last: last * NANOS_PER_SEC,
        writers,
    }
}

#[test]
fn the_file_tells_which_releases_wrote_it_from_when_to_when() {
    let place = Place::new();
    let (old, older, new) = (
        writer_of(&place, Some("1.4.1")),
        writer_of(&place, Some("1.4.1")),
        writer_of(&place, Some("1.4.2")),
    );
    let silent = writer_of(&place, None);
    for (writer, seconds) in [
        (&new, &[NOON + 70, NOON + HOUR + 5][..]),
        (&old, &[NOON - DAY + 3, NOON + 20]),
        (&older, &[NOON - DAY + 1, NOON - 10]),
        (&silent, &[NOON - 2 * DAY + 120, NOON + 2 * HOUR]),
    ] {
        for &second in seconds {
            writer.record("op", second, 1.0);
        }
        writer.write();
    }
    // What comes late belongs to its time.
    old.record("op", NOON - DAY - HOUR, 1.0);
    old.write();
    assert_eq!(
        place.reader().versions().unwrap(),
        [
            version("1.4.1", NOON - DAY - HOUR, NOON + 20, 2),
            version("1.4.2", NOON + 70, NOON + HOUR + 5, 1),
        ]
    );
}

#[test]
fn a_version_whose_first_rows_have_gone_begins_with_the_hour_of_them() {
    let place = Place::new();
    let writer = writer_of(&place, Some("1.0"));
    writer.record("op", NOON + 30, 1.0);
    writer.record("op", NOON + DAY + 30, 1.0);
    writer.write();
    place
        .sqlite()
        .execute("DELETE FROM hours WHERE start = ?", [NOON])
        .unwrap();
    assert_eq!(
        place.reader().versions().unwrap(),
        [version("1.0", NOON, NOON + DAY + 30, 1)]
    );
}

/// A file as the release before wrote it, with a sample of `op`.
fn of_the_first_schema(place: &Place) {
    let mut sqlite = Connection::open(&place.path).unwrap();
    schema::bring_up(&mut sqlite, &schema::STEPS[..1]).unwrap();
    drop(sqlite);
    let (other, writer) = (Place::new(), place);
    let source = other.writer();
    source.record("op", NOON, 1.0);
    source.write();
    drop(source);
    let attach = format!(
        "ATTACH '{}' AS other;
         INSERT INTO series SELECT * FROM other.series;
         INSERT INTO writers SELECT id, host, pid, started_ns, source, hour_shift, flushes, last_start
             FROM other.writers;
         INSERT INTO minutes SELECT * FROM other.minutes;
         INSERT INTO hours SELECT * FROM other.hours;",
        other.path.display()
    );
    writer.sqlite().execute_batch(&attach).unwrap();
}

#[test]
fn a_file_of_an_earlier_release_is_read_as_it_is() {
    let place = Place::new();
    of_the_first_schema(&place);
    let mut reader = place.reader();
    let found = reader
        .read(range(NOON, NOON + 60), everything, &[])
        .unwrap();
    assert_eq!(counts(&found), [("op".to_owned(), 0, 1)]);
    assert_eq!(reader.versions().unwrap(), []);
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    assert_eq!(reader.info().unwrap().schema, 1);
    let always = ptpd_monitoring::history::Period {
        start: i64::MIN,
        end: i64::MAX,
    };
    let rows = reader.rows(Table::Hours, always, None, 10).unwrap();
    assert_eq!(rows.len(), 1);
}

#[test]
fn a_file_of_an_earlier_release_is_brought_up_to_date_by_who_writes_it() {
    let place = Place::new();
    of_the_first_schema(&place);
    let writer = writer_of(&place, Some("2.0"));
    writer.record("op", NOON + 1, 1.0);
    writer.write();
    let mut reader = place.reader();
    assert_eq!(reader.info().unwrap().schema, 2);
    assert_eq!(place.samples(), 2);
    // That of before has none.
    assert_eq!(
        reader.versions().unwrap(),
        [version("2.0", NOON + 1, NOON + 1, 1)]
    );
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
}
