//! Short texts, such as names of units and operations, compared in registers: `==` on two texts of the
//! same length calls the C library.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use indexmap::Equivalent;

/// Whether two texts are equal, as `==`; fastest up to 16 bytes.
#[inline]
#[must_use]
pub fn is_equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..=1 => one.first() == other.first(),
        2..=4 => are_ends_equal::<2>(one, other),
        5..=8 => are_ends_equal::<4>(one, other),
        9..=16 => are_ends_equal::<8>(one, other),
        _ => one == other,
    }
}

/// Whether the first `N` bytes of both are equal, and the last `N`, which may overlap.
#[inline]
fn are_ends_equal<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
}

/// A text that is looked for in a map, compared by [`is_equal`].
pub struct Sought<'a>(pub &'a str);

impl Hash for Sought<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<Arc<str>> for Sought<'_> {
    #[inline]
    fn equivalent(&self, key: &Arc<str>) -> bool {
        is_equal(self.0, key)
    }
}
