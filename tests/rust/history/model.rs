//! Random recording, flushing, failing, crashing and forking of several writers, beside a model
//! that knows what must be on disk.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
};

use proptest::prelude::*;
use ptpd_monitoring::{
    history::{Access, Options},
    rollup::{Key, Rollup},
    stats::{
        Histogram,
        histogram::{Buckets, Figures},
    },
};
use rusqlite::{ErrorCode, ffi};

use super::{HOUR, NOON, Place, Writer, operation};

#[derive(Debug, Clone, Copy)]
enum Commit {
    Works,
    FailsBefore,
    FailsAfter,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Record {
        writer: usize,
        name: u8,
        minute: i64,
        value: i32,
    },
    Flush {
        writer: usize,
        commit: Commit,
    },
    /// The process is killed, and another one takes its place.
    Kill {
        writer: usize,
    },
    /// The process goes on as its own child; its parent writes nothing more.
    Fork {
        writer: usize,
    },
    /// The file is closed and opened again.
    Reopen {
        writer: usize,
    },
}

const WRITERS: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let writer = 0..WRITERS;
    let commit = prop_oneof![
        6 => Just(Commit::Works),
        1 => Just(Commit::FailsBefore),
        1 => Just(Commit::FailsAfter),
    ];
    let record = (writer.clone(), 0..4_u8, -90..90_i64, -1_000..1_000).prop_map(
        |(writer, name, minute, value)| Step::Record {
            writer,
            name,
            minute,
            value,
        },
    );
    let step = prop_oneof![
        8 => record,
        4 => (writer.clone(), commit).prop_map(|(writer, commit)| Step::Flush { writer, commit }),
        1 => writer.clone().prop_map(|writer| Step::Kill { writer }),
        1 => writer.clone().prop_map(|writer| Step::Fork { writer }),
        1 => writer.prop_map(|writer| Step::Reopen { writer }),
    ];
    prop::collection::vec(step, 1..80)
}

type Samples = Vec<(u8, i64, i32)>;

struct Process {
    writer: Writer,
    commit: Arc<AtomicU8>,
    /// What was recorded and may still be lost.
    volatile: Samples,
}

impl Process {
    fn new(place: &Place) -> Self {
        let commit = Arc::new(AtomicU8::new(0));
        let seen = Arc::clone(&commit);
        let access = Access {
            commit: Arc::new(move |connection| {
                let plan = seen.load(SeqCst);
                if plan != 1 {
                    connection.execute_batch("COMMIT")?;
                }
                if plan == 0 { Ok(()) } else { Err(failure()) }
            }),
            ..Place::access()
        };
        let options: Options = place.options(access);
        Self {
            writer: place.writer_with(options),
            commit,
            volatile: Samples::new(),
        }
    }
}

fn failure() -> rusqlite::Error {
    let error = ffi::Error {
        code: ErrorCode::SystemIoFailure,
        extended_code: 10,
    };
    rusqlite::Error::SqliteFailure(error, None)
}

fn run(place: &Place, steps: &[Step]) -> Samples {
    let mut processes: Vec<_> = (0..WRITERS).map(|_| Process::new(place)).collect();
    let mut durable = Samples::new();
    for step in steps {
        match *step {
            Step::Record {
                writer,
                name,
                minute,
                value,
            } => {
                let process = &mut processes[writer];
                let second = NOON + 60 * minute + i64::from(value.rem_euclid(60));
                process
                    .writer
                    .record(&name.to_string(), second, f64::from(value));
                process.volatile.push((name, second, value));
            }
            Step::Flush { writer, commit } => {
                let process = &mut processes[writer];
                process.commit.store(commit as u8, SeqCst);
                let complete = process.writer.flush().complete;
                process.commit.store(Commit::Works as u8, SeqCst);
                let written = match commit {
                    Commit::Works => {
                        assert!(complete);
                        true
                    }
                    Commit::FailsBefore => false,
                    Commit::FailsAfter => true,
                };
                if written {
                    durable.append(&mut process.volatile);
                }
            }
            Step::Kill { writer } => processes[writer] = Process::new(place),
            Step::Fork { writer } => {
                let process = &mut processes[writer];
                process.writer.engine.close_for_fork();
                process.writer.engine.begin_anew();
                process.volatile.clear();
            }
            Step::Reopen { writer } => {
                let engine = &processes[writer].writer.engine;
                let pass = engine.options().access.gate.enter().unwrap();
                engine.close_file(&pass);
            }
        }
    }
    for process in &mut processes {
        process.writer.write();
        durable.append(&mut process.volatile);
    }
    durable
}

/// The rollups of a table, by start and name, merged over writers.
fn table(place: &Place, table: &str) -> BTreeMap<(i64, String), Rollup> {
    let sqlite = place.sqlite();
    let mut statement = sqlite
        .prepare(&format!(
            "SELECT start, name, sum, sum_squares, min, max, first_ns, last_ns, buckets, count \
             FROM {table} JOIN series ON series.id = series"
        ))
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut rollups: BTreeMap<_, Rollup> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let figures = Figures {
            sum: row.get(2).unwrap(),
            sum_squares: row.get(3).unwrap(),
            min: row.get(4).unwrap(),
            max: row.get(5).unwrap(),
        };
        let buckets = Buckets::decode(&row.get::<_, Vec<u8>>(8).unwrap()).unwrap();
        let histogram = Histogram::from_parts(buckets, figures).unwrap();
        assert_eq!(
            histogram.count(),
            row.get::<_, i64>(9).unwrap().unsigned_abs()
        );
        let rollup = Rollup {
            first: row.get(6).unwrap(),
            last: row.get(7).unwrap(),
            histogram,
        };
        let key = (row.get(0).unwrap(), row.get(1).unwrap());
        rollups.entry(key).or_default().merge(&rollup);
    }
    rollups
}

fn expected(samples: &Samples, length: i64) -> BTreeMap<(i64, String), Rollup> {
    let mut rollups: BTreeMap<_, Rollup> = BTreeMap::new();
    for &(name, second, value) in samples {
        let key = (second - second.rem_euclid(length), name.to_string());
        let rollup = rollups.entry(key).or_default();
        rollup.record(second * 1_000_000_000, f64::from(value));
    }
    rollups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_file_holds_each_sample_once_whatever_happens(steps in steps()) {
        temp_env::with_var("TZ", Some("UTC"), || {
            let place = Place::new();
            let samples = run(&place, &steps);
            // Whole numbers add up exactly in any order.
            assert_eq!(table(&place, "minutes"), expected(&samples, 60));
            assert_eq!(table(&place, "hours"), expected(&samples, HOUR));
            let keys: Vec<Key> = (0..4_u8).map(|name| operation(&name.to_string())).collect();
            let found = place
                .reader()
                .read(super::range(NOON - 2 * HOUR, NOON + 2 * HOUR), |key| keys.contains(key), &[])
                .unwrap();
            let count: u64 = found.iter().map(|found| found.others.histogram.count()).sum();
            assert_eq!(count, samples.len() as u64);
        });
    }
}
