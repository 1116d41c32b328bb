//! What the tests of the history share.

mod changed;
mod changing;
mod copies;
mod errors;
mod faults;
mod files;
mod gate;
mod halfway;
mod handles;
mod inspect;
mod looking;
mod model;
mod reading;
mod retention;
mod sources;
mod spans;
mod versions;

use std::{
    cell::RefCell,
    path::PathBuf,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ptpd_monitoring::{
    history::{Access, Engine, Event, Flushed, Found, Gate, Identity, Options, Reader, Urgency},
    rollup::{Delta, Key, Rollup, Source},
    time::{Clock, ManualClock, NANOS_PER_SEC, TimeRange},
};
use rusqlite::Connection;
use tempfile::TempDir;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// 2026-11-23 12:00 UTC, in seconds.
const NOON: i64 = 1_795_435_200;

thread_local!(static EVENTS: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) });

fn notice(event: &Event) {
    EVENTS.with_borrow_mut(|events| events.push(event.clone()));
}

/// A file, and what it takes to use it.
struct Place {
    _folder: TempDir,
    path: PathBuf,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            path: folder.path().join("history.db"),
            _folder: folder,
            clock: Arc::new(ManualClock::new(NOON * NANOS_PER_SEC)),
        }
    }

    fn access() -> Access {
        let gate = Box::leak(Box::new(Gate::new()));
        Access {
            patience: Duration::ZERO,
            ..Access::new(gate)
        }
    }

    fn options(&self, access: Access) -> Options {
        Options {
            clock: Clock::Manual(Arc::clone(&self.clock)),
            ..Options::new(access)
        }
    }

    fn writer(&self) -> Writer {
        self.writer_with(self.options(Self::access()))
    }

    fn writer_with(&self, options: Options) -> Writer {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let source = Arc::new(FakeSource::default());
        let engine = Engine::new(number, &self.path, options);
        let weak: Weak<dyn Source> = Arc::downgrade(&source) as _;
        engine.add_user(1);
        engine.add_source(number, 1, "source", weak);
        Writer {
            engine,
            source,
            number,
        }
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path, &Self::access()).unwrap()
    }

    /// Another connection, such as that of another program.
    fn sqlite(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    fn count(&self, sql: &str) -> i64 {
        self.sqlite().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Samples in both tables, which have to be as many.
    fn samples(&self) -> u64 {
        let minutes = self.count("SELECT coalesce(sum(count), 0) FROM minutes");
        let hours = self.count("SELECT coalesce(sum(count), 0) FROM hours");
        assert_eq!(minutes, hours);
        minutes.cast_unsigned()
    }
}

/// A process, as far as one file is concerned.
struct Writer {
    engine: Engine,
    source: Arc<FakeSource>,
    number: u64,
}

impl Writer {
    fn record(&self, name: &str, second: i64, value: f64) {
        self.source.push(sample(&operation(name), second, value));
    }

    fn identity(&self) -> Arc<Identity> {
        self.engine.identity(self.number).unwrap()
    }

    fn flush(&self) -> Flushed {
        let pass = self.engine.options().access.gate.enter().unwrap();
        self.engine.flush(&pass, Urgency::Now)
    }

    fn routine(&self) -> Flushed {
        let pass = self.engine.options().access.gate.enter().unwrap();
        self.engine.flush(&pass, Urgency::Routine)
    }

    /// Rollups that wait, and that were dropped.
    fn waiting(&self) -> (u64, u64) {
        let pass = self.engine.options().access.gate.enter().unwrap();
        self.engine.waiting(&pass)
    }

    /// Samples of what the file holds too many of.
    fn overflowed(&self) -> u64 {
        let pass = self.engine.options().access.gate.enter().unwrap();
        self.engine.overflowed(&pass)
    }

    fn gather(&self) {
        let pass = self.engine.options().access.gate.enter().unwrap();
        self.engine.flush(&pass, Urgency::Gathering);
    }

    fn write(&self) {
        let flushed = self.flush();
        assert!(flushed.complete, "{:?}", flushed.events);
    }
}

/// Hands over what a test puts in.
#[derive(Default)]
struct FakeSource(Mutex<Vec<Delta>>);

impl FakeSource {
    fn push(&self, delta: Delta) {
        self.0.lock().unwrap().push(delta);
    }
}

impl Source for FakeSource {
    fn drain(&self, out: &mut Vec<Delta>) {
        out.append(&mut self.0.lock().unwrap());
    }

    fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

fn operation(name: &str) -> Key {
    Key::Operation {
        name: name.into(),
        unit: "seconds".into(),
        session: None,
    }
}

fn sample(key: &Key, second: i64, value: f64) -> Delta {
    let mut rollup = Rollup::default();
    rollup.record(second * NANOS_PER_SEC, value);
    Delta {
        key: key.clone(),
        minute: second.div_euclid(60),
        rollup,
    }
}

/// From one second up to, and without, another.
fn range(start: i64, end: i64) -> TimeRange {
    TimeRange {
        start: start * NANOS_PER_SEC,
        end: end * NANOS_PER_SEC - 1,
    }
}

fn everything(_: &Key) -> bool {
    true
}

/// Names with the samples of own and other writers, in order.
fn counts(found: &[Found]) -> Vec<(String, u64, u64)> {
    let mut counts: Vec<_> = found
        .iter()
        .map(|found| {
            let Key::Operation { name, .. } = &found.key else {
                panic!("{:?}", found.key)
            };
            let count = |rollup: &Rollup| rollup.histogram.count();
            (name.to_string(), count(&found.own), count(&found.others))
        })
        .collect();
    counts.sort();
    counts
}
