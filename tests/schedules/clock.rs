use std::sync::Arc;

use ptpd_monitoring::time::{
    Monotonic, TRUST_NANOS, WallOffset,
    tsc::{Rate, Reading},
};
use shuttle::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use crate::{at_once, explore};

const YEAR: i64 = 365 * 86_400 * 1_000_000_000;
/// The last moment at which the wall clock has not been set yet.
const NOT_SET: u64 = u64::MAX;

/// Clocks that go on by a part of the trusted time whenever they are read for a stamp.
struct Machine {
    offset: WallOffset,
    monotonic: AtomicU64,
    /// How far the wall clock is ahead of the monotonic one.
    ahead: AtomicI64,
    set_at: AtomicU64,
}

impl Machine {
    fn wall(&self) -> i64 {
        let ahead = self.ahead.load(SeqCst);
        ahead.saturating_add_unsigned(self.monotonic.load(SeqCst))
    }

    /// Sets the wall clock a year ahead.
    fn step(&self) {
        self.ahead.fetch_add(YEAR, SeqCst);
        self.set_at.store(self.monotonic.load(SeqCst), SeqCst);
    }

    /// By how many years the stamp of a moment is ahead, and the moment.
    fn years_ahead(&self) -> (i64, u64) {
        let moment = self.monotonic.fetch_add(TRUST_NANOS / 3, SeqCst);
        let monotonic = || Monotonic(self.monotonic.load(SeqCst));
        let stamp = self
            .offset
            .wall_at(Monotonic(moment), monotonic, || self.wall());
        // What the others did during a reading is far less than half a year.
        ((stamp + YEAR / 2).div_euclid(YEAR), moment)
    }
}

#[test]
fn no_stamp_is_from_before_a_step_once_the_trust_has_ended_whoever_reads_the_clocks() {
    // A thread has to be interrupted between two steps just after another was, which is rare.
    for _ in 0..20 {
        explore(explored);
    }
}

fn explored() {
    let machine = Arc::new(Machine {
        offset: WallOffset::new(),
        monotonic: AtomicU64::new(TRUST_NANOS),
        ahead: AtomicI64::new(YEAR),
        set_at: AtomicU64::new(NOT_SET),
    });
    let mut jobs: Vec<Box<dyn FnOnce() + Send>> = (0..3)
        .map(|_| {
            let machine = Arc::clone(&machine);
            Box::new(move || {
                for _ in 0..4 {
                    // As it was before the moment is read.
                    let set_at = machine.set_at.load(SeqCst);
                    let (years, moment) = machine.years_ahead();
                    let noticed = moment > set_at.saturating_add(TRUST_NANOS);
                    assert!(years == 2 || years == 1 && !noticed, "{years} at {moment}");
                }
            }) as _
        })
        .collect();
    let stepping = Arc::clone(&machine);
    jobs.push(Box::new(move || stepping.step()));
    at_once(jobs);
}

#[test]
fn threads_that_learn_the_counters_rate_at_once_take_no_late_reading_for_a_leap() {
    const TICKS_PER_NANO: u64 = 3;
    const RATE: u64 = (1 << 32) / TICKS_PER_NANO;
    explore(|| {
        let (rate, nanos) = (Arc::new(Rate::new()), Arc::new(AtomicU64::new(1)));
        // From the second reading on the rate is known, and each is time to learn it again.
        let jobs = [1, 2, 3].map(|_| {
            let (rate, nanos) = (Arc::clone(&rate), Arc::clone(&nanos));
            Box::new(move || {
                let mut known = None;
                for _ in 0..4 {
                    let (_, learned) = rate.learn(|| {
                        let nanos = nanos.fetch_add(1_000_000_000, SeqCst);
                        let ticks = nanos * TICKS_PER_NANO;
                        Reading { ticks, nanos }
                    });
                    assert!(learned == known || learned == Some(RATE), "{learned:?}");
                    known = learned;
                }
            }) as _
        });
        at_once::<()>(jobs);
        assert!(!rate.is_hopeless());
    });
}
