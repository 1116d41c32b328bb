use std::{
    any::Any,
    path::Path,
    sync::{Arc, Mutex},
};

use ptpd_monitoring::{
    history::{Access, Engine, Engines, Gate, Options, Urgency},
    time::{Clock, ManualClock},
};
use shuttle::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    thread,
};

use crate::{
    alone_with_the_systems_clock, each_at_once,
    engine::{NOWHERE, attach, read},
    explore,
    ledger::histogram_of,
    monitor::record,
    pairs,
};

/// The engines of a process with one path, and the thread that writes.
struct World {
    gate: &'static Gate,
    engines: Engines<()>,
    numbers: AtomicU64,
    /// Those that somebody uses. A real lock, held for no step of anybody else's.
    open: Mutex<Vec<Arc<Engine>>>,
    /// How often something was written.
    written: AtomicUsize,
    is_writing: AtomicBool,
    ends: AtomicBool,
}

/// What is done with a handle between opening it and letting it go.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Look,
    Record,
    /// As a handle that is dropped, not closed: what was recorded is left to the thread that writes.
    RecordAndDrop,
}

const WORK: [Work; 3] = [Work::Look, Work::Record, Work::RecordAndDrop];

impl World {
    fn new() -> Self {
        let gate: &'static Gate = Box::leak(Box::default());
        Self {
            gate,
            engines: Engines::new(gate),
            numbers: AtomicU64::new(1),
            open: Mutex::default(),
            written: AtomicUsize::new(0),
            is_writing: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        }
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, SeqCst)
    }

    fn join(self: &Arc<Self>, user: u64) -> Arc<Engine> {
        let make = || {
            let mut options = Options::new(Access::new(self.gate));
            options.clock = Clock::Manual(Arc::new(ManualClock::new(0)));
            Engine::new(self.next_number(), Path::new(NOWHERE), options)
        };
        let start = |writer: &mut Option<()>| {
            if writer.replace(()).is_none() {
                let world = Arc::clone(self);
                thread::spawn(move || world.write());
            }
            Ok(())
        };
        let (engine, started) = self.engines.join(Path::new(NOWHERE), make, user, start);
        started.unwrap();
        engine
    }

    fn to_write(&self) -> Option<Vec<Arc<Engine>>> {
        self.engines.to_write(&self.gate.enter().unwrap())
    }

    /// What the thread does.
    fn write(&self) {
        while !self.ends.load(SeqCst)
            && let Some(engines) = self.to_write()
        {
            for engine in engines {
                assert!(!self.is_writing.swap(true, SeqCst), "two threads write");
                let pass = self.gate.enter().unwrap();
                self.engines.write(&engine, Urgency::Routine, &pass);
                drop(pass);
                self.is_writing.store(false, SeqCst);
                self.written.fetch_add(1, SeqCst);
            }
            thread::yield_now();
        }
    }

    /// Returns once the thread has written what is there now.
    fn wait_for_writer(&self) {
        let written = self.written.load(SeqCst);
        // If no thread runs any more, the scheduler gives up.
        while self.written.load(SeqCst) < written + 2 {
            thread::yield_now();
        }
    }

    fn flush(&self, engine: &Engine) {
        drop(engine.flush(&self.gate.enter().unwrap(), Urgency::Now));
    }

    /// Those that are in use at the same time have one engine, as long as they are.
    fn begin_to_use(&self, engine: &Arc<Engine>) {
        let mut open = self.open.lock().unwrap();
        assert!(open.iter().all(|other| Arc::ptr_eq(other, engine)), "apart");
        open.push(Arc::clone(engine));
    }

    fn end_to_use(&self) {
        let ended = self.open.lock().unwrap().pop();
        drop(ended.unwrap());
    }
}

/// A handle that is let go by whoever holds it last.
struct Dropped {
    engine: Arc<Engine>,
    user: u64,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.engine.remove_user(self.user);
    }
}

impl Work {
    fn run(self, world: &Arc<World>, value: u64) {
        let user = world.next_number();
        let engine = world.join(user);
        world.begin_to_use(&engine);
        let handle: Arc<dyn Any + Send + Sync> = if self == Self::RecordAndDrop {
            let engine = Arc::clone(&engine);
            Arc::new(Dropped { engine, user })
        } else {
            Arc::new(())
        };
        if self != Self::Look {
            let source = attach(&engine, world.next_number(), user, Arc::clone(&handle));
            record(&source, "a", value);
        }
        // Another handle of the same thread's, which comes and goes.
        let second = world.next_number();
        let same = world.join(second);
        assert!(Arc::ptr_eq(&engine, &same), "{self:?}: forgotten in use");
        world.engines.leave(&same, second);
        if self == Self::RecordAndDrop {
            world.end_to_use();
            drop(handle);
        } else {
            world.flush(&engine);
            world.end_to_use();
            world.engines.leave(&engine, user);
        }
    }
}

#[test]
fn no_engine_is_forgotten_while_it_is_used_or_has_something_to_write() {
    let _alone = alone_with_the_systems_clock();
    for (one, other) in pairs(&WORK) {
        explore(move || {
            let world = Arc::new(World::new());
            let works = [(one, 10), (other, 20)];
            each_at_once(&world, works, |world, (work, value)| work.run(world, value));
            let recorded: Vec<u64> = works
                .into_iter()
                .filter_map(|(work, value)| (work != Work::Look).then_some(value))
                .collect();
            if recorded.is_empty() {
                assert!(world.to_write().is_none(), "never forgotten");
                return;
            }
            // It cannot be written, so it waits; nobody but the thread takes it from where it is.
            assert!(world.to_write().is_some(), "forgotten unwritten");
            world.wait_for_writer();
            world.ends.store(true, SeqCst);
            let user = world.next_number();
            let engine = world.join(user);
            let found = read(&engine, &world.gate.enter().unwrap());
            assert_eq!(found, histogram_of(&recorded), "{one:?}, {other:?}");
        });
    }
}
