//! What waits is written before SIGTERM ends the process, where its action is the default one.
//!
//! The default action leaves no time for anything, so a handler of ours takes its place, which to the
//! program looks like the default one. It does next to nothing: it asks the thread that writes
//! ([`Attendant`]) to do its work and to end the process, and waits. Nothing of the program runs on in the
//! thread that was interrupted, as would be the case without a handler, unless it holds a lock that the
//! writing needs: so it is let go on after a moment in which the writing does not get on ([`get_on`]).
//!
//! A process must end by SIGTERM, whatever happens here. So the handler ends it by itself at once where
//! nobody attends: in a forked child that has no such thread, or where the thread has ended; and after a
//! second where the thread does not answer, as it may be waiting for a disk.

use std::{
    process,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use crate::threads::Bell;

/// How long the end waits for what is being written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread that answers the signal, as its [`Attendant`]; zero if none does.
static ATTENDED: AtomicU64 = AtomicU64::new(0);
/// How many there have been.
static ATTENDANTS: AtomicU32 = AtomicU32::new(0);
/// When the signal came first, in nanoseconds of the monotonic clock; zero if it did not.
static ASKED: AtomicU64 = AtomicU64::new(0);
/// Whether the thread has begun to answer, and will end the process.
static ANSWERED: AtomicBool = AtomicBool::new(false);
/// How often the writing got on, or waited for another process.
static STEPS: AtomicU32 = AtomicU32::new(0);
/// Wakes the thread that writes.
pub(super) static BELL: Bell = Bell::new();

/// One of the threads that may answer the signal: its process, and after that its number there, so that
/// of two of a process the later one is more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attendant(u64);

impl Attendant {
    /// Another one, of this process.
    pub fn new() -> Self {
        let number = ATTENDANTS.fetch_add(1, SeqCst);
        Self(u64::from(process::id()) << 32 | u64::from(number))
    }

    /// Says that this one answers the signal, unless a later one does. It asks [`is_asked`] whenever
    /// [`BELL`] rings.
    pub fn attend(self) {
        let takes = |known| {
            let is_later = process_of(known) == process_of(self.0) && known > self.0;
            (!is_later).then_some(self.0)
        };
        let _ = ATTENDED.fetch_update(SeqCst, SeqCst, takes);
    }

    /// Says that this one does not answer the signal any more, which ends the process at once from here
    /// on if nobody else does. After that the thread asks [`is_asked`] for the last time.
    pub fn attend_no_more(self) {
        // A later one, and one that was a parent's, are left alone.
        let _ = ATTENDED.compare_exchange(self.0, 0, SeqCst, SeqCst);
    }
}

/// The process of an attendant, which is none of any if it is zero.
fn process_of(attendant: u64) -> u64 {
    attendant >> 32
}

/// In a forked child: nobody was asked here.
pub(super) fn begin_anew() {
    ANSWERED.store(false, SeqCst);
    ASKED.store(0, SeqCst);
}

/// Says that the writing gets on, or waits for another process, and for no thread of this one.
pub(super) fn get_on() {
    STEPS.fetch_add(1, SeqCst);
}

/// Whether the process is to end.
pub(super) fn is_asked() -> bool {
    ASKED.load(SeqCst) != 0
}

#[cfg(target_os = "linux")]
pub use linux::arm;
#[cfg(target_os = "linux")]
pub(super) use linux::end;

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        ffi::{c_int, c_void},
        fs, process,
        sync::{Arc, atomic::Ordering::SeqCst},
        thread,
        time::Duration,
    };

    use nix::{
        errno::Errno,
        libc::{SIGTERM, siginfo_t},
    };
    use rustix::time::{ClockId, clock_gettime};
    use signal_hook::low_level::emulate_default_handler;
    use vmm_sys_util::signal::register_signal_handler;

    use super::{ANSWERED, ASKED, ATTENDED, BELL, PATIENCE, STEPS, process_of};
    use crate::threads::Bell;

    /// How long the thread that was interrupted stands still while the writing does not get on.
    const STANDSTILL: Duration = Duration::from_millis(100);
    const NAP: Duration = Duration::from_micros(500);

    /// Takes the place of the signal's action if that is the default one, and only then. The first
    /// process of a container, which that one does not end, keeps it.
    pub fn arm() {
        if process::id() != 1 && is_default() {
            let _ = register_signal_handler(SIGTERM, on_sigterm);
        }
    }

    /// Whether SIGTERM has its default action, whoever set another one: Python, or a C library.
    fn is_default() -> bool {
        let Ok(status) = fs::read_to_string("/proc/self/status") else {
            return false;
        };
        let has = |name: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix(name));
            let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
            mask.is_none_or(|mask| mask & (1 << (SIGTERM - 1)) != 0)
        };
        !has("SigIgn:") && !has("SigCgt:")
    }

    /// Everything that it calls may be called while a thread is interrupted anywhere: atomics and
    /// system calls.
    extern "C" fn on_sigterm(_: c_int, _: *mut siginfo_t, _: *mut c_void) {
        let before = Errno::last_raw();
        answer();
        Errno::set_raw(before);
    }

    fn answer() {
        let own = process::id();
        if own == 1 {
            return;
        }
        let begun = now();
        let is_attended = || process_of(ATTENDED.load(SeqCst)) == u64::from(own);
        if !is_attended() {
            end_now();
        }
        let _ = ASKED.compare_exchange(0, begun.max(1), SeqCst, SeqCst);
        BELL.ring();
        let mut seen = None;
        loop {
            let now = now();
            if !ANSWERED.load(SeqCst) {
                // It has ended meanwhile, or cannot answer.
                if !is_attended() || since_asked(now) >= PATIENCE {
                    end_now();
                }
            } else if since_asked(now) >= 2 * PATIENCE {
                end_now();
            } else {
                let steps = STEPS.load(SeqCst);
                match seen {
                    Some((known, since)) if known == steps => {
                        if now.saturating_sub(since) >= nanos(STANDSTILL) {
                            return;
                        }
                    }
                    _ => seen = Some((steps, now)),
                }
            }
            thread::sleep(NAP);
        }
    }

    /// The thread's answer: does the work and ends the process, which may take as long as is left of
    /// the time.
    pub(in super::super) fn end(work: fn()) -> ! {
        /// Even if something panics.
        struct End;
        impl Drop for End {
            fn drop(&mut self) {
                end_now();
            }
        }
        let end = End;
        ANSWERED.store(true, SeqCst);
        let done = Arc::new(Bell::new());
        let told = Arc::clone(&done);
        // In a thread of its own, which may never come back from a disk.
        let helper = thread::Builder::new().spawn(move || {
            work();
            told.ring();
        });
        if helper.is_err() {
            // There may be no more threads.
            work();
            done.ring();
        }
        while done.rung() == 0 {
            let left = PATIENCE.saturating_sub(since_asked(now()));
            if left.is_zero() {
                break;
            }
            done.wait(0, left);
        }
        drop(end);
        process::abort()
    }

    fn end_now() {
        let _ = emulate_default_handler(SIGTERM);
    }

    fn since_asked(now: u64) -> Duration {
        Duration::from_nanos(now.saturating_sub(ASKED.load(SeqCst)))
    }

    fn now() -> u64 {
        let time = clock_gettime(ClockId::Monotonic);
        time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
    }

    fn nanos(duration: Duration) -> u64 {
        duration.as_nanos().try_into().unwrap_or(u64::MAX)
    }
}

/// Elsewhere the action stays what it is.
#[cfg(not(target_os = "linux"))]
pub fn arm() {
    let _ = (&ANSWERED, PATIENCE);
}

/// Nobody is asked here.
#[cfg(not(target_os = "linux"))]
pub(super) fn end(_: fn()) -> ! {
    process::abort()
}
