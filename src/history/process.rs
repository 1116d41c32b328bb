//! The histories of the process: the thread that writes them, forks, and the end.

use std::{
    io,
    path::Path,
    sync::{Arc, LazyLock, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    engine::{Engine, Flushed, Options, Urgency},
    engines::Engines,
    gate::{Gate, Inherited, Pass},
    problem::{Cause, Event, Notice, Problem},
};
use crate::{
    clock::{Clock, Monotonic},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

/// The gate between histories and forks.
pub static GATE: Gate = Gate::new();

/// How often recorded samples are taken from their sources at least. What is written seldom waits in
/// one place, with one bound.
const GATHER: Duration = Duration::from_secs(10);

/// How often they are taken at most for a source that wants it often.
const OFTEN: Duration = Duration::from_millis(50);

/// How soon it is tried again to write a file that somebody else had locked.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a fork, or the end of the process, waits for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the end of the process writes what was handed over while it wrote.
const LAST_FLUSHES: usize = 3;

static PROCESS: LazyLock<Engines<Writer>> = LazyLock::new(|| Engines::new(&GATE));
/// Who is told that something forked this process in the middle of work.
static NOTICE: OnceLock<Notice> = OnceLock::new();
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The thread that writes.
struct Writer {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// Starts the thread unless it runs, or wakes it up.
fn start(writer: &mut Option<Writer>) -> io::Result<()> {
    if let Some(writer) = writer
        && !writer.thread.is_finished()
    {
        writer.thread.thread().unpark();
        return Ok(());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let thread = thread::Builder::new()
        .name("ptpd-history".to_owned())
        .spawn(move || write_until(&seen))?;
    *writer = Some(Writer { thread, stop });
    Ok(())
}

/// A number that nothing else in this process has.
pub(super) fn next_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// The engine of `path` for the handle `user`: the one that is there, or one with `options`.
pub(super) fn join(path: &Path, options: impl FnOnce() -> Options, user: u64) -> Arc<Engine> {
    look_after_fork();
    let make = || Engine::new(next_number(), path, options());
    let (engine, started) = PROCESS.join(path, make, user, start);
    if let Some(notice) = engine.options().notice {
        NOTICE.get_or_init(|| notice);
    }
    if let Err(error) = started {
        let problem = Problem::new(path, Cause::NoThread, error);
        tell(&engine, [Event::Failed(problem)]);
    }
    engine
}

/// Writes what is due, until told to stop or there is no history any more. All that is shared is
/// touched with a pass only, so that no fork comes in between.
fn write_until(stop: &AtomicBool) {
    let mut dues: Vec<Due> = Vec::new();
    while !stop.load(Ordering::Acquire) {
        let Some(engines) = PROCESS.to_write() else {
            return;
        };
        let now = Clock::System.monotonic();
        dues.retain(|due| engines.iter().any(|engine| engine.number() == due.engine));
        let mut next = Monotonic(u64::MAX);
        for engine in &engines {
            let number = engine.number();
            let known = dues.iter().position(|due| due.engine == number);
            let at = known.unwrap_or_else(|| {
                dues.push(Due {
                    engine: number,
                    gather: now,
                    write: now,
                });
                dues.len() - 1
            });
            let due = &mut dues[at];
            let urgency = if due.write <= now {
                due.write = due_after(now, engine.options().flush_interval);
                Some(Urgency::Routine)
            } else {
                (due.gather <= now).then_some(Urgency::Gathering)
            };
            if let Some(urgency) = urgency {
                due.gather = due_after(now, GATHER);
                match write_one(engine, urgency) {
                    None => return,
                    Some(Flushed { locked: true, .. }) => {
                        due.write = due.write.min(due_after(now, AGAIN));
                    }
                    Some(_) => {}
                }
            }
            if let Some(wait) = wanted_in(engine) {
                due.gather = due.gather.min(now.after(wait.max(OFTEN)));
            }
            next = next.min(due.write).min(due.gather);
        }
        let now = Clock::System.monotonic();
        thread::park_timeout(next.since(now));
    }
}

/// When it is an engine's turn.
struct Due {
    engine: u64,
    gather: Monotonic,
    write: Monotonic,
}

/// When to write again, so that a sample is on disk before it is older than `interval`.
fn due_after(now: Monotonic, interval: Duration) -> Monotonic {
    now.after(interval / 4 * 3)
}

/// Writes what `engine` has, by `urgency`; `None` if nothing may be used any more.
fn write_one(engine: &Arc<Engine>, urgency: Urgency) -> Option<Flushed> {
    let mut flushed = PROCESS.write(engine, urgency)?;
    tell(engine, std::mem::take(&mut flushed.events));
    Some(flushed)
}

/// In how long a source of `engine` wants to be drained, if one does.
fn wanted_in(engine: &Engine) -> Option<Duration> {
    let pass = GATE.enter_or_wait()?;
    engine.drain_in(&pass)
}

/// Has the thread look at what is due anew.
pub(super) fn wake_writer() {
    if let Some(writer) = &PROCESS.state.lock().writer {
        writer.thread.thread().unpark();
    }
}

/// Writes all that `engine` has, and tells whether it is on disk. Must not be called while attached
/// to the interpreter, which whoever is in the middle of a fork may need.
pub(super) fn flush(engine: &Arc<Engine>) -> bool {
    look_after_fork();
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

fn tell(engine: &Engine, events: impl IntoIterator<Item = Event>) {
    if let Some(notice) = engine.options().notice {
        for event in events {
            notice(&event);
        }
    }
}

/// Before a fork, and not attached: lets nobody use a history any more, and waits for whoever does.
pub fn wait_for_fork() {
    look_after_fork();
    GATE.close();
    GATE.wait_until_empty(PATIENCE);
}

/// Before a fork, after [`wait_for_fork`] and attached, so that no other thread forks meanwhile:
/// closes the files.
pub fn close_for_fork() {
    if GATE.is_empty() && !GATE.is_broken() {
        for engine in &PROCESS.state.lock().engines {
            engine.close_for_fork();
        }
    }
}

/// After a fork, in the parent.
pub fn after_fork_in_parent() {
    GATE.open();
}

/// After a fork, in the child, which takes its parent's histories over as its own.
pub fn after_fork_in_child() {
    // A hook that ran before this one may have used a history, which is the child's own since then.
    if GATE.is_closed() || !GATE.is_in_its_process() {
        take_over();
    }
}

fn take_over() {
    match GATE.begin_anew() {
        Inherited::Nothing => {
            let mut process = PROCESS.state.lock();
            // The thread is the parent's, and so is the handle.
            std::mem::forget(process.writer.take());
            process.ending = false;
            for engine in &process.engines {
                engine.begin_anew();
            }
            if !process.engines.is_empty() {
                // Without a thread, there is still `flush`.
                let _ = process.start_writer(start);
            }
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
    let (writer, engines) = {
        let mut process = PROCESS.state.lock();
        process.ending = true;
        (process.writer.take(), process.engines.clone())
    };
    drop(pass);
    if let Some(writer) = writer {
        stop(writer);
    }
    for engine in engines {
        let complete = flush_all(&engine);
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

fn stop(writer: Writer) {
    writer.stop.store(true, Ordering::Release);
    writer.thread.thread().unpark();
    let begun = Clock::System.monotonic();
    while !writer.thread.is_finished() {
        if Clock::System.monotonic().seconds_since(begun) > PATIENCE.as_secs_f64() {
            return;
        }
        thread::sleep(Duration::from_micros(200));
    }
    // It cannot panic in a way that matters here.
    let _ = writer.thread.join();
}
