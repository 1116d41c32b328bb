//! Who waits for whose computation of a missing key, so that nobody waits for ever.

use std::collections::BTreeMap;

/// Names one computation for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComputationId(pub u64);

/// Which computations wait for which. A computation waits while code that it runs does, however deep
/// and in however many threads or tasks at once.
#[derive(Debug, Default)]
pub struct WaitGraph {
    /// By who waits: for what, once for each wait.
    waits: BTreeMap<ComputationId, Vec<ComputationId>>,
}

impl WaitGraph {
    /// Nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            waits: BTreeMap::new(),
        }
    }

    /// Begins to wait for `awaited` in the middle of the computations `held`. `false`, and nothing
    /// has changed, if that one itself is among them or waits for one of them, directly or not.
    pub fn begin(&mut self, held: &[ComputationId], awaited: ComputationId) -> bool {
        if self.leads_to(awaited, held) {
            return false;
        }
        for &waiting in held {
            self.waits.entry(waiting).or_default().push(awaited);
        }
        true
    }

    /// Ends what [`WaitGraph::begin`] began.
    pub fn end(&mut self, held: &[ComputationId], awaited: ComputationId) {
        for waiting in held {
            if let Some(waits) = self.waits.get_mut(waiting) {
                if let Some(at) = waits.iter().position(|other| *other == awaited) {
                    waits.swap_remove(at);
                }
                if waits.is_empty() {
                    self.waits.remove(waiting);
                }
            }
        }
    }

    /// Whether one of `held` can be reached from `from` by who waits for whom.
    fn leads_to(&self, from: ComputationId, held: &[ComputationId]) -> bool {
        let mut seen = vec![from];
        let mut next = 0;
        while let Some(&computation) = seen.get(next) {
            if held.contains(&computation) {
                return true;
            }
            next += 1;
            for awaited in self.waits.get(&computation).into_iter().flatten() {
                if !seen.contains(awaited) {
                    seen.push(*awaited);
                }
            }
        }
        false
    }
}
