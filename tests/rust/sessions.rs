use ptpd_monitoring::recording::sessions::{Block, current};

struct Entered {
    number: u64,
    beside: Vec<u64>,
}

impl Block for Entered {
    fn number(&self) -> u64 {
        self.number
    }

    fn beside(&self) -> &[u64] {
        &self.beside
    }
}

/// The number of the block that counts: `blocks` from the innermost on, each with those it is beside;
/// `running` those whose generators run, the one resumed last first.
fn counts(blocks: &[(u64, &[u64])], running: &[u64]) -> u64 {
    let blocks: Vec<Entered> = blocks
        .iter()
        .map(|&(number, beside)| Entered {
            number,
            beside: beside.to_vec(),
        })
        .collect();
    let at = current(
        &blocks,
        |at| running.contains(&blocks[at].number),
        |among| {
            let of = |number: &u64| among.iter().find(|at| blocks[**at].number == *number);
            running.iter().find_map(of).copied()
        },
    );
    blocks[at].number
}

#[test]
fn the_innermost_counts_unless_a_generator_beside_it_has_gone_on() {
    assert_eq!(counts(&[(7, &[])], &[]), 7);
    assert_eq!(counts(&[(2, &[]), (1, &[])], &[1]), 2);
    assert_eq!(counts(&[(2, &[1]), (1, &[])], &[]), 2);
    assert_eq!(counts(&[(2, &[1]), (1, &[])], &[2]), 2);
    assert_eq!(counts(&[(2, &[1]), (1, &[])], &[1]), 1);
}

#[test]
fn of_two_generators_that_run_the_one_that_was_resumed_last_counts() {
    let blocks: &[(u64, &[u64])] = &[(2, &[1]), (1, &[])];
    assert_eq!(counts(blocks, &[1, 2]), 1);
    assert_eq!(counts(blocks, &[2, 1]), 2);
    let blocks: &[(u64, &[u64])] = &[(3, &[1, 2]), (2, &[1]), (1, &[])];
    assert_eq!(counts(blocks, &[2, 1]), 2);
    assert_eq!(counts(blocks, &[1, 2]), 1);
}

#[test]
fn what_a_generator_entered_through_one_that_stands_still_is_inside_of_it() {
    // 2 was entered by 1 while it ran; 3 beside both.
    let blocks: &[(u64, &[u64])] = &[(3, &[1, 2]), (2, &[]), (1, &[])];
    assert_eq!(counts(blocks, &[1]), 2);
    assert_eq!(counts(blocks, &[]), 3);
}
