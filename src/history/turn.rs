//! When it is an engine's turn to be written.

use std::time::Duration;

use super::engine::{Engine, Flushed, Urgency};
use crate::time::Monotonic;

/// How often recorded samples are taken from their sources at least. What is written seldom waits in
/// one place, with one bound.
const GATHER: Duration = Duration::from_secs(10);

/// How soon it is tried again to write a file that somebody else had locked.
const AGAIN: Duration = Duration::from_secs(1);

/// How soon after what came after a pause, which is written at once, it is written again. Each time it
/// takes twice as long.
const SOON: Duration = Duration::from_millis(10);

/// When it is an engine's turn. It outlives the thread that writes, which ends before each fork: one that
/// begins anew there would write at each fork.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    gather: Monotonic,
    write: Monotonic,
    /// How long after a write the next one is due. Shorter after what came after a pause.
    step: Duration,
    /// Whether nothing was found the last time, so that what comes next is written at once.
    rests: bool,
}

impl Turn {
    /// The first one: `now`.
    pub fn first(engine: &Engine, now: Monotonic) -> Self {
        Self {
            gather: now,
            write: now,
            step: longest_step(engine),
            rests: true,
        }
    }

    /// What is due, if anything is.
    pub fn due(&mut self, engine: &Engine, now: Monotonic) -> Option<Urgency> {
        if self.rests && !engine.awaits() {
            self.rests = false;
            self.write = now;
            self.step = SOON.min(longest_step(engine));
        }
        let urgency = if self.write <= now {
            Urgency::Routine
        } else if self.gather <= now {
            Urgency::Gathering
        } else {
            return None;
        };
        if self.may_rest(engine, urgency) {
            // Before it is looked for, so that nothing comes in between.
            engine.await_the_next(true);
        }
        Some(urgency)
    }

    /// Notes what came of what was due.
    pub fn took(&mut self, engine: &Engine, urgency: Urgency, flushed: &Flushed, now: Monotonic) {
        if flushed.interrupted {
            // By a fork: it is still due.
            return;
        }
        self.gather = now.after(GATHER);
        if urgency == Urgency::Routine {
            self.write = now.after(self.step);
            self.rests = self.may_rest(engine, urgency) && !flushed.found;
            self.step = (self.step * 2).min(longest_step(engine));
            if !self.rests {
                engine.await_the_next(false);
            }
        }
        if flushed.locked {
            self.write = self.write.min(now.after(AGAIN));
        }
    }

    /// Has recorded samples be taken in `wait` from `now` at the latest.
    pub fn gather_in(&mut self, wait: Duration, now: Monotonic) {
        self.gather = self.gather.min(now.after(wait));
    }

    /// When to come again.
    pub fn next(&self, engine: &Engine, now: Monotonic) -> Monotonic {
        if self.rests && !engine.awaits() {
            now
        } else {
            self.write.min(self.gather)
        }
    }

    fn may_rest(&self, engine: &Engine, urgency: Urgency) -> bool {
        urgency == Urgency::Routine && self.step == longest_step(engine)
    }
}

/// When to write again, so that a sample is on disk before it is older than the interval.
fn longest_step(engine: &Engine) -> Duration {
    engine.options().flush_interval / 4 * 3
}
