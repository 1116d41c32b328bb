//! What several periods hold by the hour, read at once.

use crate::{rollup::Key, stats::Histogram};

/// Takes the hours of several periods, row by row, in whatever shape is wanted of them: a week of a
/// hundred operations is as many as twenty thousand histograms.
pub trait Hours {
    /// A number for the hours of `key` in a period, by which [`Hours::take`] is called. Asked at least
    /// once for each key of a period.
    fn place(&mut self, period: usize, key: &Key) -> usize;

    /// Takes the samples that `add` adds to a histogram: those of the hour that begins at `start`, in
    /// seconds since the Unix epoch, or a part of them. An error of `add` is passed on.
    fn take<E>(
        &mut self,
        place: usize,
        start: i64,
        add: impl FnOnce(&mut Histogram) -> Result<(), E>,
    ) -> Result<(), E>;
}
