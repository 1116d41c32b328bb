//! From a hash to the slots of the entries that have it.

use hashbrown::HashTable;

/// A multimap from 64-bit hashes to slot numbers.
#[derive(Debug)]
pub(super) struct Index(HashTable<u32>);

impl Index {
    pub const fn new() -> Self {
        Self(HashTable::new())
    }

    #[inline]
    pub fn find(&self, hash: u64, mut matches: impl FnMut(u32) -> bool) -> Option<u32> {
        self.0.find(hash, |&at| matches(at)).copied()
    }

    /// Adds a slot. Growing asks for the hashes of the slots that are in already.
    #[inline]
    pub fn insert(&mut self, hash: u64, at: u32, hash_of: impl Fn(u32) -> u64) {
        self.0.insert_unique(hash, at, |&at| hash_of(at));
    }

    #[inline]
    pub fn remove(&mut self, hash: u64, at: u32) {
        if let Ok(entry) = self.0.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
    }
}
