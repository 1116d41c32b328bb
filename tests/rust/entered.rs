use std::convert::Infallible;

use allocation_counter::measure;
use proptest::prelude::*;
use ptpd_monitoring::{
    recording::{
        blocks::{Entered, Left, MAX_ENTERED},
        starts::Starts,
        timers::Owner,
    },
    time::Monotonic,
};

const ME: Owner = (1, 0);
const BOUND: u64 = MAX_ENTERED as u64;

fn push(starts: &Starts, owner: Owner, now: u64) -> bool {
    let known = || Ok::<_, Infallible>(owner);
    starts.push(owner.0, Monotonic(now), known).unwrap()
}

fn pop(starts: &Starts, owner: Owner) -> Option<u64> {
    let start = starts.pop(|| Ok::<_, Infallible>(owner)).unwrap();
    start.map(|start| start.0)
}

#[test]
fn blocks_that_nobody_leaves_take_no_more_room_than_the_bound() {
    let starts = Starts::default();
    let enter = |times: u64| {
        for now in 0..times {
            push(&starts, ME, now);
        }
    };
    enter(2 * BOUND);
    let grown = measure(|| enter(10 * BOUND));
    assert_eq!(grown.bytes_current, 0);
    assert_eq!(grown.count_total, 0, "not even for a while");
}

#[test]
fn each_of_as_many_nested_blocks_as_the_bound_finds_its_own_start() {
    let starts = Starts::default();
    for now in 0..BOUND {
        assert!(!push(&starts, ME, now));
    }
    for now in (0..BOUND).rev() {
        assert_eq!(pop(&starts, ME), Some(now));
    }
    assert_eq!(pop(&starts, ME), None);
}

#[test]
fn beyond_the_bound_the_outermost_blocks_are_not_timed_and_all_others_right() {
    let starts = Starts::default();
    let forgotten = (0..BOUND + 3).filter(|&now| push(&starts, ME, now)).count();
    assert_eq!(forgotten, 3);
    for now in (3..BOUND + 3).rev() {
        assert_eq!(pop(&starts, ME), Some(now));
    }
    for _ in 0..3 {
        assert_eq!(pop(&starts, ME), None);
    }
    // As new.
    assert!(!push(&starts, ME, 7));
    assert_eq!(pop(&starts, ME), Some(7));
}

#[test]
fn the_forgotten_block_of_a_task_takes_no_start_of_another_one() {
    let starts = Starts::default();
    let task = |number: u64| (1, number + 1);
    for number in 0..BOUND + 2 {
        push(&starts, task(number), number);
    }
    // They are left in the order in which they were entered.
    for number in 0..2 {
        assert_eq!(pop(&starts, task(number)), None);
    }
    for number in 2..BOUND + 2 {
        assert_eq!(pop(&starts, task(number)), Some(number));
    }
    assert_eq!(pop(&starts, task(0)), None);
}

#[test]
fn blocks_beside_those_that_nobody_leaves_are_timed_right() {
    let starts = Starts::default();
    for now in 0..2 * BOUND {
        push(&starts, (2, now % 7), now);
    }
    for now in 0..100 {
        push(&starts, ME, now);
        push(&starts, ME, now + 1);
        assert_eq!(pop(&starts, ME), Some(now + 1));
        assert_eq!(pop(&starts, ME), Some(now));
    }
}

#[test]
fn what_is_forgotten_is_handed_out_to_be_dropped_elsewhere() {
    let mut entered = Entered::default();
    assert_eq!(entered.forget_first(), None::<&str>);
    entered.push(ME, "first");
    entered.push(ME, "second");
    assert_eq!(entered.forget_first(), Some("first"));
    assert_eq!(entered.things().collect::<Vec<_>>(), [&"second"]);
    assert_eq!((entered.kept(), entered.open()), (1, 2));
    assert_eq!(entered.pop(ME), Left::Kept("second"));
    assert_eq!(entered.pop(ME), Left::Forgotten);
    assert_eq!(entered.pop(ME), Left::Nothing);
}

proptest! {
    /// As long as nothing is forgotten: each owner's latest, and for a stranger the latest of all.
    #[test]
    fn a_list_of_blocks_says_the_same(
        steps in prop::collection::vec((any::<bool>(), 0..4_u64), 0..200)
    ) {
        let mut entered = Entered::default();
        let mut model: Vec<(u64, usize)> = Vec::new();
        for (number, (enters, thread)) in steps.into_iter().enumerate() {
            if enters {
                entered.push((thread, 0), number);
                model.push((thread, number));
                continue;
            }
            let own = model.iter().rposition(|(other, _)| *other == thread);
            let at = own.or(model.len().checked_sub(1));
            let expected = at.map_or(Left::Nothing, |at| Left::Kept(model.remove(at).1));
            prop_assert_eq!(entered.pop((thread, 0)), expected);
        }
        prop_assert_eq!(entered.kept(), model.len());
    }
}
