//! The thread that writes histories.

use std::{io, sync::Arc, thread, time::Duration};

use super::{
    engine::{Engine, Urgency},
    gate::{NAP, Pass},
    problem::Event,
    process::{self, GATE, PROCESS, tell},
    sigterm::{self, Attendant, BELL},
    turn::Turn,
};
use crate::{
    threads::{Told, Worker},
    time::{Clock, Monotonic},
};

/// How often they are taken at most for a source that wants it often.
const OFTEN: Duration = Duration::from_millis(50);

/// Starts the thread, or wakes it up.
pub(super) fn start(writer: &mut Option<Worker>) -> io::Result<()> {
    if writer.as_ref().is_none_or(Worker::has_ended) {
        let attendant = Attendant::new();
        // It may take a while to begin, and then finds out by itself whether it is to.
        attendant.attend();
        let work = move |told: &Told| write(told, attendant);
        let started = Worker::spawn("ptpd-history", None, work);
        *writer = Some(started.inspect_err(|_| attendant.attend_no_more())?);
    } else {
        BELL.ring();
    }
    Ok(())
}

/// Writes what is due, until told to end or there is no history any more.
fn write(told: &Told, attendant: Attendant) {
    write_until(told, attendant);
    attendant.attend_no_more();
    end_if_asked();
}

/// All that is shared is touched with a pass only, so that no fork comes in between.
fn write_until(told: &Told, attendant: Attendant) {
    loop {
        let rung = BELL.rung();
        let Some(engines) = enter(told).and_then(|pass| PROCESS.to_write(&pass)) else {
            return;
        };
        if engines.iter().any(|engine| engine.options().on_sigterm) {
            attendant.attend();
        } else {
            attendant.attend_no_more();
        }
        end_if_asked();
        let now = Clock::System.monotonic();
        let mut next = Monotonic(u64::MAX);
        for engine in &engines {
            let Some(soon) = take_turn(engine, now, told) else {
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
            && engine.flush(&pass, Urgency::Last).interrupted
        {}
        sigterm::get_on();
    }
}

/// Tells of `events`. Whoever is told may take long, so SIGTERM is answered by another thread meanwhile,
/// which is gone before this one is.
fn tell_attended(engine: &Engine, events: Vec<Event>) {
    const LONG: Duration = Duration::from_hours(1);
    const PATIENCE: Duration = Duration::from_secs(1);
    let answer = |told: &Told| loop {
        let rung = BELL.rung();
        end_if_asked();
        if told.is_to_end() {
            return;
        }
        BELL.wait(rung, LONG);
    };
    if events.is_empty() {
        return;
    }
    let other = process::takes_sigterm().then(|| Worker::spawn("ptpd-attendant", None, answer));
    tell(engine, events);
    if let Some(Ok(other)) = other {
        other.tell_to_end();
        BELL.ring();
        other.join(PATIENCE, || ());
    }
}

/// Does what is due, and tells when to come again; `None` once the thread is to end.
fn take_turn(engine: &Arc<Engine>, now: Monotonic, told: &Told) -> Option<Monotonic> {
    let known = engine.turn(&enter(told)?);
    let mut turn = known.unwrap_or_else(|| Turn::first(engine, now));
    if let Some(urgency) = turn.due(engine, now) {
        let pass = enter(told)?;
        let mut flushed = PROCESS.write(engine, urgency, &pass);
        turn.took(engine, urgency, &flushed, now);
        // With the same pass as what was written: after a fork it goes on from here.
        engine.keep_turn(turn, &pass);
        drop(pass);
        let events = std::mem::take(&mut flushed.events);
        told.while_away(|| tell_attended(engine, events));
        end_if_asked();
    }
    let pass = enter(told)?;
    if let Some(wait) = engine.drain_in(&pass) {
        turn.gather_in(wait.max(OFTEN), now);
        engine.keep_turn(turn, &pass);
    }
    Some(turn.next(engine, now))
}
