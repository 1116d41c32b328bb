//! The counts of one sign's buckets, in blocks of an octave.

use std::array;

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
            // All are as small as that if all of their bits together are.
            if u16::try_from(sums.iter().fold(0, |bits, sum| bits | sum)).is_ok() {
                #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                let narrow = sums.map(|sum| sum as u16);
                **counts = narrow;
                return;
            }
        }
        for (count, more) in self.widen().iter_mut().zip(more) {
            *count = count.saturating_add(*more).min(MOST);
        }
    }

    fn count(&self, bucket: usize) -> u64 {
        match self {
            Self::Narrow(counts) => u64::from(counts[bucket]),
            Self::Wide(counts) => counts[bucket],
        }
    }
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
        if self.octaves.is_empty() {
            self.first = octave;
        }
        let missing_below = usize::try_from(self.first - octave).unwrap_or(0);
        let slot = usize::try_from(octave - self.first).unwrap_or(0);
        if missing_below > 0 || slot >= self.octaves.len() {
            let kept = std::mem::take(&mut self.octaves);
            let length = (kept.len() + missing_below).max(slot + 1);
            let mut octaves = Vec::with_capacity(length);
            octaves.resize_with(missing_below, || None);
            octaves.extend(kept);
            octaves.resize_with(length, || None);
            self.octaves = octaves.into_boxed_slice();
            self.first = self.first.min(octave);
        }
        self.octaves[slot].get_or_insert_with(|| Octave::Narrow(Box::new([0; AN_OCTAVE])))
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
        match self.slot(octave) {
            Some(counts) => counts.add_all(more),
            None => self.octave(octave).add_all(more),
        }
    }

    /// Indices and counts of the buckets that hold samples, from the lowest index.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        let last = self.first + i32::try_from(self.octaves.len()).unwrap_or(0);
        (self.first..last)
            .zip(self.octaves.iter())
            .filter_map(|(number, octave)| Some((number, octave.as_ref()?)))
            .flat_map(|(octave, counts)| {
                (0..AN_OCTAVE).filter_map(move |bucket| match counts.count(bucket) {
                    0 => None,
                    count => Some((Position { octave, bucket }.index(), count)),
                })
            })
    }
}
