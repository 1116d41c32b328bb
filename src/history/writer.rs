//! The thread that writes histories.

use std::{io, sync::Arc, thread, time::Duration};

use super::{
    engine::{Engine, Flushed, Urgency},
    gate::{NAP, Pass},
    process::{GATE, PROCESS, tell},
    sigterm::{self, BELL},
};
use crate::{
    clock::{Clock, Monotonic},
    threads::{Told, Worker},
};

/// How often recorded samples are taken from their sources at least. What is written seldom waits in
/// one place, with one bound.
const GATHER: Duration = Duration::from_secs(10);

/// How often they are taken at most for a source that wants it often.
const OFTEN: Duration = Duration::from_millis(50);

/// How soon it is tried again to write a file that somebody else had locked.
const AGAIN: Duration = Duration::from_secs(1);

/// How soon after what came after a pause, which is written at once, it is written again. Each time it
/// takes twice as long.
const SOON: Duration = Duration::from_millis(10);

/// Starts the thread, or wakes it up.
pub(super) fn start(writer: &mut Option<Worker>) -> io::Result<()> {
    if writer.as_ref().is_none_or(Worker::has_ended) {
        *writer = Some(Worker::spawn("ptpd-history", None, write)?);
        // It may take a while to begin, and then finds out by itself whether it is to.
        sigterm::attend();
    } else {
        BELL.ring();
    }
    Ok(())
}

/// Writes what is due, until told to end or there is no history any more.
fn write(told: &Told) {
    write_until(told);
    sigterm::attend_no_more();
    end_if_asked();
}

/// All that is shared is touched with a pass only, so that no fork comes in between.
fn write_until(told: &Told) {
    let mut turns: Vec<Turn> = Vec::new();
    loop {
        let rung = BELL.rung();
        let Some(engines) = enter(told).and_then(|pass| PROCESS.to_write(&pass)) else {
            return;
        };
        if engines.iter().any(|engine| engine.options().on_sigterm) {
            sigterm::attend();
        } else {
            sigterm::attend_no_more();
        }
        end_if_asked();
        let now = Clock::System.monotonic();
        turns.retain(|turn| engines.iter().any(|engine| engine.number() == turn.engine));
        let mut next = Monotonic(u64::MAX);
        for engine in &engines {
            let number = engine.number();
            let known = turns.iter().position(|turn| turn.engine == number);
            let at = known.unwrap_or_else(|| {
                turns.push(Turn::first(engine, now));
                turns.len() - 1
            });
            let Some(soon) = turns[at].take(engine, now, told) else {
                return;
            };
            next = next.min(soon);
        }
        let now = Clock::System.monotonic();
        BELL.wait(rung, next.since(now));
    }
}

/// A pass, waited for; `None` once the thread is to end, or nothing may be used any more. A fork that
/// waits for it has told it to.
fn enter(told: &Told) -> Option<Pass<'static>> {
    while !told.is_to_end() && !GATE.is_broken() {
        if let Some(pass) = GATE.enter() {
            return Some(pass);
        }
        end_if_asked();
        thread::sleep(NAP);
    }
    None
}

/// If SIGTERM came, writes what waits, and ends the process.
fn end_if_asked() {
    if sigterm::is_asked() {
        sigterm::end(write_the_last);
    }
}

/// Nobody is told of anything: whoever is may wait for a thread that stands still.
fn write_the_last() {
    let Some(pass) = GATE.enter_or_wait() else {
        return;
    };
    let engines = PROCESS.state.lock().engines.clone();
    drop(pass);
    for engine in engines.iter().filter(|engine| engine.options().on_sigterm) {
        while let Some(pass) = GATE.enter_or_wait()
            && engine.flush(&pass, Urgency::Now).interrupted
        {}
    }
}

/// When it is an engine's turn.
struct Turn {
    engine: u64,
    gather: Monotonic,
    write: Monotonic,
    /// How long after a write the next one is due. Shorter after what came after a pause.
    step: Duration,
    /// Whether nothing was found the last time, so that what comes next is written at once.
    rests: bool,
}

impl Turn {
    fn first(engine: &Engine, now: Monotonic) -> Self {
        Self {
            engine: engine.number(),
            gather: now,
            write: now,
            step: longest_step(engine),
            rests: true,
        }
    }

    /// Does what is due, and tells when to come again; `None` once the thread is to end.
    fn take(&mut self, engine: &Arc<Engine>, now: Monotonic, told: &Told) -> Option<Monotonic> {
        if self.rests && !engine.awaits() {
            self.rests = false;
            self.write = now;
            self.step = SOON.min(longest_step(engine));
        }
        let urgency = if self.write <= now {
            Some(Urgency::Routine)
        } else {
            (self.gather <= now).then_some(Urgency::Gathering)
        };
        if let Some(urgency) = urgency {
            self.gather = now.after(GATHER);
            let may_rest = urgency == Urgency::Routine && self.step == longest_step(engine);
            if may_rest {
                // Before it is looked for, so that nothing comes in between.
                engine.await_the_next(true);
            }
            let flushed = write_one(engine, urgency, told)?;
            if urgency == Urgency::Routine {
                self.write = now.after(self.step);
                self.rests = may_rest && !flushed.found;
                self.step = (self.step * 2).min(longest_step(engine));
                if !self.rests {
                    engine.await_the_next(false);
                }
            }
            if flushed.locked {
                self.write = self.write.min(now.after(AGAIN));
            }
        }
        if let Some(wait) = wanted_in(engine, told) {
            self.gather = self.gather.min(now.after(wait.max(OFTEN)));
        }
        let called = self.rests && !engine.awaits();
        Some(if called {
            now
        } else {
            self.write.min(self.gather)
        })
    }
}

/// When to write again, so that a sample is on disk before it is older than the interval.
fn longest_step(engine: &Engine) -> Duration {
    engine.options().flush_interval / 4 * 3
}

/// Writes what `engine` has, by `urgency`; `None` once the thread is to end.
fn write_one(engine: &Arc<Engine>, urgency: Urgency, told: &Told) -> Option<Flushed> {
    let mut flushed = PROCESS.write(engine, urgency, &enter(told)?);
    tell(engine, std::mem::take(&mut flushed.events));
    end_if_asked();
    Some(flushed)
}

/// In how long a source of `engine` wants to be drained, if one does.
fn wanted_in(engine: &Engine, told: &Told) -> Option<Duration> {
    engine.drain_in(&enter(told)?)
}
