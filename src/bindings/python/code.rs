//! What the end of the interpreter has to know of Python code that is called from here.
//!
//! CPython before 3.14 ends a daemon thread by unwinding its stack at the point where it next takes
//! the interpreter's lock. Where that is in a native method, `PyO3` keeps the thread from it. Where it
//! is in Python code, nobody can, and a native frame of ours below that aborts the process. So the
//! end waits a moment for whoever is in such code, and nobody else begins any meanwhile.

use std::{
    cell::Cell,
    marker::PhantomData,
    sync::atomic::{
        AtomicIsize, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    thread,
    time::{Duration, Instant},
};

use pyo3::prelude::*;

use super::thread::thread_number;

/// For how long the end waits for others of which none comes out, and these wait for the end. Not for
/// ever: they may have to wait for each other.
const PATIENCE: Duration = Duration::from_secs(1);
const NAP: Duration = Duration::from_millis(1);

/// How many threads are in Python code that was called from here.
static CALLERS: AtomicIsize = AtomicIsize::new(0);

/// The thread that ends the interpreter, once one does.
static ENDED_BY: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How many calls of Python code this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread has waited for the end before, which did not come.
    static HAS_WAITED: Cell<bool> = const { Cell::new(false) };
}

/// Held while Python code of the user's may run, or other code written in Python. What is written in
/// C gives the interpreter's lock to nobody.
#[must_use]
pub struct PythonCode(PhantomData<*const ()>);

impl PythonCode {
    /// Waits if the interpreter is about to end.
    pub fn begin(py: Python<'_>) -> Self {
        if DEPTH.get() == 0 {
            if ENDED_BY.load(Relaxed) != 0 {
                wait_for_the_end(py);
            }
            CALLERS.fetch_add(1, AcqRel);
        }
        DEPTH.set(DEPTH.get() + 1);
        Self(PhantomData)
    }
}

impl Drop for PythonCode {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            CALLERS.fetch_sub(1, AcqRel);
        }
    }
}

/// Drops objects of the user's, which may have a `__del__`.
pub fn release<T>(py: Python<'_>, objects: T) {
    let _python = PythonCode::begin(py);
    drop(objects);
}

/// The same in `Drop`, where nobody says whether there is an interpreter still. Where there is none any
/// more, the one thread that is left runs what it has to.
pub fn release_at_end<T>(objects: T) {
    let mut objects = Some(objects);
    Python::try_attach(|py| release(py, objects.take()));
    drop(objects);
}

#[cold]
fn wait_for_the_end(py: Python<'_>) {
    if ENDED_BY.load(Relaxed) != thread_number() && !HAS_WAITED.replace(true) {
        py.detach(|| thread::sleep(PATIENCE));
    }
}

/// At the end of the interpreter: returns once no other thread is in Python code that was called from
/// here, or has not come out of it for too long.
pub fn wait_for_others(py: Python<'_>) {
    ENDED_BY.store(thread_number(), Release);
    let own = isize::from(DEPTH.get() > 0);
    py.detach(|| {
        let (mut fewest, mut since) = (isize::MAX, Instant::now());
        loop {
            let others = CALLERS.load(Acquire) - own;
            if others < fewest {
                (fewest, since) = (others, Instant::now());
            }
            if others <= 0 || since.elapsed() >= PATIENCE {
                break;
            }
            thread::sleep(NAP);
        }
    });
}

/// In a forked child, which has this thread alone.
pub fn begin_anew() {
    CALLERS.store(isize::from(DEPTH.get() > 0), Release);
    ENDED_BY.store(0, Release);
}
