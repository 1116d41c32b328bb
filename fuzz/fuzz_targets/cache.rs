//! Streams of operations on the cache, against a list that spells everything out.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use ptpd_monitoring::{
    cache::{Counters, Deleted, Displaced, Found, Handle, Store, Ttl, Undecided, Verdict},
    time::{Clock, ManualClock},
};

const SECOND: u64 = 1_000_000_000;

#[derive(Debug, Arbitrary)]
enum Step {
    Get(u8),
    Set(u8, Option<i8>),
    Delete(u8),
    Contains(u8),
    Cleanup,
    Clear,
    Configure {
        size: u8,
        ttl: i8,
        other_clock: bool,
    },
    Later(u8),
}

#[derive(Debug, Arbitrary)]
struct Stream {
    size: u8,
    ttl: i8,
    /// How many different hashes the keys have: the fewer, the more are to be compared.
    hashes: u8,
    steps: Vec<Step>,
}

/// Least recently used first: key, value, and the seconds left, if it ever ends.
#[derive(Default)]
struct Model {
    entries: Vec<(u8, u32, Option<u64>)>,
    counters: Counters,
    size: usize,
    ttl: Option<u64>,
}

fn lifetime(ttl: i8) -> Option<u64> {
    u64::try_from(ttl).ok().filter(|ttl| *ttl > 0)
}

impl Model {
    fn position(&self, key: u8) -> Option<usize> {
        self.entries.iter().position(|entry| entry.0 == key)
    }

    fn is_past(&self, at: usize) -> bool {
        self.entries[at].2 == Some(0)
    }

    /// Drops `gone`, of which it is known that there was too much: one past its deadline, or else the
    /// least recently used one.
    fn make_room(&mut self, gone: u8) -> (u8, u32) {
        let at = self.position(gone).expect("what goes has to be there");
        if (0..self.entries.len()).any(|at| self.is_past(at)) {
            assert!(self.is_past(at), "{gone} went before what had expired");
            self.counters.expirations += 1;
        } else {
            assert_eq!(at, 0, "{gone} was used after others");
            self.counters.evictions += 1;
        }
        let (key, value, _) = self.entries.remove(at);
        (key, value)
    }

    fn take(&mut self, key: u8) -> Option<(bool, u32)> {
        let at = self.position(key)?;
        let past = self.is_past(at);
        self.counters.expirations += u64::from(past);
        Some((past, self.entries.remove(at).1))
    }
}

/// Runs `work` until every key with the right hash has been compared, one more each time.
fn decide<T>(
    key: u8,
    mut work: impl FnMut(&mut dyn FnMut(Handle, &u8) -> Verdict) -> Result<T, Undecided>,
) -> T {
    let mut known: Vec<(Handle, bool)> = Vec::new();
    loop {
        let mut open = None;
        let mut judge =
            |handle: Handle, other: &u8| match known.iter().find(|(asked, _)| *asked == handle) {
                Some((_, true)) => Verdict::Same,
                Some((_, false)) => Verdict::Different,
                None => {
                    open = Some((handle, *other == key));
                    Verdict::Ask
                }
            };
        match work(&mut judge) {
            Ok(result) => return result,
            Err(Undecided) => known.extend(open),
        }
    }
}

fuzz_target!(|stream: Stream| {
    let hash = |key: u8| u64::from(key % stream.hashes.max(1));
    let whole = |ttl: i8| Ttl::from_whole_seconds(ttl.into());
    let mut clock = Arc::new(ManualClock::new(0));
    let mut model = Model {
        size: usize::from(stream.size).max(1),
        ttl: lifetime(stream.ttl),
        ..Model::default()
    };
    let Ok(mut store) = Store::new(
        stream.size.into(),
        whole(stream.ttl),
        Clock::Manual(Arc::clone(&clock)),
    ) else {
        assert_eq!(stream.size, 0);
        return;
    };
    for (number, step) in (0_u32..).zip(&stream.steps) {
        match *step {
            Step::Get(key) => {
                let found = decide(key, |judge| {
                    Ok(match store.get(hash(key), judge)? {
                        Found::Hit(value) => Ok(*value),
                        Found::Miss(expired) => Err(expired),
                    })
                });
                let expected = match model.position(key) {
                    Some(at) if !model.is_past(at) => {
                        let entry = model.entries.remove(at);
                        model.entries.push(entry);
                        model.counters.hits += 1;
                        Ok(entry.1)
                    }
                    _ => {
                        model.counters.misses += 1;
                        Err(model.take(key).map(|(_, value)| (key, value)))
                    }
                };
                assert_eq!(found, expected);
            }
            Step::Set(key, ttl) => {
                let left = ttl.map_or(model.ttl, lifetime);
                let displaced = decide(key, |judge| {
                    store.set(hash(key), judge, ttl.map(whole), || key, || number)
                });
                let expected = if let Some(at) = model.position(key) {
                    Displaced::Value(model.entries.remove(at).1)
                } else if let Displaced::Entry((gone, _)) = displaced {
                    assert_eq!(model.entries.len(), model.size);
                    Displaced::Entry(model.make_room(gone))
                } else {
                    assert!(model.entries.len() < model.size);
                    Displaced::Nothing
                };
                model.entries.push((key, number, left));
                assert_eq!(displaced, expected);
            }
            Step::Delete(key) => {
                let deleted = decide(key, |judge| store.delete(hash(key), judge));
                let taken = model.take(key);
                let expected = Deleted {
                    existed: taken.is_some_and(|(past, _)| !past),
                    entry: taken.map(|(_, value)| (key, value)),
                };
                assert_eq!(deleted, expected);
            }
            Step::Contains(key) => {
                let found = decide(key, |judge| store.contains(hash(key), judge));
                let expected = model.position(key).is_some_and(|at| !model.is_past(at));
                assert_eq!(found, expected);
            }
            Step::Cleanup => {
                let removed = store.remove_expired();
                let before = model.entries.len();
                model.entries.retain(|entry| entry.2 != Some(0));
                assert_eq!(removed.len(), before - model.entries.len());
                model.counters.expirations += removed.len() as u64;
            }
            Step::Clear => {
                assert_eq!(store.clear().count(), model.entries.len());
                model.entries.clear();
            }
            Step::Configure {
                size,
                ttl,
                other_clock,
            } => {
                if other_clock {
                    clock = Arc::new(ManualClock::new(0));
                    clock.advance(u64::from(size) * SECOND);
                }
                let configured =
                    store.configure(size.into(), whole(ttl), Clock::Manual(Arc::clone(&clock)));
                let Ok(evicted) = configured else {
                    assert_eq!(size, 0);
                    return;
                };
                model.size = size.into();
                model.ttl = lifetime(ttl);
                let surplus = model.entries.len().saturating_sub(model.size);
                assert_eq!(evicted.len(), surplus);
                for entry in evicted {
                    assert_eq!(model.make_room(entry.0), entry);
                }
            }
            Step::Later(seconds) => {
                clock.advance(u64::from(seconds) * SECOND);
                for left in model
                    .entries
                    .iter_mut()
                    .filter_map(|entry| entry.2.as_mut())
                {
                    *left = left.saturating_sub(seconds.into());
                }
            }
        }
        assert_eq!(store.counters(), model.counters);
        assert!(store.len() <= store.max_size() && store.max_size() == model.size);
        let entries = model.entries.iter().map(|(key, value, _)| (*key, *value));
        assert!(
            store.iter().copied().eq(entries),
            "contents or order differ"
        );
    }
});
