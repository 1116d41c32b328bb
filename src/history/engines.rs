//! The engines of a process: who shares one, and when one is forgotten.

use std::{io, path::Path, sync::Arc};

use super::{
    engine::{Engine, Flushed, Retirement, Urgency},
    gate::{Gate, Pass},
};
use crate::sync::Mutex;

/// The engines, one for each path, and the thread `T` that writes them.
#[derive(Debug)]
pub struct Engines<T> {
    gate: &'static Gate,
    pub(super) state: Mutex<State<T>>,
}

#[derive(Debug)]
pub(super) struct State<T> {
    pub engines: Vec<Arc<Engine>>,
    pub writer: Option<T>,
    /// The thread that has found nothing to write any more, and is about to end.
    pub left: Option<T>,
    /// How many forks are under way, during which no thread is started.
    pub forks: usize,
    /// Whether the process is about to end and starts no thread any more.
    pub ending: bool,
}

impl<T> State<T> {
    /// Starts the thread by `start`, which is handed the one that there is.
    pub fn start_writer(
        &mut self,
        start: impl FnOnce(&mut Option<T>) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.ending || self.forks > 0 {
            return Ok(());
        }
        start(&mut self.writer)
    }

    /// The threads that there may be, which are no longer the process's to write by.
    pub fn take_writers(&mut self) -> Vec<T> {
        let writers = [self.writer.take(), self.left.take()];
        writers.into_iter().flatten().collect()
    }
}

impl<T> Engines<T> {
    /// None, to be used by whoever has a pass of `gate`.
    #[must_use]
    pub fn new(gate: &'static Gate) -> Self {
        Self {
            gate,
            state: Mutex::new(State {
                engines: Vec::new(),
                writer: None,
                left: None,
                forks: 0,
                ending: false,
            }),
        }
    }

    /// The engine of `path` for the handle `user`: the one that is there, or the one that `make`
    /// makes. Then the thread runs, unless `start` failed, which is handed the one that there is and
    /// starts one if there is none.
    pub fn join(
        &self,
        path: &Path,
        make: impl FnOnce() -> Engine,
        user: u64,
        start: impl FnOnce(&mut Option<T>) -> io::Result<()>,
    ) -> (Arc<Engine>, io::Result<()>) {
        let mut state = self.state.lock();
        let mut engines = state.engines.iter();
        let known = engines.find(|engine| engine.path() == path).cloned();
        let engine = known.unwrap_or_else(|| {
            let engine = Arc::new(make());
            state.engines.push(Arc::clone(&engine));
            engine
        });
        engine.add_user(user);
        let started = state.start_writer(start);
        drop(state);
        (engine, started)
    }

    /// The engines; `None` once there are none, and then the thread is not the process's any more.
    pub fn to_write(&self, _pass: &Pass<'_>) -> Option<Vec<Arc<Engine>>> {
        let mut state = self.state.lock();
        if state.engines.is_empty() {
            if let Some(writer) = state.writer.take() {
                state.left = Some(writer);
            }
            return None;
        }
        Some(state.engines.clone())
    }

    /// Writes what `engine` has, by `urgency`.
    pub fn write(&self, engine: &Arc<Engine>, urgency: Urgency, pass: &Pass<'_>) -> Flushed {
        let flushed = engine.flush(pass, urgency);
        self.forget_if_done(engine, pass);
        flushed
    }

    /// Lets a handle go, and closes the file if it was the last one. What is left to write is written
    /// by the thread. Must not be called while attached to the interpreter, which whoever is in the
    /// middle of a fork may need.
    pub fn leave(&self, engine: &Arc<Engine>, user: u64) {
        if let Some(pass) = self.gate.enter_or_wait() {
            engine.remove_user(user);
            // The file is closed when this returns, so whoever looks at it or moves it finds it whole.
            while self.forget_if_done(engine, &pass) == Retirement::Busy {
                engine.wait_for_writer(&pass);
            }
        } else if !self.gate.is_broken() {
            // This thread forks, so that nothing is in use; the thread that writes forgets the rest.
            engine.remove_user(user);
        }
    }

    /// Forgets an engine that nobody uses and that has nothing to write, and closes its file.
    fn forget_if_done(&self, engine: &Arc<Engine>, pass: &Pass<'_>) -> Retirement {
        let retirement = {
            let mut state = self.state.lock();
            // Nobody can begin to use it while this holds the lock.
            let retirement = engine.retire(pass);
            if retirement == Retirement::Retired {
                state.engines.retain(|known| !Arc::ptr_eq(known, engine));
            }
            retirement
        };
        if retirement == Retirement::Retired {
            engine.close_file(pass);
        }
        retirement
    }
}
