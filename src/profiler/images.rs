//! What is an image, told by lengths of axes alone, and which of several images is the one that an
//! operation works on. Nothing here looks at pixels.
//!
//! Shapes are ambiguous: 3 × 3 numbers are a kernel, a homography or an image of nine pixels. What
//! decides is which of these people have. Whoever knows better says so, and nothing here is asked.

use std::iter;

/// One image is larger than another *by far* if it has this many times its pixels: twice the height
/// and twice the width.
///
/// What goes with an image is at least that much smaller: kernels (31 × 31 at most) beside any
/// thumbnail, corner points, patch colours, lookup tables, planes of halved resolution, previews.
/// What is an image as well is not: a mask, a reference, a crop, the next exposure of a bracket.
pub const BY_FAR: u64 = 4;

/// Up to so many values a pixel are taken for channels wherever they stand: grey, grey and alpha,
/// colours, colours and alpha or four inks.
const CHANNELS: u64 = 4;

/// More of them are bands (inks, wavelengths) if they stand last and an image's sides are at least
/// this many times as long. Else they are sides.
const SIDES_A_BAND: u64 = 4;

/// The shortest side of an image among several in one array, or of one whose channels come first.
const SHORTEST_SIDE: u64 = 8;

/// A row of up to so many numbers is a point, a box, a colour or a row of a matrix.
const COORDINATES: u64 = 4;

/// Up to so many rows of whatever length are a matrix, a list of coordinates or of colours.
const MATRIX_ROWS: u64 = 3;

/// The longest side of a kernel; those have odd ones.
const LONGEST_KERNEL: u64 = 31;

/// An array has no more axes than that if it is of images.
pub const MOST_AXES: usize = 6;

/// How much of an image something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// It is none.
    NoImage,
    /// It has so many pixels; more than one image has those of all.
    Pixels(u64),
    /// It is one, or contains one, whose size cannot be told, for this reason.
    Unknown(String),
}

impl Extent {
    /// `pixels`, unless there are none or too many to be counted.
    #[must_use]
    pub fn of(pixels: Option<u64>) -> Self {
        match pixels {
            Some(pixels) if pixels > 0 => Self::Pixels(pixels),
            _ => Self::NoImage,
        }
    }

    /// The images of a list: the pixels of all. One of unknown size makes the whole unknown.
    #[must_use]
    pub fn of_list(items: impl IntoIterator<Item = Self>) -> Self {
        let (mut sum, mut images, mut unknown) = (Some(0_u64), 0_u64, None);
        let mut unknowns = 0_u64;
        for item in items {
            match item {
                Self::NoImage => continue,
                Self::Pixels(pixels) => sum = sum.and_then(|sum| sum.checked_add(pixels)),
                Self::Unknown(reason) => {
                    unknowns += 1;
                    unknown.get_or_insert(reason);
                }
            }
            images += 1;
        }
        match unknown {
            Some(reason) if images > 1 => {
                Self::Unknown(format!("{unknowns} of {images} images: {reason}"))
            }
            Some(reason) => Self::Unknown(reason),
            None => Self::of(sum),
        }
    }

    /// The image among the arguments of a call, in their order: the largest by far, or the first of
    /// those than which none is larger by far. An argument of unknown size may be that one, so that
    /// nothing can be told.
    #[must_use]
    pub fn of_arguments(arguments: impl IntoIterator<Item = Self>) -> Self {
        let mut sizes = Vec::new();
        for argument in arguments {
            match argument {
                Self::NoImage => {}
                Self::Pixels(pixels) => sizes.push(pixels),
                Self::Unknown(reason) => return Self::Unknown(reason),
            }
        }
        Self::of(main_image(&sizes))
    }
}

/// The pixels of the main image among several: of the first than which none is larger by far.
#[must_use]
pub fn main_image(sizes: &[u64]) -> Option<u64> {
    let largest = sizes.iter().copied().max()?;
    let comparable = |pixels: &u64| pixels.saturating_mul(BY_FAR) > largest;
    sizes.iter().copied().find(comparable)
}

/// The pixels of an array whose axes have these lengths; `None` if it is no image.
///
/// Height × width; with up to four channels last or first; with more bands last, if they are few beside
/// the sides; and all of that several times: pages, frames, batches.
#[must_use]
pub fn pixels(lengths: &[u64]) -> Option<u64> {
    if lengths.len() > MOST_AXES || lengths.contains(&0) {
        return None;
    }
    let (several, image) = lengths.split_at(lengths.len().saturating_sub(3));
    match *image {
        [height, width] => single(height, width),
        [height, width, 1..=CHANNELS] if several.is_empty() => single(height, width),
        [_, _, _] if is_color_table(lengths) => None,
        [first, height, width] => {
            let several = product(several)?;
            let pixels = sides(first, height, width)?;
            several.checked_mul(pixels)
        }
        _ => None,
    }
}

/// The pixels of three axes, one of which may be channels, bands or pages.
fn sides(first: u64, second: u64, third: u64) -> Option<u64> {
    let is_side = |length: u64| length >= SHORTEST_SIDE;
    let shorter = first.min(second);
    let bands = third <= CHANNELS || third.saturating_mul(SIDES_A_BAND) <= shorter;
    if bands {
        return (is_side(shorter) && third > 0).then(|| first.checked_mul(second))?;
    }
    if !is_side(second.min(third)) || first == 0 {
        return None;
    }
    let pages = if first <= CHANNELS { 1 } else { first };
    product(&[pages, second, third])
}

/// The pixels of two axes, unless arrays of this shape are something else as a rule.
fn single(height: u64, width: u64) -> Option<u64> {
    let is_kernel = |side: u64| side % 2 == 1 && side <= LONGEST_KERNEL;
    let is_none =
        width <= COORDINATES || height <= MATRIX_ROWS || (is_kernel(height) && is_kernel(width));
    (!is_none).then(|| height.checked_mul(width))?
}

/// Whether it is a lookup table of colours by three colours, whose sides are 2^n + 1.
fn is_color_table(lengths: &[u64]) -> bool {
    match *lengths {
        [red, green, blue, 1..=CHANNELS] => {
            red == green && green == blue && red > 4 && (red - 1).is_power_of_two()
        }
        _ => false,
    }
}

fn product(lengths: &[u64]) -> Option<u64> {
    lengths
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))
}

/// What an axis of a known name is.
#[derive(Clone, Copy, PartialEq)]
enum Axis {
    Vertical,
    Horizontal,
    Channels,
    Other,
}

impl Axis {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "y" | "h" | "height" | "row" | "rows" | "line" | "lines" | "lat" | "latitude" => {
                Self::Vertical
            }
            "x" | "w" | "width" | "col" | "cols" | "column" | "columns" | "lon" | "longitude" => {
                Self::Horizontal
            }
            "c" | "s" | "ch" | "channel" | "channels" | "band" | "bands" | "color" | "colors"
            | "colour" | "colours" | "rgb" | "rgba" | "sample" | "samples" | "ink" | "inks"
            | "wavelength" | "wavelengths" | "component" | "components" => Self::Channels,
            _ => Self::Other,
        }
    }
}

/// The pixels of an array whose axes have names; by [`pixels`] where these do not tell which are the
/// sides.
#[must_use]
pub fn pixels_of_axes(lengths: &[u64], names: &[String]) -> Option<u64> {
    let axes: Vec<Axis> = names.iter().map(|name| Axis::named(name)).collect();
    let once = |axis| axes.iter().filter(|found| **found == axis).count() == 1;
    if axes.len() != lengths.len() || !once(Axis::Vertical) || !once(Axis::Horizontal) {
        return pixels(lengths);
    }
    if lengths.contains(&0) {
        return None;
    }
    let counted: Vec<u64> = iter::zip(lengths, &axes)
        .filter(|(_, axis)| **axis != Axis::Channels)
        .map(|(length, _)| *length)
        .collect();
    product(&counted)
}
