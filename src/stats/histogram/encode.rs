//! The bytes that hold [`Buckets`] in a row on disk; see the module's documentation for their form.

use super::{
    buckets::Buckets,
    octaves::MOST,
    scale::{AN_OCTAVE, INFINITY, NEGATIVE_INFINITY, Position},
};
use crate::error::{Error, Result};

const VERSION: u8 = 1;
/// A greater gap follows the count in a number of its own.
const WIDE_GAP: u64 = 3;
/// More than there are places.
const PLACES: u64 = 1 << 18;

/// What encoded buckets hold.
pub(super) struct Extent {
    pub count: u64,
    /// The first and the last place that holds samples.
    pub places: Option<(i32, i32)>,
}

impl Extent {
    pub fn of(buckets: &Buckets) -> Self {
        let mut places = buckets.places().map(|(place, _)| place);
        Self {
            count: buckets.count(),
            places: places
                .next()
                .map(|first| (first, places.next_back().unwrap_or(first))),
        }
    }
}

impl Buckets {
    /// The buckets in a few dozen bytes, one or two for each bucket that holds few samples.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        put(&mut bytes, self.nans());
        put(&mut bytes, self.places().count() as u64);
        let mut next = None;
        for (place, count) in self.places() {
            let expected = next.unwrap_or_else(|| {
                put(&mut bytes, zigzag(place));
                place
            });
            let gap = u64::from(place.abs_diff(expected));
            put(&mut bytes, (count - 1) << 2 | gap.min(WIDE_GAP));
            if gap >= WIDE_GAP {
                put(&mut bytes, gap - WIDE_GAP);
            }
            next = Some(place + 1);
        }
        bytes
    }

    /// The buckets that [`Buckets::encode`] gave these bytes for; anything else is an error.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut buckets = Self::default();
        buckets.merge_encoded(bytes)?;
        Ok(buckets)
    }

    /// Adds the counts of encoded buckets, without making the other buckets first. If the bytes
    /// are damaged, nothing is added.
    pub fn merge_encoded(&mut self, bytes: &[u8]) -> Result<()> {
        self.add_encoded(&Encoded::read(bytes)?)
    }

    /// Adds the counts of buckets that were read.
    pub(super) fn add_encoded(&mut self, encoded: &Encoded<'_>) -> Result<()> {
        if encoded.gathered.all {
            self.add_octaves(&encoded.gathered.octaves[..encoded.gathered.len]);
        } else {
            read(encoded.bytes, |place, count| self.add(place, count))?;
        }
        self.add_nans(encoded.nans);
        Ok(())
    }
}

/// Encoded buckets that were read through, so that damaged ones are found before anything has changed.
pub(super) struct Encoded<'a> {
    pub extent: Extent,
    bytes: &'a [u8],
    nans: u64,
    gathered: Gathered,
}

impl<'a> Encoded<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut gathered = Gathered::default();
        let mut count = 0_u64;
        let found = read(bytes, |place, more| {
            count = count.saturating_add(more);
            gathered.add(place, more);
        })?;
        Ok(Self {
            extent: Extent {
                count,
                places: found.places,
            },
            bytes,
            nans: found.nans,
            gathered,
        })
    }
}

/// The counts of a row, unless it has others than positive numbers or reaches very far: then most rows
/// need to be read only once, and an octave is added with a fraction of the instructions.
struct Gathered {
    /// Whether it is all of them.
    all: bool,
    len: usize,
    /// Each with its counts.
    octaves: [(i32, [u64; AN_OCTAVE]); MOST_OCTAVES],
}

/// A factor of at least 32 between the least and the greatest number.
const MOST_OCTAVES: usize = 6;

impl Default for Gathered {
    fn default() -> Self {
        Self {
            all: true,
            len: 0,
            octaves: [(0, [0; AN_OCTAVE]); MOST_OCTAVES],
        }
    }
}

impl Gathered {
    /// Adds the count of a place, each of which comes once and in order.
    #[inline]
    fn add(&mut self, place: i32, count: u64) {
        let Some(Position { octave, bucket }) = Position::of_positive(place) else {
            self.all = false;
            return;
        };
        if self.len == 0 || self.octaves[self.len - 1].0 != octave {
            if self.len == MOST_OCTAVES {
                self.all = false;
                return;
            }
            self.octaves[self.len].0 = octave;
            self.len += 1;
        }
        self.octaves[self.len - 1].1[bucket] = count;
    }
}

/// What was read beside the buckets.
struct Found {
    nans: u64,
    places: Option<(i32, i32)>,
}

type Outcome<T> = std::result::Result<T, Problem>;

/// What is wrong with bytes; as small as can be, since each number read may have one.
#[derive(Clone, Copy)]
enum Problem {
    Empty,
    Version(u8),
    CutOff,
    TooLong,
    LeadingZeros,
    FirstGap,
    Beyond,
    Trailing,
    TooMany,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let problem = match problem {
            Problem::Empty => "it is empty",
            Problem::Version(version) => {
                let problem =
                    format!("its format is version {version}, this release reads {VERSION}");
                return Self::Damaged {
                    what: "histogram",
                    problem,
                };
            }
            Problem::CutOff => "it ends within a number",
            Problem::TooLong => "a number is too long",
            Problem::LeadingZeros => "a number has leading zeros",
            Problem::FirstGap => "a gap comes before the first bucket",
            Problem::Beyond => "a bucket lies beyond the greatest number",
            Problem::Trailing => "bytes follow the last bucket",
            Problem::TooMany => "it counts more than 2^62 samples that are not a number",
        };
        Self::Damaged {
            what: "histogram",
            problem: problem.to_owned(),
        }
    }
}

/// Hands on each place and its count. Memory does not depend on what the bytes say.
///
/// A report reads a hundred thousand rows, so what happens for each bucket is little: most are a
/// byte or two, and only these are spelled out here.
#[inline]
fn read(bytes: &[u8], mut each: impl FnMut(i32, u64)) -> Outcome<Found> {
    let (&version, rest) = bytes.split_first().ok_or(Problem::Empty)?;
    if version != VERSION {
        return Err(Problem::Version(version));
    }
    let (nans, rest) = take(rest)?;
    if nans > MOST {
        return Err(Problem::TooMany);
    }
    let (buckets, mut rest) = take(rest)?;
    let mut places = None;
    if buckets > 0 {
        let number;
        (number, rest) = take(rest)?;
        let first = place(number)?;
        if rest.first().is_some_and(|token| token & 3 != 0) {
            return Err(Problem::FirstGap);
        }
        let mut next = first;
        for _ in 0..buckets {
            let token;
            (token, rest) = match *rest {
                [byte, ref after @ ..] if byte < 0x80 => (u64::from(byte), after),
                [low, high @ 1..0x80, ref after @ ..] => {
                    (u64::from(low & 0x7F) | u64::from(high) << 7, after)
                }
                _ => take(rest)?,
            };
            let mut gap = token & 3;
            if gap == WIDE_GAP {
                (gap, rest) = wide_gap(rest)?;
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "at most the number of places"
            )]
            let here = next + gap as i32;
            if here > INFINITY {
                return Err(Problem::Beyond);
            }
            each(here, (token >> 2) + 1);
            next = here + 1;
        }
        places = Some((first, next - 1));
    }
    if rest.is_empty() {
        Ok(Found { nans, places })
    } else {
        Err(Problem::Trailing)
    }
}

fn place(number: u64) -> Outcome<i32> {
    i32::try_from(unzigzag(number))
        .ok()
        .filter(|place| (NEGATIVE_INFINITY..=INFINITY).contains(place))
        .ok_or(Problem::Beyond)
}

/// A gap after which there may still be a place.
#[cold]
fn wide_gap(rest: &[u8]) -> Outcome<(u64, &[u8])> {
    let (more, rest) = take(rest)?;
    if more < PLACES {
        Ok((more + WIDE_GAP, rest))
    } else {
        Err(Problem::Beyond)
    }
}

fn zigzag(number: i32) -> u64 {
    let number = i64::from(number);
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Appends a number in groups of seven bits, the lowest first; the top bit says that more follow.
#[expect(clippy::cast_possible_truncation, reason = "seven bits are kept")]
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Such a number, and what follows it.
#[inline(never)]
fn take(bytes: &[u8]) -> Outcome<(u64, &[u8])> {
    let mut number = 0;
    for (group, &byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7F);
        // Ten groups hold 70 bits.
        if group == 9 && bits > 1 {
            return Err(Problem::TooLong);
        }
        number |= bits << (7 * group);
        if byte == 0 && group > 0 {
            return Err(Problem::LeadingZeros);
        }
        if byte < 0x80 {
            return Ok((number, &bytes[group + 1..]));
        }
    }
    Err(if bytes.len() < 10 {
        Problem::CutOff
    } else {
        Problem::TooLong
    })
}
