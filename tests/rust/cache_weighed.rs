use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use ptpd_monitoring::{
    cache::{Counters, Found, Handle, Outweighed, Store, Ttl, Undecided, Verdict},
    time::{Clock, ManualClock},
};

/// The cache as a list of key, value, weight and deadline, least recently used first.
#[derive(Default)]
struct Model {
    entries: Vec<(u8, u32, u64, u64)>,
    now: u64,
    counters: Counters,
    rejections: u64,
    max_size: usize,
    max_bytes: u64,
}

impl Model {
    fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.2).sum()
    }

    fn take(&mut self, key: u8) -> Option<(u8, u32, u64, u64)> {
        let at = self.entries.iter().position(|entry| entry.0 == key)?;
        Some(self.entries.remove(at))
    }

    fn get(&mut self, key: u8) -> Option<u32> {
        match self.take(key) {
            Some(entry) if self.now < entry.3 => {
                self.entries.push(entry);
                self.counters.hits += 1;
                Some(entry.1)
            }
            entry => {
                self.counters.expirations += u64::from(entry.is_some());
                self.counters.misses += 1;
                None
            }
        }
    }

    /// `gone` are the entries that went, in this order.
    fn set(
        &mut self,
        key: u8,
        value: u32,
        weight: u64,
        ttl: Option<u64>,
        gone: &[(u8, u32)],
    ) -> Outweighed<u8, u32> {
        let former = self.take(key);
        if weight > self.max_bytes {
            self.rejections += 1;
            return Outweighed {
                kept: false,
                value: None,
                entries: former.map(|entry| (key, entry.1)).into_iter().collect(),
            };
        }
        let deadline = ttl.map_or(u64::MAX, |ttl| self.now + ttl);
        self.entries.push((key, value, weight, deadline));
        Outweighed {
            kept: true,
            value: former.map(|entry| entry.1),
            entries: self.make_room(gone),
        }
    }

    fn make_room(&mut self, gone: &[(u8, u32)]) -> Vec<(u8, u32)> {
        let mut gone = gone.iter();
        let mut dropped = Vec::new();
        while self.entries.len() > self.max_size || self.total() > self.max_bytes {
            dropped.push(self.drop_for_room(gone.next().unwrap().0));
        }
        dropped
    }

    /// Drops `gone`, of which it is known that there was too much: one past its deadline, or else the
    /// least recently used one.
    fn drop_for_room(&mut self, gone: u8) -> (u8, u32) {
        let at = self.entries.iter().position(|entry| entry.0 == gone);
        let at = at.unwrap();
        if self.entries.iter().any(|entry| self.now >= entry.3) {
            assert!(self.now >= self.entries[at].3);
            self.counters.expirations += 1;
        } else {
            assert_eq!(at, 0);
            self.counters.evictions += 1;
        }
        let entry = self.entries.remove(at);
        (entry.0, entry.1)
    }

    /// What cannot be told, and what is too heavy by itself, goes before anything else.
    fn configure(&mut self, max_size: usize, max_bytes: u64, gone: &[(u8, u32)]) -> usize {
        let before = self.entries.len();
        (self.max_size, self.max_bytes) = (max_size, max_bytes);
        let excess = self.entries.len().saturating_sub(max_size);
        for (key, _) in &gone[..excess] {
            self.drop_for_room(*key);
        }
        let heavy = self.entries.len();
        self.entries.retain(|entry| entry.2 <= max_bytes);
        let heavy = heavy - self.entries.len();
        self.counters.evictions += heavy as u64;
        self.make_room(&gone[excess + heavy..]);
        before - self.entries.len()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Get(u8),
    Set(u8, u64, Option<u64>),
    Delete(u8),
    RemoveExpired,
    Clear,
    Advance(u64),
    Configure(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0_u8..16;
    prop_oneof![
        8 => key.clone().prop_map(Step::Get),
        16 => (key.clone(), 0_u64..60, proptest::option::of(1_u64..9))
            .prop_map(|(key, weight, ttl)| Step::Set(key, weight, ttl)),
        3 => key.prop_map(Step::Delete),
        1 => Just(Step::RemoveExpired),
        1 => Just(Step::Clear),
        4 => (0_u64..4).prop_map(Step::Advance),
        1 => (1_usize..12, 1_u64..120).prop_map(|(size, bytes)| Step::Configure(size, bytes)),
    ]
}

/// Needs to be asked once about every key, as for those of a class with its own `__eq__`.
fn decide<T>(
    wanted: u8,
    mut operation: impl FnMut(&mut dyn FnMut(Handle, &u8) -> Verdict) -> Result<T, Undecided>,
) -> T {
    let mut known = BTreeMap::new();
    loop {
        let mut open = Vec::new();
        let result = operation(&mut |handle, &key| match known.get(&handle) {
            Some(true) => Verdict::Same,
            Some(false) => Verdict::Different,
            None => {
                open.push((handle, key == wanted));
                Verdict::Ask
            }
        });
        match result {
            Ok(result) => return result,
            Err(Undecided) => known.extend(open),
        }
    }
}

fn nanos(ttl: u64) -> Ttl {
    Ttl::from_seconds("ttl", ttl as f64 / 1e9).unwrap()
}

fn hash(key: u8) -> u64 {
    u64::from(key % 3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_sequence_of_operations_agrees_with_a_list_of_weights(
        steps in proptest::collection::vec(step(), 1..300),
        max_size in 1_usize..12,
        max_bytes in 1_u64..120,
    ) {
        let clock = Arc::new(ManualClock::new(0));
        let make_clock = || Clock::Manual(Arc::clone(&clock));
        let mut store = Store::new(max_size, Ttl::UNLIMITED, make_clock()).unwrap();
        store
            .configure_weighed(max_size, max_bytes, Ttl::UNLIMITED, make_clock(), |_, _| None)
            .unwrap();
        let mut model = Model { max_size, max_bytes, ..Model::default() };
        for (value, step) in (0_u32..).zip(steps) {
            match step {
                Step::Get(key) => {
                    let found = decide(key, |judge| match store.get(hash(key), judge)? {
                        Found::Hit(value) => Ok(Some(*value)),
                        Found::Miss(_) => Ok(None),
                    });
                    prop_assert_eq!(found, model.get(key));
                }
                Step::Set(key, weight, ttl) => {
                    let ttl_given = ttl.map(nanos);
                    let outweighed = decide(key, |judge| {
                        store.set_weighed(hash(key), judge, ttl_given, weight, || key, || value)
                    });
                    let expected = model.set(key, value, weight, ttl, &outweighed.entries);
                    prop_assert_eq!(outweighed, expected);
                }
                Step::Delete(key) => {
                    let deleted = decide(key, |judge| store.delete(hash(key), judge));
                    let former = model.take(key);
                    let expired = former.is_some_and(|entry| model.now >= entry.3);
                    model.counters.expirations += u64::from(expired);
                    prop_assert_eq!(deleted.entry, former.map(|entry| (entry.0, entry.1)));
                }
                Step::RemoveExpired => {
                    let now = model.now;
                    let before = model.entries.len();
                    model.entries.retain(|entry| now < entry.3);
                    let removed = before - model.entries.len();
                    model.counters.expirations += removed as u64;
                    prop_assert_eq!(store.remove_expired().len(), removed);
                }
                Step::Clear => {
                    prop_assert_eq!(store.clear().count(), model.entries.len());
                    model.entries.clear();
                }
                Step::Advance(nanos) => {
                    clock.advance(nanos);
                    model.now += nanos;
                }
                Step::Configure(max_size, max_bytes) => {
                    let weights: BTreeMap<u32, u64> =
                        model.entries.iter().map(|entry| (entry.1, entry.2)).collect();
                    let ttl = Ttl::UNLIMITED;
                    let weight = |_, value: &u32| weights.get(value).copied();
                    let evicted = store
                        .configure_weighed(max_size, max_bytes, ttl, make_clock(), weight)
                        .unwrap();
                    let expected = model.configure(max_size, max_bytes, &evicted);
                    prop_assert_eq!(evicted.len(), expected);
                }
            }
            let order: Vec<_> = model.entries.iter().map(|entry| (entry.0, entry.1)).collect();
            prop_assert_eq!(store.iter().copied().collect::<Vec<_>>(), order);
            prop_assert_eq!(store.total_bytes(), Some(model.total()));
            prop_assert!(model.total() <= model.max_bytes);
            prop_assert_eq!(store.counters(), model.counters);
            prop_assert_eq!(store.rejections(), model.rejections);
        }
    }
}

fn weighed(max_bytes: u64) -> Store<u64, u64> {
    let mut store = Store::new(100, Ttl::UNLIMITED, Clock::System).unwrap();
    store
        .configure_weighed(100, max_bytes, Ttl::UNLIMITED, Clock::System, |_, _| None)
        .unwrap();
    store
}

fn put(store: &mut Store<u64, u64>, key: u64, weight: u64) -> Outweighed<u64, u64> {
    let judge = |_: Handle, other: &u64| {
        if *other == key {
            Verdict::Same
        } else {
            Verdict::Different
        }
    };
    store
        .set_weighed(key, judge, None, weight, || key, || key)
        .unwrap()
}

fn keys(store: &Store<u64, u64>) -> Vec<u64> {
    store.iter().map(|pair| pair.0).collect()
}

#[test]
fn an_undecided_insertion_evicts_and_rejects_nothing() {
    let mut store = weighed(10);
    put(&mut store, 1, 10);
    for weight in [1, 11] {
        let ask = |_: Handle, _: &u64| Verdict::Ask;
        let refused = store.set_weighed(1, ask, None, weight, || panic!("key"), || panic!("value"));
        assert_eq!(refused, Err(Undecided));
    }
    assert_eq!((keys(&store), store.total_bytes()), (vec![1], Some(10)));
    assert_eq!((store.counters().evictions, store.rejections()), (0, 0));
}

#[test]
fn weights_near_the_largest_number_do_not_overflow() {
    let mut store = weighed(u64::MAX);
    for key in 0..4 {
        let outweighed = put(&mut store, key, u64::MAX);
        assert_eq!(outweighed.entries.len(), usize::from(key > 0));
    }
    assert_eq!(
        (keys(&store), store.total_bytes()),
        (vec![3], Some(u64::MAX))
    );
    put(&mut store, 4, 0);
    assert_eq!(keys(&store), [3, 4]);
}

#[test]
fn bounding_a_cache_that_has_entries_evicts_those_of_unknown_weight_and_then_the_oldest() {
    let mut store = Store::new(100, Ttl::UNLIMITED, Clock::System).unwrap();
    assert_eq!((store.max_bytes(), store.total_bytes()), (None, None));
    for key in 0..6 {
        put(&mut store, key, 1_000);
    }
    let weight = |_, value: &u64| (*value != 3).then_some(u64::MAX / 3);
    let bound = u64::MAX / 3 * 2;
    let evicted = store
        .configure_weighed(100, bound, Ttl::UNLIMITED, Clock::System, weight)
        .unwrap();
    let gone: Vec<u64> = evicted.iter().map(|pair| pair.0).collect();
    assert_eq!(gone, [3, 0, 1, 2]);
    assert_eq!(
        (keys(&store), store.total_bytes()),
        (vec![4, 5], Some(bound))
    );
    store.configure(100, Ttl::UNLIMITED, Clock::System).unwrap();
    put(&mut store, 9, u64::MAX);
    assert_eq!(keys(&store), [4, 5, 9], "no longer bounded by bytes");
}

#[test]
fn a_bound_of_no_bytes_is_refused_and_changes_nothing() {
    let mut store = weighed(5);
    put(&mut store, 1, 5);
    for (max_size, max_bytes, named) in [(1, 0, "max_bytes"), (0, 9, "max_size")] {
        let error = store
            .configure_weighed(
                max_size,
                max_bytes,
                Ttl::UNLIMITED,
                Clock::System,
                |_, _| None,
            )
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{named} must be at least 1, got 0")
        );
        assert_eq!((store.max_size(), store.max_bytes()), (100, Some(5)));
        assert_eq!(keys(&store), [1]);
    }
}
