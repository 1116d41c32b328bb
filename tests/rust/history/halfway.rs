//! A log that somebody began to write back into the file, and was ended meanwhile.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    time::SystemTime,
};

use super::{
    NOON, Place,
    changed::{begun, write},
};
use ptpd_monitoring::history::Change;

impl Place {
    /// Does what is done first to write the log back: the newest first page, which says how long the file
    /// is to be.
    fn begin_to_write_back(&self) {
        const PAGE: usize = 4_096;
        let log = fs::read(self.beside("-wal")).unwrap();
        let salt = log[16..24].to_vec();
        let frames = log[32..].chunks_exact(24 + PAGE);
        let frames = frames.take_while(|frame| frame[8..16] == salt);
        let first = frames.filter(|frame| frame[..4] == [0, 0, 0, 1]);
        let first = first.last().unwrap()[24..].to_vec();
        let size = u64::from(u32::from_be_bytes(first[28..32].try_into().unwrap())) * 4_096;
        let mut main = fs::OpenOptions::new().write(true).open(&self.path).unwrap();
        assert!(main.metadata().unwrap().len() < size);
        main.seek(SeekFrom::Start(0)).unwrap();
        main.write_all(&first).unwrap();
    }
}

/// So much that the file has to become longer.
fn grow(place: &Place) {
    let writer = place.writer();
    for number in 0..500 {
        writer.record(&format!("grown {number}"), NOON, 1.0);
    }
    writer.write();
    writer.engine.close_for_fork();
    std::mem::forget(writer);
}

#[test]
fn who_ends_while_writing_the_log_back_leaves_a_file_that_others_go_on_with() {
    let place = Place::new();
    let writers = [begun(&place), place.writer()];
    write(&writers[1], "before");
    grow(&place);
    place.begin_to_write_back();
    for _ in 0..2 {
        for writer in &writers {
            assert_eq!(write(writer, "after"), []);
        }
    }
    assert_eq!(place.samples(), 525);
    drop(writers);
    place.is_sound();
    assert_eq!(place.samples(), 525);
}

#[test]
fn what_only_the_log_had_of_a_file_is_written_back_when_the_log_is_removed() {
    let place = Place::new();
    let writer = place.writer();
    write(&writer, "before");
    // Of every table the log has the pages.
    let error = format!("INSERT INTO errors VALUES (3600, {NOON}, 1, 1, 500, '', 1, 0, 0)");
    place.sqlite().execute_batch(&error).unwrap();
    let main = fs::File::options().write(true).open(&place.path).unwrap();
    main.set_len(4_096).unwrap();
    assert_eq!(write(&writer, "after"), []);
    // What was changed just before it was looked at is looked at again, with or without a log.
    main.set_modified(SystemTime::now()).unwrap();
    assert_eq!(write(&writer, "after"), []);
    fs::remove_file(place.beside("-wal")).unwrap();
    assert_eq!(write(&writer, "after"), [Change::LogRemoved]);
    place.is_sound();
    assert_eq!(place.samples(), 4);
}

#[test]
fn a_file_written_over_in_part_is_left_as_it_is_though_a_log_lies_beside_it() {
    let place = Place::new();
    let writer = begun(&place);
    grow(&place);
    let sqlite = place.sqlite();
    sqlite
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .unwrap();
    write(&writer, "in the log");
    let mut main = fs::OpenOptions::new()
        .write(true)
        .open(&place.path)
        .unwrap();
    let size = usize::try_from(main.metadata().unwrap().len()).unwrap();
    main.seek(SeekFrom::Start(100)).unwrap();
    main.write_all(&vec![0xA5; size - 100]).unwrap();
    let left = fs::read(&place.path).unwrap();
    for _ in 0..3 {
        writer.record("after", NOON, 1.0);
        assert!(!writer.flush().complete);
    }
    assert!(fs::read(&place.path).unwrap() == left);
}

#[test]
fn what_cannot_be_written_back_yet_is_gone_on_with_together_with_its_log() {
    let place = Place::new();
    let killed = begun(&place);
    // Keeps what is written from now on from being written back.
    let reader = place.sqlite();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM series")
        .unwrap();
    grow(&place);
    killed.engine.close_for_fork();
    std::mem::forget(killed);
    place.begin_to_write_back();
    let writer = place.writer();
    assert_eq!(write(&writer, "after"), []);
    assert_eq!(place.samples(), 521);
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    assert_eq!(write(&writer, "after"), []);
    assert_eq!(place.samples(), 522);
    fs::write(&place.path, "").unwrap();
    assert_eq!(write(&writer, "after"), [Change::Emptied]);
    place.is_sound();
}
