//! The core's three hottest paths. `hot_paths` prints the nanoseconds a call; `hot_paths NAME CALLS`
//! makes so many calls of one path within a function of that name, for a simulator to count. There
//! the clock stands still: how often the system's is adjusted depends on the machine's speed.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a panic is how a benchmark fails")]

use std::{env, hint::black_box, sync::Arc, time::Instant};

use ptpd_monitoring::{
    cache::{Found, Store, Ttl, Verdict},
    clock::{Clock, ManualClock},
    monitor::{Monitor, SECONDS},
    requests::Requests,
    series::LabelRef,
};

const ROUNDS: usize = 21;
const CALLS: u64 = 200_000;
const ENTRIES: u64 = 1_000;

type Path = (&'static str, fn(Clock) -> Box<dyn FnMut(u64)>);

const PATHS: [Path; 3] = [
    ("record_into_full_series", |clock| {
        let monitor = full_monitor(clock);
        Box::new(move |calls| record_into_full_series(&monitor, calls))
    }),
    ("cache_get_hit", |clock| {
        let mut store = full_store(clock);
        Box::new(move |calls| cache_get_hit(&mut store, calls))
    }),
    ("record_request", |clock| {
        let requests = full_requests(clock);
        Box::new(move |calls| record_request(&requests, calls))
    }),
];

const LABEL: LabelRef<'_> = LabelRef {
    unit: SECONDS,
    timer: true,
    session: None,
};

fn full_monitor(clock: Clock) -> Monitor<()> {
    let monitor = Monitor::new(1_000, clock).unwrap();
    for other in 0..50 {
        monitor.record_many(&format!("other {other}"), &[0.5], LABEL);
    }
    monitor.record_many("image.resize", &[0.5; 1_000], LABEL);
    monitor
}

/// What a timer's end does: the moment, the look-up by name, the sample in place of the oldest.
#[inline(never)]
fn record_into_full_series(monitor: &Monitor<()>, calls: u64) {
    for _ in 0..calls {
        let now = monitor.clock().monotonic();
        monitor.record(black_box("image.resize"), now, black_box(0.5), LABEL, None);
    }
}

/// Hashes spread as those of strings are.
fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn full_store(clock: Clock) -> Store<u64, u64> {
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
    store
}

fn judge(key: u64, other: u64) -> Verdict {
    if key == other {
        Verdict::Same
    } else {
        Verdict::Different
    }
}

/// The look-up of a live entry by a known hash, its deadline checked, its recency refreshed.
#[inline(never)]
fn cache_get_hit(store: &mut Store<u64, u64>, calls: u64) {
    for call in 0..calls {
        let key = call % ENTRIES;
        match store.get(hash(key), |_, other| judge(key, *other)) {
            Ok(Found::Hit(value)) => {
                black_box(value);
            }
            _ => panic!("{key} is in the cache"),
        }
    }
}

fn full_requests(clock: Clock) -> Requests {
    let requests = Requests::new(1_000, clock).unwrap();
    for call in 0..1_000 {
        let now = requests.clock().monotonic();
        requests.record(&format!("/api/{}", call % 50), "GET", now, 0.125, 200, None);
    }
    requests
}

/// The moment, both names, the request in place of the oldest.
#[inline(never)]
fn record_request(requests: &Requests, calls: u64) {
    for _ in 0..calls {
        let now = requests.clock().monotonic();
        requests.record(black_box("/api/7"), "GET", now, black_box(0.125), 200, None);
    }
}

fn nanoseconds_a_call(path: &mut dyn FnMut(u64)) -> f64 {
    let begin = Instant::now();
    path(CALLS);
    begin.elapsed().as_nanos() as f64 / CALLS as f64
}

fn print_times() {
    let mut paths = PATHS.map(|(name, setup)| (name, setup(Clock::System), Vec::new()));
    for _ in 0..=ROUNDS {
        for (_, path, times) in &mut paths {
            times.push(nanoseconds_a_call(path.as_mut()));
        }
    }
    for (name, _, times) in &mut paths {
        // The first round warmed up.
        let times = &mut times[1..];
        times.sort_by(f64::total_cmp);
        println!("{name} {:.2}", times[ROUNDS / 2]);
    }
}

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match words.as_slice() {
        [] => print_times(),
        [name, calls] => {
            let known = PATHS.iter().find(|(known, _)| known == name);
            let (_, setup) = known.expect("one of the paths' names");
            let still = Clock::Manual(Arc::new(ManualClock::new(0)));
            setup(still)(calls.parse().expect("a number of calls"));
        }
        _ => panic!("usage: hot_paths [NAME CALLS]"),
    }
}
