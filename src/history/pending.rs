//! What waits to be written, merged by minute.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use super::identity::Identity;
use crate::rollup::{Delta, Key, Rollup};

/// How many rollups wait while a file cannot be written. A hundred operations come to as many in
/// 16 hours; each takes some 500 bytes.
pub const MAX_PENDING: usize = 100_000;

/// What a rollup that waits is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The minute, in whole ones of UTC since the Unix epoch.
    pub minute: i64,
    /// Who writes it.
    pub writer: Arc<Identity>,
    /// Of what.
    pub key: Key,
}

/// What is written in one transaction.
pub type Batch = BTreeMap<Slot, Rollup>;

/// What waits to be written.
#[derive(Debug)]
pub struct Pending {
    rollups: Batch,
    bound: usize,
    dropped: u64,
}

impl Pending {
    /// Nothing; `bound` rollups at most.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self {
            rollups: Batch::new(),
            bound,
            dropped: 0,
        }
    }

    /// Adds what `writer` has recorded.
    pub fn add(&mut self, writer: &Arc<Identity>, delta: Delta) {
        if delta.rollup.is_empty() {
            return;
        }
        let slot = Slot {
            minute: delta.minute,
            writer: Arc::clone(writer),
            key: delta.key,
        };
        self.merge(slot, delta.rollup);
    }

    /// Takes back what could not be written.
    pub fn put_back(&mut self, batch: Batch) {
        for (slot, rollup) in batch {
            self.merge(slot, rollup);
        }
    }

    fn merge(&mut self, slot: Slot, rollup: Rollup) {
        match self.rollups.entry(slot) {
            Entry::Occupied(mut known) => known.get_mut().merge(&rollup),
            Entry::Vacant(vacant) => {
                vacant.insert(rollup);
                if self.rollups.len() > self.bound {
                    self.rollups.pop_first();
                    self.dropped += 1;
                }
            }
        }
    }

    /// Takes out up to `most` rollups, the oldest.
    pub fn take(&mut self, most: usize) -> Batch {
        let last = self.rollups.keys().nth(most).cloned();
        match last {
            None => std::mem::take(&mut self.rollups),
            Some(last) => {
                let rest = self.rollups.split_off(&last);
                std::mem::replace(&mut self.rollups, rest)
            }
        }
    }

    /// The rollups, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&Slot, &Rollup)> {
        self.rollups.iter()
    }

    /// How many rollups wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rollups.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rollups.is_empty()
    }

    /// How many rollups went beyond the bound so far; the oldest did.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets everything, but not how many were dropped.
    pub fn clear(&mut self) {
        self.rollups.clear();
    }
}
