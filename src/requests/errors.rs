//! The last different errors of requests.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::rollup::{ErrorKey, Occurrences};

/// How many different errors are kept.
pub const MAX_ERRORS: usize = 200;

/// How many of them are of one endpoint, whose texts may all differ: it must not push out those of others.
pub const MAX_ENDPOINT_ERRORS: usize = 20;

/// The errors that occurred last. Of too many the one goes that has not for the longest time.
#[derive(Debug, Default)]
pub(super) struct ErrorLog {
    kept: IndexMap<ErrorKey, Occurrences, RandomState>,
}

impl ErrorLog {
    pub fn add(&mut self, key: &ErrorKey, time: i64) {
        if let Some(known) = self.kept.get_mut(key) {
            known.add(time);
            return;
        }
        let is_same = |of: &ErrorKey| of.endpoint == key.endpoint;
        if self.kept.keys().filter(|of| is_same(of)).count() >= MAX_ENDPOINT_ERRORS {
            self.forget_oldest(is_same);
        } else if self.kept.len() >= MAX_ERRORS {
            self.forget_oldest(|_| true);
        }
        self.kept.entry(key.clone()).or_default().add(time);
    }

    fn forget_oldest(&mut self, of: impl Fn(&ErrorKey) -> bool) {
        let kept = self.kept.iter().enumerate();
        let oldest = kept
            .filter(|(_, (key, _))| of(key))
            .min_by_key(|(_, (_, known))| known.last);
        if let Some((at, _)) = oldest {
            // In order, so that of those that occurred at the same time the first one goes.
            self.kept.shift_remove_index(at);
        }
    }

    /// Those of `endpoint`, or all, the last one first.
    pub fn of(&self, endpoint: Option<&str>) -> Vec<(ErrorKey, Occurrences)> {
        let kept = self.kept.iter().rev();
        let of = kept.filter(|(key, _)| endpoint.is_none_or(|endpoint| *key.endpoint == *endpoint));
        let mut of: Vec<_> = of.map(|(key, known)| (key.clone(), *known)).collect();
        of.sort_by_key(|(_, known)| std::cmp::Reverse(known.last));
        of
    }
}
