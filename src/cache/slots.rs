//! Where the entries lie, and the order in which they were used.

/// The slot that is not an entry but both ends of the recency list: its `older` neighbour is the
/// entry used last, its `newer` neighbour the one to evict. With it, linking has no special cases.
const ENDS: u32 = 0;

/// Names one entry for as long as it stays in the cache, whatever happens to its slot later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(u64);

#[derive(Debug)]
pub(super) struct Slot<K, V> {
    pub hash: u64,
    pub deadline: u64,
    handle: u64,
    newer: u32,
    older: u32,
    pair: Option<(K, V)>,
}

/// A slab of entries threaded by a list from the most to the least recently used one.
#[derive(Debug)]
pub(super) struct Slots<K, V> {
    entries: Vec<Slot<K, V>>,
    /// Vacant slots, chained by `older`; `ENDS` ends the chain.
    free: u32,
    len: usize,
    /// Entries ever added, which numbers the handles.
    added: u64,
}

impl<K, V> Slots<K, V> {
    /// Slots are numbered with 32 bits, and the number 0 is taken.
    pub const LIMIT: usize = u32::MAX as usize - 1;

    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: ENDS,
            len: 0,
            added: 0,
        }
    }

    /// Everything, leaving nothing but the numbering of handles, which goes on.
    pub fn take(&mut self) -> Self {
        let empty = Self {
            added: self.added,
            ..Self::new()
        };
        std::mem::replace(self, empty)
    }

    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// One more than the highest number of a slot.
    pub const fn room(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub fn hash(&self, at: u32) -> u64 {
        self.entries[at as usize].hash
    }

    #[inline]
    pub fn deadline(&self, at: u32) -> u64 {
        self.entries[at as usize].deadline
    }

    #[inline]
    pub fn handle(&self, at: u32) -> Handle {
        Handle(self.entries[at as usize].handle)
    }

    #[inline]
    pub fn key(&self, at: u32) -> Option<&K> {
        self.entries[at as usize].pair.as_ref().map(|pair| &pair.0)
    }

    #[inline]
    pub fn value(&self, at: u32) -> Option<&V> {
        self.entries[at as usize].pair.as_ref().map(|pair| &pair.1)
    }

    /// The least recently used entry.
    #[inline]
    pub fn oldest(&self) -> Option<u32> {
        self.entries
            .first()
            .map(|ends| ends.newer)
            .filter(|&at| at != ENDS)
    }

    /// The entries, least recently used first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.oldest(), |&at| {
            Some(self.entries[at as usize].newer).filter(|&next| next != ENDS)
        })
    }

    /// The keys and values, least recently used first.
    pub fn pairs(&self) -> impl Iterator<Item = &(K, V)> {
        self.iter()
            .filter_map(|at| self.entries[at as usize].pair.as_ref())
    }

    /// The keys and values in the order of memory, which is the fastest.
    pub fn unordered(&self) -> impl Iterator<Item = &(K, V)> {
        self.entries.iter().filter_map(|slot| slot.pair.as_ref())
    }

    pub fn into_pairs(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_iter().filter_map(|slot| slot.pair)
    }

    /// Makes the entry the most recently used one.
    #[inline]
    pub fn touch(&mut self, at: u32) {
        if self.entries[ENDS as usize].older != at {
            self.unlink(at);
            self.link(at);
        }
    }

    /// Replaces the value and its deadline, leaving the key as it is.
    #[inline]
    pub fn replace(&mut self, at: u32, value: V, deadline: u64) -> Option<V> {
        let slot = &mut self.entries[at as usize];
        slot.deadline = deadline;
        slot.pair
            .as_mut()
            .map(|pair| std::mem::replace(&mut pair.1, value))
    }

    /// Adds the entry as the most recently used one.
    #[inline]
    pub fn push(&mut self, hash: u64, deadline: u64, pair: (K, V)) -> u32 {
        let at = if self.free == ENDS {
            self.grow()
        } else {
            let at = self.free;
            self.free = self.entries[at as usize].older;
            at
        };
        self.added += 1;
        let slot = &mut self.entries[at as usize];
        slot.handle = self.added;
        slot.hash = hash;
        slot.deadline = deadline;
        slot.pair = Some(pair);
        self.len += 1;
        self.link(at);
        at
    }

    #[inline]
    pub fn remove(&mut self, at: u32) -> Option<(K, V)> {
        self.unlink(at);
        let free = std::mem::replace(&mut self.free, at);
        let slot = &mut self.entries[at as usize];
        slot.older = free;
        slot.deadline = super::NEVER;
        self.len -= 1;
        slot.pair.take()
    }

    /// Moves every deadline that can be reached from the time line of one clock to another's.
    pub fn rebase(&mut self, from: u64, to: u64) {
        for slot in &mut self.entries {
            if slot.deadline != super::NEVER {
                slot.deadline = to.saturating_add(slot.deadline.saturating_sub(from));
            }
        }
    }

    fn grow(&mut self) -> u32 {
        if self.entries.is_empty() {
            self.entries.push(Slot::vacant());
        }
        self.entries.push(Slot::vacant());
        u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
    }

    #[inline]
    fn link(&mut self, at: u32) {
        let ends = &mut self.entries[ENDS as usize];
        let older = std::mem::replace(&mut ends.older, at);
        self.entries[older as usize].newer = at;
        let slot = &mut self.entries[at as usize];
        slot.newer = ENDS;
        slot.older = older;
    }

    #[inline]
    fn unlink(&mut self, at: u32) {
        let Slot { newer, older, .. } = self.entries[at as usize];
        self.entries[newer as usize].older = older;
        self.entries[older as usize].newer = newer;
    }
}

impl<K, V> Slot<K, V> {
    const fn vacant() -> Self {
        Self {
            hash: 0,
            deadline: super::NEVER,
            newer: ENDS,
            older: ENDS,
            handle: 0,
            pair: None,
        }
    }
}
