//! The memory of this process and its highest RSS during a call.

use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ptpd_monitoring::system::{peak::Measurement, process};

const MB: u64 = 1 << 20;

/// All of these move the RSS of the one process by far, so they take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn touch(mb: u64) -> Vec<u8> {
    // A pattern that differs from zero, so that each page is really written.
    vec![0xA5; usize::try_from(mb * MB).unwrap()]
}

fn wait_until_sampled(measurement: &Measurement, bytes: u64) {
    let patience = Instant::now() + Duration::from_mins(2);
    while measurement.sampled() < bytes {
        assert!(Instant::now() < patience, "the sampler saw nothing");
        std::thread::yield_now();
    }
}

/// The highest RSS so far, in MB, from a file that the code under test does not read.
fn highest_ever() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() / 1024
}

#[test]
fn touched_memory_shows_in_the_rss_of_this_process() {
    let _alone = alone();
    // Tests of other things run meanwhile, and come and go with memory of their own.
    let shows = || {
        let before = process::memory().unwrap();
        let block = touch(64);
        let after = process::memory().unwrap();
        assert!(after.vms >= after.rss);
        drop(block);
        let end = process::memory().unwrap();
        after.rss > before.rss + 48 * MB && end.rss < before.rss + 16 * MB
    };
    assert!((0..5).any(|_| shows()));
}

#[test]
fn a_spike_higher_than_ever_is_found_however_short_it_is() {
    let _alone = alone();
    let height = highest_ever() + 100;
    let measurement = Measurement::begin().unwrap();
    drop(touch(height));
    let peak = measurement.finish().unwrap();
    assert!(peak.bytes >= height * MB, "{height} {peak:?}");
    assert!(peak.after.rss < height * MB, "{height} {peak:?}");
}

#[test]
fn a_spike_below_an_earlier_one_is_sampled() {
    let _alone = alone();
    drop(touch(400));
    let measurement = Measurement::begin().unwrap();
    let start = measurement.before().rss;
    let block = touch(100);
    wait_until_sampled(&measurement, start + 70 * MB);
    drop(block);
    let peak = measurement.finish().unwrap();
    assert!(peak.bytes >= start + 70 * MB, "{peak:?}");
}

#[test]
fn an_earlier_spike_is_not_blamed_on_a_later_call() {
    let _alone = alone();
    drop(touch(400));
    let peak = Measurement::begin().unwrap().finish().unwrap();
    assert!(peak.bytes < peak.before.rss + 200 * MB, "{peak:?}");
    assert!(peak.bytes >= peak.before.rss.max(peak.after.rss));
}

#[test]
fn nested_measurements_each_see_their_own_span() {
    let _alone = alone();
    drop(touch(400));
    let outer = Measurement::begin().unwrap();
    let start = outer.before().rss;
    let block = touch(200);
    wait_until_sampled(&outer, start + 150 * MB);
    drop(block);
    let inner = Measurement::begin().unwrap().finish().unwrap();
    let outer = outer.finish().unwrap();
    assert!(outer.bytes >= start + 150 * MB, "{outer:?}");
    assert!(inner.bytes < start + 100 * MB, "{inner:?}");
}

#[test]
fn more_measurements_than_there_are_slots_still_see_their_ends() {
    let _alone = alone();
    let open: Vec<_> = (0..300).map(|_| Measurement::begin().unwrap()).collect();
    for measurement in open {
        let peak = measurement.finish().unwrap();
        assert!(peak.bytes >= peak.before.rss.max(peak.after.rss));
    }
    // The slots came back.
    let measurement = Measurement::begin().unwrap();
    let start = measurement.before().rss;
    let block = touch(100);
    wait_until_sampled(&measurement, start + 50 * MB);
    drop(block);
}
