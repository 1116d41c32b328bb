//! What can change: operations and endpoints, hour by hour.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use indexmap::IndexMap;

use super::{
    super::{comparison::are_same, failures::Failures, recorded::MILLISECONDS},
    Frame, PERIODS,
};
use crate::{
    history::Timeline,
    requests::route,
    rollup::{Key, is_error, is_server_error},
    stats::{Distribution, Histogram},
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

    fn add(&mut self, key: &Key, samples: Histogram) {
        let requests = samples.len();
        if let Key::Failures { .. } = key {
            // Their samples are among the operation's.
            self.failures.server += requests;
            return;
        }
        if self.samples.is_empty() {
            self.samples = samples;
        } else {
            self.samples.merge(&samples);
        }
        if let Key::Endpoint { status_class, .. } = key {
            let server = is_server_error(*status_class);
            let client = is_error(*status_class) && !server;
            let of = |is: bool| if is { requests } else { 0 };
            self.failures.add(Failures {
                requests,
                client: of(client),
                server: of(server),
            });
        }
    }
}

/// The hours of a period that have samples.
pub(super) type Hours = BTreeMap<usize, Hour>;

/// An operation or endpoint.
#[derive(Debug)]
pub(super) struct Subject {
    pub kind: Kind,
    pub name: Arc<str>,
    /// The period's own, then those before it, the latest first.
    pub periods: [Hours; PERIODS + 1],
    /// The units that samples are in.
    units: Vec<Arc<str>>,
}

impl Subject {
    fn new(kind: Kind, name: Arc<str>) -> Self {
        Self {
            kind,
            name,
            periods: Default::default(),
            units: Vec::new(),
        }
    }

    /// Of an operation of which any run failed, it is known of all whether they did. Where none failed
    /// there is nothing to judge, and nothing that others have to share with.
    fn settle_failures(&mut self) {
        let mut hours = self.periods.iter().flat_map(BTreeMap::values);
        if self.kind != Kind::Operation || hours.all(|hour| hour.failures.server == 0) {
            return;
        }
        for hour in self.periods.iter_mut().flat_map(BTreeMap::values_mut) {
            hour.failures.requests = hour.samples.len();
        }
    }

    /// What it came to in `slots` of the period.
    pub fn after(&self, slots: &Range<usize>) -> Hour {
        merged([&self.periods[0]], slots)
    }

    /// What it came to in `slots` of the `recorded` periods before.
    pub fn before(&self, recorded: &[usize], slots: &Range<usize>) -> Hour {
        merged(recorded.iter().map(|&period| &self.periods[period]), slots)
    }

    /// Those hours that have samples before and in the period: an hour that one lacks would make the
    /// other look slow or fast.
    pub fn pairs(&self, recorded: &[usize]) -> Vec<Pair> {
        let hours = self.periods[0].iter();
        let pairs = hours.map(|(&slot, after)| {
            let slots = slot..slot + 1;
            let before = self.before(recorded, &slots);
            Pair::of_an_hour(slots, [before, after.clone()])
        });
        pairs
            .filter(|pair| !pair.hours[0].samples.is_empty())
            .collect()
    }

    /// Whether it has samples in the period.
    pub fn is_present(&self) -> bool {
        !self.periods[0].is_empty()
    }

    /// The last hour of the period in which it has samples.
    pub fn last(&self) -> Option<usize> {
        self.periods[0].keys().next_back().copied()
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

fn merged<'a>(periods: impl IntoIterator<Item = &'a Hours>, slots: &Range<usize>) -> Hour {
    let mut all = Hour::default();
    for hours in periods {
        for (_, hour) in hours.range(slots.clone()) {
            all.merge(hour);
        }
    }
    all
}

/// The subjects of `readings`, those of the period first; and which of the periods before have anything
/// recorded.
pub(super) fn subjects(frame: &Frame, readings: Vec<Vec<Timeline>>) -> (Vec<Subject>, Vec<usize>) {
    let mut subjects: IndexMap<(Kind, Arc<str>), Subject, RandomState> = IndexMap::default();
    let mut recorded = Vec::new();
    for (period, timelines) in readings.into_iter().enumerate().take(PERIODS + 1) {
        // Which hour a time lies in is the same for all.
        let mut slots: HashMap<i64, Option<usize>, RandomState> = HashMap::default();
        let mut is_recorded = false;
        for timeline in timelines {
            let (kind, name, unit) = match &timeline.key {
                Key::Operation { name, unit, .. } | Key::Failures { name, unit, .. } => {
                    (Kind::Operation, Arc::clone(name), Arc::clone(unit))
                }
                Key::Endpoint {
                    endpoint, method, ..
                } => (Kind::Endpoint, route(method, endpoint), MILLISECONDS.into()),
                Key::Resource { .. } | Key::Error(_) => continue,
            };
            let subject = subjects
                .entry((kind, Arc::clone(&name)))
                .or_insert_with(|| Subject::new(kind, name));
            if !subject.units.contains(&unit) {
                subject.units.push(unit);
            }
            for (start, rollup) in timeline.slots {
                let slot = slots.entry(start);
                let slot = *slot.or_insert_with(|| frame.slot(period, start));
                if let Some(slot) = slot.filter(|_| !rollup.is_empty()) {
                    let hour = subject.periods[period].entry(slot).or_default();
                    hour.add(&timeline.key, rollup.histogram);
                    is_recorded |= slot < frame.hours();
                }
            }
        }
        if is_recorded && period > 0 {
            recorded.push(period);
        }
    }
    let mut subjects: Vec<Subject> = subjects.into_values().collect();
    for subject in &mut subjects {
        subject.settle_failures();
    }
    (subjects, recorded)
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
