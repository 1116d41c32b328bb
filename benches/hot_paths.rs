//! The core's hottest paths. `hot_paths` times each of them; `hot_paths count NAME CALLS` makes so
//! many calls of one for a simulator to count, and `hot_paths count` prints the names. There the
//! clock stands still: how often the system's is adjusted depends on the machine's speed.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a panic is how a benchmark fails")]

mod paths;

use std::{env, sync::Arc};

use divan::Bencher;
use ptpd_monitoring::time::{Clock, ManualClock};

use paths::{
    CacheGetHit, HistogramMergeRow, HistogramRecord, Path, RecordIntoFullSeries, RecordRequest,
    TimerBlock,
};

type Counted = (&'static str, fn(u64));

/// What `count` knows, under the names that the timings have.
const COUNTED: [Counted; 6] = [
    ("RecordIntoFullSeries", count::<RecordIntoFullSeries>),
    ("TimerBlock", count::<TimerBlock>),
    ("CacheGetHit", count::<CacheGetHit>),
    ("RecordRequest", count::<RecordRequest>),
    ("HistogramRecord", count::<HistogramRecord>),
    ("HistogramMergeRow", count::<HistogramMergeRow>),
];

#[divan::bench(
    min_time = 1,
    types = [
        RecordIntoFullSeries, TimerBlock, CacheGetHit, RecordRequest, HistogramRecord,
        HistogramMergeRow,
    ],
)]
fn time<P: Path>(bencher: Bencher<'_, '_>) {
    let mut path = P::ready(Clock::System);
    bencher.bench_local(|| path.call());
}

fn count<P: Path>(calls: u64) {
    let still = Clock::Manual(Arc::new(ManualClock::new(0)));
    counted_calls(&mut P::ready(still), calls);
}

/// The simulator counts what happens within this function, and no set-up.
#[inline(never)]
fn counted_calls<P: Path>(path: &mut P, calls: u64) {
    for _ in 0..calls {
        path.call();
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["count"] => {
            for (name, _) in COUNTED {
                println!("{name}");
            }
        }
        ["count", name, calls] => {
            let known = COUNTED.iter().find(|(known, _)| known == name);
            let (_, count) = known.expect("one of the paths' names");
            count(calls.parse().expect("a number of calls"));
        }
        // Its own words, and what Cargo adds.
        _ => divan::main(),
    }
}
