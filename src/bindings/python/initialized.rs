//! Whether an object's fields have been written yet.

/// A field of every class whose instances have a `__dict__` and hold Python objects.
///
/// CPython allocates such an instance zeroed, tracks it, and then allocates its `__dict__`, which
/// may collect garbage; only after that are the fields written. `__traverse__` may thus meet zeroed
/// memory, which not every field can stand, and has to look here first.
#[derive(Clone, Copy)]
pub struct Ready(u8);

impl Ready {
    /// For constructors.
    pub const YES: Self = Self(1);

    /// Whether the fields are there; not in zeroed memory.
    pub fn is_set(self) -> bool {
        self.0 == Self::YES.0
    }
}
