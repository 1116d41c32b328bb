use std::{convert::Infallible, sync::Arc};

use ptpd_monitoring::{
    recording::{starts::Starts, timers::Owner},
    time::Monotonic,
};
use shuttle::rand::{Rng, thread_rng};

use crate::{at_once, explore};

fn push(starts: &Starts, owner: Owner, now: u64) {
    let known = || Ok::<_, Infallible>(owner);
    starts.push(owner.0, Monotonic(now), known).unwrap();
}

fn pop(starts: &Starts, owner: Owner) -> Option<u64> {
    let start = starts.pop(|| Ok::<_, Infallible>(owner)).unwrap();
    start.map(|start| start.0)
}

#[test]
fn each_thread_finds_its_own_starts_whatever_the_others_do() {
    explore(|| {
        let starts = Arc::new(Starts::default());
        let jobs = [1, 2, 3].map(|thread| {
            let starts = Arc::clone(&starts);
            Box::new(move || {
                let (owner, outer, inner) = ((thread, 0), thread * 10, thread * 10 + 1);
                push(&starts, owner, outer);
                push(&starts, owner, inner);
                assert_eq!(pop(&starts, owner), Some(inner), "the inner block's start");
                assert_eq!(pop(&starts, owner), Some(outer), "the outer block's start");
            }) as _
        });
        at_once(jobs);
        assert_eq!(pop(&starts, (1, 0)), None, "a start was left behind");
    });
}

#[test]
fn each_task_finds_its_own_starts_whatever_other_tasks_and_threads_do() {
    explore(|| {
        let starts = Arc::new(Starts::default());
        let jobs = [1, 2].map(|thread| {
            let starts = Arc::clone(&starts);
            // The tasks of one thread take turns, between two steps of which other threads go on.
            Box::new(move || {
                let mut entered = [Vec::new(), Vec::new()];
                let mut left = [3, 3];
                for step in 0.. {
                    let task = usize::from(thread_rng().gen_range(0_u8..2));
                    let owner = (thread, task as u64 + 1);
                    if left[task] > 0 && (entered[task].is_empty() || thread_rng().r#gen()) {
                        let now = thread * 100 + step;
                        push(&starts, owner, now);
                        entered[task].push(now);
                        left[task] -= 1;
                    } else if let Some(expected) = entered[task].pop() {
                        assert_eq!(pop(&starts, owner), Some(expected), "of {owner:?}");
                    } else if left == [0, 0] && entered.iter().all(Vec::is_empty) {
                        break;
                    }
                }
            }) as _
        });
        at_once(jobs);
        assert_eq!(pop(&starts, (1, 1)), None, "a start was left behind");
    });
}

#[test]
fn a_block_left_in_another_thread_takes_a_start_and_none_twice() {
    explore(|| {
        let starts = Arc::new(Starts::default());
        for thread in [1, 2, 3] {
            push(&starts, (thread, 0), thread);
        }
        let jobs = [7, 8, 9].map(|thread| {
            let starts = Arc::clone(&starts);
            Box::new(move || pop(&starts, (thread, 0)).unwrap()) as _
        });
        let mut found = at_once(jobs);
        found.sort_unstable();
        assert_eq!(found, [1_u64, 2, 3]);
    });
}
