//! A file that somebody changes while it is in use: noticed before anything is written to it.

use std::{fs, path::PathBuf, sync::Arc};

use proptest::prelude::*;
use ptpd_monitoring::history::{Access, Cause, Change, Event, Reader};
use rusqlite::Connection;

use super::{DAY, NOON, Place, Writer, counts, everything, range};

impl Place {
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn samples_of(&self, name: &str) -> i64 {
        self.count(&format!(
            "SELECT coalesce(sum(count), 0) FROM hours JOIN series ON series.id = series \
             WHERE name = '{name}'"
        ))
    }

    /// The files are whole, and so are their rows.
    fn is_sound(&self) {
        assert_eq!(self.reader().check().unwrap(), Vec::<String>::new());
        self.samples();
    }

    /// Another history, with so many samples of `name`.
    fn other(&self, name: &str, samples: i64) -> PathBuf {
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

fn told(events: &[Event]) -> Vec<Change> {
    let of_event = |event: &Event| match event {
        Event::Changed { change, .. } => Some(*change),
        other => panic!("{other:?}"),
    };
    events.iter().filter_map(of_event).collect()
}

/// Records one sample of `name` and writes it; what is told of that.
fn write(writer: &Writer, name: &str) -> Vec<Change> {
    writer.record(name, NOON, 1.0);
    let flushed = writer.flush();
    assert!(flushed.complete, "{:?}", flushed.events);
    told(&flushed.events)
}

/// A writer with twenty operations, of which some are in the file and others in the log.
fn begun(place: &Place) -> Writer {
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
            // Where it is a log, it is only found out that it is another file's.
            let found = [Change::LogLost, Change::Restored];
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

/// What somebody does to the files.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Record(u8),
    Flush,
    Checkpoint,
    Fork,
    Minute,
    Empty,
    CutOff(u64),
    CutOffIndex,
    RemoveLog,
    RemoveIndex,
    Remove,
    MoveAway,
    MoveBackupOver,
    CopyBackupOver,
    MoveForeignOver,
    CopyForeignOver,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => (0..4_u8).prop_map(Deed::Record),
        4 => Just(Deed::Flush),
        1 => Just(Deed::Checkpoint),
        1 => Just(Deed::Fork),
        1 => Just(Deed::Minute),
        1 => Just(Deed::Empty),
        1 => (1..20_000_u64).prop_map(Deed::CutOff),
        1 => Just(Deed::CutOffIndex),
        1 => Just(Deed::RemoveLog),
        1 => Just(Deed::RemoveIndex),
        1 => Just(Deed::Remove),
        1 => Just(Deed::MoveAway),
        1 => Just(Deed::MoveBackupOver),
        1 => Just(Deed::CopyBackupOver),
        1 => Just(Deed::MoveForeignOver),
        1 => Just(Deed::CopyForeignOver),
    ]
}

impl Deed {
    /// Whether it leaves a file that one process still has open.
    fn is_in_place(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::CutOff(_)
                | Self::CutOffIndex
                | Self::RemoveLog
                | Self::RemoveIndex
                | Self::CopyBackupOver
                | Self::CopyForeignOver
        )
    }
}

const FOREIGN: &[u8] = b"not ours, and to be left as it is";

/// Two writers, what they have recorded, and what is known to be in the file.
struct World {
    place: Place,
    backup: Vec<u8>,
    writers: [Writer; 2],
    /// Samples that were written since the file is the one that it is.
    written: [i64; 2],
    waiting: [i64; 2],
    /// All that there ever was.
    recorded: [i64; 2],
    /// Nothing can be written: what lies there is foreign, or spoilt.
    foreign: Option<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let place = Place::new();
        let backup = fs::read(place.other("backup", 50)).unwrap();
        let writers = [place.writer(), place.writer()];
        Self {
            place,
            backup,
            writers,
            written: [0; 2],
            waiting: [0; 2],
            recorded: [0; 2],
            foreign: None,
        }
    }

    fn put(&mut self, content: &[u8], in_place: bool) {
        let path = &self.place.path;
        if in_place {
            fs::write(path, content).unwrap();
        } else {
            let made = path.with_extension("made");
            fs::write(&made, content).unwrap();
            fs::rename(&made, path).unwrap();
        }
        self.written = [0; 2];
        self.foreign = (content == FOREIGN).then(|| content.to_vec());
    }

    fn act(&mut self, deed: Deed, turn: usize) {
        let who = turn % 2;
        let path = self.place.path.clone();
        let is_there = path.exists() && self.foreign.is_none();
        if deed.is_in_place() {
            // All of one process share what it knows of a file, which writers otherwise never do.
            self.writers[1 - who].engine.close_for_fork();
        }
        match deed {
            Deed::Record(times) => {
                for _ in 0..times {
                    self.writers[who].record(&format!("of {who}"), NOON, 1.0);
                    self.waiting[who] += 1;
                    self.recorded[who] += 1;
                }
            }
            Deed::Flush => self.flush(who),
            Deed::Fork => self.writers[who].engine.close_for_fork(),
            Deed::Minute => self.place.clock.advance(61_000_000_000),
            Deed::Checkpoint if is_there && fs::metadata(&path).unwrap().len() > 0 => {
                self.flush(0);
                self.flush(1);
                let sqlite = Connection::open(&path).unwrap();
                let _ = sqlite.execute_batch("PRAGMA wal_checkpoint(RESTART)");
            }
            Deed::Empty if is_there => {
                fs::write(&path, "").unwrap();
                self.written = [0; 2];
            }
            Deed::CutOff(keep) if is_there => {
                let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                if file.metadata().unwrap().len() > keep {
                    file.set_len(keep).unwrap();
                    self.foreign = Some(fs::read(&path).unwrap());
                    self.written = [0; 2];
                }
            }
            Deed::CutOffIndex if self.place.beside("-shm").exists() => {
                fs::write(self.place.beside("-shm"), "").unwrap();
                self.flush(who);
            }
            Deed::RemoveLog if is_there => {
                // What nobody has open is gone with it.
                self.act(Deed::Record(1), who);
                self.flush(who);
                let _ = fs::remove_file(self.place.beside("-wal"));
                self.flush(who);
            }
            Deed::RemoveIndex => {
                let _ = fs::remove_file(self.place.beside("-shm"));
                self.flush(who);
                self.flush(1 - who);
            }
            Deed::Remove | Deed::MoveAway => {
                if matches!(deed, Deed::Remove) {
                    let _ = fs::remove_file(&path);
                } else {
                    let _ = fs::rename(&path, path.with_extension("away"));
                }
                self.written = [0; 2];
                self.foreign = None;
            }
            Deed::MoveBackupOver => self.put(&self.backup.clone(), false),
            Deed::CopyBackupOver => self.put(&self.backup.clone(), true),
            Deed::MoveForeignOver => self.put(FOREIGN, false),
            Deed::CopyForeignOver => self.put(FOREIGN, true),
            _ => {}
        }
    }

    fn flush(&mut self, who: usize) {
        let flushed = self.writers[who].flush();
        if let Some(foreign) = &self.foreign {
            if fs::read(&self.place.path).unwrap() == *foreign {
                assert!(!flushed.complete || self.waiting[who] == 0);
                return;
            }
            // What was cut off was all in the log.
            assert!(foreign != FOREIGN);
            self.foreign = None;
        }
        if flushed.complete {
            self.written[who] += self.waiting[who];
            self.waiting[who] = 0;
        }
    }

    /// What was written is in the file, which is whole.
    fn check(&self) {
        if self.foreign.is_some() || !self.place.path.exists() {
            return;
        }
        self.place.is_sound();
        for who in 0..2 {
            let found = self.place.samples_of(&format!("of {who}"));
            assert!(found >= self.written[who], "{found} {:?}", self.written);
            // Nothing is counted twice. What was written before is still there where what was put in
            // the place of the file is the same.
            assert!(found <= self.recorded[who], "{found} {:?}", self.recorded);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_done_to_the_files_what_is_written_stays_and_theirs_is_untouched(
        deeds in prop::collection::vec(deed(), 1..40)
    ) {
        let mut world = World::new();
        for (turn, deed) in deeds.into_iter().enumerate() {
            world.act(deed, turn);
        }
        // They get what they need, and everything heals.
        if world.foreign.is_some() {
            fs::remove_file(&world.place.path).unwrap();
            world.foreign = None;
            world.written = [0; 2];
        }
        for turn in 0..6 {
            world.place.clock.advance(61_000_000_000);
            world.flush(turn % 2);
        }
        prop_assert_eq!(world.waiting, [0; 2]);
        if world.place.path.exists() {
            world.check();
            let World { place, written, writers, .. } = world;
            drop(writers);
            place.is_sound();
            for who in 0..2 {
                let found = place.samples_of(&format!("of {who}"));
                prop_assert!(found >= written[who], "{} of {:?}", found, written);
            }
        }
    }
}
