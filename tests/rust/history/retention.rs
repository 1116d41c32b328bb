use ptpd_monitoring::{
    history::{Engine, Options, Retention, Urgency, delete_some},
    time::NANOS_PER_SEC,
};

use super::{DAY, HOUR, NOON, Place, Writer, counts, everything, range};

fn set_wall(place: &Place, second: i64) {
    place.clock.set_wall(second * NANOS_PER_SEC);
}

/// Flushes until what is too old has gone; how many flushes that took.
fn keep_up(writer: &Writer, place: &Place) -> usize {
    writer.write();
    // The next time it is looked for.
    place.clock.advance(600 * NANOS_PER_SEC.unsigned_abs());
    let rows =
        || place.count("SELECT (SELECT count(*) FROM minutes) + (SELECT count(*) FROM hours)");
    for flushes in 1.. {
        let before = rows();
        writer.write();
        if rows() == before {
            return flushes;
        }
    }
    unreachable!()
}

#[test]
fn minutes_go_after_two_days_and_hours_after_the_days_asked_for() {
    let place = Place::new();
    let options = Options {
        retention: Some(Retention::of_days(5)),
        ..place.options(Place::access())
    };
    let writer = place.writer_with(options);
    for day in 0..8 {
        set_wall(&place, NOON + day * DAY);
        writer.record("op", NOON + day * DAY, day as f64);
        keep_up(&writer, &place);
    }
    let starts = |table: &str| {
        let sqlite = place.sqlite();
        let sql = format!("SELECT (start - {NOON}) / {DAY} FROM {table} ORDER BY start");
        sqlite
            .prepare(&sql)
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<i64>>()
    };
    // The wall is at day 7, plus a few minutes.
    assert_eq!(starts("minutes"), [6, 7]);
    assert_eq!(starts("hours"), [3, 4, 5, 6, 7]);
}

#[test]
fn minutes_are_kept_no_longer_than_hours() {
    let place = Place::new();
    let options = Options {
        retention: Some(Retention::of_days(1)),
        ..place.options(Place::access())
    };
    let writer = place.writer_with(options);
    writer.record("op", NOON - DAY - 60, 1.0);
    writer.record("op", NOON - DAY + HOUR, 1.0);
    keep_up(&writer, &place);
    assert_eq!(place.samples(), 1);
}

#[test]
fn deleting_runs_in_slices_between_which_rows_are_written() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..2_800 {
        writer.record("op", NOON - 60 * minute, 1.0);
    }
    writer.write();
    let rows = || place.count("SELECT count(*) FROM minutes");
    set_wall(&place, NOON + 10 * DAY);
    place.clock.advance(600 * NANOS_PER_SEC.unsigned_abs());
    let mut seen = Vec::new();
    for _ in 0..5 {
        writer.write();
        seen.push(rows());
    }
    assert_eq!(seen, [1_800, 800, 0, 0, 0]);
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 2_800);
    // Until the next time it is not even looked for.
    writer.record("op", NOON, 1.0);
    writer.record("op", NOON + 10 * DAY, 1.0);
    writer.write();
    assert_eq!(rows(), 1);
    set_wall(&place, NOON + 20 * DAY);
    writer.write();
    assert_eq!(rows(), 1);
    keep_up(&writer, &place);
    assert_eq!(rows(), 0);
}

#[test]
fn what_comes_too_late_for_minutes_still_counts_in_its_hour() {
    let place = Place::new();
    let writer = place.writer();
    writer.write();
    writer.record("op", NOON - 5 * DAY, 1.0);
    writer.write();
    assert_eq!(place.count("SELECT count(*) FROM minutes"), 0);
    assert_eq!(place.count("SELECT count(*) FROM hours"), 1);
}

#[test]
fn series_and_writers_go_with_their_last_rows_and_not_before() {
    let place = Place::new();
    let (old, new) = (place.writer(), place.writer());
    old.record("old", NOON - 29 * DAY, 1.0);
    old.record("both", NOON - 29 * DAY, 1.0);
    old.write();
    new.record("both", NOON, 1.0);
    new.write();
    keep_up(&new, &place);
    assert_eq!(place.count("SELECT count(*) FROM series"), 2);
    assert_eq!(place.count("SELECT count(*) FROM writers"), 2);
    set_wall(&place, NOON + 2 * DAY);
    keep_up(&new, &place);
    assert_eq!(
        place.count("SELECT count(*) FROM series WHERE name = 'both'"),
        1
    );
    assert_eq!(place.count("SELECT count(*) FROM series"), 1);
    assert_eq!(place.count("SELECT count(*) FROM writers"), 1);

    // The one that went comes back, and takes nobody's number.
    old.record("old", NOON + 2 * DAY, 1.0);
    old.record("both", NOON + 2 * DAY, 1.0);
    old.write();
    assert_eq!(place.count("SELECT count(*) FROM series"), 2);
    assert_eq!(place.count("SELECT max(id) FROM series"), 3);
    assert_eq!(place.count("SELECT max(id) FROM writers"), 3);
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 3);
    let unknown = "SELECT count(*) FROM hours WHERE series NOT IN (SELECT id FROM series) \
                   OR writer NOT IN (SELECT id FROM writers)";
    assert_eq!(place.count(unknown), 0);
}

#[test]
fn any_process_deletes_for_all_and_several_at_once_do_it_once() {
    let place = Place::new();
    let writer = place.writer();
    for minute in 0..2_880 {
        writer.record("op", NOON - 60 * minute, 1.0);
    }
    writer.write();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut sqlite = place.sqlite();
                sqlite
                    .busy_timeout(std::time::Duration::from_secs(30))
                    .unwrap();
                let now = NOON - DAY + 2 * DAY;
                while delete_some(&mut sqlite, Retention::of_days(30), now).unwrap() {}
            });
        }
    });
    assert_eq!(place.count("SELECT count(*) FROM minutes"), 1_441);
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 2_880);
}

#[test]
fn a_clock_that_is_set_back_brings_nothing_back_and_loses_nothing() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    keep_up(&writer, &place);
    let past = NOON - 300 * DAY;
    set_wall(&place, past);
    writer.record("op", past, 1.0);
    keep_up(&writer, &place);
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 2);
    // Minutes of before it was noticed may be missing, those after are not.
    writer.record("op", past + HOUR, 1.0);
    writer.write();
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 3);
    assert_eq!(place.count("SELECT sum(count) FROM minutes"), 2);
}

#[test]
fn a_clock_that_was_years_ahead_for_one_flush_costs_nothing_recorded_after_it() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON, 1.0);
    set_wall(&place, NOON + 3_650 * DAY);
    keep_up(&writer, &place);
    assert_eq!(place.samples(), 0);

    set_wall(&place, NOON + HOUR);
    for minute in 0..30 {
        let now = NOON + HOUR + minute * 60;
        set_wall(&place, now);
        writer.record("op", now, 1.0);
        writer.write();
    }
    keep_up(&writer, &place);
    keep_up(&writer, &place);
    assert_eq!(place.count("SELECT sum(count) FROM hours"), 30);
    let before = place.count("SELECT count(*) FROM minutes");
    writer.record("op", NOON + 3 * HOUR, 1.0);
    writer.write();
    assert_eq!(place.count("SELECT count(*) FROM minutes"), before + 1);
    let hour = place
        .reader()
        .read(range(NOON + HOUR, NOON + 2 * HOUR), everything, &[])
        .unwrap();
    assert_eq!(counts(&hour), [("op".to_owned(), 0, 30)]);
}

#[test]
fn a_process_that_keeps_fewer_days_counts_for_one_that_keeps_more() {
    let place = Place::new();
    let days = |days| {
        place.writer_with(Options {
            retention: Some(Retention::of_days(days)),
            ..place.options(Place::access())
        })
    };
    let (few, many) = (days(3), days(30));
    for day in 0..6 {
        few.record("op", NOON - day * DAY, 1.0);
    }
    keep_up(&few, &place);
    keep_up(&many, &place);
    many.record("op", NOON - 5 * DAY, 1.0);
    keep_up(&many, &place);
    assert_eq!(place.count("SELECT count(*) FROM hours"), 3);
}

#[test]
fn a_series_stays_as_long_as_a_minute_of_it() {
    for days in [1, 2] {
        let place = Place::new();
        let writer = place.writer_with(Options {
            retention: Some(Retention::of_days(days)),
            ..place.options(Place::access())
        });
        let recorded = NOON + 50 * 60;
        writer.record("op", recorded, 1.0);
        writer.write();
        // The hour goes before its last minutes do. Upkeep comes ten minutes later.
        for later in [-5 * 60, 5 * 60, 2 * HOUR] {
            set_wall(&place, recorded + i64::from(days) * DAY + later - 600);
            keep_up(&writer, &place);
            assert_eq!(place.reader().check().unwrap(), Vec::<String>::new());
        }
        assert_eq!(place.count("SELECT count(*) FROM series"), 0);
        assert_eq!(place.count("SELECT count(*) FROM writers"), 0);
    }
}

#[test]
fn an_engine_without_sources_keeps_up_too() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON - 20 * DAY, 1.0);
    writer.write();
    drop(writer);
    set_wall(&place, NOON + 20 * DAY);
    let engine = Engine::new(0, &place.path, place.options(Place::access()));
    let pass = engine.options().access.gate.enter().unwrap();
    assert!(engine.flush(&pass, Urgency::Routine).complete);
    assert_eq!(place.samples(), 0);
}

#[test]
fn what_is_written_last_before_the_end_does_not_wait_for_upkeep() {
    let place = Place::new();
    let writer = place.writer();
    writer.record("op", NOON - 20 * DAY, 1.0);
    writer.write();
    set_wall(&place, NOON + 20 * DAY);
    place.clock.advance(600 * NANOS_PER_SEC.unsigned_abs());
    writer.record("op", NOON + 20 * DAY, 1.0);
    let pass = writer.engine.options().access.gate.enter().unwrap();
    assert!(writer.engine.flush(&pass, Urgency::Last).complete);
    let hours = || place.count("SELECT count(*) FROM hours");
    assert_eq!(hours(), 2);
    // As would be done otherwise.
    assert!(writer.engine.flush(&pass, Urgency::Now).complete);
    assert_eq!(hours(), 1);
}
