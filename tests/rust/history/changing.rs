//! Whatever somebody does to the files in whatever order, what is written stays.

use std::fs;

use proptest::prelude::*;
use rusqlite::Connection;

use super::{NOON, Place, Writer};

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
        if deed.is_in_place() {
            // All of one process share what it knows of a file, which writers otherwise never do. So one
            // of them is out of it until the other has seen what was done.
            self.writers[1 - who].engine.close_for_fork();
            self.change(deed, who);
            self.flush(who);
        } else {
            self.change(deed, who);
        }
    }

    fn change(&mut self, deed: Deed, who: usize) {
        let path = self.place.path.clone();
        let is_there = path.exists() && self.foreign.is_none();
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
            }
            Deed::RemoveLog if is_there => {
                // What nobody has open is gone with it.
                self.act(Deed::Record(1), who);
                self.flush(who);
                let _ = fs::remove_file(self.place.beside("-wal"));
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
            let is_untouched = fs::read(&self.place.path).unwrap() == *foreign;
            if is_untouched && (!flushed.complete || self.waiting[who] == 0) {
                return;
            }
            // What was cut off is all in the log.
            assert!(foreign != FOREIGN);
            self.place.is_sound();
            self.foreign = None;
        }
        if flushed.complete {
            self.written[who] += self.waiting[who];
            self.waiting[who] = 0;
        }
    }

    /// What was written is in the file, which is whole.
    fn check(&self) {
        let size = fs::metadata(&self.place.path).map_or(0, |found| found.len());
        if self.foreign.is_some() || size == 0 {
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
    #![proptest_config(ProptestConfig::with_cases(64))]
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
            // Who has nothing to write need not look.
            world.act(Deed::Record(1), turn);
            world.place.clock.advance(61_000_000_000);
            world.flush(turn % 2);
        }
        prop_assert_eq!(world.waiting, [0; 2]);
        if fs::metadata(&world.place.path).is_ok_and(|found| found.len() > 0) {
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
