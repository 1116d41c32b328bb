//! Counts of the buckets that hold any, kept an octave at a time.

use super::{
    octaves::{MOST, Side},
    scale::{self, AN_OCTAVE, INFINITY, NEGATIVE_INFINITY, Position, ZERO, mirror},
};

/// How many samples lie in each bucket: the part of a [`super::Histogram`] that is a blob on disk.
///
/// Its size grows with the octaves that hold samples, 80 bytes each (272 where a bucket has more
/// than 65,535), plus 16 for each octave between the lowest and the highest; about 600 KB a sign
/// if all of the 2,099 octaves of a double do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    /// Positive numbers, then negative ones by magnitude.
    signs: [Side; 2],
    zeros: u64,
    /// Boxed, since most histograms never need it.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Rare {
    infinite: [u64; 2],
    nans: u64,
}

/// A bucket that holds samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The samples are greater than this, but for zero and the infinities, whose bounds are equal.
    pub lower: f64,
    /// The greatest number of the bucket. (A negative bucket includes its lower bound instead.)
    pub upper: f64,
    /// How many samples.
    pub count: u64,
}

impl Buckets {
    /// Counts a sample; `false` if it is NaN.
    #[inline]
    pub(super) fn record(&mut self, value: f64) -> bool {
        match Position::of_normal(value) {
            Some(position) => {
                self.signs[usize::from(value.is_sign_negative())].count_one(position);
                true
            }
            None => self.record_rare(value),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_rare(&mut self, value: f64) -> bool {
        let place = scale::place(value);
        match place {
            Some(place) => self.add(place, 1),
            None => self.add_nans(1),
        }
        place.is_some()
    }

    /// Adds samples at a place.
    #[inline]
    pub(super) fn add(&mut self, place: i32, count: u64) {
        match Position::of_positive(place) {
            Some(position) => self.signs[0].add(position, count),
            None => self.add_elsewhere(place, count),
        }
    }

    /// Adds samples of positive numbers in ascending octaves, of each of which some bucket has a count.
    pub(super) fn add_octaves(&mut self, octaves: &[(i32, [u64; AN_OCTAVE])]) {
        let positive = &mut self.signs[0];
        if let [(first, _), .., (last, _)] = octaves {
            positive.reach(*first..*last + 1);
        }
        for (octave, counts) in octaves {
            positive.add_octave(*octave, counts);
        }
    }

    fn add_elsewhere(&mut self, place: i32, count: u64) {
        match place {
            NEGATIVE_INFINITY => add(&mut self.rare().infinite[1], count),
            INFINITY => add(&mut self.rare().infinite[0], count),
            ZERO => add(&mut self.zeros, count),
            place => self.signs[1].add(Position::of_index(mirror(place)), count),
        }
    }

    pub(super) fn add_nans(&mut self, count: u64) {
        if count > 0 {
            add(&mut self.rare().nans, count);
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Adds the other's counts. In whatever order and grouping, the same buckets come out.
    pub fn merge(&mut self, other: &Self) {
        for (side, more) in self.signs.iter_mut().zip(&other.signs) {
            side.merge(more);
        }
        add(&mut self.zeros, other.zeros);
        if let Some(more) = &other.rare {
            let rare = self.rare();
            for (count, more) in rare.infinite.iter_mut().zip(more.infinite) {
                add(count, more);
            }
            add(&mut rare.nans, more.nans);
        }
    }

    /// Places that hold samples and their counts, in ascending order of value.
    pub(super) fn places(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        let [positive, negative] = &self.signs;
        let infinite = self.infinities();
        let held = |place, count| (count > 0).then_some((place, count));
        held(NEGATIVE_INFINITY, infinite[1])
            .into_iter()
            .chain(negative.iter().rev().map(|(i, count)| (mirror(i), count)))
            .chain(held(ZERO, self.zeros))
            .chain(positive.iter())
            .chain(held(INFINITY, infinite[0]))
    }

    /// The buckets that hold samples in ascending order of value: those of negative numbers, zero
    /// and positive numbers, and the infinities first and last.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Bucket> {
        self.places().map(|(place, count)| {
            let (lower, upper) = scale::bounds(place);
            Bucket {
                lower,
                upper,
                count,
            }
        })
    }

    /// Index and count of the positive numbers' buckets, from the lowest index: bucket `i` holds
    /// what is above 2^(i/32) and at most 2^((i+1)/32), as in `OpenTelemetry` at scale 5.
    #[must_use]
    pub fn positive(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        self.signs[0].iter()
    }

    /// The same for the magnitudes of negative numbers.
    #[must_use]
    pub fn negative(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        self.signs[1].iter()
    }

    /// How many samples are zero, of either sign.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// How many samples are infinite: positive ones, negative ones.
    #[must_use]
    pub fn infinities(&self) -> [u64; 2] {
        self.rare.as_ref().map_or([0; 2], |rare| rare.infinite)
    }

    /// How many samples were not a number. They are counted nowhere else.
    #[must_use]
    pub fn nans(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.nans)
    }

    /// How many samples there are, without those that are not a number.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.places()
            .fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Whether there are no samples, not even one that is not a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nans() == 0 && self.places().next().is_none()
    }
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more).min(MOST);
}
