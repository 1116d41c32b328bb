//! Recency, expiry and counting over opaque keys and values.

use super::{
    Handle, NEVER, Ttl, deadlines::Deadlines, index::Index, slots::Slots, weights::Weights,
};
use crate::{
    error::{Error, Result},
    time::{Clock, Monotonic},
};

/// What the caller can say about a key with the right hash without leaving the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the key that was asked for.
    Same,
    /// It is another key.
    Different,
    /// Only code that must not run in here can tell. The operation then changes nothing and
    /// returns [`Undecided`]; the caller finds out and tries again with what it has learnt, which
    /// it may remember by [`Handle`].
    Ask,
}

/// A [`Verdict::Ask`] stood between the operation and its result; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided;

/// How often the cache served, failed and dropped entries since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Look-ups that found a live entry.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Entries dropped to make room.
    pub evictions: u64,
    /// Entries past their deadline that were dropped: met by a look-up, a deletion or a cleanup, or to make
    /// room before any live one had to go.
    pub expirations: u64,
}

/// The result of [`Store::get`].
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a, K, V> {
    /// A live entry, now the most recently used one.
    Hit(&'a V),
    /// None, or one past its deadline, which is handed out.
    Miss(Option<(K, V)>),
}

/// What [`Store::set`] pushed out.
#[derive(Debug, PartialEq, Eq)]
pub enum Displaced<K, V> {
    /// There was room.
    Nothing,
    /// The former value of the same key, whose key object stays.
    Value(V),
    /// An entry past its deadline, or else the least recently used one.
    Entry((K, V)),
}

/// The result of [`Store::delete`].
#[derive(Debug, PartialEq, Eq)]
pub struct Deleted<K, V> {
    /// Whether there was a live entry.
    pub existed: bool,
    /// The entry, live or past its deadline.
    pub entry: Option<(K, V)>,
}

/// A cache with strict least-recently-used eviction and a deadline for each entry. An entry is
/// alive while the clock is before its deadline. What is no longer alive goes before what is.
///
/// The store cannot compare keys. Its operations take a hash, equal for equal keys, and a function
/// that judges the keys with that hash. Everything it drops is handed to the caller, so that a
/// destructor can run after the caller's lock is released. Memory grows with the entries, not with
/// the capacity; beyond 2^32 - 2 entries the oldest one is evicted whatever the capacity.
#[derive(Debug)]
pub struct Store<K, V> {
    pub(super) slots: Slots<K, V>,
    index: Index,
    /// Once room had to be made for the first time.
    deadlines: Option<Deadlines>,
    max_size: usize,
    default_ttl: Ttl,
    clock: Clock,
    pub(super) counters: Counters,
    /// Where the entries' weight is bounded, too.
    pub(super) weights: Option<Weights>,
    pub(super) rejections: u64,
}

impl<K, V> Store<K, V> {
    /// An empty store. A `max_size` of zero is an [`Error::InvalidArgument`].
    pub fn new(max_size: usize, default_ttl: Ttl, clock: Clock) -> Result<Self> {
        Ok(Self {
            slots: Slots::new(),
            index: Index::new(),
            deadlines: None,
            max_size: checked_max_size(max_size)?,
            default_ttl,
            clock,
            counters: Counters::default(),
            weights: None,
            rejections: 0,
        })
    }

    /// Changes the settings and returns the entries that no longer fit, of which those past their deadline go
    /// first.
    /// Entries that stay keep the lifetime they have left, also when the clock is another one. Their
    /// weight is not bounded then; see [`Store::configure_weighed`] for that.
    pub fn configure(
        &mut self,
        max_size: usize,
        default_ttl: Ttl,
        clock: Clock,
    ) -> Result<Vec<(K, V)>> {
        self.max_size = checked_max_size(max_size)?;
        self.default_ttl = default_ttl;
        if self.slots.len() > 0 {
            self.slots
                .rebase(self.clock.monotonic().0, clock.monotonic().0);
        }
        self.deadlines = None;
        self.clock = clock;
        self.weights = None;
        let mut evicted = Vec::new();
        while self.slots.len() > self.max_size {
            evicted.extend(self.make_room());
        }
        Ok(evicted)
    }

    /// The live value of the key, which becomes the most recently used one.
    #[inline]
    pub fn get(
        &mut self,
        hash: u64,
        judge: impl FnMut(Handle, &K) -> Verdict,
    ) -> std::result::Result<Found<'_, K, V>, Undecided> {
        let hash = spread(hash);
        let Some(at) = self.locate(hash, judge)? else {
            self.counters.misses += 1;
            return Ok(Found::Miss(None));
        };
        if self.is_past(at) {
            return Ok(Found::Miss(self.expire(at)));
        }
        self.slots.touch(at);
        Ok(match self.slots.value(at) {
            Some(value) => {
                self.counters.hits += 1;
                Found::Hit(value)
            }
            None => Found::Miss(None),
        })
    }

    /// Whether there is a live entry for the key. Neither counts nor refreshes anything.
    pub fn contains(
        &self,
        hash: u64,
        judge: impl FnMut(Handle, &K) -> Verdict,
    ) -> std::result::Result<bool, Undecided> {
        let at = self.locate(spread(hash), judge)?;
        Ok(at.is_some_and(|at| !self.is_past(at)))
    }

    /// Sets the key's value for `ttl`, or for the default lifetime, and makes it the most recently
    /// used one. Where the key is present its value is replaced, expired or not, and nothing is
    /// counted; otherwise, if the store is full, an entry past its deadline goes or, if there is none, the
    /// least recently used one.
    ///
    /// `key` and `value` are called at most once, and not at all if the result is [`Undecided`].
    /// Where the entries' weight is bounded use [`Store::set_weighed`]: this weighs nothing.
    #[inline]
    pub fn set(
        &mut self,
        hash: u64,
        judge: impl FnMut(Handle, &K) -> Verdict,
        ttl: Option<Ttl>,
        key: impl FnOnce() -> K,
        value: impl FnOnce() -> V,
    ) -> std::result::Result<Displaced<K, V>, Undecided> {
        let hash = spread(hash);
        let found = self.locate(hash, judge)?;
        let deadline = self.deadline(ttl);
        if let Some(at) = found {
            self.slots.touch(at);
            let former = self.replace(at, value(), deadline);
            return Ok(former.map_or(Displaced::Nothing, Displaced::Value));
        }
        let evicted = if self.is_full() {
            self.make_room()
        } else {
            None
        };
        self.push(hash, deadline, (key(), value()));
        Ok(evicted.map_or(Displaced::Nothing, Displaced::Entry))
    }

    /// Removes the key. An entry past its deadline is removed too and counts as an expiration, but
    /// not as having existed.
    pub fn delete(
        &mut self,
        hash: u64,
        judge: impl FnMut(Handle, &K) -> Verdict,
    ) -> std::result::Result<Deleted<K, V>, Undecided> {
        let Some(at) = self.locate(spread(hash), judge)? else {
            return Ok(Deleted {
                existed: false,
                entry: None,
            });
        };
        let existed = !self.is_past(at);
        self.counters.expirations += u64::from(!existed);
        Ok(Deleted {
            existed,
            entry: self.remove(at),
        })
    }

    /// Removes everything past its deadline; each counts as an expiration.
    pub fn remove_expired(&mut self) -> Vec<(K, V)> {
        let now = self.clock.monotonic().0;
        let expired: Vec<u32> = self
            .slots
            .iter()
            .filter(|&at| self.slots.deadline(at) <= now && self.slots.deadline(at) != NEVER)
            .collect();
        let removed: Vec<_> = expired
            .into_iter()
            .filter_map(|at| self.remove(at))
            .collect();
        self.counters.expirations += removed.len() as u64;
        removed
    }

    /// Removes everything, gives the memory back and leaves the counters as they are.
    /// The entries come out of what is returned, in no particular order.
    pub fn clear(&mut self) -> impl Iterator<Item = (K, V)> + use<K, V> {
        self.index = Index::new();
        self.deadlines = None;
        if let Some(weights) = &mut self.weights {
            *weights = Weights::new(weights.max());
        }
        self.slots.take().into_pairs()
    }

    /// The entries held, those past their deadline that nothing has met yet included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most entries the store will hold.
    #[must_use]
    pub const fn max_size(&self) -> usize {
        self.max_size
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The keys and values, least recently used first.
    pub fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.slots.pairs()
    }

    /// The keys and values in no particular order, faster than [`Store::iter`].
    pub fn unordered(&self) -> impl Iterator<Item = &(K, V)> {
        self.slots.unordered()
    }

    #[inline]
    pub(super) fn deadline(&self, ttl: Option<Ttl>) -> u64 {
        ttl.unwrap_or(self.default_ttl)
            .deadline(|| self.clock.monotonic())
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= self.max_size.min(Slots::<K, V>::LIMIT)
    }

    #[inline]
    pub(super) fn push(&mut self, hash: u64, deadline: u64, pair: (K, V)) -> u32 {
        let at = self.slots.push(hash, deadline, pair);
        self.index.insert(hash, at, |at| self.slots.hash(at));
        self.note(at, deadline);
        at
    }

    #[inline]
    pub(super) fn replace(&mut self, at: u32, value: V, deadline: u64) -> Option<V> {
        let former = self.slots.replace(at, value, deadline);
        self.note(at, deadline);
        former
    }

    #[inline]
    fn note(&mut self, at: u32, deadline: u64) {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.note(at, deadline);
        }
    }

    #[inline]
    pub(super) fn locate(
        &self,
        hash: u64,
        mut judge: impl FnMut(Handle, &K) -> Verdict,
    ) -> std::result::Result<Option<u32>, Undecided> {
        let mut undecided = false;
        let found = self.index.find(hash, |at| {
            if self.slots.hash(at) != hash {
                return false;
            }
            let Some(key) = self.slots.key(at) else {
                return false;
            };
            match judge(self.slots.handle(at), key) {
                Verdict::Same => true,
                Verdict::Different => false,
                Verdict::Ask => {
                    undecided = true;
                    false
                }
            }
        });
        if found.is_none() && undecided {
            return Err(Undecided);
        }
        Ok(found)
    }

    #[inline]
    fn is_past(&self, at: u32) -> bool {
        let deadline = self.slots.deadline(at);
        deadline != NEVER && self.clock.has_reached(Monotonic(deadline))
    }

    #[cold]
    fn expire(&mut self, at: u32) -> Option<(K, V)> {
        self.counters.misses += 1;
        self.counters.expirations += 1;
        self.remove(at)
    }

    /// Removes an entry past its deadline or, if there is none, the least recently used one.
    pub(super) fn make_room(&mut self) -> Option<(K, V)> {
        if let Some(at) = self.first_expired() {
            self.counters.expirations += 1;
            return self.remove(at);
        }
        let evicted = self.slots.oldest().and_then(|at| self.remove(at));
        self.counters.evictions += u64::from(evicted.is_some());
        evicted
    }

    #[inline]
    fn first_expired(&mut self) -> Option<u32> {
        let slots = &self.slots;
        let deadlines = self
            .deadlines
            .get_or_insert_with(|| Deadlines::of(slots.room(), |at| slots.deadline(at)));
        if !self.clock.has_reached(Monotonic(deadlines.first()?)) {
            return None;
        }
        let now = self.clock.monotonic().0;
        deadlines.expired(now, |at| slots.deadline(at))
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<(K, V)> {
        if let Some(weights) = &mut self.weights {
            weights.remove(at);
        }
        self.index.remove(self.slots.hash(at), at);
        self.slots.remove(at)
    }
}

pub(super) fn checked_max_size(max_size: usize) -> Result<usize> {
    if max_size == 0 {
        return Err(Error::argument("max_size", max_size, "at least 1"));
    }
    Ok(max_size)
}

/// Callers' hashes may be as regular as consecutive numbers, which the index cannot take. Both
/// steps are invertible, so hashes stay different where they were.
#[inline]
pub(super) const fn spread(hash: u64) -> u64 {
    let product = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 32)
}
