//! Locking from a thread that is attached to the interpreter.

use std::thread;

use parking_lot::{Mutex, MutexGuard};
use pyo3::prelude::*;

/// Locks, and waits detached where that takes time: the holder may be stopped until this thread
/// lets the interpreter go on. The lock itself is only ever taken while attached, or a fork by
/// another thread could find it taken.
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
        py.detach(thread::yield_now);
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
    }
}
