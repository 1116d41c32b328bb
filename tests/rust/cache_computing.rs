use std::collections::BTreeSet;

use proptest::prelude::*;
use ptpd_monitoring::cache::{ComputationId, WaitGraph};

fn ids(numbers: &[u64]) -> Vec<ComputationId> {
    numbers.iter().copied().map(ComputationId).collect()
}

#[test]
fn nobody_waits_for_a_computation_that_it_runs_inside_of() {
    let mut graph = WaitGraph::new();
    assert!(!graph.begin(&ids(&[1]), ComputationId(1)));
    assert!(!graph.begin(&ids(&[1, 2, 3]), ComputationId(2)));
    assert!(graph.begin(&ids(&[1, 2, 3]), ComputationId(4)));
}

#[test]
fn two_computations_do_not_wait_for_each_other() {
    let mut graph = WaitGraph::new();
    assert!(graph.begin(&ids(&[1]), ComputationId(2)));
    assert!(!graph.begin(&ids(&[2]), ComputationId(1)));
    graph.end(&ids(&[1]), ComputationId(2));
    assert!(graph.begin(&ids(&[2]), ComputationId(1)));
}

#[test]
fn one_of_two_waits_of_a_computation_may_end_without_the_other() {
    let mut graph = WaitGraph::new();
    // Two tasks of the same computation wait for the same one.
    assert!(graph.begin(&ids(&[1]), ComputationId(2)));
    assert!(graph.begin(&ids(&[1]), ComputationId(2)));
    graph.end(&ids(&[1]), ComputationId(2));
    assert!(!graph.begin(&ids(&[2]), ComputationId(1)));
}

proptest! {
    #[test]
    fn waits_never_form_a_circle_and_are_refused_only_where_they_would(
        steps in proptest::collection::vec(
            (any::<bool>(), proptest::collection::btree_set(0_u64..8, 0..3), 0_u64..8),
            1..80,
        ),
    ) {
        let mut graph = WaitGraph::new();
        let mut waits: Vec<(BTreeSet<u64>, u64)> = Vec::new();
        for (begins, held, awaited) in steps {
            if begins {
                let list: Vec<u64> = held.iter().copied().collect();
                let mut all = waits.clone();
                all.push((held.clone(), awaited));
                let taken = graph.begin(&ids(&list), ComputationId(awaited));
                prop_assert_eq!(taken, !has_circle(&all));
                if taken {
                    waits = all;
                }
            } else if !waits.is_empty() {
                let (held, awaited) = waits.remove(usize::try_from(awaited).unwrap() % waits.len());
                let list: Vec<u64> = held.into_iter().collect();
                graph.end(&ids(&list), ComputationId(awaited));
            }
        }
    }
}

/// By the definition: whether some computation waits, over any number of others, for itself.
fn has_circle(waits: &[(BTreeSet<u64>, u64)]) -> bool {
    let mut reach = [[false; 8]; 8];
    for (held, awaited) in waits {
        for waiting in held {
            reach[usize::try_from(*waiting).unwrap()][usize::try_from(*awaited).unwrap()] = true;
        }
    }
    for via in 0..8 {
        for from in 0..8 {
            for to in 0..8 {
                reach[from][to] |= reach[from][via] && reach[via][to];
            }
        }
    }
    (0..8).any(|each| reach[each][each])
}
