//! Long work without the interpreter.

use pyo3::prelude::*;

/// Runs `work` on `length` items, without the interpreter where that is worth the switch.
///
/// The core's locks are only ever taken while attached, so that a fork, which waits for the
/// interpreter, never finds one held; `work` must take none.
pub fn detached_if_long<T: Send>(
    py: Python<'_>,
    length: usize,
    work: impl FnOnce() -> T + Send,
) -> T {
    const LONG: usize = 4_096;
    if length < LONG {
        work()
    } else {
        py.detach(work)
    }
}
