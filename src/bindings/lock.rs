//! Locking from a thread that is attached to the interpreter.

use parking_lot::{Mutex, MutexGuard};
use pyo3::prelude::*;

/// Locks, and waits detached where that takes time: the holder may be stopped until this thread
/// lets the interpreter go on.
#[inline]
pub fn lock<'a, T: Send>(py: Python<'_>, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    match mutex.try_lock() {
        Some(guard) => guard,
        None => wait(py, mutex),
    }
}

#[cold]
fn wait<'a, T: Send>(py: Python<'_>, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    loop {
        // Attaching again may block too, so the lock must not be held while that happens.
        py.detach(|| drop(mutex.lock()));
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
    }
}
