#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "readings are whole numbers of what the model moves by fractions"
)]

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use ptpd_monitoring::time::{
    Clock,
    tsc::{Anchor, Rate, Reading, TRUST_NANOS},
};

/// A processor and the kernel's clock.
struct Machine {
    rate: Rate,
    /// Nanoseconds of the kernel's clock.
    nanos: Cell<f64>,
    ticks: Cell<f64>,
    ticks_per_nano: Cell<f64>,
    /// By how much the next readings of the kernel's clock are off.
    jitter: Cell<f64>,
}

/// A thread of it.
struct Thread<'a> {
    machine: &'a Machine,
    anchor: Cell<Anchor>,
    asked_kernel: Cell<u32>,
}

impl Machine {
    fn new(ticks_per_nano: f64) -> Self {
        Self {
            rate: Rate::new(),
            nanos: Cell::new(5e9),
            ticks: Cell::new(7e12),
            ticks_per_nano: Cell::new(ticks_per_nano),
            jitter: Cell::new(0.0),
        }
    }

    /// One whose counter's rate is known.
    fn warm(ticks_per_nano: f64) -> Self {
        let machine = Self::new(ticks_per_nano);
        machine.thread().now();
        machine.advance(20e6);
        machine.thread().now();
        machine
    }

    fn advance(&self, nanos: f64) {
        self.nanos.set(self.nanos.get() + nanos);
        self.ticks
            .set(self.ticks.get() + nanos * self.ticks_per_nano.get());
    }

    fn thread(&self) -> Thread<'_> {
        Thread {
            machine: self,
            anchor: Cell::new(Anchor::NONE),
            asked_kernel: Cell::new(0),
        }
    }
}

impl Thread<'_> {
    fn now(&self) -> u64 {
        let machine = self.machine;
        if let Some(nanos) = self.anchor.get().nanos_at(machine.ticks.get() as u64) {
            return nanos;
        }
        self.asked_kernel.set(self.asked_kernel.get() + 1);
        let (reading, rate) = machine.rate.learn(|| {
            Reading::take(
                || machine.ticks.get() as u64,
                || (machine.nanos.get() + machine.jitter.get()) as u64,
            )
        });
        if let Some(rate) = rate {
            self.anchor.set(self.anchor.get().renewed(reading, rate));
        } else {
            self.anchor.set(Anchor::NONE);
        }
        self.anchor
            .get()
            .nanos_at(reading.ticks)
            .unwrap_or(reading.nanos)
    }

    fn error(&self) -> f64 {
        self.now() as f64 - self.machine.nanos.get()
    }
}

#[test]
fn a_known_counter_answers_for_the_kernel_within_a_millisecond() {
    let machine = Machine::warm(2.9);
    let thread = machine.thread();
    thread.now();
    for _ in 0..900 {
        machine.advance(1_000.0);
        assert!(thread.error().abs() < 50.0, "off by {}", thread.error());
    }
    assert_eq!(thread.asked_kernel.get(), 1);
    machine.advance(TRUST_NANOS as f64);
    thread.now();
    assert_eq!(thread.asked_kernel.get(), 2);
}

#[test]
fn an_unknown_counter_leaves_every_answer_to_the_kernel() {
    let machine = Machine::new(3.0);
    let thread = machine.thread();
    for asked in 1..=9 {
        machine.advance(1e6);
        assert_eq!(thread.now(), machine.nanos.get() as u64);
        assert_eq!(thread.asked_kernel.get(), asked);
    }
}

#[test]
fn a_counter_that_jumps_or_stops_between_two_calls_is_not_believed() {
    for jump in [-1e13, -4e6, 0.0, 4e6, 1e13] {
        let machine = Machine::warm(3.0);
        let thread = machine.thread();
        thread.now();
        // An hour of suspension, as long as the counter did not stay within the millisecond.
        machine.nanos.set(machine.nanos.get() + 3.6e12);
        machine.ticks.set(machine.ticks.get() + jump);
        if jump != 0.0 {
            assert!(
                thread.error().abs() < 50.0,
                "after {jump}: {}",
                thread.error()
            );
        }
        machine.advance(2e6);
        assert!(
            thread.error().abs() < 50.0,
            "after {jump}: {}",
            thread.error()
        );
    }
}

#[test]
fn clocks_that_were_set_back_between_two_readings_teach_no_rate() {
    let machine = Machine::new(3.0);
    let thread = machine.thread();
    thread.now();
    machine.nanos.set(machine.nanos.get() - 1e9);
    machine.ticks.set(machine.ticks.get() - 1e12);
    for _ in 0..20 {
        machine.advance(1e5);
        assert!(thread.error().abs() < 50.0, "off by {}", thread.error());
    }
}

#[test]
fn a_counter_whose_rate_wanders_is_left_alone() {
    let machine = Machine::warm(3.0);
    let thread = machine.thread();
    for round in 0..200 {
        machine.ticks_per_nano.set(3.0 + f64::from(round % 2));
        machine.advance(2e9);
        thread.now();
    }
    assert!(machine.rate.is_hopeless());
}

#[test]
fn a_clock_that_ntp_slews_leaves_the_counter_usable() {
    let machine = Machine::warm(3.0);
    let thread = machine.thread();
    for round in 0..1_000 {
        // 500 parts in a million more and less, by turns.
        let slew = if round % 100 < 50 { 1.0005 } else { 0.9995 };
        machine.ticks_per_nano.set(3.0 * slew);
        machine.advance(5e7);
        thread.now();
        machine.advance(9e5);
        assert!(thread.error().abs() < 2_000.0, "off by {}", thread.error());
    }
    assert!(!machine.rate.is_hopeless());
}

#[test]
fn the_least_interrupted_of_a_few_readings_counts() {
    let ticks = Cell::new(0_u64);
    // Each reading of the clock takes so long, the last one the shortest.
    let delays = Cell::new(vec![2_000, 90_000, 7_000_000]);
    let reading = Reading::take(
        || ticks.get(),
        || {
            let mut left = delays.take();
            ticks.set(ticks.get() + left.pop().unwrap_or(1_500_000));
            delays.set(left);
            ticks.get()
        },
    );
    assert_eq!(reading.nanos, 7_092_000);
    assert_eq!(reading.ticks, 7_091_000);
}

#[test]
fn the_systems_monotonic_clock_is_the_kernels_and_never_runs_backwards_in_a_thread() {
    // An anchor is trusted for a millisecond, so not even a wrong rate leads further astray; how
    // near the kernel's clock it stays has been tested above.
    let astray = Duration::from_nanos(2 * TRUST_NANOS).as_secs_f64();
    let work = move || {
        let outer = Instant::now();
        let begin = Clock::System.monotonic();
        let inner = Instant::now();
        let mut last = begin;
        for _ in 0..400_000 {
            let now = Clock::System.monotonic();
            assert!(now >= last, "{now:?} after {last:?}");
            last = now;
        }
        let within = inner.elapsed().as_secs_f64();
        let ours = Clock::System.monotonic().seconds_since(begin);
        let around = outer.elapsed().as_secs_f64();
        assert!(
            within - astray <= ours && ours <= around + astray,
            "{within} <= {ours} <= {around}"
        );
    };
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(work)).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

proptest! {
    #[test]
    fn time_never_runs_backwards_in_a_thread_and_stays_near_the_kernels(
        steps in proptest::collection::vec((0.0_f64..3e6, -60.0_f64..60.0, 0.9999_f64..1.0001), 1..400),
        ticks_per_nano in 0.5_f64..6.0,
    ) {
        let machine = Machine::warm(ticks_per_nano);
        let thread = machine.thread();
        let mut last = thread.now();
        for (nanos, jitter, slew) in steps {
            machine.ticks_per_nano.set(ticks_per_nano * slew);
            machine.jitter.set(jitter);
            machine.advance(nanos);
            let now = thread.now();
            // The kernel's own readings are that uncertain.
            prop_assert!(now + 120 >= last, "{} after {}", now, last);
            prop_assert!((now as f64 - machine.nanos.get()).abs() < 1_000.0);
            if nanos < TRUST_NANOS as f64 {
                prop_assert!(now >= last, "{} after {}", now, last);
            }
            last = now;
        }
    }
}
