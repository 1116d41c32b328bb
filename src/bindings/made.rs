//! Whether an object's contents are there yet, for `__traverse__`.

/// Says so once it is a part of the contents.
///
/// `CPython` 3.11 makes an instance's `__dict__` after it has shown the instance to the garbage
/// collector and before `PyO3` can write our contents into it, and making a dict may collect. Until
/// then the memory is zero, which a `OnceLock`, for one, takes for a value.
pub struct Made(bool);

impl Made {
    /// For the contents when they are made.
    pub const YES: Self = Self(true);

    /// Whether there is anything to traverse.
    pub fn is_made(&self) -> bool {
        self.0
    }
}
