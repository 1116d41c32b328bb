//! Which of the sessions that are entered is the one that a sample belongs to.
//!
//! Sessions nest, and the innermost counts. Generators break that: each goes on where it stopped, in
//! whatever order, with its own sessions entered. What one records while it runs belongs to its
//! session, although others may have been entered while it stood still.

/// A session that is entered and not left.
pub trait Block {
    /// Its number; later ones have greater numbers.
    fn number(&self) -> u64;

    /// The numbers of the blocks around it that were entered by generators which stood still when it
    /// was entered: it is beside these, and not inside of them.
    fn beside(&self) -> &[u64];
}

/// The place, among `blocks` from the innermost on, of the one that counts.
///
/// `runs` says whether the generator that entered the block at a place is running, and `innermost`
/// which of several running ones was resumed last.
#[must_use]
pub fn current<B: Block>(
    blocks: &[B],
    runs: impl Fn(usize) -> bool,
    innermost: impl Fn(&[usize]) -> Option<usize>,
) -> usize {
    let Some(last) = blocks.first() else {
        return 0;
    };
    let is_beside = |inner: &B, outer: &B| inner.beside().contains(&outer.number());
    let mut resumed: Vec<usize> = (1..blocks.len())
        .filter(|&at| is_beside(last, &blocks[at]) && runs(at))
        .collect();
    if resumed.is_empty() {
        return 0;
    }
    if runs(0) {
        resumed.push(0);
    }
    let Some(at) = innermost(&resumed) else {
        return 0;
    };
    // What it entered itself, through generators that stand still for that, is inside of it.
    (0..at)
        .find(|&inner| !is_beside(&blocks[inner], &blocks[at]))
        .unwrap_or(at)
}
