use std::{collections::BTreeMap, sync::Arc};

use allocation_counter::measure;
use proptest::prelude::*;
use ptpd_monitoring::{
    cache::{Counters, Displaced, Found, Handle, Store, Ttl, Undecided, Verdict},
    time::{Clock, ManualClock},
};

const SECOND: u64 = 1_000_000_000;

/// The cache as a list, least recently used first, and everything else spelt out.
#[derive(Default)]
struct Model {
    entries: Vec<(u8, u32, u64)>,
    now: u64,
    counters: Counters,
    max_size: usize,
    default_ttl: u64,
}

impl Model {
    fn position(&self, key: u8) -> Option<usize> {
        self.entries.iter().position(|entry| entry.0 == key)
    }

    fn is_past(&self, at: usize) -> bool {
        self.now >= self.entries[at].2
    }

    fn get(&mut self, key: u8) -> Option<u32> {
        let at = self.position(key);
        if let Some(at) = at.filter(|&at| !self.is_past(at)) {
            let entry = self.entries.remove(at);
            self.entries.push(entry);
            self.counters.hits += 1;
            return Some(entry.1);
        }
        if let Some(at) = at {
            self.entries.remove(at);
            self.counters.expirations += 1;
        }
        self.counters.misses += 1;
        None
    }

    /// Drops `gone`, of which it is known that there was too much: one past its deadline, or else the
    /// least recently used one.
    fn drop_for_room(&mut self, gone: u8) -> (u8, u32) {
        let at = self.position(gone).unwrap();
        let is_any_past = (0..self.entries.len()).any(|at| self.is_past(at));
        if is_any_past {
            assert!(self.is_past(at), "{gone} went before what had expired");
            self.counters.expirations += 1;
        } else {
            assert_eq!(at, 0, "{gone} went before what was used earlier");
            self.counters.evictions += 1;
        }
        let (key, value, _) = self.entries.remove(at);
        (key, value)
    }

    fn set(
        &mut self,
        key: u8,
        value: u32,
        ttl: Option<u64>,
        gone: Option<u8>,
    ) -> Option<(u8, u32)> {
        let ttl = ttl.unwrap_or(self.default_ttl);
        let deadline = if ttl == 0 { u64::MAX } else { self.now + ttl };
        let mut evicted = None;
        if let Some(at) = self.position(key) {
            self.entries.remove(at);
        } else if self.entries.len() == self.max_size {
            evicted = Some(self.drop_for_room(gone.unwrap()));
        }
        self.entries.push((key, value, deadline));
        evicted
    }

    fn delete(&mut self, key: u8) -> bool {
        let Some(at) = self.position(key) else {
            return false;
        };
        let alive = !self.is_past(at);
        self.counters.expirations += u64::from(!alive);
        self.entries.remove(at);
        alive
    }

    fn remove_expired(&mut self) -> usize {
        let before = self.entries.len();
        let now = self.now;
        self.entries.retain(|entry| now < entry.2);
        let removed = before - self.entries.len();
        self.counters.expirations += removed as u64;
        removed
    }

    fn resize(&mut self, max_size: usize, gone: &[(u8, u32)]) -> usize {
        self.max_size = max_size;
        let excess = self.entries.len().saturating_sub(max_size);
        for (key, _) in &gone[..excess] {
            self.drop_for_room(*key);
        }
        excess
    }
}

#[derive(Debug, Clone)]
enum Step {
    Get(u8),
    Set(u8, Option<u64>),
    Delete(u8),
    Contains(u8),
    RemoveExpired,
    Clear,
    Advance(u64),
    Resize(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0_u8..24;
    let ttl = proptest::option::of(0_u64..6);
    prop_oneof![
        12 => key.clone().prop_map(Step::Get),
        12 => (key.clone(), ttl).prop_map(|(key, ttl)| Step::Set(key, ttl)),
        3 => key.clone().prop_map(Step::Delete),
        3 => key.prop_map(Step::Contains),
        1 => Just(Step::RemoveExpired),
        1 => Just(Step::Clear),
        6 => (0_u64..4).prop_map(Step::Advance),
        1 => (1_usize..16).prop_map(Step::Resize),
    ]
}

/// Three hashes for all keys, so that most look-ups meet strangers.
fn hash(key: u8) -> u64 {
    u64::from(key % 3)
}

fn ttl(nanos: u64) -> Ttl {
    Ttl::from_seconds("ttl", nanos as f64 / SECOND as f64).unwrap()
}

/// Judges keys below 8 outright and needs to be asked twice about the others.
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
            None if key < 8 && key == wanted => Verdict::Same,
            None if key < 8 => Verdict::Different,
            None => {
                open.push((handle, key));
                Verdict::Ask
            }
        });
        match result {
            Ok(result) => return result,
            Err(Undecided) => {
                known.extend(
                    open.into_iter()
                        .map(|(handle, key)| (handle, key == wanted)),
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_sequence_of_operations_agrees_with_a_list(
        steps in proptest::collection::vec(step(), 1..300),
        max_size in 1_usize..16,
        default_ttl in 0_u64..8,
    ) {
        let clock = Arc::new(ManualClock::new(0));
        let make_clock = || Clock::Manual(Arc::clone(&clock));
        let mut store = Store::new(max_size, ttl(default_ttl), make_clock()).unwrap();
        let mut model = Model { max_size, default_ttl, ..Model::default() };
        let mut gets = 0;
        for (value, step) in (0_u32..).zip(steps) {
            match step {
                Step::Get(key) => {
                    gets += 1;
                    let value = decide(key, |judge| match store.get(hash(key), judge)? {
                        Found::Hit(value) => Ok(Some(*value)),
                        Found::Miss(_) => Ok(None),
                    });
                    prop_assert_eq!(value, model.get(key));
                }
                Step::Set(key, nanos) => {
                    let former = model.position(key).map(|at| model.entries[at].1);
                    let displaced = decide(key, |judge| {
                        store.set(hash(key), judge, nanos.map(ttl), || key, || value)
                    });
                    let gone = match displaced {
                        Displaced::Entry((gone, _)) => Some(gone),
                        _ => None,
                    };
                    let expected = match (former, model.set(key, value, nanos, gone)) {
                        (Some(former), _) => Displaced::Value(former),
                        (None, Some(evicted)) => Displaced::Entry(evicted),
                        (None, None) => Displaced::Nothing,
                    };
                    prop_assert_eq!(displaced, expected);
                }
                Step::Delete(key) => {
                    let former = model.position(key).map(|at| (key, model.entries[at].1));
                    let deleted = decide(key, |judge| store.delete(hash(key), judge));
                    prop_assert_eq!(deleted.entry, former);
                    prop_assert_eq!(deleted.existed, model.delete(key));
                }
                Step::Contains(key) => {
                    let found = decide(key, |judge| store.contains(hash(key), judge));
                    let alive = model.position(key).is_some_and(|at| !model.is_past(at));
                    prop_assert_eq!(found, alive);
                }
                Step::RemoveExpired => {
                    prop_assert_eq!(store.remove_expired().len(), model.remove_expired());
                }
                Step::Clear => {
                    prop_assert_eq!(store.clear().count(), model.entries.len());
                    model.entries.clear();
                }
                Step::Advance(nanos) => {
                    clock.advance(nanos);
                    model.now += nanos;
                }
                Step::Resize(max_size) => {
                    let evicted = store
                        .configure(max_size, ttl(default_ttl), make_clock())
                        .unwrap();
                    prop_assert_eq!(evicted.len(), model.resize(max_size, &evicted));
                }
            }
            let order: Vec<_> = model.entries.iter().map(|entry| (entry.0, entry.1)).collect();
            prop_assert_eq!(store.iter().copied().collect::<Vec<_>>(), order.clone());
            let mut unordered: Vec<_> = store.unordered().copied().collect();
            unordered.sort_unstable();
            let mut sorted = order;
            sorted.sort_unstable();
            prop_assert_eq!(unordered, sorted);
            prop_assert!(store.len() <= store.max_size());
            prop_assert_eq!(store.counters(), model.counters);
        }
        prop_assert_eq!(store.counters().hits + store.counters().misses, gets);
    }
}

fn is(wanted: u64) -> impl FnMut(Handle, &u64) -> Verdict {
    move |_, &key| {
        if key == wanted {
            Verdict::Same
        } else {
            Verdict::Different
        }
    }
}

fn put(store: &mut Store<u64, u64>, key: u64, ttl: Ttl) -> Displaced<u64, u64> {
    store.set(key, is(key), Some(ttl), || key, || key).unwrap()
}

#[test]
fn an_undecided_operation_changes_nothing() {
    let mut store = Store::new(2, Ttl::UNLIMITED, Clock::System).unwrap();
    put(&mut store, 1, Ttl::UNLIMITED);
    put(&mut store, 2, Ttl::UNLIMITED);
    let ask = |_: Handle, _: &u64| Verdict::Ask;
    assert_eq!(store.get(1, ask).unwrap_err(), Undecided);
    assert_eq!(store.contains(1, ask), Err(Undecided));
    assert_eq!(store.delete(1, ask), Err(Undecided));
    let refused = store.set(1, ask, None, || panic!("key"), || panic!("value"));
    assert_eq!(refused, Err(Undecided));
    assert_eq!(store.iter().copied().collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!(store.counters(), Counters::default());
}

#[test]
fn a_match_behind_an_undecided_key_is_found_without_asking() {
    let mut store = Store::new(9, Ttl::UNLIMITED, Clock::System).unwrap();
    for key in 0..9_u64 {
        let added = store.set(7, |_, _| Verdict::Different, None, || key, || key);
        assert_eq!(added, Ok(Displaced::Nothing));
    }
    for wanted in 0..9 {
        let found = store.get(7, |_, &key| {
            if key == wanted {
                Verdict::Same
            } else {
                Verdict::Ask
            }
        });
        assert_eq!(found, Ok(Found::Hit(&wanted)));
    }
}

#[test]
fn a_handle_is_not_mistaken_for_a_later_entry_after_eviction_deletion_or_clearing() {
    let mut store = Store::new(1, Ttl::UNLIMITED, Clock::System).unwrap();
    let mut seen = Vec::new();
    for key in 0..4_u64 {
        store
            .set(7, |_, _| Verdict::Different, None, || key, || key)
            .unwrap();
        let found = store.contains(7, |handle, _| {
            seen.push(handle);
            Verdict::Same
        });
        assert_eq!(found, Ok(true));
        if key == 1 {
            assert!(store.delete(7, |_, _| Verdict::Same).unwrap().existed);
        } else if key == 2 {
            assert_eq!(store.clear().count(), 1);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

#[test]
fn what_has_expired_goes_before_what_lives_however_many_entries_were_set_again() {
    let clock = Arc::new(ManualClock::new(0));
    let lifetime = ttl(120);
    let mut store = Store::new(1000, lifetime, Clock::Manual(Arc::clone(&clock))).unwrap();
    for key in 0..1000 {
        put(&mut store, key, lifetime);
    }
    // Room has to be made for the first time, and nothing has expired.
    let gone = put(&mut store, 1000, lifetime);
    assert_eq!(gone, Displaced::Entry((0, 0)));
    clock.advance(20);
    for round in 1..20 {
        let expires = round * 7;
        clock.advance(90);
        for key in (1..=1000).filter(|key| *key > expires || key % 7 > 0) {
            if key != expires {
                put(&mut store, key, lifetime);
            }
        }
        // It is the one used last, and all others were set again.
        assert!(store.get(expires, is(expires)).unwrap() == Found::Hit(&expires));
        clock.advance(20);
        let gone = put(&mut store, 10_000 + round, Ttl::UNLIMITED);
        assert_eq!(gone, Displaced::Entry((expires, expires)));
    }
    assert_eq!(store.counters().evictions, 1);
    assert_eq!(store.counters().expirations, 19);
}

#[test]
fn shorter_and_shorter_lifetimes_of_one_entry_take_no_more_memory() {
    let clock = Arc::new(ManualClock::new(0));
    let mut store = Store::new(2, ttl(0), Clock::Manual(Arc::clone(&clock))).unwrap();
    for key in 0..3 {
        put(&mut store, key, ttl(0));
    }
    let memory = measure(|| {
        for seconds in (1..200_000).rev() {
            put(&mut store, 1, ttl(seconds));
        }
    });
    assert!(memory.bytes_max < 10_000, "{} bytes", memory.bytes_max);
    clock.advance(1);
    let gone = put(&mut store, 9, ttl(0));
    assert_eq!(gone, Displaced::Entry((1, 1)));
}

#[test]
fn an_entry_lives_until_its_deadline_and_not_at_it() {
    for (elapsed, alive) in [(SECOND - 1, true), (SECOND, false), (SECOND + 1, false)] {
        let clock = Arc::new(ManualClock::new(0));
        let manual = Clock::Manual(Arc::clone(&clock));
        let mut store = Store::new(4, Ttl::from_whole_seconds(1), manual).unwrap();
        store.set(1, is(1), None, || 1, || 1).unwrap();
        clock.advance(elapsed);
        assert_eq!(store.contains(1, is(1)), Ok(alive), "after {elapsed} ns");
        let hit = matches!(store.get(1, is(1)).unwrap(), Found::Hit(1));
        assert_eq!(hit, alive, "after {elapsed} ns");
    }
}

#[test]
fn changing_the_clock_keeps_the_time_an_entry_has_left() {
    let old = Arc::new(ManualClock::new(0));
    let new = Arc::new(ManualClock::new(0));
    old.advance(900 * SECOND);
    let mut store = Store::new(4, Ttl::UNLIMITED, Clock::Manual(Arc::clone(&old))).unwrap();
    put(&mut store, 1, Ttl::from_whole_seconds(10));
    put(&mut store, 2, Ttl::UNLIMITED);
    old.advance(4 * SECOND);
    let clock = Clock::Manual(Arc::clone(&new));
    store.configure(4, Ttl::UNLIMITED, clock).unwrap();
    new.advance(6 * SECOND - 1);
    assert_eq!(store.contains(1, is(1)), Ok(true));
    new.advance(1);
    assert_eq!(store.contains(1, is(1)), Ok(false));
    assert_eq!(store.contains(2, is(2)), Ok(true));
}

#[test]
fn a_huge_capacity_costs_nothing_until_it_is_filled() {
    let mut store = Store::new(usize::MAX, Ttl::UNLIMITED, Clock::System).unwrap();
    for key in 0..100_000 {
        assert_eq!(put(&mut store, key, Ttl::UNLIMITED), Displaced::Nothing);
    }
    assert_eq!(store.len(), 100_000);
    assert_eq!(store.max_size(), usize::MAX);
}

#[test]
fn regular_hashes_do_not_slow_the_cache_down() {
    // Quadratic behaviour would take hours here.
    let mut store = Store::new(1 << 20, Ttl::UNLIMITED, Clock::System).unwrap();
    for step in 0..200_000_u64 {
        put(&mut store, step << 40, Ttl::UNLIMITED);
    }
    for step in 0..200_000_u64 {
        assert_eq!(store.contains(step << 40, is(step << 40)), Ok(true));
    }
}

#[test]
fn a_capacity_of_zero_is_refused_and_leaves_the_store_as_it_was() {
    assert!(Store::<u64, u64>::new(0, Ttl::UNLIMITED, Clock::System).is_err());
    let mut store = Store::new(3, Ttl::UNLIMITED, Clock::System).unwrap();
    put(&mut store, 1, Ttl::UNLIMITED);
    let error = store
        .configure(0, Ttl::from_whole_seconds(1), Clock::System)
        .unwrap_err();
    assert_eq!(error.to_string(), "max_size must be at least 1, got 0");
    assert_eq!((store.max_size(), store.len()), (3, 1));
}

#[test]
fn lifetimes_follow_the_rules_for_zero_infinity_and_nan() {
    for seconds in [0.0, -0.0, -1.5, f64::NEG_INFINITY, f64::INFINITY, 1e300] {
        assert_eq!(Ttl::from_seconds("ttl", seconds).unwrap(), Ttl::UNLIMITED);
    }
    assert!(Ttl::from_seconds("ttl", f64::NAN).is_err());
    for seconds in [0, -1, i64::MIN, i64::MAX] {
        assert_eq!(Ttl::from_whole_seconds(seconds), Ttl::UNLIMITED);
    }
    assert_ne!(Ttl::from_seconds("ttl", 1e-300).unwrap(), Ttl::UNLIMITED);
    assert_eq!(
        Ttl::from_seconds("ttl", 300.0).unwrap(),
        Ttl::from_whole_seconds(300)
    );
}
