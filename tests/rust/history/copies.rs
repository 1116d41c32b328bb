//! Copies of a file, and what becomes of the file when one is put in its place.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    NOON, Place, Writer,
    changed::{begun, write},
};
use ptpd_monitoring::history::{Access, Change};
use rusqlite::Connection;

impl Place {
    /// Makes a backup.
    fn back_up(&self, name: &str) -> PathBuf {
        let to = self.path.with_file_name(name);
        self.reader().back_up(&to, &Self::access()).unwrap();
        let is_there = |suffix: &str| self.path.with_file_name(name.to_owned() + suffix).exists();
        assert!(!is_there("-wal") && !is_there("-shm"));
        to
    }

    fn write_back(&self) {
        let sqlite = self.sqlite();
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        sqlite.query_row(sql, [], |_| Ok(())).unwrap();
    }
}

fn record(writer: &Writer, name: &str, times: i64) {
    for number in 0..times {
        writer.record(&format!("{name} {number}"), NOON, 1.0);
    }
    writer.write();
}

/// Puts `copy` over the file of a running `writer`.
fn restore(copy: &Path, place: &Place, writer: &Writer) {
    fs::copy(copy, &place.path).unwrap();
    assert_eq!(write(writer, "after"), [Change::Restored]);
    place.is_sound();
}

#[test]
fn a_later_backup_put_over_an_earlier_one_under_a_running_writer_stays_whole() {
    let place = Place::new();
    let writer = begun(&place);
    let monday = place.back_up("monday");
    record(&writer, "later", 400);
    let pass = writer.engine.options().access.gate.enter().unwrap();
    writer.engine.vacuum(&pass).unwrap();
    drop(pass);
    let tuesday = place.back_up("tuesday");
    restore(&monday, &place, &writer);
    assert_eq!(place.samples(), 21);
    record(&writer, "meanwhile", 30);
    restore(&tuesday, &place, &writer);
    assert_eq!(place.samples(), 421);
    drop(writer);
    place.is_sound();
    assert_eq!(place.samples(), 421);
}

#[test]
fn a_backup_is_restored_before_anything_was_written_back_since() {
    let place = Place::new();
    let writer = begun(&place);
    let backup = place.back_up("backup");
    record(&writer, "later", 400);
    restore(&backup, &place, &writer);
    assert_eq!(place.samples(), 21);
    drop(writer);
    place.is_sound();
    assert_eq!(place.samples(), 21);
}

#[test]
fn a_backup_put_in_the_place_of_a_killed_writers_file_is_restored() {
    let place = Place::new();
    let killed = begun(&place);
    let backup = place.back_up("backup");
    record(&killed, "later", 400);
    killed.engine.close_for_fork();
    std::mem::forget(killed);
    fs::copy(&backup, &place.path).unwrap();
    let writer = place.writer();
    assert_eq!(write(&writer, "after"), [Change::Restored]);
    assert_eq!(place.samples(), 21);
    drop(writer);
    place.is_sound();
}

#[test]
fn a_later_plain_copy_put_over_a_file_stays_whole() {
    for is_killed in [false, true] {
        let place = Place::new();
        let writer = begun(&place);
        place.write_back();
        let [monday, tuesday] = ["monday", "tuesday"].map(|name| place.path.with_file_name(name));
        fs::copy(&place.path, &monday).unwrap();
        record(&writer, "later", 400);
        for number in 0..60 {
            write(&writer, &format!("one more {number}"));
        }
        place.write_back();
        fs::copy(&place.path, &tuesday).unwrap();
        // It looks at what was written back.
        writer.write();
        restore(&monday, &place, &writer);
        record(&writer, "meanwhile", 30);
        let writer = if is_killed {
            writer.engine.close_for_fork();
            std::mem::forget(writer);
            place.writer()
        } else {
            writer
        };
        restore(&tuesday, &place, &writer);
        assert_eq!(place.samples(), 481);
        drop(writer);
        place.is_sound();
        assert_eq!(place.samples(), 481);
    }
}

/// A backup that fails, and what its error says.
fn refused(place: &Place, to: &Path) -> String {
    let there = fs::read(to).ok();
    let error = place.reader().back_up(to, &Place::access()).unwrap_err();
    assert!(fs::read(to).ok() == there, "{}", to.display());
    error.to_string()
}

#[test]
fn a_backup_takes_no_other_historys_place_nor_that_of_a_file_in_use() {
    let place = Place::new();
    let writer = begun(&place);
    let other = place.other("other", 3);
    assert!(refused(&place, &other).contains("another history"));
    for suffix in ["-wal", "-shm"] {
        assert!(refused(&place, &place.beside(suffix)).contains("the history itself"));
    }
    let backup = Place {
        path: place.back_up("backup"),
        ..Place::new()
    };
    let user = backup.sqlite();
    user.query_row("SELECT count(*) FROM series", [], |_| Ok(()))
        .unwrap();
    assert_eq!(fs::metadata(backup.beside("-wal")).unwrap().len(), 0);
    assert!(refused(&place, &backup.path).contains("in use"));
    drop(user);
    // Who only reads leaves one, and an index, behind.
    fs::write(backup.beside("-wal"), "").unwrap();
    fs::write(backup.beside("-shm"), vec![0; 32_768]).unwrap();
    let access = Place::access();
    place.reader().back_up(&backup.path, &access).unwrap();
    assert_eq!(backup.samples(), 20);
    fs::write(backup.beside("-wal"), "theirs").unwrap();
    assert!(refused(&place, &backup.path).contains("in use"));
    let newer = place.back_up("newer");
    let sqlite = Connection::open(&newer).unwrap();
    sqlite.pragma_update(None, "user_version", 99).unwrap();
    drop(sqlite);
    assert!(refused(&place, &newer).contains("later release"));
    drop(writer);
    assert!(!place.beside("-wal").exists());
    for suffix in ["-wal", "-shm"] {
        assert!(refused(&place, &place.beside(suffix)).contains("the history itself"));
    }
}

#[test]
fn a_damaged_file_does_not_take_the_place_of_the_last_good_backup() {
    let place = Place::new();
    let writer = place.writer();
    record(&writer, "op", 400);
    drop(writer);
    let backup = place.back_up("backup");
    let mut content = fs::read(&place.path).unwrap();
    let half = content.len() / 2;
    content[half..half + 20_000].fill(0xA5);
    fs::write(&place.path, content).unwrap();
    let error = refused(&place, &backup);
    assert!(error.contains("history.db"), "{error}");
    assert!(
        error.contains("is damaged") && error.contains("move it away"),
        "{error}"
    );
}

#[test]
fn writers_that_start_at_once_after_a_restoration_do_not_remove_each_others_log() {
    for _ in 0..5 {
        let place = Place::new();
        let killed = begun(&place);
        let backup = place.back_up("backup");
        record(&killed, "later", 100);
        killed.engine.close_for_fork();
        std::mem::forget(killed);
        fs::copy(&backup, &place.path).unwrap();
        let access = || Access {
            patience: Duration::from_mins(1),
            ..Place::access()
        };
        let writers: Vec<_> = (0..4)
            .map(|_| place.writer_with(place.options(access())))
            .collect();
        thread::scope(|scope| {
            for (number, writer) in writers.iter().enumerate() {
                scope.spawn(move || {
                    for round in 0..5 {
                        writer.record(&format!("of {number} {round}"), NOON, 1.0);
                        // It may fail while others put things right.
                        let is_written = (0..6_000).any(|_| {
                            let is_written = writer.flush().complete;
                            if !is_written {
                                thread::sleep(Duration::from_millis(10));
                            }
                            is_written
                        });
                        assert!(is_written, "{:?}", writer.engine.problem());
                    }
                });
            }
        });
        assert_eq!(place.samples(), 40);
        drop(writers);
        place.is_sound();
        assert_eq!(place.samples(), 40);
    }
}
