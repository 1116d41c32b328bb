use std::sync::Arc;

use ptpd_monitoring::{
    cache::{Deleted, Displaced, Found, Handle, Store, Ttl, Undecided, Verdict},
    sync::Mutex,
    time::{Clock, ManualClock},
};

use crate::{at_once, explore, pairs};

const SECOND: u64 = 1_000_000_000;
const SIZE: usize = 2;
const BYTES: u64 = 6;

type Entry = (u8, u32);

struct Shared {
    store: Mutex<Store<u8, u32>>,
    clock: Arc<ManualClock>,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Get(u8),
    Set(u8),
    /// A value that no bound by bytes has room for.
    SetHeavy(u8),
    Delete(u8),
    Contains(u8),
    Cleanup,
    Clear,
    Configure(usize),
    ConfigureWeighed(u64),
    Later,
}

const WORK: [Work; 11] = [
    Work::Get(1),
    Work::Get(9),
    Work::Set(1),
    Work::Set(3),
    Work::Delete(1),
    Work::Contains(1),
    Work::Cleanup,
    Work::Clear,
    Work::Configure(1),
    Work::Configure(3),
    Work::Later,
];

const WEIGHED: [Work; 12] = [
    Work::Get(1),
    Work::Set(1),
    Work::Set(3),
    Work::SetHeavy(1),
    Work::SetHeavy(3),
    Work::Delete(1),
    Work::Cleanup,
    Work::Clear,
    Work::Configure(1),
    Work::ConfigureWeighed(2),
    Work::ConfigureWeighed(4),
    Work::Later,
];

fn weight(value: u32) -> u64 {
    u64::from(value % 10)
}

/// What one thread put in, what it was handed out, and how often it looked something up.
#[derive(Default)]
struct Account {
    set: Vec<u32>,
    out: Vec<u32>,
    gets: u64,
    rejected: u64,
}

impl Account {
    fn hand_out(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.out.extend(entries.into_iter().map(|(_, value)| value));
    }
}

impl Shared {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(0));
        let ttl = Ttl::from_whole_seconds(10);
        let store = Store::new(SIZE, ttl, Clock::Manual(Arc::clone(&clock))).unwrap();
        Self {
            store: Mutex::new(store),
            clock,
        }
    }

    /// As the bindings do where only Python can compare keys: the store is asked under its lock,
    /// the keys are compared without it, and the store is asked again.
    fn decide<T>(
        &self,
        key: u8,
        mut work: impl FnMut(
            &mut Store<u8, u32>,
            &mut dyn FnMut(Handle, &u8) -> Verdict,
        ) -> Result<T, Undecided>,
    ) -> T {
        let mut known: Vec<(Handle, bool)> = Vec::new();
        loop {
            let mut open = Vec::new();
            let mut judge =
                |handle: Handle, other: &u8| match known.iter().find(|(asked, _)| *asked == handle)
                {
                    Some((_, true)) => Verdict::Same,
                    Some((_, false)) => Verdict::Different,
                    None => {
                        open.push((handle, *other));
                        Verdict::Ask
                    }
                };
            let result = work(&mut self.store.lock(), &mut judge);
            if let Ok(result) = result {
                return result;
            }
            shuttle::thread::yield_now();
            known.extend(open.iter().map(|(handle, other)| (*handle, *other == key)));
        }
    }

    /// As the bindings do: a value is weighed, without the lock, only where its weight matters.
    fn set(&self, key: u8, value: u32, account: &mut Account) {
        // One hash for all keys, so that each has to be compared with the others.
        let displaced = self.decide(key, |store, judge| {
            if store.is_weighed() {
                return Ok(None);
            }
            store.set(7, judge, None, || key, || value).map(Some)
        });
        match displaced {
            Some(Displaced::Nothing) => (),
            Some(Displaced::Value(value)) => account.out.push(value),
            Some(Displaced::Entry(entry)) => account.hand_out([entry]),
            None => return self.set_weighed(key, value, account),
        }
        account.set.push(value);
    }

    fn set_weighed(&self, key: u8, value: u32, account: &mut Account) {
        let weight = weight(value);
        let outweighed = self.decide(key, |store, judge| {
            store.set_weighed(7, judge, None, weight, || key, || value)
        });
        account.out.extend(outweighed.value);
        account.hand_out(outweighed.entries);
        if outweighed.kept {
            account.set.push(value);
        } else {
            account.rejected += 1;
        }
    }

    /// As the bindings do: the entries are weighed without the lock, and those that have come
    /// meanwhile have no weight.
    fn configure_weighed(&self, max_bytes: u64, account: &mut Account) {
        let values: Vec<(Handle, u32)> = self
            .store
            .lock()
            .handles()
            .map(|(handle, (_, value))| (handle, *value))
            .collect();
        shuttle::thread::yield_now();
        let weight_of = |handle, value: &u32| {
            let weighed = values.contains(&(handle, *value));
            weighed.then(|| weight(*value))
        };
        let clock = Clock::Manual(Arc::clone(&self.clock));
        let ttl = Ttl::from_whole_seconds(10);
        let evicted = self
            .store
            .lock()
            .configure_weighed(SIZE, max_bytes, ttl, clock, weight_of)
            .unwrap();
        account.hand_out(evicted);
    }

    fn assert_bounded(&self) {
        let store = self.store.lock();
        assert!(store.len() <= store.max_size(), "capacity exceeded");
        if let Some(max_bytes) = store.max_bytes() {
            let weights = store.iter().map(|(_, value)| weight(*value));
            assert_eq!(store.total_bytes(), Some(weights.sum()));
            assert!(store.total_bytes() <= Some(max_bytes), "too heavy");
        }
    }

    fn get(&self, key: u8, account: &mut Account) {
        account.gets += 1;
        let expired = self.decide(key, |store, judge| {
            Ok(match store.get(7, judge)? {
                Found::Hit(_) => None,
                Found::Miss(expired) => expired,
            })
        });
        account.hand_out(expired);
    }
}

impl Work {
    fn run(self, shared: &Shared, first: u32) -> Account {
        let mut account = Account::default();
        match self {
            Self::Get(key) => shared.get(key, &mut account),
            Self::Set(key) => shared.set(key, first, &mut account),
            Self::SetHeavy(key) => shared.set(key, first + 6, &mut account),
            Self::Delete(key) => {
                let Deleted { existed, entry } =
                    shared.decide(key, |store, judge| store.delete(7, judge));
                assert!(entry.is_some() || !existed);
                account.hand_out(entry);
            }
            Self::Contains(key) => {
                shared.decide(key, |store, judge| store.contains(7, judge));
            }
            Self::Cleanup => account.hand_out(shared.store.lock().remove_expired()),
            Self::Clear => account.hand_out(shared.store.lock().clear()),
            Self::Configure(size) => {
                let clock = Clock::Manual(Arc::clone(&shared.clock));
                let ttl = Ttl::from_whole_seconds(10);
                let evicted = shared.store.lock().configure(size, ttl, clock).unwrap();
                account.hand_out(evicted);
            }
            Self::ConfigureWeighed(max_bytes) => {
                shared.configure_weighed(max_bytes, &mut account);
            }
            Self::Later => shared.clock.advance(11 * SECOND),
        }
        shared.assert_bounded();
        account
    }
}

/// Explores a pair at a cache that holds two values, and weighs them if `max_bytes` bounds it.
fn explore_pair(one: Work, other: Work, max_bytes: Option<u64>) {
    explore(move || {
        let shared = Arc::new(Shared::new());
        let mut before = Account::default();
        if let Some(max_bytes) = max_bytes {
            shared.configure_weighed(max_bytes, &mut before);
        }
        shared.set(1, 1, &mut before);
        shared.set(2, 2, &mut before);
        let jobs = [(one, 13), (other, 23)].map(|(work, first)| {
            let shared = Arc::clone(&shared);
            Box::new(move || {
                let account = work.run(&shared, first);
                let again = Work::Get(2).run(&shared, first);
                [account, again]
            }) as _
        });
        let accounts: Vec<Account> = at_once(jobs).into_iter().flatten().collect();
        let store = shared.store.lock();
        let counters = store.counters();
        let gets: u64 = accounts.iter().map(|account| account.gets).sum();
        assert_eq!(counters.hits + counters.misses, gets, "{one:?}, {other:?}");
        let rejected: u64 = accounts.iter().map(|account| account.rejected).sum();
        assert_eq!(store.rejections(), rejected, "{one:?}, {other:?}");
        let all = || accounts.iter().chain([&before]);
        let mut set: Vec<u32> = all().flat_map(|account| &account.set).copied().collect();
        let mut found: Vec<u32> = all().flat_map(|account| &account.out).copied().collect();
        found.extend(store.iter().map(|(_, value)| value));
        set.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, set, "{one:?}, {other:?}: values lost or doubled");
        let mut keys: Vec<u8> = store.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys.len(), store.len());
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), store.len(), "{one:?}, {other:?}: a key twice");
    });
}

#[test]
fn no_pair_of_operations_loses_or_doubles_a_value_a_count_or_the_capacity() {
    for (one, other) in pairs(&WORK) {
        explore_pair(one, other, None);
    }
}

#[test]
fn no_pair_of_operations_exceeds_the_bound_by_bytes_or_loses_a_weight_a_value_or_a_count() {
    for (one, other) in pairs(&WEIGHED) {
        explore_pair(one, other, Some(BYTES));
    }
}
