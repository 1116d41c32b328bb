//! The core's hottest paths, each with what it works on.

use std::{convert::Infallible, hint::black_box};

use ptpd_monitoring::{
    cache::{Found, Store, Ttl, Verdict},
    monitor::Monitor,
    recording::{
        series::{LabelRef, Outcome},
        starts::Starts,
    },
    requests::Requests,
    stats::{Histogram, histogram::Figures},
    time::Clock,
    units::SECONDS,
};

const ENTRIES: u64 = 1_000;

const LABEL: LabelRef<'_> = LabelRef {
    unit: SECONDS,
    timer: true,
    outcome: Outcome::None,
    session: None,
};

pub trait Path {
    /// The path with what it works on, as full as it gets.
    fn ready(clock: Clock) -> Self;

    /// Goes down the path once.
    fn call(&mut self);
}

/// What a timer's end does: the moment, the look-up by name, the sample in place of the oldest.
pub struct RecordIntoFullSeries(Monitor<()>);

impl Path for RecordIntoFullSeries {
    fn ready(clock: Clock) -> Self {
        let monitor = Monitor::new(1_000, clock).unwrap();
        for other in 0..50 {
            monitor.record_many(&format!("other {other}"), &[0.5], LABEL);
        }
        monitor.record_many("image.resize", &[0.5; 1_000], LABEL);
        Self(monitor)
    }

    #[inline]
    fn call(&mut self) {
        let Self(monitor) = self;
        let now = monitor.clock().monotonic();
        monitor.record(black_box("image.resize"), now, black_box(0.5), LABEL, None);
    }
}

/// What a `with` block does: both moments, the start that it finds again, the sample.
pub struct TimerBlock(RecordIntoFullSeries);

impl Path for TimerBlock {
    fn ready(clock: Clock) -> Self {
        Self(RecordIntoFullSeries::ready(clock))
    }

    #[inline]
    fn call(&mut self) {
        let Self(RecordIntoFullSeries(monitor)) = self;
        let owner = || Ok::<_, Infallible>((1, 0));
        let starts = black_box(Starts::default());
        let entered = monitor.clock().monotonic();
        starts.push(black_box(1), entered, owner).unwrap();
        let now = monitor.clock().monotonic();
        let start = starts.pop(owner).unwrap().unwrap();
        let seconds = now.seconds_since(start);
        monitor.record(black_box("image.resize"), now, seconds, LABEL, None);
    }
}

/// The look-up of a live entry by a known hash, its deadline checked, its recency refreshed.
pub struct CacheGetHit {
    store: Store<u64, u64>,
    key: u64,
}

/// Hashes spread as those of strings are.
fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn judge(key: u64, other: u64) -> Verdict {
    if key == other {
        Verdict::Same
    } else {
        Verdict::Different
    }
}

impl Path for CacheGetHit {
    fn ready(clock: Clock) -> Self {
        let default = Ttl::from_seconds("default_ttl", 3_600.0).unwrap();
        let own = Ttl::from_seconds("ttl", 600.0).unwrap();
        let capacity = usize::try_from(ENTRIES).unwrap();
        let mut store = Store::new(capacity, default, clock).unwrap();
        for key in 0..ENTRIES {
            let judge = |_, other: &u64| judge(key, *other);
            store
                .set(hash(key), judge, Some(own), || key, || key)
                .unwrap();
        }
        Self { store, key: 0 }
    }

    #[inline]
    fn call(&mut self) {
        let key = self.key;
        self.key = (key + 1) % ENTRIES;
        match self.store.get(hash(key), |_, other| judge(key, *other)) {
            Ok(Found::Hit(value)) => {
                black_box(value);
            }
            _ => panic!("{key} is in the cache"),
        }
    }
}

/// The moment, both names, the request in place of the oldest.
pub struct RecordRequest(Requests);

impl Path for RecordRequest {
    fn ready(clock: Clock) -> Self {
        let requests = Requests::new(1_000, clock).unwrap();
        for call in 0..1_000 {
            let now = requests.clock().monotonic();
            requests.record(&format!("/api/{}", call % 50), "GET", now, 0.125, 200, None);
        }
        Self(requests)
    }

    #[inline]
    fn call(&mut self) {
        let Self(requests) = self;
        let now = requests.clock().monotonic();
        requests.record(black_box("/api/7"), "GET", now, black_box(0.125), 200, None);
    }
}

/// Samples within a factor of four, in an order without a pattern, all of whose buckets are touched.
fn sample(call: u64) -> f64 {
    0.5 + (hash(call) >> 53) as f64 / 1024.0
}

fn full_histogram() -> Histogram {
    (0..10_000).map(sample).collect()
}

/// The bucket and the exact figures beside it.
pub struct HistogramRecord {
    histogram: Histogram,
    calls: u64,
}

impl Path for HistogramRecord {
    fn ready(_: Clock) -> Self {
        Self {
            histogram: full_histogram(),
            calls: 0,
        }
    }

    #[inline]
    fn call(&mut self) {
        black_box(&mut self.histogram).record(sample(self.calls));
        self.calls += 1;
    }
}

/// What a report does for each row: a hundred samples in some fifty buckets.
pub struct HistogramMergeRow {
    histogram: Histogram,
    buckets: Vec<u8>,
    figures: Figures,
}

impl Path for HistogramMergeRow {
    fn ready(_: Clock) -> Self {
        let row: Histogram = (0..100).map(sample).collect();
        Self {
            histogram: full_histogram(),
            buckets: row.buckets().encode(),
            figures: row.figures(),
        }
    }

    #[inline]
    fn call(&mut self) {
        self.histogram
            .merge_encoded(black_box(&self.buckets), self.figures)
            .unwrap();
    }
}
