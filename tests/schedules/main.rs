//! What threads may do to each other in the state that they share. A scheduler decides who goes on
//! at each lock and each atomic, at random and by priorities (probabilistic concurrency testing),
//! and reports a deadlock where nobody can.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cache;
mod monitor;
mod requests;
mod starts;

use shuttle::{check_pct, check_random, thread};

/// Switches in one schedule that priorities are spent on: most faults need no more.
const DEPTH: usize = 3;

/// Schedules of each kind; `PTPD_SCHEDULES` asks for more.
fn schedules() -> usize {
    std::env::var("PTPD_SCHEDULES").map_or(500, |count| count.parse().unwrap())
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

/// Every pair of `items`, each with itself included.
fn pairs<T: Copy>(items: &[T]) -> impl Iterator<Item = (T, T)> {
    items
        .iter()
        .enumerate()
        .flat_map(|(at, &one)| items[at..].iter().map(move |&other| (one, other)))
}
