use std::{
    any::Any,
    path::Path,
    sync::{Arc, Mutex, Weak},
};

use crate::{
    alone_with_the_systems_clock, each_at_once, explore,
    ledger::histogram_of,
    monitor::{monitor, record},
    pairs,
};
use ptpd_monitoring::{
    history::{Access, Engine, Gate, Options, Pass, Urgency},
    monitor::Monitor,
    rollup::{Delta, Sink, Source},
    stats::{Histogram, histogram::Bucket},
    time::TimeRange,
};
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Where there is no folder nothing can be written, so that all of it waits to be read.
pub const NOWHERE: &str = "/no folder of this name/history.db";

const USER: u64 = 1;
const BEFORE: [u64; 2] = [1, 2];

/// One file of a process, with a source whose owner may let it go while others use it.
struct World {
    gate: &'static Gate,
    engine: Arc<Engine>,
    /// A real lock, held for no step of anybody else's.
    source: Mutex<Option<Arc<Monitor<u64>>>>,
}

/// What connects a source to the engine.
#[derive(Debug)]
struct Connection {
    engine: Arc<Engine>,
    number: u64,
    /// What goes after it.
    _handle: Arc<dyn Any + Send + Sync>,
}

impl Sink for Connection {
    fn absorb(&self, deltas: Vec<Delta>) {
        self.engine.absorb(self.number, deltas);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.engine.remove_source(self.number);
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Record,
    Clear,
    Flush(Urgency),
    Read,
    Attach,
    Go,
    Close,
}

const WORK: [Work; 8] = [
    Work::Record,
    Work::Clear,
    Work::Flush(Urgency::Routine),
    Work::Flush(Urgency::Now),
    Work::Read,
    Work::Attach,
    Work::Go,
    Work::Close,
];

impl World {
    fn new() -> Self {
        // A gate is the process's; those of a few thousand schedules are no more than a megabyte.
        let gate: &'static Gate = Box::leak(Box::default());
        let options = Options::new(Access::new(gate));
        let engine = Arc::new(Engine::new(1, Path::new(NOWHERE), options));
        engine.add_user(USER);
        let world = Self {
            gate,
            engine,
            source: Mutex::default(),
        };
        let source = world.attach(1);
        for value in BEFORE {
            record(&source, "a", value);
        }
        *world.source.lock().unwrap() = Some(source);
        world
    }

    fn attach(&self, number: u64) -> Arc<Monitor<u64>> {
        attach(&self.engine, number, USER, Arc::new(()))
    }

    /// The source, unless its owner has let it go.
    fn source(&self) -> Option<Arc<Monitor<u64>>> {
        self.source.lock().unwrap().clone()
    }

    fn pass(&self) -> Pass<'static> {
        self.gate.enter().unwrap()
    }

    /// The samples that the history did not take, and will not.
    fn alone(&self) -> Histogram {
        let operations = self.source().map_or_else(Vec::new, |it| it.operations());
        operations
            .iter()
            .filter_map(|operation| operation.own(TimeRange::ALL, None, false).alone)
            .flat_map(|measured| measured.values)
            .collect()
    }

    /// The samples that are on their way to the file.
    fn read(&self) -> Histogram {
        read(&self.engine, &self.pass())
    }
}

/// A source of `engine` that keeps its `handle`.
pub fn attach(
    engine: &Arc<Engine>,
    number: u64,
    user: u64,
    handle: Arc<dyn Any + Send + Sync>,
) -> Arc<Monitor<u64>> {
    let source = Arc::new(monitor(10));
    let weak: Weak<dyn Source> = Arc::<Monitor<u64>>::downgrade(&source);
    engine.add_source(number, user, "source", weak);
    assert!(source.roll_up_for(Arc::new(Connection {
        engine: Arc::clone(engine),
        number,
        _handle: handle,
    })));
    source
}

/// The samples that are on their way to the file.
pub fn read(engine: &Engine, pass: &Pass<'_>) -> Histogram {
    let reading = engine.read(pass, TimeRange::ALL, |_| true, &[]);
    let mut all = Histogram::new();
    for found in reading.found {
        all.merge(&found.others.histogram);
    }
    all
}

impl Work {
    /// The values recorded.
    fn run(self, world: &World, value: u64) -> Vec<u64> {
        match self {
            Self::Record => {
                // This thread may be the last one to hold the source, which hands its rest over then.
                if let Some(source) = world.source() {
                    record(&source, "a", value);
                    return vec![value];
                }
            }
            Self::Clear => {
                if let Some(source) = world.source() {
                    drop(source.clear(None));
                }
            }
            Self::Flush(urgency) => drop(world.engine.flush(&world.pass(), urgency)),
            Self::Read => {
                // Whoever is here keeps it from going.
                let source = world.source();
                drop(world.engine.flush(&world.pass(), Urgency::Now));
                let found = world.read();
                assert!(source.is_none() || holds_those_before(&found), "missed");
            }
            Self::Attach => {
                record(&world.attach(value), "a", value);
                return vec![value];
            }
            Self::Go => {
                let source = world.source.lock().unwrap().take();
                drop(source);
            }
            Self::Close => {
                drop(world.engine.flush(&world.pass(), Urgency::Now));
                world.engine.remove_user(USER);
            }
        }
        Vec::new()
    }
}

fn buckets(histogram: &Histogram) -> Vec<Bucket> {
    histogram.buckets().iter().collect()
}

fn holds_those_before(found: &Histogram) -> bool {
    let found = buckets(found);
    let before = buckets(&histogram_of(&BEFORE));
    before.iter().all(|bucket| found.contains(bucket))
}

#[test]
fn no_pair_of_operations_loses_or_doubles_a_sample_on_its_way_to_the_file() {
    let _alone = alone_with_the_systems_clock();
    for (one, other) in pairs(&WORK) {
        explore(move || {
            let world = Arc::new(World::new());
            let works = [(one, 10), (other, 20)];
            let run = |world: &Arc<World>, (work, value): (Work, u64)| work.run(world, value);
            let mut recorded: Vec<u64> = each_at_once(&world, works, run).concat();
            recorded.extend(BEFORE);
            let alone = world.alone();
            Work::Go.run(&world, 0);
            Work::Flush(Urgency::Now).run(&world, 0);
            let mut found = world.read();
            let both = [one, other];
            let closes = both.contains(&Work::Close);
            let goes = |work: &Work| matches!(work, Work::Clear | Work::Attach | Work::Go);
            if closes && !both.iter().any(goes) {
                // What was recorded meanwhile is in memory alone, or the history's.
                found.merge(&alone);
            }
            if closes && both.iter().any(goes) {
                // With its memory, it went.
                let all = buckets(&histogram_of(&recorded));
                let is_known = buckets(&found).iter().all(|bucket| all.contains(bucket));
                assert!(is_known, "{one:?}, {other:?}: doubled");
                assert!(holds_those_before(&found), "{one:?}, {other:?}: lost");
            } else {
                assert_eq!(found, histogram_of(&recorded), "{one:?}, {other:?}");
            }
        });
    }
}

/// A source's connection that calls the thread that writes, which rests.
#[derive(Debug)]
struct Caller(Arc<Engine>, AtomicUsize);

impl Sink for Caller {
    fn begin(&self) {
        if self.0.begins() {
            self.1.fetch_add(1, SeqCst);
        }
    }

    fn absorb(&self, _: Vec<Delta>) {}
}

/// What the threads share: the engine, its source, and whether a look found something.
type Shared = (Arc<Engine>, Arc<Monitor<u64>>, Arc<AtomicUsize>);

#[test]
fn what_is_recorded_after_a_pause_is_found_or_calls_the_thread_that_looked_just_before() {
    let _alone = alone_with_the_systems_clock();
    explore(|| {
        let gate: &'static Gate = Box::leak(Box::default());
        let options = Options::new(Access::new(gate));
        let engine = Arc::new(Engine::new(1, Path::new(NOWHERE), options));
        engine.add_user(USER);
        let source = Arc::new(monitor(10));
        let weak: Weak<dyn Source> = Arc::<Monitor<u64>>::downgrade(&source);
        engine.add_source(1, USER, "source", weak);
        engine.await_the_next(false);
        let caller = Arc::new(Caller(Arc::clone(&engine), AtomicUsize::default()));
        assert!(source.roll_up_for(caller.clone()));
        let found = Arc::new(AtomicUsize::default());
        let shared = Arc::new((engine, source, Arc::clone(&found)));
        let works: [fn(&Shared); 3] = [
            |(engine, _, found)| {
                engine.await_the_next(true);
                let pass = engine.options().access.gate.enter().unwrap();
                let flushed = engine.flush(&pass, Urgency::Routine);
                found.store(flushed.found.into(), SeqCst);
            },
            |(_, source, _)| {
                record(source, "a", 1);
            },
            |(_, source, _)| {
                record(source, "b", 2);
            },
        ];
        each_at_once(&shared, works, |shared, work| work(shared));
        let waits = {
            let mut waiting = Vec::new();
            shared.1.drain(&mut waiting);
            !waiting.is_empty()
        };
        let times = caller.1.load(SeqCst);
        assert!(times <= 1, "called {times} times");
        // What is still there was recorded after the look.
        assert!(!waits || times == 1 || found.load(SeqCst) == 1);
    });
}
