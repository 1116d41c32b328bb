//! The histories of the process: the thread that writes them, forks, and the end.

use std::{
    io,
    path::Path,
    sync::{Arc, LazyLock, OnceLock},
    thread,
    time::Duration,
};

use super::{
    engine::{Engine, Options, Urgency},
    engines::{Engines, State},
    gate::{Gate, Inherited, Pass},
    problem::{Cause, Event, Notice, Problem},
    sigterm, writer,
};
use crate::{
    sync::{
        MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    threads::{Fork, Going, Worker},
    time::{Clock, Monotonic},
};

/// The gate between histories and forks.
pub static GATE: Gate = Gate::new();

/// How long a fork, or the end of the process, waits for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the end of the process writes what was handed over while it wrote.
const LAST_FLUSHES: usize = 3;

pub(super) static PROCESS: LazyLock<Engines<Worker>> = LazyLock::new(|| Engines::new(&GATE));
/// Those of its threads that a fork has told to end.
static GOING: Going = Going::new();
/// Whether there has been a history that answers SIGTERM.
static TAKES_SIGTERM: AtomicBool = AtomicBool::new(false);
/// Who is told that something forked this process in the middle of work.
static NOTICE: OnceLock<Notice> = OnceLock::new();
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Whether the system refused the thread that writes. Then it is tried again now and then.
static LACKS_WRITER: AtomicBool = AtomicBool::new(false);
/// When it was tried last, in nanoseconds of the monotonic clock.
static TRIED_AT: AtomicU64 = AtomicU64::new(0);

/// A number that nothing else in this process has.
pub(super) fn next_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// The engine of `path` for the handle `user`: the one that is there, or one with `options`.
pub(super) fn join(path: &Path, options: impl FnOnce() -> Options, user: u64) -> Arc<Engine> {
    look_after_fork();
    let make = || Engine::new(next_number(), path, options());
    let (engine, started) = PROCESS.join(path, make, user, writer::start);
    if let Some(notice) = engine.options().notice {
        NOTICE.get_or_init(|| notice);
    }
    note_whether(&started);
    if let Err(error) = started {
        tell_of_no_thread(&engine, &error);
    }
    if engine.options().on_sigterm {
        TAKES_SIGTERM.store(true, Ordering::Release);
    }
    engine
}

/// Whether a history of this process is to be written before SIGTERM ends it; see
/// [`take_sigterm`](super::take_sigterm).
#[must_use]
pub fn takes_sigterm() -> bool {
    TAKES_SIGTERM.load(Ordering::Acquire)
}

/// Has the thread look at what is due anew. It takes no lock.
pub(super) fn wake_writer() {
    sigterm::BELL.ring();
}

/// Notes whether the thread could be `started`; whether it is refused from now on.
fn note_whether(started: &io::Result<()>) -> bool {
    if started.is_err() {
        TRIED_AT.store(Clock::System.monotonic().0, Ordering::Relaxed);
    }
    let was_refused = LACKS_WRITER.swap(started.is_err(), Ordering::AcqRel);
    started.is_err() && !was_refused
}

fn tell_of_no_thread(engine: &Engine, error: &io::Error) {
    let problem = Problem::new(engine.path(), Cause::NoThread, error);
    tell(engine, [Event::Failed(problem)]);
}

/// After a fork: starts the thread if there is something to write. Without it, there is still `flush`.
fn come_back(mut process: MutexGuard<'_, State<Worker>>) {
    if process.engines.is_empty() {
        return;
    }
    let started = process.start_writer(writer::start);
    let is_news = note_whether(&started);
    let engines = process.engines.clone();
    drop(process);
    if let (true, Err(error)) = (is_news, started) {
        for engine in engines {
            tell_of_no_thread(&engine, &error);
        }
    }
}

/// Starts the thread if the system refused it before and some time has gone by. It waits for nobody, since
/// whoever records holds a lock.
pub(super) fn start_if_refused() {
    const PAUSE: Duration = Duration::from_secs(1);
    if !LACKS_WRITER.load(Ordering::Acquire) {
        return;
    }
    let now = Clock::System.monotonic();
    let tried = Monotonic(TRIED_AT.load(Ordering::Relaxed));
    if now.since(tried) < PAUSE {
        return;
    }
    // So that no fork finds the lock taken.
    let Some(_pass) = GATE.enter() else { return };
    let Some(mut process) = PROCESS.state.try_lock() else {
        return;
    };
    TRIED_AT.store(now.0, Ordering::Relaxed);
    if process.start_writer(writer::start).is_ok() {
        LACKS_WRITER.store(false, Ordering::Release);
    }
}

/// Writes all that `engine` has, and tells whether it is on disk. Must not be called while attached
/// to the interpreter, which whoever is in the middle of a fork may need.
pub(super) fn flush(engine: &Arc<Engine>) -> bool {
    look_after_fork();
    start_if_refused();
    loop {
        let Some(pass) = GATE.enter_or_wait() else {
            return false;
        };
        let flushed = engine.flush(&pass, Urgency::Now);
        drop(pass);
        tell(engine, flushed.events);
        if !flushed.interrupted {
            return flushed.complete;
        }
    }
}

/// Does something with the file of `engine`; likewise.
pub(super) fn with_pass<T>(
    engine: &Engine,
    work: impl FnOnce(&Pass<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    look_after_fork();
    if let Some(pass) = GATE.enter_or_wait() {
        return work(&pass);
    }
    let cause = if GATE.is_broken() {
        Cause::Forked
    } else {
        Cause::Forking
    };
    Err(Problem::new(engine.path(), cause, ""))
}

/// Lets a handle go; see [`Engines::leave`].
pub(super) fn leave(engine: &Arc<Engine>, user: u64) {
    PROCESS.leave(engine, user);
}

/// Tells of what happened to `engine`.
pub(super) fn tell(engine: &Engine, events: impl IntoIterator<Item = Event>) {
    if let Some(notice) = engine.options().notice {
        for event in events {
            notice(&event);
        }
    }
}

/// Before a fork, and attached: lets nobody use a history any more, and tells the thread that writes to
/// end. Python warns of a fork beside threads, and a child would have none of its locks and memory from
/// it in a known state.
pub fn begin_fork() -> Fork {
    look_after_fork();
    GATE.close();
    if GATE.is_broken() {
        return GOING.wait_for(Vec::new());
    }
    let mut process = PROCESS.state.lock();
    process.forks += 1;
    let workers = process.take_writers();
    drop(process);
    tell_to_end(&workers);
    GOING.wait_for(workers)
}

/// Before a fork, after [`begin_fork`], and not attached: waits until the thread is gone, and nobody uses
/// a history.
pub fn wait_for_fork(fork: Fork) {
    fork.wait(PATIENCE, give_way_to_the_end);
    GATE.wait_until_empty(PATIENCE);
}

/// If SIGTERM is about to end the process, nothing is forked, so that the last can be written.
fn give_way_to_the_end() {
    const LONG_ENOUGH: Duration = Duration::from_secs(2);
    if sigterm::is_asked() {
        GATE.open();
        thread::sleep(LONG_ENOUGH);
        GATE.close();
    }
}

/// Before a fork, after [`wait_for_fork`] and attached, so that no other thread forks meanwhile: closes
/// the files.
pub fn close_for_fork() {
    if GATE.is_empty() && !GATE.is_broken() {
        for engine in &PROCESS.state.lock().engines {
            engine.close_for_fork();
        }
    }
}

/// After a fork, or one that failed, in the parent: has the thread come back.
pub fn after_fork_in_parent() {
    GATE.open();
    if GATE.is_broken() {
        return;
    }
    let mut process = PROCESS.state.lock();
    process.forks = process.forks.saturating_sub(1);
    come_back(process);
}

/// After a fork, in the child, which takes its parent's histories over as its own.
pub fn after_fork_in_child() {
    // A hook that ran before this one may have used a history, which is the child's own since then.
    if GATE.is_closed() || !GATE.is_in_its_process() {
        take_over();
    }
}

fn take_over() {
    sigterm::begin_anew();
    GOING.begin_anew();
    match GATE.begin_anew() {
        Inherited::Nothing => {
            let mut process = PROCESS.state.lock();
            // The thread is the parent's, and so is the handle.
            std::mem::forget(process.take_writers());
            process.ending = false;
            process.forks = 0;
            for engine in &process.engines {
                engine.begin_anew();
            }
            LACKS_WRITER.store(false, Ordering::Release);
            come_back(process);
        }
        Inherited::Open => {
            if let Some(notice) = NOTICE.get() {
                let nowhere = Path::new("");
                notice(&Event::Failed(Problem::new(nowhere, Cause::Forked, "")));
            }
        }
    }
}

/// Whether this process is a child that something forked without saying so; it is looked after now.
pub(super) fn look_after_fork() {
    if !GATE.is_in_its_process() {
        take_over();
    }
}

/// At the end of the process, and not attached: stops the thread and writes what is left. What is
/// recorded after that is only written by a flush.
pub fn shut_down() {
    look_after_fork();
    let Some(pass) = GATE.enter_or_wait() else {
        return;
    };
    let engines = PROCESS.state.lock().engines.clone();
    drop(pass);
    // As long as the thread is there, SIGTERM waits for what is being written.
    let engines: Vec<_> = engines
        .into_iter()
        .map(|engine| (flush_all(&engine), engine))
        .collect();
    let Some(pass) = GATE.enter_or_wait() else {
        return;
    };
    let writers = {
        let mut process = PROCESS.state.lock();
        process.ending = true;
        process.take_writers()
    };
    drop(pass);
    tell_to_end(&writers);
    for writer in writers {
        writer.join(PATIENCE, || ());
    }
    for (complete, engine) in engines {
        // What came in between.
        let complete = complete && flush_all(&engine);
        let Some(pass) = GATE.enter_or_wait() else {
            return;
        };
        let (rollups, _) = engine.waiting(&pass);
        engine.close_file(&pass);
        drop(pass);
        let path = engine.path().to_owned();
        tell(
            &engine,
            (!complete && rollups > 0).then_some(Event::Lost { path, rollups }),
        );
    }
}

/// Writes all that `engine` has, and what was just being handed over meanwhile, and tells whether the
/// file could be written. Threads that still record could keep it from ever being nothing.
fn flush_all(engine: &Arc<Engine>) -> bool {
    for _ in 0..LAST_FLUSHES {
        if !flush(engine) {
            return false;
        }
        let waits = GATE.enter_or_wait().map(|pass| engine.waiting(&pass).0);
        if waits.is_none_or(|rollups| rollups == 0) {
            break;
        }
    }
    true
}

fn tell_to_end(writers: &[Worker]) {
    for writer in writers {
        writer.tell_to_end();
    }
    sigterm::BELL.ring();
}
