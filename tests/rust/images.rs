use proptest::prelude::*;
use ptpd_monitoring::profiler::images::{BY_FAR, Extent, main_image, pixels, pixels_of_axes};

#[test]
fn arrays_that_people_have_as_images_have_the_pixels_of_these() {
    let situations: &[(&str, &[u64], u64)] = &[
        ("grey", &[400, 600], 240_000),
        ("tiny", &[4, 6], 24),
        ("grey with a last axis", &[400, 600, 1], 240_000),
        ("grey and alpha", &[400, 600, 2], 240_000),
        ("RGB", &[400, 600, 3], 240_000),
        ("tiny RGB", &[4, 6, 3], 24),
        ("CMYK", &[400, 600, 4], 240_000),
        ("six inks", &[400, 600, 6], 240_000),
        ("twelve inks", &[400, 600, 12], 240_000),
        ("31 wavelengths", &[400, 600, 31], 240_000),
        ("planes of RGB", &[3, 400, 600], 240_000),
        ("planes of CMYK", &[4, 400, 600], 240_000),
        ("one plane", &[1, 400, 600], 240_000),
        ("five pages", &[5, 400, 600], 1_200_000),
        ("digits", &[60_000, 28, 28], 47_040_000),
        ("tall pages", &[12, 297, 210], 748_440),
        ("a volume", &[100, 512, 512], 26_214_400),
        ("batch, channels last", &[8, 400, 600, 3], 1_920_000),
        ("batch, channels first", &[8, 3, 224, 224], 401_408),
        ("batch of grey", &[64, 1, 28, 28], 50_176),
        (
            "as many thumbnails as they are long",
            &[32, 32, 32, 3],
            32_768,
        ),
        ("batch of six inks", &[2, 400, 600, 6], 480_000),
        ("pages of pages", &[2, 5, 400, 600], 2_400_000),
        ("a film", &[2, 24, 480, 640, 3], 14_745_600),
        ("a film, channels first", &[2, 24, 3, 480, 640], 14_745_600),
    ];
    for (what, lengths, expected) in situations {
        assert_eq!(pixels(lengths), Some(*expected), "{what}");
    }
}

#[test]
fn arrays_that_go_with_images_are_none() {
    let mut situations: Vec<(String, Vec<u64>)> = (1..=31)
        .step_by(2)
        .map(|side| (format!("kernel of {side}"), vec![side, side]))
        .collect();
    let others: &[(&str, &[u64])] = &[
        ("nothing", &[]),
        ("a number", &[1]),
        ("a series", &[100_000]),
        ("kernel in one direction", &[1, 9]),
        ("flat kernel", &[3, 5]),
        ("kernel for colours", &[5, 5, 3]),
        ("homography", &[3, 3]),
        ("affine map", &[2, 3]),
        ("camera", &[3, 4]),
        ("pose", &[4, 4]),
        ("corners", &[4, 2]),
        ("points", &[5_000, 2]),
        ("points in space", &[5_000, 3]),
        ("points by columns", &[2, 5_000]),
        ("contour", &[57, 1, 2]),
        ("boxes", &[100, 4]),
        ("24 patches", &[24, 3]),
        ("24 patches in a row", &[1, 24, 3]),
        ("24 patches in a column", &[24, 1, 3]),
        ("lookup table", &[256, 3]),
        ("lookup table for an image", &[1, 256, 3]),
        ("lookup table of colours", &[33, 33, 33, 3]),
        ("small lookup table of colours", &[17, 17, 17, 3]),
        ("weights", &[64, 32, 3, 3]),
        ("first weights", &[64, 3, 7, 7]),
        ("empty", &[0, 600]),
        ("no pages", &[0, 400, 600]),
        ("no channels", &[2, 400, 600, 0]),
        ("no rows", &[8, 0, 600, 3]),
        ("axes without end", &[2, 2, 2, 2, 2, 400, 600]),
        ("more than can be counted", &[1 << 40, 1 << 40]),
        (
            "more pages than can be counted",
            &[1 << 40, 1 << 20, 1 << 20],
        ),
    ];
    let named = |(what, lengths): &(&str, &[u64])| ((*what).to_owned(), lengths.to_vec());
    situations.extend(others.iter().map(named));
    for (what, lengths) in situations {
        assert_eq!(pixels(&lengths), None, "{what}");
    }
}

#[test]
fn names_of_axes_tell_what_lengths_cannot() {
    let situations: &[(&[u64], &[&str], Option<u64>)] = &[
        // Thirteen bands of a satellite's, which would be pages without names.
        (&[13, 400, 600], &["band", "y", "x"], Some(240_000)),
        (&[13, 400, 600], &["time", "y", "x"], Some(13 * 240_000)),
        (&[400, 600, 13], &["lat", "lon", "time"], Some(13 * 240_000)),
        (&[3, 3], &["y", "x"], Some(9)),
        (&[600, 3, 400], &["X", "C", "Y"], Some(240_000)),
        (&[7, 2, 400, 600], &["Z", "C", "Y", "X"], Some(7 * 240_000)),
        (&[5, 400, 600], &["I", "Y", "X"], Some(5 * 240_000)),
        (&[400, 600, 3], &["Y", "X", "S"], Some(240_000)),
        // Names that say nothing, or not all: by the lengths.
        (&[400, 600, 3], &["dim_0", "dim_1", "dim_2"], Some(240_000)),
        (&[400, 600, 3], &["y", "dim_1", "band"], Some(240_000)),
        (&[400, 600], &["y"], Some(240_000)),
        (&[4, 2], &["corner", "xy"], None),
        (&[0, 600], &["y", "x"], None),
        (&[1 << 40, 1 << 40], &["y", "x"], None),
    ];
    for (lengths, names, expected) in situations {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(
            pixels_of_axes(lengths, &names),
            *expected,
            "{lengths:?} {names:?}"
        );
    }
}

#[test]
fn the_image_of_a_call_is_the_largest_by_far_or_else_the_first() {
    const PHOTO: u64 = 12_000_000;
    let situations: &[(&str, &[u64], u64)] = &[
        ("kernel first", &[31 * 31, PHOTO], PHOTO),
        ("thumbnail and kernel", &[31 * 31, 64 * 64], 64 * 64),
        ("chart of patches first", &[4 * 6, PHOTO], PHOTO),
        ("plane of half the sides first", &[PHOTO / 4, PHOTO], PHOTO),
        ("preview first", &[640 * 480, PHOTO], PHOTO),
        ("mask of the same size", &[PHOTO, PHOTO], PHOTO),
        (
            "reference of about the same size",
            &[PHOTO, PHOTO + 4_000],
            PHOTO,
        ),
        ("a larger template", &[PHOTO, PHOTO * 2], PHOTO),
        (
            "a larger template and a kernel first",
            &[81, PHOTO, PHOTO * 2],
            PHOTO,
        ),
    ];
    for (what, sizes, expected) in situations {
        assert_eq!(main_image(sizes), Some(*expected), "{what}");
    }
    assert_eq!(main_image(&[]), None);
}

fn sizes() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(1_u64..1 << 45, 1..8)
}

proptest! {
    #[test]
    fn no_image_is_larger_by_far_than_the_one_that_counts(sizes in sizes()) {
        let found = main_image(&sizes).unwrap();
        prop_assert!(sizes.contains(&found));
        for size in &sizes {
            prop_assert!(*size < found * BY_FAR);
        }
    }

    #[test]
    fn what_is_smaller_by_far_changes_nothing_wherever_it_stands(
        sizes in sizes(), small in 1_u64..1 << 45, place in 0_usize..9,
    ) {
        let found = main_image(&sizes).unwrap();
        let small = small.min(sizes.iter().max().unwrap() / BY_FAR).max(1);
        prop_assume!(small * BY_FAR <= *sizes.iter().max().unwrap());
        let mut more = sizes;
        more.insert(place.min(more.len()), small);
        prop_assert_eq!(main_image(&more), Some(found));
    }

    #[test]
    fn the_largest_by_far_counts_in_any_order(mut sizes in sizes(), turn in 0_usize..8) {
        let largest = sizes.iter().max().unwrap() * BY_FAR;
        sizes.push(largest);
        let places = sizes.len();
        sizes.rotate_left(turn % places);
        prop_assert_eq!(main_image(&sizes), Some(largest));
    }

    #[test]
    fn no_shape_has_more_pixels_than_values(lengths in prop::collection::vec(0_u64..2_000, 0..8)) {
        let values: u128 = lengths.iter().copied().map(u128::from).product();
        if let Some(pixels) = pixels(&lengths) {
            prop_assert!(pixels > 0 && u128::from(pixels) <= values);
        }
    }
}

#[test]
fn images_of_a_list_count_together_and_one_of_unknown_size_makes_the_whole_unknown() {
    use Extent::{NoImage, Pixels, Unknown};
    assert_eq!(Extent::of_list([Pixels(2), NoImage, Pixels(3)]), Pixels(5));
    assert_eq!(Extent::of_list([NoImage, NoImage]), NoImage);
    assert_eq!(Extent::of_list([]), NoImage);
    assert_eq!(Extent::of_list([Pixels(u64::MAX), Pixels(1)]), NoImage);
    let unknown = || Unknown("because".to_owned());
    let told = Unknown("1 of 2 images: because".to_owned());
    assert_eq!(Extent::of_list([Pixels(2), NoImage, unknown()]), told);
    assert_eq!(Extent::of_list([unknown()]), unknown());
}

#[test]
fn an_argument_of_unknown_size_may_be_the_image() {
    use Extent::{NoImage, Pixels, Unknown};
    let unknown = || Unknown("because".to_owned());
    assert_eq!(
        Extent::of_arguments([NoImage, Pixels(9), Pixels(100)]),
        Pixels(100)
    );
    assert_eq!(Extent::of_arguments([NoImage]), NoImage);
    assert_eq!(Extent::of_arguments([Pixels(9), unknown()]), unknown());
    assert_eq!(Extent::of(Some(0)), NoImage);
    assert_eq!(Extent::of(None), NoImage);
}

#[test]
fn an_array_with_an_empty_axis_is_no_image_wherever_that_axis_stands() {
    for lengths in [[0, 1, 8, 8], [1, 0, 8, 8], [1, 8, 0, 8], [1, 8, 8, 0]] {
        assert_eq!(pixels(&lengths), None, "{lengths:?}");
    }
}
