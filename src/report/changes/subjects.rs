//! What can change: operations and endpoints, hour by hour.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use super::PERIODS;
use crate::{
    report::compare::{comparison::are_same, failures::Failures},
    requests::route,
    rollup::{Key, is_error, is_server_error},
    stats::{Distribution, Histogram},
    units::MILLISECONDS,
};

/// What something that changed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An operation of a monitor.
    Operation,
    /// The requests of one method to an endpoint.
    Endpoint,
}

impl Kind {
    /// The word that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Endpoint => "endpoint",
        }
    }
}

/// The kind and the name of an operation or endpoint.
pub(super) type Identity = (Kind, Arc<str>);

/// By how much of it an hour's share of the samples may be another one.
const OTHER_SHARE: f64 = 0.25;

/// What was recorded in an hour, or in several.
#[derive(Debug, Clone, Default)]
pub(super) struct Hour {
    pub samples: Histogram,
    /// Of how many it is known whether they failed, and how many did.
    pub failures: Failures,
}

impl Hour {
    pub fn merge(&mut self, other: &Self) {
        self.samples.merge(&other.samples);
        self.failures.add(other.failures);
    }

    pub fn distribution(self) -> Distribution {
        self.samples.into()
    }

    /// How many samples are numbers.
    pub fn numbers(&self) -> u64 {
        self.samples.count()
    }

    /// Adds what `add` adds to a histogram, which is of `key`.
    fn add<E>(
        &mut self,
        key: &Key,
        add: impl FnOnce(&mut Histogram) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Key::Failures { .. } = key {
            // Their samples are among the operation's.
            let mut failed = Histogram::new();
            add(&mut failed)?;
            self.failures.server += failed.len();
            return Ok(());
        }
        let before = self.samples.len();
        add(&mut self.samples)?;
        if let Key::Endpoint { status_class, .. } = key {
            let requests = self.samples.len() - before;
            let server = is_server_error(*status_class);
            let client = is_error(*status_class) && !server;
            let of = |is: bool| if is { requests } else { 0 };
            self.failures.add(Failures {
                requests,
                client: of(client),
                server: of(server),
            });
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.failures == Failures::default()
    }
}

/// The hours that have samples.
pub(super) type BySlot = BTreeMap<usize, Hour>;

/// An operation or endpoint.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub kind: Kind,
    pub name: Arc<str>,
    /// The period's own.
    pub hours: BySlot,
    /// Those of all of the periods before together; or of each of them apart, the latest first.
    before: Vec<BySlot>,
    /// Which hours of each of the periods before have samples.
    seen: [BTreeSet<usize>; PERIODS],
    /// The units that samples are in.
    units: Vec<Arc<str>>,
}

impl Subject {
    /// Nothing of it yet, with the periods before together or apart.
    pub fn new(kind: Kind, name: Arc<str>, is_apart: bool) -> Self {
        Self {
            kind,
            name,
            hours: BySlot::new(),
            before: vec![BySlot::new(); if is_apart { PERIODS } else { 1 }],
            seen: Default::default(),
            units: Vec::new(),
        }
    }

    /// Notes the unit of what is of `key`.
    pub fn note_unit(&mut self, key: &Key) {
        let unit = match key {
            Key::Operation { unit, .. } | Key::Failures { unit, .. } => unit,
            Key::Endpoint { .. } | Key::Resource { .. } | Key::Error(_) => &MILLISECONDS.into(),
        };
        if !self.units.contains(unit) {
            self.units.push(Arc::clone(unit));
        }
    }

    /// Of an operation of which any run failed, it is known of all whether they did. Where none failed
    /// there is nothing to judge, and nothing that others have to share with.
    pub fn settle_failures(&mut self) {
        let all = self.before.iter().chain([&self.hours]);
        let any_failed = all
            .flat_map(BTreeMap::values)
            .any(|hour| hour.failures.server > 0);
        if self.kind == Kind::Operation && any_failed {
            let all = self.before.iter_mut().chain([&mut self.hours]);
            for hour in all.flat_map(BTreeMap::values_mut) {
                hour.failures.requests = hour.samples.len();
            }
        }
    }

    /// The hours of a period: 0 is the period itself, 1 the last one before.
    fn of_period(&mut self, period: usize) -> &mut BySlot {
        match (period, &mut self.before[..]) {
            (0, _) => &mut self.hours,
            (_, [together]) => together,
            (period, apart) => &mut apart[period - 1],
        }
    }

    /// Adds what `add` adds to a histogram, which is of `key` and in an hour of a period. Whether that hour
    /// has anything then.
    pub fn add<E>(
        &mut self,
        period: usize,
        slot: usize,
        key: &Key,
        add: impl FnOnce(&mut Histogram) -> Result<(), E>,
    ) -> Result<bool, E> {
        let hours = self.of_period(period);
        let hour = hours.entry(slot).or_default();
        hour.add(key, add)?;
        if hour.is_empty() {
            hours.remove(&slot);
            return Ok(false);
        }
        if let Some(before) = period.checked_sub(1) {
            self.seen[before].insert(slot);
        }
        Ok(true)
    }

    /// What tells it from all others.
    pub fn identity(&self) -> Identity {
        (self.kind, Arc::clone(&self.name))
    }

    /// What it came to in `slots` of the period.
    pub fn after(&self, slots: &Range<usize>) -> Hour {
        merged([&self.hours], slots)
    }

    /// What it came to in `slots` of the periods before.
    pub fn before(&self, slots: &Range<usize>) -> Hour {
        merged(&self.before, slots)
    }

    /// What it came to in `slots` of one of the periods before, which have to be apart: 1 is the last.
    pub fn before_in(&self, period: usize, slots: &Range<usize>) -> Hour {
        merged([&self.before[period - 1]], slots)
    }

    /// Which hours of one of the periods before have samples.
    pub fn seen(&self, period: usize) -> &BTreeSet<usize> {
        &self.seen[period - 1]
    }

    /// Those hours that have samples before and in the period: an hour that one lacks would make the
    /// other look slow or fast.
    pub fn pairs(&self) -> Vec<Pair> {
        let hours = self.hours.iter();
        let pairs = hours.map(|(&slot, after)| {
            let slots = slot..slot + 1;
            let before = self.before(&slots);
            Pair::of_an_hour(slots, [before, after.clone()])
        });
        pairs
            .filter(|pair| !pair.hours[0].samples.is_empty())
            .collect()
    }

    /// Whether it has samples in the period.
    pub fn is_present(&self) -> bool {
        !self.hours.is_empty()
    }

    /// The last hour of the period in which it has samples.
    pub fn last(&self) -> Option<usize> {
        self.hours.keys().next_back().copied()
    }

    /// Whether its samples can be compared.
    pub fn is_of_one_unit(&self) -> bool {
        are_same(self.units.iter())
    }

    pub fn unit(&self) -> Arc<str> {
        self.units.first().cloned().unwrap_or_default()
    }
}

/// What something came to in some hours: before, and in the period.
#[derive(Clone)]
pub(super) struct Pair {
    pub slots: Range<usize>,
    pub hours: [Hour; 2],
    /// How many samples of each hour are numbers.
    counts: Vec<[f64; 2]>,
}

impl Pair {
    fn of_an_hour(slots: Range<usize>, hours: [Hour; 2]) -> Self {
        Self {
            slots,
            counts: vec![hours.each_ref().map(|hour| hour.numbers() as f64)],
            hours,
        }
    }

    fn merge(&mut self, other: &Self) {
        for (all, hour) in self.hours.iter_mut().zip(&other.hours) {
            all.merge(hour);
        }
        self.counts.extend(&other.counts);
    }

    /// Whether samples are spread over hours as before, but for chance and what matters little. Other
    /// shares of slow hours would make it look slow or fast, too.
    pub fn is_alike(&self) -> bool {
        let all = |side: usize| self.counts.iter().map(|counts| counts[side]).sum::<f64>();
        let share = all(1) / all(0);
        self.counts.iter().all(|[before, after]| {
            let expected = before * share;
            (after - expected).abs() <= OTHER_SHARE * expected + 3.0 * expected.sqrt()
        })
    }
}

/// What `pairs` come to in each of `ranges`, each of which has all or nothing of a pair.
pub(super) fn grouped(pairs: &[Pair], ranges: &[Range<usize>]) -> Vec<Pair> {
    let of_range = |slots: &Range<usize>| {
        let first = pairs.partition_point(|pair| pair.slots.start < slots.start);
        let mut within = pairs[first..]
            .iter()
            .take_while(|pair| pair.slots.start < slots.end);
        let mut all = within.next()?.clone();
        all.slots = slots.clone();
        within.for_each(|pair| all.merge(pair));
        Some(all)
    };
    ranges.iter().filter_map(of_range).collect()
}

fn merged<'a>(periods: impl IntoIterator<Item = &'a BySlot>, slots: &Range<usize>) -> Hour {
    let mut all = Hour::default();
    for hours in periods {
        for (_, hour) in hours.range(slots.clone()) {
            all.merge(hour);
        }
    }
    all
}

/// What `key` is of, if that can change.
#[must_use]
pub fn kind_of(key: &Key) -> Option<Kind> {
    match key {
        Key::Operation { session: None, .. } | Key::Failures { session: None, .. } => {
            Some(Kind::Operation)
        }
        Key::Endpoint { .. } => Some(Kind::Endpoint),
        Key::Operation { .. } | Key::Failures { .. } | Key::Resource { .. } | Key::Error(_) => None,
    }
}

/// The kind and the name of what `key` is of, if that can change.
pub(super) fn subject_of(key: &Key) -> Option<Identity> {
    let name = match key {
        Key::Operation { name, .. } | Key::Failures { name, .. } => Arc::clone(name),
        Key::Endpoint {
            endpoint, method, ..
        } => route(method, endpoint),
        Key::Resource { .. } | Key::Error(_) => return None,
    };
    Some((kind_of(key)?, name))
}
