//! The counts of one sign's buckets, in blocks of an octave.

use std::{array, ops::Range};

use super::scale::{AN_OCTAVE, Position};

/// Where the count of a bucket stops; more would not fit its encoding.
pub(super) const MOST: u64 = 1 << 62;

/// The octaves of one sign, from the lowest that holds a sample to the highest.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Side {
    octaves: Box<[Option<Octave>]>,
    first: i32,
}

/// Counts widen once one of them needs it, so equal counts always have the same form.
#[derive(Debug, Clone, PartialEq)]
enum Octave {
    Narrow(Box<[u16; AN_OCTAVE]>),
    Wide(Box<[u64; AN_OCTAVE]>),
}

impl Octave {
    /// That of `counts`, each at most [`MOST`].
    fn of(counts: &[u64; AN_OCTAVE]) -> Self {
        narrow(counts).map_or_else(
            || Self::Wide(Box::new(*counts)),
            |counts| Self::Narrow(Box::new(counts)),
        )
    }

    #[inline]
    fn count_one(&mut self, bucket: usize) {
        if let Self::Narrow(counts) = self
            && let Some(more) = counts[bucket].checked_add(1)
        {
            counts[bucket] = more;
        } else {
            self.add(bucket, 1);
        }
    }

    #[cold]
    fn widen(&mut self) -> &mut [u64; AN_OCTAVE] {
        if let Self::Narrow(counts) = self {
            *self = Self::Wide(Box::new(counts.map(u64::from)));
        }
        match self {
            Self::Wide(counts) => counts,
            Self::Narrow(_) => unreachable!("widened above"),
        }
    }

    #[inline]
    fn add(&mut self, bucket: usize, more: u64) {
        let counts = match self {
            Self::Narrow(counts) => {
                let sum = u64::from(counts[bucket]).saturating_add(more);
                if let Ok(sum) = u16::try_from(sum) {
                    counts[bucket] = sum;
                    return;
                }
                self.widen()
            }
            Self::Wide(counts) => counts,
        };
        counts[bucket] = counts[bucket].saturating_add(more).min(MOST);
    }

    /// Adds to all buckets, each at most [`MOST`].
    fn add_all(&mut self, more: &[u64; AN_OCTAVE]) {
        if let Self::Narrow(counts) = self {
            let sums: [u64; AN_OCTAVE] = array::from_fn(|i| u64::from(counts[i]) + more[i]);
            if let Some(sums) = narrow(&sums) {
                **counts = sums;
                return;
            }
        }
        for (count, more) in self.widen().iter_mut().zip(more) {
            *count = count.saturating_add(*more).min(MOST);
        }
    }

    fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Narrow(counts), Self::Narrow(more)) => {
                let sums = array::from_fn(|i| counts[i].saturating_add(more[i]));
                // The greatest number that fits may stand for one that does not.
                if sums.iter().fold(0, |most, sum| *sum.max(&most)) < u16::MAX {
                    **counts = sums;
                } else {
                    self.add_all(&more.map(u64::from));
                }
            }
            (_, Self::Narrow(more)) => self.add_all(&more.map(u64::from)),
            (_, Self::Wide(more)) => self.add_all(more),
        }
    }

    fn count(&self, bucket: usize) -> u64 {
        match self {
            Self::Narrow(counts) => u64::from(counts[bucket]),
            Self::Wide(counts) => counts[bucket],
        }
    }
}

/// The counts as small numbers, if all fit.
fn narrow(counts: &[u64; AN_OCTAVE]) -> Option<[u16; AN_OCTAVE]> {
    // All are as small as that if all of their bits together are.
    u16::try_from(counts.iter().fold(0, |bits, count| bits | count)).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    let narrow = counts.map(|count| count as u16);
    Some(narrow)
}

impl Side {
    #[inline]
    fn slot(&mut self, octave: i32) -> Option<&mut Octave> {
        // A lower octave than the first becomes a number past every length.
        let slot = octave.wrapping_sub(self.first).cast_unsigned() as usize;
        self.octaves.get_mut(slot)?.as_mut()
    }

    /// The octave's counts, made if there are none.
    fn octave(&mut self, octave: i32) -> &mut Octave {
        self.place(octave)
            .get_or_insert_with(|| Octave::Narrow(Box::new([0; AN_OCTAVE])))
    }

    /// Where the octave's counts are, or have to be put.
    fn place(&mut self, octave: i32) -> &mut Option<Octave> {
        self.reach(octave..octave + 1);
        let slot = usize::try_from(octave - self.first).unwrap_or(0);
        &mut self.octaves[slot]
    }

    /// Makes places for all of these octaves. To do so at once takes one allocation.
    pub fn reach(&mut self, Range { start, end }: Range<i32>) {
        if self.octaves.is_empty() {
            self.first = start;
        }
        let missing_below = usize::try_from(self.first - start).unwrap_or(0);
        let length = usize::try_from(end - self.first).unwrap_or(0);
        if missing_below > 0 || length > self.octaves.len() {
            let kept = std::mem::take(&mut self.octaves);
            let length = kept.len().max(length) + missing_below;
            let mut octaves = Vec::with_capacity(length);
            octaves.resize_with(missing_below, || None);
            octaves.extend(kept);
            octaves.resize_with(length, || None);
            self.octaves = octaves.into_boxed_slice();
            self.first = self.first.min(start);
        }
    }

    #[inline]
    pub fn count_one(&mut self, position: Position) {
        match self.slot(position.octave) {
            Some(octave) => octave.count_one(position.bucket),
            None => self.count_in_new_octave(position),
        }
    }

    #[cold]
    #[inline(never)]
    fn count_in_new_octave(&mut self, position: Position) {
        self.octave(position.octave).count_one(position.bucket);
    }

    #[inline]
    pub fn add(&mut self, position: Position, more: u64) {
        match self.slot(position.octave) {
            Some(octave) => octave.add(position.bucket, more),
            None => self.octave(position.octave).add(position.bucket, more),
        }
    }

    /// Adds to all buckets of an octave, at least one of them and none more than [`MOST`].
    pub fn add_octave(&mut self, octave: i32, more: &[u64; AN_OCTAVE]) {
        match self.place(octave) {
            Some(counts) => counts.add_all(more),
            empty => *empty = Some(Octave::of(more)),
        }
    }

    /// Adds the counts of the other.
    pub fn merge(&mut self, other: &Self) {
        if self.octaves.is_empty() {
            self.clone_from(other);
            return;
        }
        if other.octaves.is_empty() {
            return;
        }
        self.reach(other.first..other.end());
        for (number, more) in other.octaves() {
            match self.place(number) {
                Some(octave) => octave.merge(more),
                empty => *empty = Some(more.clone()),
            }
        }
    }

    /// The octave after the highest one.
    fn end(&self) -> i32 {
        self.first + i32::try_from(self.octaves.len()).unwrap_or(0)
    }

    /// The octaves that hold samples, from the lowest.
    fn octaves(&self) -> impl DoubleEndedIterator<Item = (i32, &Octave)> {
        (self.first..self.end())
            .zip(self.octaves.iter())
            .filter_map(|(number, octave)| Some((number, octave.as_ref()?)))
    }

    /// Indices and counts of the buckets that hold samples, from the lowest index.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        self.octaves().flat_map(|(octave, counts)| {
            (0..AN_OCTAVE).filter_map(move |bucket| match counts.count(bucket) {
                0 => None,
                count => Some((Position { octave, bucket }.index(), count)),
            })
        })
    }
}
