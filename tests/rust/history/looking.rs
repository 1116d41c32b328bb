//! Histories that others write, looked at; and what happened lately.

use std::{
    fs,
    sync::{Arc, Weak},
};

use ptpd_monitoring::{
    history::{Access, Cause, GATE, History, Options, Reader, Recent, Retention},
    rollup::{Key, Source},
    time::NANOS_PER_SEC,
};

use super::{DAY, FakeSource, HOUR, NOON, Place, counts, everything, operation, range, sample};

fn look(place: &Place) -> Arc<History> {
    History::look(&place.path, place.options(Access::new(&GATE)))
}

fn endpoint(status_class: u8) -> Key {
    Key::Endpoint {
        endpoint: "/x".into(),
        method: "GET".into(),
        status_class,
    }
}

#[test]
fn looking_makes_no_file_and_starts_no_upkeep() {
    let place = Place::new();
    let history = look(&place);
    let reading = history.read(range(NOON, NOON + HOUR), everything, &[]);
    assert!(reading.problem.is_some());
    assert!(history.flush());
    assert!(history.fold().is_err() && history.vacuum().is_err());
    assert!(!place.path.exists());
    assert_eq!(
        fs::read_dir(place.path.parent().unwrap()).unwrap().count(),
        0
    );
}

#[test]
fn looking_deletes_nothing_until_it_is_asked_to() {
    let place = Place::new();
    // Its program keeps more days than whoever looks at it.
    let writer = place.writer_with(Options {
        retention: Some(Retention::of_days(90)),
        ..place.options(Place::access())
    });
    writer.record("op", NOON - 40 * DAY, 1.0);
    writer.write();
    let hours = || place.count("SELECT count(*) FROM hours");

    let history = look(&place);
    assert!(history.flush());
    history.vacuum().unwrap();
    history.fold().unwrap();
    assert_eq!(
        history.inspect(Reader::info).unwrap().retention_days,
        Some(90)
    );
    assert_eq!(hours(), 1);
    // Unless it is asked to keep fewer.
    let options = Options {
        retention: Some(Retention::of_days(30)),
        ..place.options(Access::new(&GATE))
    };
    History::look(&place.path, options).fold().unwrap();
    assert_eq!(hours(), 0);
}

#[test]
fn looking_at_no_file_says_that_there_is_none() {
    let place = Place::new();
    let problem = look(&place).inspect(Reader::info).unwrap_err();
    assert_eq!(problem.cause, Cause::Missing);
}

#[test]
fn a_file_that_was_made_and_not_written_to_is_an_empty_history_and_is_left_as_it_is() {
    let header = {
        let place = Place::new();
        let sqlite = place.sqlite();
        // The header of a database with nothing in it.
        sqlite
            .execute_batch("PRAGMA user_version = 1; PRAGMA user_version = 0")
            .unwrap();
        drop(sqlite);
        fs::read(&place.path).unwrap()
    };
    assert!(!header.is_empty());
    for content in [Vec::new(), header] {
        let place = Place::new();
        fs::write(&place.path, &content).unwrap();
        let history = look(&place);
        let info = history.inspect(Reader::info).unwrap();
        assert_eq!((info.schema, info.hours, info.oldest), (0, 0, None));
        assert_eq!(info.bytes, i64::try_from(content.len()).unwrap());
        assert_eq!(
            history.inspect(Reader::check).unwrap(),
            Vec::<String>::new()
        );
        let reading = history.read(range(NOON, NOON + HOUR), everything, &[]);
        assert_eq!((reading.found, reading.problem), (Vec::new(), None));
        assert_eq!(history.recent(5).unwrap().problem, None);
        history.fold().unwrap();
        history.vacuum().unwrap();
        assert!(fs::read(&place.path).unwrap() == content);
        // Whoever records makes it one.
        let writer = place.writer();
        writer.record("op", NOON, 1.0);
        writer.write();
        assert_eq!(history.inspect(Reader::info).unwrap().hours, 1);
    }
}

#[test]
fn what_is_no_history_is_left_as_it_is() {
    let place = Place::new();
    let sqlite = place.sqlite();
    sqlite.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(sqlite);
    let before = fs::read(&place.path).unwrap();
    let history = look(&place);
    assert_eq!(history.fold().unwrap_err().cause, Cause::Foreign);
    assert_eq!(history.vacuum().unwrap_err().cause, Cause::Foreign);
    assert!(fs::read(&place.path).unwrap() == before);
}

#[test]
fn what_is_attached_to_a_look_is_not_written() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("theirs", NOON, 1.0);
    writer.write();
    let history = look(&place);
    let source = Arc::new(FakeSource::default());
    let weak: Weak<dyn Source> = Arc::downgrade(&source) as _;
    let attachment = history.attach("test", weak).unwrap();
    source.push(sample(&operation("ours"), NOON, 1.0));
    assert!(history.flush());
    assert_eq!(history.waiting(), (0, 0));
    assert_eq!(place.samples(), 1);
    assert_eq!(place.count("SELECT count(*) FROM writers"), 1);
    let own = [attachment.identity().unwrap()];
    let reading = history.read(range(NOON, NOON + HOUR), everything, &own);
    assert_eq!(counts(&reading.found), [("theirs".to_owned(), 0, 1)]);
}

#[test]
fn the_last_minutes_are_told_by_operation_endpoint_and_resource() {
    let place = Place::new();
    let (one, other) = (place.writer(), place.writer());
    place.clock.set_wall((NOON + 200) * NANOS_PER_SEC);
    // Before the first whole minute that is asked for.
    one.record("op", NOON + 59, 100.0);
    for (writer, second, value) in [(&one, 80, 1.0), (&other, 130, 2.0), (&one, 190, 3.0)] {
        writer.record("op", NOON + second, value);
    }
    // From 400 on they are errors; 6 is what is beyond 599.
    for (class, times) in [(0, 1), (2, 2), (4, 1), (5, 1), (6, 1)] {
        for _ in 0..times {
            one.source.push(sample(&endpoint(class), NOON + 185, 5.0));
        }
    }
    let session = Key::Operation {
        name: "op".into(),
        unit: "seconds".into(),
        session: Some("s".into()),
    };
    one.source.push(sample(&session, NOON + 190, 3.0));
    let cpu = Key::Resource {
        figure: "cpu_percent".into(),
        unit: "percent".into(),
    };
    for (second, value) in [(61, 90.0), (130, 10.0), (140, 20.0)] {
        one.source.push(sample(&cpu, NOON + second, value));
    }
    one.write();
    other.write();

    let Recent {
        start,
        seconds,
        operations,
        endpoints,
        resources,
        problem,
    } = look(&place).recent(2).unwrap();
    assert_eq!((start, problem), (NOON + 60, None));
    // Since the first sample; resources do not count.
    assert!((seconds - 120.0).abs() < 1e-9, "{seconds}");
    assert_eq!(operations.len(), 1);
    assert_eq!(&*operations[0].name, "op");
    assert_eq!(operations[0].samples.by_minute, [1, 1, 1]);
    assert_eq!(operations[0].samples.whole.histogram.max(), Some(3.0));
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].errors, 3);
    assert_eq!(endpoints[0].samples.by_minute, [0, 0, 6]);
    assert_eq!(resources.len(), 1);
    assert_eq!(resources[0].latest, Some(15.0));
    assert_eq!(resources[0].samples.whole.histogram.max(), Some(90.0));
}

#[test]
fn more_than_a_day_is_not_lately() {
    let place = Place::new();
    place.writer().write();
    let days = look(&place).recent(1_440).unwrap();
    assert_eq!(days.start, NOON - DAY);
    assert!(look(&place).recent(1_441).is_err());
}

#[test]
fn what_has_just_begun_has_the_rate_of_a_second() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    writer.write();
    let recent = look(&place).recent(5).unwrap();
    assert!((recent.seconds - 1.0).abs() < 1e-9, "{}", recent.seconds);
    place.clock.set_wall((NOON + DAY) * NANOS_PER_SEC);
    let recent = look(&place).recent(5).unwrap();
    assert_eq!(recent.operations, []);
    assert!((recent.seconds - 300.0).abs() < 1e-9, "{}", recent.seconds);
}
