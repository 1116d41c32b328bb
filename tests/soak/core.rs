//! Six hours of load on the core: every sample is recorded by a call of its own, at full speed, while
//! a manual clock makes 100,000 of them a second. The heap, counted by the byte, must not grow.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../rust/accuracy.rs"]
mod accuracy;

use std::{
    io::{Write, stderr},
    sync::Arc,
    time::Instant,
};

use allocation_counter::measure;
use ptpd_monitoring::{
    cache::{Found, Handle, Store, Ttl, Verdict},
    monitor::Monitor,
    recording::series::{LabelRef, Outcome},
    requests::Requests,
    stats::Histogram,
    time::{Clock, ManualClock, NANOS_PER_SEC, TimeRange},
    units::SECONDS,
};

const SAMPLES_A_SECOND: u64 = 100_000;
const OPERATIONS: usize = 200;
const HISTORY: usize = 200;
const CACHE_BYTES: u64 = 100_000;
/// What hash tables may take for a while when they tidy up, and lists of labels whose runs happen
/// to be shorter.
const SLACK: i64 = 200_000;

/// How often the heap is looked at.
const PARTS: u64 = 20;

/// Numbers without a pattern, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Maps a number to one below `end`.
fn below(number: u64, end: usize) -> usize {
    usize::try_from(number % end as u64).unwrap()
}

struct Load {
    clock: Arc<ManualClock>,
    monitor: Monitor<Box<[u64; 4]>>,
    log: Requests,
    cache: Store<u64, Vec<u8>>,
    names: Vec<String>,
    numbers: Numbers,
    recorded: u64,
}

impl Load {
    fn new() -> Self {
        let manual = Arc::new(ManualClock::new(0));
        let clock = || Clock::Manual(Arc::clone(&manual));
        let monitor = Monitor::new(HISTORY, clock()).unwrap();
        monitor.set_max_operations(OPERATIONS).unwrap();
        let log = Requests::new(5_000, clock()).unwrap();
        log.set_max_endpoints(100).unwrap();
        let ttl = Ttl::from_whole_seconds(30);
        let mut cache = Store::new(2_000, ttl, clock()).unwrap();
        cache
            .configure_weighed(2_000, CACHE_BYTES, ttl, clock(), |_, _| None)
            .unwrap();
        Self {
            clock: Arc::clone(&manual),
            monitor,
            log,
            cache,
            names: (0..OPERATIONS).map(|n| format!("operation {n}")).collect(),
            numbers: Numbers(1),
            recorded: 0,
        }
    }

    /// One simulated second.
    fn second(&mut self) {
        for step in 0..SAMPLES_A_SECOND {
            self.clock
                .advance(NANOS_PER_SEC.unsigned_abs() / SAMPLES_A_SECOND);
            self.sample(step);
            match step % 100 {
                0 => self.request(),
                1 | 2 => self.look_up(),
                3 => self.timer(),
                _ => {}
            }
        }
        let operation = self.monitor.operation("operation 7").unwrap();
        let measured = operation.measured(TimeRange::ALL, None, false).unwrap();
        assert!(measured.values.len() <= HISTORY);
        assert!(
            self.log
                .groups(TimeRange::ALL)
                .iter()
                .all(|(_, group)| group.stats().is_some())
        );
        self.cache.remove_expired();
        assert!(self.cache.total_bytes() <= Some(CACHE_BYTES));
    }

    /// Most under a known name; one in a hundred under a new one, with metadata, in a session.
    fn sample(&mut self, step: u64) {
        let number = self.numbers.next();
        let now = self.monitor.clock().monotonic();
        let text;
        let mut label = LabelRef {
            unit: SECONDS,
            timer: false,
            outcome: Outcome::None,
            session: None,
        };
        let mut metadata = None;
        let mut name = &*self.names[below(number, OPERATIONS)];
        match step % 100 {
            10 => {
                text = format!("job {number}");
                name = &text;
            }
            20 => metadata = Some(Box::new([number; 4])),
            30 => {
                text = format!("session {number}");
                label.session = Some(&text);
            }
            _ => {}
        }
        drop(
            self.monitor
                .record(name, now, number as f64, label, metadata),
        );
        self.recorded += 1;
    }

    fn request(&mut self) {
        let number = self.numbers.next();
        let endpoint = format!("/prints/{}", number % 500);
        let error = number
            .is_multiple_of(10)
            .then(|| "x".repeat(below(number, 3_000)));
        let now = self.log.clock().monotonic();
        let status = if error.is_some() { 500 } else { 200 };
        let method = format!("METHOD {}", number % 300);
        self.log
            .record(&endpoint, &method, now, 0.01, status, error.as_deref());
    }

    fn look_up(&mut self) {
        let number = self.numbers.next();
        let key = number % 5_000;
        let judge = |_: Handle, other: &u64| {
            if *other == key {
                Verdict::Same
            } else {
                Verdict::Different
            }
        };
        if let Found::Miss(gone) = self.cache.get(key, judge).unwrap() {
            drop(gone);
            let value = vec![0; below(number, 400)];
            let weight = value.len() as u64 + 8;
            self.cache
                .set_weighed(key, judge, None, weight, || key, || value)
                .unwrap();
        }
    }

    /// Every tenth timer is left running.
    fn timer(&mut self) {
        let number = self.numbers.next();
        let name = format!("timer {number}");
        self.monitor.start_timer(&name, (number, 0));
        if !number.is_multiple_of(10) {
            self.monitor.stop_timer(&name, (number, 0));
        }
    }

    fn seconds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second();
        }
    }
}

/// Says how far the load is, past what the test harness captures.
fn say(began: Instant, part: u64) {
    let so_far = began.elapsed().as_secs();
    let (minutes, seconds) = (so_far / 60, so_far % 60);
    let share = 100 * part / PARTS;
    let line = format!("{minutes:3}:{seconds:02} {share:3} % of the core's six hours of load\n");
    // It is for who watches; a closed pipe is no reason to fail.
    let _ = stderr().write_all(line.as_bytes());
}

/// Records for `seconds` after `warm_up`, looking at the heap many times, and at RSS in the end.
fn heap_stays_flat(warm_up: u64, seconds: u64) {
    let mut load = Load::new();
    load.seconds(warm_up);
    let rss = || ptpd_monitoring::system::process::memory().unwrap().rss;
    let before = rss();
    let mut growth = 0;
    let began = Instant::now();
    for part in 1..=PARTS {
        growth += measure(|| load.seconds(seconds / PARTS)).bytes_current;
        assert!(growth < SLACK, "{growth} bytes more after {part}/{PARTS}");
        if seconds > 1_000 {
            say(began, part);
        }
    }
    let more = rss().saturating_sub(before);
    assert!(more < 4_000_000, "RSS has grown by {more} bytes");
    assert_eq!(load.recorded, (warm_up + seconds) * SAMPLES_A_SECOND);
    assert!(load.monitor.overflowed() > 0 && load.log.overflowed() > 0);
    assert!(load.log.methods_overflowed() > 0 && load.monitor.timers_forgotten() > 0);
}

#[test]
fn two_minutes_of_load_leave_the_heap_flat() {
    // The warm-up leaves more than 10,000 timers running, which is where they begin to be forgotten.
    heap_stays_flat(110, 20);
}

#[test]
#[ignore = "runs for minutes; make soak"]
fn six_hours_of_load_leave_the_heap_flat() {
    heap_stays_flat(400, 6 * 3_600 - 400);
}

#[test]
#[ignore = "sorts millions of numbers; make soak"]
fn a_million_samples_of_each_shape_have_percentiles_within_the_stated_error() {
    for (name, values) in accuracy::data_sets(1_000_000) {
        let whole: Histogram = values.iter().copied().collect();
        accuracy::assert_accurate(name, &values, &whole);
        // In 1,440 minutes, the the even and the odd ones apart.
        let minutes: Vec<Histogram> = values
            .chunks(values.len().div_ceil(1_440))
            .map(|minute| minute.iter().copied().collect())
            .collect();
        let mut halves = [Histogram::new(), Histogram::new()];
        for (minute, histogram) in minutes.iter().enumerate() {
            halves[minute % 2].merge(histogram);
        }
        let [mut merged, odd] = halves;
        merged.merge(&odd);
        assert_eq!(merged.buckets(), whole.buckets(), "{name}");
        // Never more than the sum of all magnitudes, by Cauchy and Schwarz.
        let magnitude = (whole.count() as f64 * whole.sum_squares()).sqrt();
        assert!(
            (merged.sum() - whole.sum()).abs() <= 1e-15 * magnitude,
            "{name}"
        );
    }
}
