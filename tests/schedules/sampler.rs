use std::sync::Arc;

use ptpd_monitoring::system::sampler::slots::{Slots, UNIT};
use shuttle::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use crate::{at_once, explore, pairs};

/// What the thread reads one after the other, in units: no two alike, up and down.
const READINGS: [u64; 4] = [3, 1, 4, 2];

/// The most that a pair of works has open at once.
const AT_ONCE: usize = 4;

/// Measurements that begin at zero bytes, so that they take any reading that reaches them.
struct World<const N: usize> {
    slots: Slots<N>,
    /// How many readings the thread has begun, taken and handed over.
    begun: AtomicUsize,
    taken: AtomicUsize,
    done: AtomicUsize,
    /// How many measurements each reading was the peak of in the end.
    reached: [AtomicUsize; READINGS.len()],
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Measure,
    /// A measurement within another.
    Nest,
    /// One after the other, most likely in the same slot.
    Repeat,
}

const WORK: [Work; 3] = [Work::Measure, Work::Nest, Work::Repeat];

impl<const N: usize> World<N> {
    fn new() -> Self {
        Self {
            slots: Slots::new(),
            begun: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            reached: Default::default(),
        }
    }

    /// What the thread does.
    fn sample(&self) {
        for rss in READINGS {
            self.begun.fetch_add(1, SeqCst);
            self.slots.raise(|| {
                self.taken.fetch_add(1, SeqCst);
                Some(rss * UNIT)
            });
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// A measurement, with `within` in the middle of it.
    fn measure(&self, within: impl FnOnce()) {
        let taken_before = self.taken.load(SeqCst);
        let slot = self.slots.open(0);
        let begun_before = self.begun.load(SeqCst);
        within();
        let done = self.done.load(SeqCst);
        let peak = slot.peak() / UNIT;
        let taken = self.taken.load(SeqCst);
        drop(slot);
        if peak > 0 {
            let at = READINGS.iter().position(|&rss| rss == peak).unwrap();
            let own = taken_before..taken;
            assert!(own.contains(&at), "reading {at} is not of {own:?}");
            self.reached[at].fetch_add(1, SeqCst);
        }
        if N >= AT_ONCE {
            // Those that it was open for from before they began until after they were handed over.
            let surely = READINGS.iter().take(done).skip(begun_before).max();
            assert!(surely <= Some(&peak), "{surely:?} is lost, {peak} found");
        }
    }
}

impl Work {
    fn run<const N: usize>(self, world: &World<N>) {
        match self {
            Self::Measure => world.measure(thread::yield_now),
            Self::Nest => world.measure(|| world.measure(thread::yield_now)),
            Self::Repeat => {
                world.measure(thread::yield_now);
                world.measure(thread::yield_now);
            }
        }
    }
}

/// Two works beside the thread, with room for `N` measurements.
fn explored<const N: usize>(one: Work, other: Work) {
    let world = Arc::new(World::<N>::new());
    let mut jobs: Vec<Box<dyn FnOnce() + Send>> = [one, other]
        .map(|work| {
            let world = Arc::clone(&world);
            Box::new(move || work.run(&world)) as _
        })
        .into();
    let sampling = Arc::clone(&world);
    jobs.push(Box::new(move || sampling.sample()));
    at_once(jobs);
    let most = world.reached.iter().map(|reached| reached.load(SeqCst));
    assert!(most.max() <= Some(N), "{one:?}, {other:?}: more than fit");
    assert!(!world.slots.is_any_open());
    // No slot was left behind: each is had once more, and there are no more of them.
    let all: Vec<_> = (0..=N).map(|_| world.slots.open(0)).collect();
    world.slots.raise(|| Some(UNIT));
    let peaks: Vec<_> = all.iter().map(|slot| slot.peak() / UNIT).collect();
    assert_eq!(peaks, [vec![1; N], vec![0]].concat(), "{one:?}, {other:?}");
}

#[test]
fn no_reading_is_lost_to_a_measurement_or_reaches_one_that_began_after_it() {
    for (one, other) in pairs(&WORK) {
        explore(move || explored::<AT_ONCE>(one, other));
        // Some have to do without.
        explore(move || explored::<1>(one, other));
    }
}

/// What is told of the children since one measurement began is in no other one's peak.
#[test]
fn no_measurement_has_the_children_of_another_one() {
    const MEASUREMENTS: u64 = 3;
    fn explored<const N: usize>() {
        let slots = Arc::new(Slots::<N>::new());
        let mut jobs: Vec<Box<dyn FnOnce() + Send>> = (1..=MEASUREMENTS)
            .map(|tick| {
                let slots = Arc::clone(&slots);
                Box::new(move || {
                    let slot = slots.open_at(0, tick);
                    let peak = slot.children_peak() / UNIT;
                    assert!(peak == 0 || peak == tick, "{peak} at {tick}");
                    drop(slot);
                }) as _
            })
            .collect();
        let sampling = Arc::clone(&slots);
        jobs.push(Box::new(move || {
            for _ in 0..MEASUREMENTS {
                sampling.raise_children(|| |tick| tick * UNIT);
            }
        }));
        at_once(jobs);
        let slot = slots.open_at(0, 7);
        slots.raise_children(|| |tick| tick * UNIT);
        assert_eq!(slot.children_peak() / UNIT, 7);
    }
    explore(explored::<1>);
    explore(explored::<AT_ONCE>);
}

#[test]
fn no_measurement_is_overlooked_by_a_thread_that_rests() {
    const MEASUREMENTS: usize = 3;
    explore(|| {
        let slots = Arc::new(Slots::<MEASUREMENTS>::new());
        let watched = Arc::clone(&slots);
        // A thread that nobody wakes is a deadlock, which the scheduler reports.
        let sampling = thread::spawn(move || {
            let mut seen = 0;
            while seen < MEASUREMENTS {
                watched.rest(seen, thread::park);
                seen = watched.begun();
            }
        });
        let jobs = [(); MEASUREMENTS].map(|()| {
            let (slots, sampling) = (Arc::clone(&slots), sampling.thread().clone());
            Box::new(move || {
                let slot = slots.open(0);
                if slots.ends_rest() {
                    sampling.unpark();
                }
                drop(slot);
            }) as _
        });
        at_once::<()>(jobs);
        sampling.join().unwrap();
    });
}
