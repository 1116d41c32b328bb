//! What threads may do to each other in the state that they share. A scheduler decides who goes on
//! at each lock and each atomic, at random and by priorities (probabilistic concurrency testing),
//! and reports a deadlock where nobody can.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cache;
mod clock;
mod engine;
mod engines;
mod gate;
mod history;
mod ledger;
mod monitor;
mod requests;
mod sampler;
mod starts;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shuttle::{check_pct, check_random, thread};

/// Switches in one schedule that priorities are spent on: most faults need no more.
const DEPTH: usize = 3;

/// Schedules of each kind; `PTPD_SCHEDULES` asks for more.
fn schedules() -> usize {
    std::env::var("PTPD_SCHEDULES").map_or(500, |count| count.parse().unwrap())
}

/// Held by a test whose threads ask the system's clock, as writers do for since when they write: what
/// all threads share of it belongs to the scheduler of one test at a time.
fn alone_with_the_systems_clock() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has nothing to do with the next one.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `test` once for each schedule: a thousand of them, half of each kind.
fn explore(test: impl Fn() + Send + Sync + Clone + 'static) {
    check_random(test.clone(), schedules());
    check_pct(test, schedules(), DEPTH);
}

/// Runs each of the jobs in a thread of its own, and waits for them.
fn at_once<T: Send + 'static>(
    jobs: impl IntoIterator<Item = Box<dyn FnOnce() -> T + Send>>,
) -> Vec<T> {
    let threads: Vec<_> = jobs.into_iter().map(thread::spawn).collect();
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

/// Does each of the `works` on what is `shared` in a thread of its own, and waits for them.
fn each_at_once<S, W, T, const N: usize>(
    shared: &Arc<S>,
    works: [W; N],
    run: fn(&Arc<S>, W) -> T,
) -> Vec<T>
where
    S: Send + Sync + 'static,
    W: Send + 'static,
    T: Send + 'static,
{
    at_once(works.map(|work| {
        let shared = Arc::clone(shared);
        Box::new(move || run(&shared, work)) as _
    }))
}

/// How many may be kept once a thread has set its `own` bound, if it does, while the other thread
/// may set another.
fn most_kept(before: usize, own: Option<usize>, others: Option<usize>) -> usize {
    match (own, others) {
        (Some(own), None) => own,
        _ => [own, others].into_iter().flatten().fold(before, usize::max),
    }
}

/// Every pair of `items`, each with itself included.
fn pairs<T: Copy>(items: &[T]) -> impl Iterator<Item = (T, T)> {
    items
        .iter()
        .enumerate()
        .flat_map(|(at, &one)| items[at..].iter().map(move |&other| (one, other)))
}
