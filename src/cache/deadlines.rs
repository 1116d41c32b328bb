//! Which entry is past its deadline, found without looking at all of them.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::NEVER;

/// After so many nodes that were due too early, all of them are put right in one go.
const MANY: usize = 64;

/// The slots by deadline, beside the slots: only a cache that has been full needs them.
///
/// Each slot whose entry expires has a node that is due no later than that. A node stays as it is when
/// the entry's deadline moves on, and when the next entry takes the slot; once it is due, it moves to
/// where it belongs. So as long as nothing expires, setting an entry moves no node.
#[derive(Debug)]
pub(super) struct Deadlines {
    nodes: BinaryHeap<Reverse<(u64, u32)>>,
    /// When the node of each slot is due; [`NEVER`] of a slot that has none.
    due: Vec<u64>,
}

impl Deadlines {
    /// Those of the slots numbered below `slots`.
    pub fn of(slots: usize, deadline: impl Fn(u32) -> u64) -> Self {
        let mut new = Self {
            nodes: BinaryHeap::new(),
            due: vec![NEVER; slots],
        };
        new.rebuild(deadline);
        new
    }

    /// Takes note of the deadline of a new entry or value in the slot `at`.
    #[inline]
    pub fn note(&mut self, at: u32, deadline: u64) {
        let is_noted = self
            .due
            .get(at as usize)
            .is_some_and(|due| *due <= deadline);
        if !is_noted && deadline != NEVER {
            self.add(at, deadline);
        }
    }

    #[cold]
    fn add(&mut self, at: u32, deadline: u64) {
        let slot = at as usize;
        if slot >= self.due.len() {
            self.due.resize(slot + 1, NEVER);
        }
        self.due[slot] = deadline;
        if self.nodes.len() > 2 * self.due.len() + MANY {
            // Most are of former, later deadlines of the same slots.
            let due = std::mem::take(&mut self.due);
            self.due.clone_from(&due);
            self.rebuild(|at| due[at as usize]);
        } else {
            self.nodes.push(Reverse((deadline, at)));
        }
    }

    /// When the first node is due.
    #[inline]
    pub fn first(&self) -> Option<u64> {
        self.nodes.peek().map(|Reverse((due, _))| *due)
    }

    /// A slot whose entry's deadline is not after `now`. `deadline` tells that of the entry in a slot,
    /// [`NEVER`] if there is none.
    #[cold]
    pub fn expired(&mut self, now: u64, deadline: impl Fn(u32) -> u64) -> Option<u32> {
        let mut early = 0;
        while let Some(&Reverse((due, at))) = self.nodes.peek()
            && due <= now
        {
            if early == MANY {
                self.rebuild(&deadline);
                early += 1;
                continue;
            }
            self.nodes.pop();
            let noted = &mut self.due[at as usize];
            if *noted != due {
                continue;
            }
            let real = deadline(at);
            if real <= now {
                *noted = NEVER;
                return Some(at);
            }
            *noted = real;
            if real != NEVER {
                self.nodes.push(Reverse((real, at)));
            }
            early += 1;
        }
        None
    }

    fn rebuild(&mut self, deadline: impl Fn(u32) -> u64) {
        let mut nodes = std::mem::take(&mut self.nodes).into_vec();
        nodes.clear();
        for (at, due) in (0..).zip(&mut self.due) {
            *due = deadline(at);
            if *due != NEVER {
                nodes.push(Reverse((*due, at)));
            }
        }
        self.nodes = nodes.into();
    }
}
