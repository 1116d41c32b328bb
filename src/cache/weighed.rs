//! The bound by bytes.

use super::{
    Handle, Ttl,
    store::{Store, Undecided, Verdict, checked_max_size, spread},
    weights::Weights,
};
use crate::{
    error::{Error, Result},
    time::Clock,
};

/// What [`Store::set_weighed`] pushed out.
#[derive(Debug, PartialEq, Eq)]
pub struct Outweighed<K, V> {
    /// Whether the new value is in the cache; one that is heavier than all entries may be together
    /// is not.
    pub kept: bool,
    /// The former value of the same key, whose key object stays.
    pub value: Option<V>,
    /// The entries that had to go, in this order; of a value that is not kept, the former entry of its key.
    pub entries: Vec<(K, V)>,
}

impl<K, V> Outweighed<K, V> {
    const fn new() -> Self {
        Self {
            kept: true,
            value: None,
            entries: Vec::new(),
        }
    }
}

impl<K, V> Store<K, V> {
    /// [`Store::configure`] with a bound to the entries' total weight. `weight_of` tells what the
    /// entries that are there weigh. Those of which it cannot tell go and count as evictions, and so do
    /// others as in [`Store::configure`] as long as a bound is exceeded. A `max_bytes` of zero is an
    /// [`Error::InvalidArgument`].
    pub fn configure_weighed(
        &mut self,
        max_size: usize,
        max_bytes: u64,
        default_ttl: Ttl,
        clock: Clock,
        mut weight_of: impl FnMut(Handle, &V) -> Option<u64>,
    ) -> Result<Vec<(K, V)>> {
        let max_size = checked_max_size(max_size)?;
        if max_bytes == 0 {
            return Err(Error::argument("max_bytes", max_bytes, "at least 1"));
        }
        let mut evicted = self.configure(max_size, default_ttl, clock)?;
        let mut weights = Weights::new(u64::MAX);
        let all: Vec<u32> = self.slots.iter().collect();
        for at in all {
            let handle = self.slots.handle(at);
            let weight = self
                .slots
                .value(at)
                .and_then(|value| weight_of(handle, value))
                .filter(|weight| *weight <= max_bytes);
            if let Some(weight) = weight {
                weights.set(at, weight);
            } else {
                self.counters.evictions += 1;
                evicted.extend(self.remove(at));
            }
        }
        weights.set_max(max_bytes);
        self.weights = Some(weights);
        while self.weights.as_ref().is_some_and(Weights::is_exceeded) {
            evicted.extend(self.make_room());
        }
        Ok(evicted)
    }

    /// [`Store::set`] for a value that weighs `weight` together with its key. As many entries go as it
    /// takes for the new one to fit both bounds. One that is heavier than the bound by
    /// bytes is rejected, and takes the key's former entry with it.
    ///
    /// Without a bound by bytes the weight does not matter.
    pub fn set_weighed(
        &mut self,
        hash: u64,
        judge: impl FnMut(Handle, &K) -> Verdict,
        ttl: Option<Ttl>,
        weight: u64,
        key: impl FnOnce() -> K,
        value: impl FnOnce() -> V,
    ) -> std::result::Result<Outweighed<K, V>, Undecided> {
        let found = self.locate(spread(hash), judge)?;
        let mut out = Outweighed::new();
        if self
            .weights
            .as_ref()
            .is_some_and(|weights| !weights.admits(weight))
        {
            self.rejections += 1;
            out.kept = false;
            out.entries.extend(found.and_then(|at| self.remove(at)));
            return Ok(out);
        }
        let deadline = self.deadline(ttl);
        let at = if let Some(at) = found {
            self.slots.touch(at);
            out.value = self.replace(at, value(), deadline);
            at
        } else {
            while self.is_full() || !self.has_room(weight) {
                match self.make_room() {
                    Some(entry) => out.entries.push(entry),
                    None => break,
                }
            }
            self.push(spread(hash), deadline, (key(), value()))
        };
        if let Some(weights) = &mut self.weights {
            weights.set(at, weight);
        }
        // A heavier value in an old place. It is the most recently used one and fits by itself,
        // so the others go first and it stays.
        while self.weights.as_ref().is_some_and(Weights::is_exceeded) {
            out.entries.extend(self.make_room());
        }
        Ok(out)
    }

    fn has_room(&self, weight: u64) -> bool {
        self.weights
            .as_ref()
            .is_none_or(|weights| weights.has_room(weight))
    }

    /// Whether entries must be set with their weight.
    #[must_use]
    #[inline]
    pub const fn is_weighed(&self) -> bool {
        self.weights.is_some()
    }

    /// The most that the entries may weigh together, where that is bounded.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u64> {
        self.weights.as_ref().map(Weights::max)
    }

    /// What the entries weigh together, where that is bounded.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.weights.as_ref().map(Weights::total)
    }

    /// How many values were too heavy to be kept.
    #[must_use]
    pub const fn rejections(&self) -> u64 {
        self.rejections
    }

    /// The handles, keys and values, least recently used first.
    pub fn handles(&self) -> impl Iterator<Item = (Handle, &(K, V))> {
        self.slots
            .iter()
            .map(|at| self.slots.handle(at))
            .zip(self.slots.pairs())
    }
}
