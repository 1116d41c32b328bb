//! What the entries weigh, where the cache is bounded by bytes.

/// Weights by slot, beside the slots so that a cache without such a bound carries none.
#[derive(Debug)]
pub(super) struct Weights {
    max: u64,
    /// Wide enough for any number of entries of any weight, which there may be while the bound is
    /// being set.
    total: u128,
    of: Vec<u64>,
}

impl Weights {
    pub const fn new(max: u64) -> Self {
        Self {
            max,
            total: 0,
            of: Vec::new(),
        }
    }

    pub const fn max(&self) -> u64 {
        self.max
    }

    pub const fn set_max(&mut self, max: u64) {
        self.max = max;
    }

    pub fn total(&self) -> u64 {
        u64::try_from(self.total).unwrap_or(u64::MAX)
    }

    /// Whether an entry of that weight can be held at all.
    pub const fn admits(&self, weight: u64) -> bool {
        weight <= self.max
    }

    /// Whether there is room for `weight` more.
    pub const fn has_room(&self, weight: u64) -> bool {
        self.total + weight as u128 <= self.max as u128
    }

    pub const fn is_exceeded(&self) -> bool {
        self.total > self.max as u128
    }

    /// Sets the weight of the entry in slot `at`.
    pub fn set(&mut self, at: u32, weight: u64) {
        let at = at as usize;
        if at >= self.of.len() {
            self.of.resize(at + 1, 0);
        }
        let former = std::mem::replace(&mut self.of[at], weight);
        self.total = self.total - u128::from(former) + u128::from(weight);
    }

    /// Forgets the weight of the entry that was in slot `at`.
    pub fn remove(&mut self, at: u32) {
        if let Some(weight) = self.of.get_mut(at as usize) {
            self.total -= u128::from(std::mem::take(weight));
        }
    }
}
