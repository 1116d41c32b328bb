//! Which bucket a number belongs to, and where each bucket begins and ends.
//!
//! A *place* numbers everything that is not NaN in the order of value: the place of a positive
//! bucket is its index, then comes infinity; below the lowest bucket is zero, and from there the
//! negative numbers mirror the positive ones.

/// Buckets in which a number may double.
pub(super) const AN_OCTAVE: usize = 32;

/// The bucket of the smallest positive number, 2^-1074.
pub(super) const LOWEST: i32 = -1074 * 32 - 1;
/// The bucket of the greatest finite number.
pub(super) const HIGHEST: i32 = 1024 * 32 - 1;
/// The place of zero.
pub(super) const ZERO: i32 = LOWEST - 1;
/// The place of infinity.
pub(super) const INFINITY: i32 = HIGHEST + 1;
/// The place of negative infinity.
pub(super) const NEGATIVE_INFINITY: i32 = mirror(INFINITY);

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const MAGNITUDE: u64 = u64::MAX >> 1;
const LEAST_NORMAL: u64 = 1 << MANTISSA_BITS;
const INFINITE: u64 = 0x7FF << MANTISSA_BITS;
const BIAS: i32 = 1023;

/// The mantissas of 2^(k/32), rounded down. But for the first they are irrational: no number lies
/// on one, and what is greater than the rounded one is greater than the true one.
const BOUNDARIES: [u64; AN_OCTAVE] = [
    0x0_0000_0000_0000,
    0x0_59B0_D315_8574,
    0x0_B558_6CF9_890F,
    0x1_1301_D012_5B50,
    0x1_72B8_3C7D_517A,
    0x1_D487_3168_B9AA,
    0x2_387A_6E75_6238,
    0x2_9E9D_F51F_DEE1,
    0x3_06FE_0A31_B715,
    0x3_71A7_373A_A9CA,
    0x3_DEA6_4C12_3422,
    0x4_4E08_6061_892D,
    0x4_BFDA_D536_2A27,
    0x5_342B_569D_4F81,
    0x5_AB07_DD48_5429,
    0x6_247E_B03A_5584,
    0x6_A09E_667F_3BCC,
    0x7_1F75_E8EC_5F73,
    0x7_A114_73EB_0186,
    0x8_2589_994C_CE12,
    0x8_ACE5_422A_A0DB,
    0x9_3737_B0CD_C5E4,
    0x9_C491_82A3_F090,
    0xA_5503_B23E_255C,
    0xA_E89F_995A_D3AD,
    0xB_7F76_F2FB_5E46,
    0xC_199B_DD85_529C,
    0xC_B720_DCEF_9069,
    0xD_5818_DCFB_A487,
    0xD_FC97_337B_9B5E,
    0xE_A4AF_A2A4_90D9,
    0xF_5076_5B6E_4540,
];

const CELL_BITS: u32 = 6;
const CELLS: usize = 1 << CELL_BITS;

/// For each of 64 equal parts of an octave, which hold one boundary at most, what to add to a
/// mantissa so that the bucket appears above it.
const STEPS: [u64; CELLS] = {
    let mut steps = [0; CELLS];
    let mut cell = 0;
    let mut passed = 0_usize;
    while cell < CELLS {
        let end = (cell as u64 + 1) << (MANTISSA_BITS - CELL_BITS);
        let next = passed + 1;
        if next < AN_OCTAVE && BOUNDARIES[next] < end {
            passed = next;
            steps[cell] = ((passed as u64) << MANTISSA_BITS) - BOUNDARIES[next];
        } else {
            steps[cell] = (passed as u64) << MANTISSA_BITS;
        }
        cell += 1;
    }
    steps
};

/// Where a number other than zero is counted: the octave, and the bucket within it.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub octave: i32,
    pub bucket: usize,
}

impl Position {
    /// The position of a normal number's magnitude; `None` for zero, a subnormal number, the
    /// smallest normal one, an infinity or NaN.
    #[inline]
    pub fn of_normal(value: f64) -> Option<Self> {
        let magnitude = value.to_bits() & MAGNITUDE;
        // A bucket includes its upper boundary. One bit less takes the powers of two, the only
        // numbers on a boundary, to the bucket below, and changes no other's.
        let below = magnitude.wrapping_sub(1);
        if below.wrapping_sub(LEAST_NORMAL) >= INFINITE - 1 - LEAST_NORMAL {
            return None;
        }
        let mantissa = below & MANTISSA;
        let step = STEPS[low(mantissa >> (MANTISSA_BITS - CELL_BITS))];
        Some(Self {
            octave: exponent(below) - BIAS,
            bucket: low((mantissa + step) >> MANTISSA_BITS) % AN_OCTAVE,
        })
    }

    /// The position of any number but zero, infinity and NaN.
    pub fn of(value: f64) -> Option<Self> {
        const SHIFT: i32 = 64;
        const FACTOR: f64 = 18_446_744_073_709_551_616.0;
        Self::of_normal(value).or_else(|| {
            if value == 0.0 || !value.is_finite() {
                return None;
            }
            // Exact: the mantissa of a subnormal number is short.
            let scaled = Self::of_normal(value * FACTOR)?;
            Some(Self {
                octave: scaled.octave - SHIFT,
                ..scaled
            })
        })
    }

    pub fn of_index(index: i32) -> Self {
        Self {
            octave: index >> 5,
            bucket: (index & 31).cast_unsigned() as usize,
        }
    }

    /// The position of a positive number's place; `None` for other places.
    #[inline]
    pub fn of_positive(place: i32) -> Option<Self> {
        (ZERO + 1..INFINITY)
            .contains(&place)
            .then(|| Self::of_index(place))
    }

    pub fn index(self) -> i32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "below 32"
        )]
        let bucket = self.bucket as i32;
        (self.octave << 5) + bucket
    }
}

/// The low bits, which is all that there are.
#[expect(clippy::cast_possible_truncation, reason = "small by its shift")]
fn low(bits: u64) -> usize {
    bits as usize
}

fn exponent(magnitude: u64) -> i32 {
    (magnitude >> MANTISSA_BITS) as i32
}

/// The place of the number of the opposite sign.
pub(super) const fn mirror(place: i32) -> i32 {
    2 * ZERO - place
}

/// The place of a number; `None` of NaN.
pub(super) fn place(value: f64) -> Option<i32> {
    let magnitude = if value.is_nan() {
        return None;
    } else if value == 0.0 {
        ZERO
    } else {
        Position::of(value).map_or(INFINITY, Position::index)
    };
    Some(if value < 0.0 {
        mirror(magnitude)
    } else {
        magnitude
    })
}

/// The greatest number that is not above 2^(index/32).
fn boundary(index: i32) -> f64 {
    let Position { octave, bucket } = Position::of_index(index);
    let mantissa = BOUNDARIES[bucket];
    let exponent = octave + BIAS;
    if exponent >= 0x7FF {
        f64::MAX
    } else if exponent >= 1 {
        f64::from_bits(u64::from(exponent.cast_unsigned()) << MANTISSA_BITS | mantissa)
    } else {
        // Subnormal numbers are multiples of 2^-1074.
        let shift = (1 - exponent).cast_unsigned();
        f64::from_bits((LEAST_NORMAL | mantissa).checked_shr(shift).unwrap_or(0))
    }
}

/// The bounds of a place: numbers in it are above the lower, but for those where both are the same,
/// and at most the upper.
pub(super) fn bounds(place: i32) -> (f64, f64) {
    if place < ZERO {
        let (lower, upper) = bounds(mirror(place));
        (-upper, -lower)
    } else if place == ZERO {
        (0.0, 0.0)
    } else if place == INFINITY {
        (f64::INFINITY, f64::INFINITY)
    } else {
        (boundary(place), boundary(place + 1))
    }
}

/// The number whose relative distance to every number of the place between `min` and `max` is
/// least: the harmonic mean of the first and the last. In a whole bucket that is at most
/// (b - 1) / (b + 1), where b is 2^(1/32), or 1.083 %.
pub(super) fn middle(place: i32, min: f64, max: f64) -> f64 {
    if place < ZERO {
        return -middle(mirror(place), -max, -min);
    }
    if place == ZERO || place == INFINITY {
        return bounds(place).0;
    }
    let first = boundary(place).next_up().max(min);
    let last = boundary(place + 1).min(max);
    let middle = first * (2.0 / (1.0 + first / last));
    middle.max(first).min(last)
}
