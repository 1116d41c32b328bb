//! A file that somebody changes while it is in use: noticed before anything is written to it.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use super::{DAY, NOON, Place, Writer, counts, everything, range};
use ptpd_monitoring::history::{Access, Cause, Change, Event, Reader};

impl Place {
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    pub(super) fn samples_of(&self, name: &str) -> i64 {
        self.count(&format!(
            "SELECT coalesce(sum(count), 0) FROM hours JOIN series ON series.id = series \
             WHERE name = '{name}'"
        ))
    }

    /// The files are whole, and so are their rows.
    pub(super) fn is_sound(&self) {
        assert_eq!(self.reader().check().unwrap(), Vec::<String>::new());
        self.samples();
    }

    /// Another history, with so many samples of `name`.
    pub(super) fn other(&self, name: &str, samples: i64) -> PathBuf {
        let place = Place::new();
        let writer = place.writer();
        for second in 0..samples {
            writer.record(name, NOON + 60 * second, 1.0);
        }
        writer.write();
        drop(writer);
        let path = self.path.with_file_name(format!("{name}.db"));
        fs::copy(&place.path, &path).unwrap();
        path
    }
}

pub(super) fn told(events: &[Event]) -> Vec<Change> {
    let of_event = |event: &Event| match event {
        Event::Changed { change, .. } => Some(*change),
        other => panic!("{other:?}"),
    };
    events.iter().filter_map(of_event).collect()
}

/// Records one sample of `name` and writes it; what is told of that.
pub(super) fn write(writer: &Writer, name: &str) -> Vec<Change> {
    writer.record(name, NOON, 1.0);
    let flushed = writer.flush();
    assert!(flushed.complete, "{:?}", flushed.events);
    told(&flushed.events)
}

/// A writer with twenty operations, of which some are in the file and others in the log.
pub(super) fn begun(place: &Place) -> Writer {
    let writer = place.writer();
    for number in 0..20 {
        write(&writer, &format!("before {number}"));
        if number == 9 {
            let sqlite = place.sqlite();
            let sql = "PRAGMA wal_checkpoint(PASSIVE)";
            sqlite.query_row(sql, [], |_| Ok(())).unwrap();
        }
    }
    writer
}

#[test]
fn a_file_that_is_emptied_is_begun_anew_and_told_of_once() {
    let place = Place::new();
    let writer = begun(&place);
    fs::write(&place.path, "").unwrap();
    assert_eq!(write(&writer, "after"), [Change::Emptied]);
    assert_eq!(write(&writer, "after"), []);
    assert_eq!(place.samples(), 2);
    place.is_sound();
    drop(writer);
    assert_eq!(place.samples_of("after"), 2);
    place.is_sound();
}

#[test]
fn an_emptied_file_is_noticed_with_nothing_to_write() {
    let place = Place::new();
    let writer = begun(&place);
    fs::write(&place.path, "").unwrap();
    let flushed = writer.flush();
    assert!(flushed.complete);
    assert_eq!(told(&flushed.events), [Change::Emptied]);
    assert_eq!(place.samples(), 0);
    place.is_sound();
}

#[test]
fn what_waits_is_written_to_the_file_that_is_begun_anew() {
    let place = Place::new();
    let writer = begun(&place);
    for number in 0..5 {
        writer.record(&format!("waits {number}"), NOON, 1.0);
    }
    writer.gather();
    fs::write(&place.path, "").unwrap();
    assert_eq!(write(&writer, "after"), [Change::Emptied]);
    assert_eq!(place.samples(), 6);
}

#[test]
fn a_file_that_is_cut_off_is_left_as_it_is_and_a_new_one_begun_when_it_is_moved_away() {
    for keep in [2, 100, 4_096, 8_192] {
        let place = Place::new();
        let writer = begun(&place);
        let whole = fs::read(&place.path).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&place.path)
            .unwrap()
            .set_len(keep)
            .unwrap();
        writer.record("after", NOON, 1.0);
        for _ in 0..2 {
            let flushed = writer.flush();
            assert!(!flushed.complete, "{keep}");
            let cause = writer.engine.problem().unwrap().cause;
            assert!(
                matches!(cause, Cause::Damaged | Cause::Foreign),
                "{keep} {cause:?}"
            );
        }
        let left = fs::read(&place.path).unwrap();
        assert!(whole.starts_with(&left) && left.len() as u64 == keep);
        fs::rename(&place.path, place.path.with_extension("away")).unwrap();
        assert!(writer.flush().complete, "{keep}");
        assert_eq!(place.samples(), 1);
        place.is_sound();
    }
}

#[test]
fn another_programs_file_in_its_place_stays_as_it_is() {
    let text = "their notes\n".repeat(1_000).into_bytes();
    let database = {
        let place = Place::new();
        let sqlite = place.sqlite();
        sqlite
            .execute_batch("CREATE TABLE their_own (x); INSERT INTO their_own VALUES (1)")
            .unwrap();
        drop(sqlite);
        fs::read(&place.path).unwrap()
    };
    for theirs in [text, database] {
        for in_place in [true, false] {
            let place = Place::new();
            let writer = begun(&place);
            if in_place {
                fs::write(&place.path, &theirs).unwrap();
            } else {
                let made = place.path.with_extension("theirs");
                fs::write(&made, &theirs).unwrap();
                fs::rename(&made, &place.path).unwrap();
            }
            for _ in 0..3 {
                writer.record("after", NOON, 1.0);
                assert!(!writer.flush().complete);
                assert_eq!(writer.engine.problem().unwrap().cause, Cause::Foreign);
                assert_eq!(fs::read(&place.path).unwrap(), theirs);
            }
            // Nor does what was left of ours become theirs when they open it.
            assert!(!place.beside("-wal").exists() && !place.beside("-shm").exists());
            fs::remove_file(&place.path).unwrap();
            assert!(writer.flush().complete);
            assert_eq!(place.samples_of("after"), 3);
            place.is_sound();
        }
    }
}

#[test]
fn another_history_moved_or_copied_over_it_stays_whole_and_is_gone_on_with() {
    for copied in [true, false] {
        let place = Place::new();
        let backup = place.other("backup", 200);
        let writer = begun(&place);
        if copied {
            fs::copy(&backup, &place.path).unwrap();
        } else {
            fs::rename(&backup, &place.path).unwrap();
        }
        assert_eq!(write(&writer, "after"), [Change::Restored]);
        assert_eq!(write(&writer, "after"), []);
        assert_eq!(place.samples_of("backup"), 200);
        assert_eq!(place.samples_of("after"), 2);
        assert_eq!(place.samples(), 202);
        drop(writer);
        place.is_sound();
        assert_eq!(place.samples(), 202);
    }
}

#[test]
fn an_earlier_state_of_it_copied_over_it_is_gone_on_with() {
    let place = Place::new();
    let writer = begun(&place);
    let backup = place.path.with_extension("backup");
    {
        let sqlite = place.sqlite();
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        sqlite.query_row(sql, [], |_| Ok(())).unwrap();
    }
    fs::copy(&place.path, &backup).unwrap();
    for number in 0..2_000 {
        writer.record(&format!("later {number}"), NOON, 1.0);
    }
    writer.write();
    // Some of it is in the file by now, and the log has begun anew.
    for _ in 0..2 {
        write(&writer, "latest");
        place.clock.advance(61_000_000_000);
    }
    fs::copy(&backup, &place.path).unwrap();
    assert_eq!(write(&writer, "after"), [Change::Restored]);
    assert_eq!(place.samples(), 21);
    drop(writer);
    place.is_sound();
    assert_eq!(place.samples(), 21);
}

#[test]
fn a_file_that_is_moved_away_takes_everything_with_it() {
    let place = Place::new();
    let writer = begun(&place);
    let away = place.path.with_extension("away");
    fs::rename(&place.path, &away).unwrap();
    assert_eq!(write(&writer, "after"), []);
    assert_eq!(place.samples(), 1);
    place.is_sound();
    let mut reader = Reader::open(&away, &Place::access()).unwrap();
    let found = reader
        .read(range(NOON, NOON + 60), everything, &[])
        .unwrap();
    assert_eq!(counts(&found).len(), 20);
}

#[test]
fn a_log_that_is_removed_is_written_back_first() {
    let place = Place::new();
    let writer = begun(&place);
    fs::remove_file(place.beside("-wal")).unwrap();
    assert_eq!(write(&writer, "after"), [Change::LogRemoved]);
    assert_eq!(place.samples(), 21);
    drop(writer);
    place.is_sound();
    assert_eq!(place.samples(), 21);
}

#[test]
fn a_log_that_is_cut_off_or_another_one_loses_no_more_than_what_it_held() {
    let theirs = {
        let other = Place::new();
        let writer = begun(&other);
        let log = fs::read(other.beside("-wal")).unwrap();
        drop(writer);
        log
    };
    let noise = vec![0xA5; 100_000];
    let empty = Vec::new();
    for (number, content) in [&empty, &noise, &theirs].into_iter().enumerate() {
        for replaced in [false, true] {
            let place = Place::new();
            let writer = begun(&place);
            if replaced {
                let made = place.path.with_extension("log");
                fs::write(&made, content).unwrap();
                fs::rename(&made, place.beside("-wal")).unwrap();
            } else {
                fs::write(place.beside("-wal"), content).unwrap();
            }
            let told = write(&writer, "after");
            // Where it is a log, it is only found out that it is another file's; and an empty one is made
            // by whoever reads after one was removed.
            let found = if replaced && content.is_empty() {
                [Change::LogRemoved; 2]
            } else {
                [Change::LogLost, Change::Restored]
            };
            let is_told = told.iter().any(|change| found.contains(change));
            assert!(is_told, "{number} {replaced} {told:?}");
            assert_eq!(write(&writer, "after"), []);
            drop(writer);
            place.is_sound();
            assert_eq!(place.samples_of("after"), 2, "{number} {replaced}");
            for kept in 0..10 {
                assert_eq!(place.samples_of(&format!("before {kept}")), 1);
            }
        }
    }
}

#[test]
fn a_log_that_is_removed_is_written_back_also_after_somebody_has_looked_at_the_file() {
    let place = Place::new();
    let writers = [begun(&place), place.writer()];
    write(&writers[1], "before");
    fs::remove_file(place.beside("-wal")).unwrap();
    fs::write(place.beside("-wal"), "").unwrap();
    assert_eq!(write(&writers[0], "after"), [Change::LogRemoved]);
    // To the other one nothing is lost, either.
    assert_eq!(write(&writers[1], "after"), []);
    assert_eq!(place.samples(), 23);
    drop(writers);
    place.is_sound();
    assert_eq!(place.samples(), 23);
}

#[test]
fn a_file_that_was_moved_away_and_is_in_use_there_is_left_alone() {
    let place = Place::new();
    let writer = begun(&place);
    let away = place.path.with_extension("away");
    fs::rename(&place.path, &away).unwrap();
    let there = fs::read(&away).unwrap();
    let log = away.with_extension("away-wal");
    fs::write(&log, "what somebody has written there").unwrap();
    assert_eq!(write(&writer, "after"), [Change::LogLost]);
    assert!(fs::read(&away).unwrap() == there);
    assert_eq!(place.samples(), 1);
}

#[test]
fn a_file_that_is_moved_away_takes_everything_with_it_also_when_a_new_one_is_there_already() {
    let place = Place::new();
    let writer = begun(&place);
    let away = place.path.with_extension("away");
    fs::rename(&place.path, &away).unwrap();
    // The database itself removes the log beside an empty file.
    fs::remove_file(place.beside("-wal")).unwrap();
    assert_eq!(write(&writer, "after"), []);
    let mut reader = Reader::open(&away, &Place::access()).unwrap();
    let found = reader
        .read(range(NOON, NOON + 60), everything, &[])
        .unwrap();
    assert_eq!(counts(&found).len(), 20);
}

#[test]
fn an_index_that_is_cut_off_removed_or_another_one_loses_nothing() {
    for what in ["cut off", "removed", "replaced"] {
        let place = Place::new();
        let writer = begun(&place);
        let index = place.beside("-shm");
        match what {
            "cut off" => fs::write(&index, "").unwrap(),
            "removed" => fs::remove_file(&index).unwrap(),
            _ => {
                fs::write(index.with_extension("new"), vec![0; 32_768]).unwrap();
                fs::rename(index.with_extension("new"), &index).unwrap();
            }
        }
        assert_eq!(write(&writer, "after"), [], "{what}");
        assert_eq!(place.samples(), 21, "{what}");
        drop(writer);
        place.is_sound();
    }
}

#[test]
fn each_of_several_writers_notices_by_itself() {
    let place = Place::new();
    let backup = place.other("backup", 200);
    let writers = [begun(&place), place.writer(), place.writer()];
    for (number, writer) in writers.iter().enumerate() {
        write(writer, &format!("of {number}"));
    }
    fs::rename(&backup, &place.path).unwrap();
    for round in 1..=3 {
        for writer in &writers {
            write(writer, "after");
        }
        assert_eq!(place.samples(), 200 + 3 * round);
    }
    drop(writers);
    place.is_sound();
    assert_eq!(place.samples(), 209);
}

#[test]
fn what_is_changed_while_a_transaction_ends_is_written_to_what_lies_there_then() {
    let place = Place::new();
    let backup = place.other("backup", 200);
    let target = place.path.clone();
    let plan: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        if backup.exists() {
            fs::rename(&backup, &target).unwrap();
        }
    });
    let access = Access {
        commit: Arc::new(move |connection| {
            connection.execute_batch("COMMIT")?;
            plan();
            Ok(())
        }),
        ..Place::access()
    };
    let writer = place.writer_with(place.options(access));
    assert_eq!(write(&writer, "op"), [Change::Restored]);
    assert_eq!(place.samples(), 201);
}

#[test]
fn a_file_that_is_replaced_while_a_fork_has_it_closed_stays_whole() {
    for copied in [true, false] {
        let place = Place::new();
        let backup = place.other("backup", 200);
        let writer = begun(&place);
        writer.engine.close_for_fork();
        assert!(place.beside("-wal").exists());
        if copied {
            fs::copy(&backup, &place.path).unwrap();
        } else {
            fs::rename(&backup, &place.path).unwrap();
        }
        assert_eq!(write(&writer, "after"), [Change::Restored]);
        assert_eq!(place.samples(), 201);
        drop(writer);
        place.is_sound();
        assert_eq!(place.samples(), 201);
    }
}

#[test]
fn the_log_of_a_killed_writer_does_not_spoil_what_was_put_in_the_place_of_its_file() {
    // Both for who writes it next and for who reads it.
    for reads in [false, true] {
        let place = Place::new();
        let backup = place.other("backup", 200);
        let killed = begun(&place);
        killed.engine.close_for_fork();
        std::mem::forget(killed);
        assert!(fs::metadata(place.beside("-wal")).unwrap().len() > 0);
        fs::rename(&backup, &place.path).unwrap();
        if reads {
            let mut reader = place.reader();
            let period = range(NOON - DAY, NOON + DAY);
            let found = reader.read(period, everything, &[]).unwrap();
            assert_eq!(counts(&found), [("backup".to_owned(), 0, 200)]);
            drop(reader);
        }
        let writer = place.writer();
        assert_eq!(write(&writer, "after"), [Change::Restored]);
        assert_eq!(place.samples(), 201);
        drop(writer);
        place.is_sound();
    }
}

#[test]
fn a_log_that_had_to_be_removed_is_told_of_also_if_the_file_cannot_be_opened_after_that() {
    let place = Place::new();
    let backup = place.other("backup", 200);
    let killed = begun(&place);
    killed.engine.close_for_fork();
    std::mem::forget(killed);
    fs::rename(&backup, &place.path).unwrap();
    let fails = AtomicBool::new(true);
    let access = Access {
        opened: Some(Arc::new(move |connection| {
            if fails.swap(false, SeqCst) {
                connection.execute_batch("SELECT * FROM missing")?;
            }
            Ok(())
        })),
        ..Place::access()
    };
    let writer = place.writer_with(place.options(access));
    writer.record("after", NOON, 1.0);
    let flushed = writer.flush();
    let [
        Event::Failed(_),
        Event::Changed {
            change: Change::Restored,
            ..
        },
    ] = &flushed.events[..]
    else {
        panic!("{:?}", flushed.events);
    };
    assert!(writer.flush().complete);
    assert_eq!(place.samples(), 201);
}

#[test]
fn a_killed_writers_log_is_read_and_gone_on_with() {
    let place = Place::new();
    let killed = begun(&place);
    killed.engine.close_for_fork();
    std::mem::forget(killed);
    let writer = place.writer();
    assert_eq!(write(&writer, "after"), []);
    assert_eq!(place.samples(), 21);
    place.is_sound();
}

#[test]
fn what_others_write_to_the_file_in_the_usual_way_is_no_change() {
    let place = Place::new();
    let writers = [place.writer(), place.writer()];
    for round in 0..30 {
        for writer in &writers {
            assert_eq!(write(writer, "op"), []);
        }
        let sqlite = place.sqlite();
        let sql = match round % 4 {
            0 => "PRAGMA wal_checkpoint(PASSIVE)",
            1 => "PRAGMA wal_checkpoint(RESTART)",
            2 => "PRAGMA wal_checkpoint(TRUNCATE)",
            _ => "VACUUM",
        };
        sqlite.execute_batch(sql).unwrap();
    }
    assert_eq!(place.samples(), 60);
    place.is_sound();
}

#[test]
fn a_plain_copy_is_no_older_than_a_minute() {
    let place = Place::new();
    let writer = begun(&place);
    place.clock.advance(60_000_000_000);
    // Nothing new is needed for that.
    assert!(writer.routine().complete);
    let copy = Place::new();
    fs::copy(&place.path, &copy.path).unwrap();
    assert_eq!(copy.samples(), 20);
}
