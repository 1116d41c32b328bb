//! A file that cannot be written for a while: told once, kept, and written when it heals.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use ptpd_monitoring::history::{Access, Cause, Event, Options, Problem};
use rusqlite::{Connection, ErrorCode, ffi};

use super::{NOON, Place, Writer};

fn failure(code: ErrorCode, number: i32) -> rusqlite::Error {
    let error = ffi::Error {
        code,
        extended_code: number,
    };
    rusqlite::Error::SqliteFailure(error, None)
}

fn disk_error() -> rusqlite::Error {
    failure(ErrorCode::SystemIoFailure, 10)
}

/// What commits are to do, by turns.
#[derive(Clone, Copy)]
enum Commit {
    Work,
    FailBefore,
    FailAfter,
}

/// Commits go as `plan` says, and work after that.
fn planned(plan: &'static [Commit]) -> Access {
    let turn = AtomicUsize::new(0);
    Access {
        commit: Arc::new(move |connection| {
            match plan.get(turn.fetch_add(1, SeqCst)).unwrap_or(&Commit::Work) {
                Commit::Work => connection.execute_batch("COMMIT"),
                Commit::FailBefore => Err(disk_error()),
                Commit::FailAfter => {
                    connection.execute_batch("COMMIT")?;
                    Err(disk_error())
                }
            }
        }),
        ..Place::access()
    }
}

fn causes(events: &[Event]) -> Vec<Option<Cause>> {
    events
        .iter()
        .map(|event| match event {
            Event::Failed(Problem { cause, .. }) => Some(*cause),
            Event::Healed { .. } => None,
            Event::Changed { .. } | Event::Overflowed { .. } | Event::Lost { .. } => {
                panic!("{event:?}")
            }
        })
        .collect()
}

fn record(writer: &Writer) {
    writer.record("op", NOON, 1.0);
}

#[test]
fn a_commit_that_failed_after_it_took_effect_is_not_repeated() {
    let place = Place::new();
    let access = planned(&[Commit::Work, Commit::FailAfter]);
    let writer = place.writer_with(place.options(access));
    record(&writer);
    writer.write();
    record(&writer);
    let flushed = writer.flush();
    assert!(!flushed.complete);
    assert_eq!(causes(&flushed.events), [Some(Cause::System)]);
    assert_eq!(place.samples(), 2);
    record(&writer);
    let flushed = writer.flush();
    assert!(flushed.complete);
    assert_eq!(causes(&flushed.events), [None]);
    assert_eq!(place.samples(), 3);
}

#[test]
fn a_commit_that_failed_before_it_took_effect_is_repeated() {
    let place = Place::new();
    let access = planned(&[Commit::FailBefore, Commit::FailBefore]);
    let writer = place.writer_with(place.options(access));
    record(&writer);
    assert!(!writer.flush().complete);
    record(&writer);
    assert!(!writer.flush().complete);
    assert_eq!(place.samples(), 0);
    assert!(writer.flush().complete);
    assert_eq!(place.samples(), 2);
}

#[test]
fn a_commit_stays_in_doubt_while_the_file_cannot_be_asked() {
    let place = Place::new();
    let access = planned(&[Commit::FailAfter]);
    let writer = place.writer_with(place.options(access));
    record(&writer);
    assert!(!writer.flush().complete);
    let other = place.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    record(&writer);
    assert!(!writer.flush().complete);
    assert_eq!(writer.waiting().0, 2);
    other.execute_batch("ROLLBACK").unwrap();
    writer.write();
    assert_eq!(place.samples(), 2);
}

#[test]
fn numbers_of_series_that_were_never_committed_are_not_used() {
    let place = Place::new();
    place.writer().write();
    let turn = AtomicUsize::new(0);
    let access = Access {
        commit: Arc::new(move |connection| match turn.fetch_add(1, SeqCst) {
            // The connection stays open after this one.
            0 => Err(failure(ErrorCode::DatabaseBusy, 5)),
            _ => connection.execute_batch("COMMIT"),
        }),
        ..Place::access()
    };
    let (writer, other) = (place.writer_with(place.options(access)), place.writer());
    writer.record("mine", NOON, 1.0);
    assert!(!writer.flush().complete);
    other.record("theirs", NOON, 1.0);
    other.write();
    writer.write();
    let sql = "SELECT count(*) FROM hours JOIN series ON series.id = series WHERE name = ";
    assert_eq!(place.count(&format!("{sql}'mine'")), 1);
    assert_eq!(place.count(&format!("{sql}'theirs'")), 1);
}

#[test]
fn a_locked_file_is_told_of_once_and_written_when_it_is_free() {
    let place = Place::new();
    let writer = place.writer();
    record(&writer);
    writer.write();
    let other = place.sqlite();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    record(&writer);
    assert_eq!(causes(&writer.flush().events), [Some(Cause::Locked)]);
    let problem = writer.engine.problem().unwrap();
    assert!(problem.to_string().contains("end whatever holds the lock"));
    for _ in 0..3 {
        record(&writer);
        let flushed = writer.flush();
        assert!(!flushed.complete && flushed.events.is_empty());
    }
    other.execute_batch("COMMIT").unwrap();
    let flushed = writer.flush();
    assert!(flushed.complete);
    assert_eq!(causes(&flushed.events), [None]);
    assert_eq!(writer.engine.problem(), None);
    assert_eq!(place.samples(), 5);
}

#[test]
fn a_file_that_is_locked_from_the_beginning_is_written_when_it_is_free() {
    let place = Place::new();
    place.writer().write();
    let other = place.sqlite();
    // Exclusive in this mode keeps readers out as well.
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
        .unwrap();
    let writer = place.writer();
    record(&writer);
    assert_eq!(causes(&writer.flush().events), [Some(Cause::Locked)]);
    drop(other);
    writer.write();
    assert_eq!(place.samples(), 1);
}

#[test]
fn a_missing_folder_is_told_of_once_and_the_file_made_when_it_is_there() {
    let place = Place::new();
    let folder = place.path.with_file_name("missing");
    let mut place = place;
    place.path = folder.join("history.db");
    let writer = place.writer();
    record(&writer);
    assert_eq!(causes(&writer.flush().events), [Some(Cause::Unreachable)]);
    let problem = writer.engine.problem().unwrap();
    assert!(problem.to_string().contains("make its folder"), "{problem}");
    assert!(writer.flush().events.is_empty());
    fs::create_dir(&folder).unwrap();
    writer.write();
    assert_eq!(place.samples(), 1);
}

#[test]
fn a_folder_in_the_place_of_the_file_is_told_of() {
    let place = Place::new();
    fs::create_dir(&place.path).unwrap();
    let writer = place.writer();
    let flushed = writer.flush();
    assert_eq!(flushed.events.len(), 1);
    assert!(writer.engine.problem().is_some());
}

/// A file that may not grow beyond what it is while `full` is set.
fn limited(full: &Arc<AtomicBool>) -> Access {
    let full = Arc::clone(full);
    Access {
        opened: Some(Arc::new(move |connection: &Connection| {
            let limit = if full.load(SeqCst) { 1 } else { 1_000_000 };
            let sql = format!("PRAGMA max_page_count = {limit}");
            connection.query_row(&sql, [], |_| Ok(()))
        })),
        ..Place::access()
    }
}

#[test]
fn a_full_disk_is_told_of_once_and_everything_written_when_there_is_room() {
    let place = Place::new();
    let full = Arc::new(AtomicBool::new(true));
    let writer = place.writer_with(place.options(limited(&full)));
    let mut events = Vec::new();
    for minute in 0..500 {
        writer.record("op", NOON + 60 * minute, 1.0);
        events.extend(writer.flush().events);
    }
    assert_eq!(causes(&events), [Some(Cause::Full)]);
    let problem = writer.engine.problem().unwrap();
    assert!(problem.to_string().contains("free some space"), "{problem}");
    full.store(false, SeqCst);
    let flushed = writer.flush();
    assert_eq!(causes(&flushed.events), [None]);
    assert_eq!(place.samples(), 500);
}

/// A file that fails while `broken` is set.
fn broken(broken: &Arc<AtomicBool>) -> Access {
    let broken = Arc::clone(broken);
    Access {
        opened: Some(Arc::new(move |_: &Connection| {
            if broken.load(SeqCst) {
                Err(disk_error())
            } else {
                Ok(())
            }
        })),
        ..Place::access()
    }
}

#[test]
fn what_is_written_seldom_is_written_before_it_is_too_much() {
    let place = Place::new();
    let writer = place.writer_with(Options {
        flush_interval: std::time::Duration::from_hours(24),
        max_pending: 100,
        ..place.options(Place::access())
    });
    writer.write();
    let on_disk = || place.count("SELECT count(*) FROM minutes");
    for minute in 0..50 {
        writer.record("op", NOON + 60 * minute, 1.0);
        writer.gather();
    }
    assert_eq!((on_disk(), writer.waiting()), (0, (50, 0)));
    for minute in 50..1_440 {
        writer.record("op", NOON + 60 * minute, 1.0);
        writer.gather();
    }
    writer.write();
    assert_eq!((on_disk(), writer.waiting()), (1_440, (0, 0)));
}

#[test]
fn what_waits_has_a_bound_and_the_oldest_goes_and_is_counted() {
    let place = Place::new();
    let full = Arc::new(AtomicBool::new(true));
    let options = Options {
        max_pending: 100,
        ..place.options(broken(&full))
    };
    let writer = place.writer_with(options);
    for minute in 0..250 {
        // Twice in a minute is one rollup.
        for _ in 0..2 {
            writer.record("op", NOON + 60 * minute, minute as f64);
        }
        writer.flush();
        assert!(writer.waiting().0 <= 100);
    }
    assert_eq!(writer.waiting(), (100, 150));
    full.store(false, SeqCst);
    let flushed = writer.flush();
    assert!(matches!(
        &flushed.events[..],
        [Event::Healed { dropped: 150, .. }]
    ));
    assert_eq!(place.samples(), 200);
    assert_eq!(
        place.count("SELECT CAST(min(min) AS INTEGER) FROM minutes"),
        150
    );
}

#[test]
fn a_failing_file_is_tried_less_and_less_often_unless_somebody_asks() {
    let place = Place::new();
    let opened = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&opened);
    let access = Access {
        opened: Some(Arc::new(move |_: &Connection| {
            seen.fetch_add(1, SeqCst);
            Err(disk_error())
        })),
        ..Place::access()
    };
    let writer = place.writer_with(place.options(access));
    let mut tries = Vec::new();
    for second in 0..200 {
        let before = opened.load(SeqCst);
        assert!(!writer.routine().complete, "{second}");
        record(&writer);
        if opened.load(SeqCst) > before {
            tries.push(second);
        }
        place.clock.advance(1_000_000_000);
    }
    assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    let before = opened.load(SeqCst);
    writer.flush();
    assert_eq!(opened.load(SeqCst), before + 1);
}

#[test]
fn a_file_that_heals_with_nothing_to_write_says_so_too() {
    let place = Place::new();
    let full = Arc::new(AtomicBool::new(true));
    let access = broken(&full);
    let writer = place.writer_with(place.options(access));
    assert_eq!(causes(&writer.flush().events), [Some(Cause::System)]);
    full.store(false, SeqCst);
    assert_eq!(causes(&writer.flush().events), [None]);
    assert!(writer.flush().events.is_empty());
}

#[test]
fn a_fork_that_waits_interrupts_the_wait_for_a_lock_and_is_no_problem() {
    let place = Place::new();
    let mut access = Place::access();
    access.patience = std::time::Duration::from_mins(10);
    let gate = access.gate;
    let writer = place.writer_with(place.options(access));
    record(&writer);
    writer.write();
    let other = place.sqlite();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    record(&writer);
    let pass = gate.enter().unwrap();
    gate.close();
    let urgency = ptpd_monitoring::history::Urgency::Now;
    let flushed = writer.engine.flush(&pass, urgency);
    assert!(flushed.interrupted && !flushed.complete && flushed.events.is_empty());
    drop(pass);
    assert_eq!(writer.engine.problem(), None);
    gate.open();
    other.execute_batch("COMMIT").unwrap();
    writer.write();
    assert_eq!(place.samples(), 2);
}

#[test]
fn a_lock_of_somebody_else_holds_up_no_other_file_and_is_told_when_it_lasts() {
    let place = Place::new();
    let access = Access {
        patience: std::time::Duration::from_secs(5),
        ..Place::access()
    };
    let writer = place.writer_with(place.options(access));
    writer.write();
    let other = place.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    record(&writer);
    for _ in 0..2 {
        let flushed = writer.routine();
        assert!(flushed.locked && !flushed.complete && flushed.events.is_empty());
        assert_eq!(writer.engine.problem(), None);
    }
    place.clock.advance(5_000_000_000);
    let flushed = writer.routine();
    assert!(!flushed.locked);
    assert_eq!(causes(&flushed.events), [Some(Cause::Locked)]);
    other.execute_batch("COMMIT").unwrap();
    place.clock.advance(60_000_000_000);
    assert_eq!(causes(&writer.routine().events), [None]);
    assert_eq!(place.samples(), 1);
    // The next lock is another one.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    record(&writer);
    assert!(writer.routine().locked);
}

#[test]
fn every_problem_says_what_to_do() {
    for cause in [
        Cause::Unreachable,
        Cause::Missing,
        Cause::ReadOnly,
        Cause::Full,
        Cause::Locked,
        Cause::Foreign,
        Cause::Damaged,
        Cause::Newer,
        Cause::LogUnread,
        Cause::System,
        Cause::Forked,
        Cause::Forking,
        Cause::NoThread,
    ] {
        let path = std::path::Path::new("/somewhere/history.db");
        let text = Problem::new(path, cause, "what the system said").to_string();
        assert!(text.contains("/somewhere/history.db"), "{text}");
        assert!(text.contains("(what the system said): "), "{text}");
        let remedy = text.split("): ").nth(1).unwrap();
        assert!(remedy.len() > 15, "{text}");
    }
}
