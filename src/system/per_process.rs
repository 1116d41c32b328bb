//! State that belongs to one process and must not be carried over by `fork`.

use std::{process, sync::OnceLock};

/// The process that this code runs in. To ask which that is takes a system call, so whoever needs
/// several values of one process asks once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThisProcess {
    id: u32,
}

impl ThisProcess {
    /// The process at this moment: another one after a fork.
    pub fn now() -> Self {
        Self { id: process::id() }
    }
}

/// A value made once in each process: a forked child that asks gets a fresh one.
///
/// Values are chained, one for each process of a line of forks, and never dropped. What a child
/// inherited is thus left alone: closing a file or a library there could close what the host
/// program has since put in its place, and a lock in it may have been held at the fork.
pub struct PerProcess<T> {
    make: fn() -> T,
    first: OnceLock<Node<T>>,
}

struct Node<T> {
    process: ThisProcess,
    value: T,
    next: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// `make` must neither block nor take long: a fork by another thread during it would leave
    /// the child waiting for ever. Slow beginnings belong in a `OnceLock` inside the value.
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            make,
            first: OnceLock::new(),
        }
    }

    /// The value of the calling process.
    pub fn get(&self) -> &T {
        self.of(ThisProcess::now())
    }

    /// Likewise, where the caller knows which process that is.
    pub fn of(&self, process: ThisProcess) -> &T {
        let mut node = self.first.get_or_init(|| self.node(process));
        while node.process != process {
            node = node.next.get_or_init(|| Box::new(self.node(process)));
        }
        &node.value
    }

    fn node(&self, process: ThisProcess) -> Node<T> {
        Node {
            process,
            value: (self.make)(),
            next: OnceLock::new(),
        }
    }
}
