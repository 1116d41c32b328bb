//! What a history takes of the requests.

use super::Requests;
use crate::rollup::{Delta, Key, Source};

impl Source for Requests {
    fn drain(&self, out: &mut Vec<Delta>) {
        self.state.lock().drain(out);
    }

    fn forget(&self) {
        let mut state = self.state.lock();
        state.drain(&mut Vec::new());
        // What its parent's history did not take, nobody but memory has.
        let next = state.next();
        state.own_from = state.alone_from.unwrap_or(next).max(state.own_from);
    }

    fn detach(&self) {
        let mut state = self.state.lock();
        // By which the names that were held go.
        let mut waiting = Vec::new();
        state.drain(&mut waiting);
        state.attached = true;
        let rollups = state.rollups.take();
        // Errors are of requests that are counted already.
        let requests = waiting
            .iter()
            .filter(|delta| !matches!(delta.key, Key::Error(_)));
        let waited = requests.map(|delta| delta.rollup.len()).sum();
        // Where nobody ever gathered, no history has any.
        let taken = match rollups {
            Some(_) => state.next().saturating_sub(waited),
            None => 0,
        };
        state.alone_from.get_or_insert(taken);
        drop(state);
        drop((rollups, waiting));
    }

    fn succeed(&self) {
        let now = self.clock().wall();
        let mut state = self.state.lock();
        state.fallen.extend_to(now);
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let state = &mut *state;
        if let Some(rollups) = &mut state.rollups {
            rollups.hand_over(&mut state.endpoints, &mut state.methods);
        }
    }
}
