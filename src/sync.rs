//! Locks, atomics and waits of the state that threads share. With the feature `shuttle`, which only the
//! tests of schedules turn on, they are a scheduler's, which decides who goes on at each of them.

#[cfg(not(feature = "shuttle"))]
pub use parking_lot::{Mutex, MutexGuard, RwLock};
#[cfg(not(feature = "shuttle"))]
pub use std::{sync::atomic, thread::sleep, thread_local};

#[cfg(feature = "shuttle")]
pub use explored::{Mutex, RwLock, sleep};
#[cfg(feature = "shuttle")]
pub use shuttle::{
    sync::{MutexGuard, atomic},
    thread_local,
};

#[cfg(feature = "shuttle")]
mod explored {
    use std::{sync::TryLockError, time::Duration};

    use shuttle::{
        sync::{self, MutexGuard, RwLockReadGuard, RwLockWriteGuard},
        thread,
    };

    /// Lets the others go on: no time passes under the scheduler.
    pub fn sleep(_: Duration) {
        thread::yield_now();
    }

    /// A mutex with the methods of `parking_lot`'s: a panic elsewhere does not poison it.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A mutex around `value`.
        pub fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        /// The lock, if it is free.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }

    /// A reader-writer lock with the methods of `parking_lot`'s.
    #[derive(Debug, Default)]
    pub struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// Waits until nobody writes.
        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        /// Waits until nobody reads or writes.
        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        /// The lock for reading, if nobody writes.
        pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
            match self.0.try_read() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }
}
