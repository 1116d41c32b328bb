//! Waiting for what others have locked.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use super::{gate::Gate, problem::Cause, sigterm, store::Access};

thread_local! {
    /// Whether this thread waited no longer because a fork waits. The database asks in the middle of
    /// what it does, and only says that something was locked.
    static GAVE_WAY: Cell<bool> = const { Cell::new(false) };
}

/// So long it is waited where somebody has something for moments also where nothing is wrong.
pub const MOMENT: Duration = Duration::from_millis(100);

/// How long one wait is.
const STEP: Duration = Duration::from_millis(2);

/// Waits a little for somebody else's lock, as was done so many `times` before; `false` if that has been
/// long enough, or a fork waits.
pub fn wait(gate: &Gate, patience: Duration, times: u32) -> bool {
    GAVE_WAY.set(false);
    STEP * times < patience && pause(gate, STEP)
}

/// Waits a little before something is tried again that was `begun` then; `false` likewise.
pub fn has_time(begun: Instant, access: &Access) -> bool {
    begun.elapsed() < access.patience.max(MOMENT) && pause(access.gate, STEP)
}

/// Waits for so long; `false` if a fork waits.
pub fn pause(gate: &Gate, length: Duration) -> bool {
    GAVE_WAY.set(gate.is_closed());
    if !GAVE_WAY.get() {
        sigterm::get_on();
        thread::sleep(length);
    }
    !GAVE_WAY.get()
}

/// Begins something that may have to wait.
pub fn begin() {
    GAVE_WAY.set(false);
}

/// Why it was waited no longer.
pub fn ended_by() -> Cause {
    if GAVE_WAY.get() {
        Cause::GaveWay
    } else {
        Cause::Locked
    }
}
