//! What a context manager keeps for its blocks, from when they are entered until they are left.

use std::collections::VecDeque;

use super::timers::Owner;

/// Blocks of one context manager that are entered and not left. Blocks that nobody leaves must not
/// grow without bound; past this many the one entered first is forgotten.
pub const MAX_ENTERED: usize = 10_000;

/// One thing for each block, in the order of their entering.
#[derive(Debug)]
pub struct Entered<T> {
    blocks: VecDeque<(Owner, T)>,
    /// Blocks that were forgotten and, for all that is known, not left yet.
    forgotten: u64,
}

/// What was kept for a block that is being left.
#[derive(Debug, PartialEq, Eq)]
pub enum Left<T> {
    /// This.
    Kept(T),
    /// Something, which has been forgotten.
    Forgotten,
    /// Nothing: there are no more blocks.
    Nothing,
}

impl<T> Default for Entered<T> {
    fn default() -> Self {
        Self {
            blocks: VecDeque::new(),
            forgotten: 0,
        }
    }
}

impl<T> Entered<T> {
    /// How many blocks are entered and not left, the forgotten ones included.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.blocks.len() as u64 + self.forgotten
    }

    /// How many things are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.blocks.len()
    }

    /// Keeps `thing` for a block that `owner` enters.
    pub fn push(&mut self, owner: Owner, thing: T) {
        self.blocks.push_back((owner, thing));
    }

    /// Takes note of a block that was forgotten elsewhere.
    pub fn note_forgotten(&mut self) {
        self.forgotten += 1;
    }

    /// Forgets the block entered first. Returns its thing, for the caller to drop where that is safe.
    pub fn forget_first(&mut self) -> Option<T> {
        let (_, thing) = self.blocks.pop_front()?;
        self.forgotten += 1;
        Some(thing)
    }

    /// The thing of the latest block that `owner` entered.
    #[must_use]
    pub fn latest(&self, owner: Owner) -> Option<&T> {
        let mut latest = self.blocks.iter().rev();
        latest
            .find(|(other, _)| *other == owner)
            .map(|(_, thing)| thing)
    }

    /// Takes out the thing of the latest block that `owner` entered.
    pub fn pop_own(&mut self, owner: Owner) -> Option<T> {
        let at = self.blocks.iter().rposition(|(other, _)| *other == owner)?;
        self.blocks.remove(at).map(|(_, thing)| thing)
    }

    /// Takes out the thing for a block that is left by somebody who has entered none: where blocks
    /// were forgotten it is taken for one of those, as it would rob another one of its thing
    /// otherwise; and else for the latest.
    pub fn pop_another(&mut self) -> Left<T> {
        if self.forgotten > 0 {
            self.forgotten -= 1;
            return Left::Forgotten;
        }
        match self.blocks.pop_back() {
            Some((_, thing)) => Left::Kept(thing),
            None => Left::Nothing,
        }
    }

    /// Takes out the thing for a block that `owner` leaves.
    pub fn pop(&mut self, owner: Owner) -> Left<T> {
        match self.pop_own(owner) {
            Some(thing) => Left::Kept(thing),
            None => self.pop_another(),
        }
    }

    /// Everything kept, in order.
    pub fn things(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().map(|(_, thing)| thing)
    }
}
