use proptest::prelude::*;
use ptpd_monitoring::{
    error::Error,
    stats::{
        Histogram,
        histogram::{Buckets, Figures},
    },
};

use crate::{
    accuracy,
    histogram::{numbers, of},
};

#[test]
fn a_minute_of_a_hundred_samples_takes_few_bytes() {
    let values = accuracy::lognormal(100);
    let bytes = of(&values).buckets().encode();
    assert!(bytes.len() <= 100, "{} bytes", bytes.len());
    let more = of(&accuracy::lognormal(100_000)).buckets().encode();
    assert!(more.len() <= 600, "{} bytes", more.len());
}

/// Decoded by the Python function of the module's documentation as well.
#[test]
fn the_bytes_are_as_documented() {
    let values = [
        vec![-1.0; 3],
        vec![0.0],
        vec![0.75, 1.0, 1.01, 1.05],
        vec![1.25; 40],
        vec![f64::INFINITY, f64::NAN, f64::NAN],
    ];
    let histogram = of(&values.concat());
    let bytes = histogram.buckets().encode();
    let expected = [
        1, 2, 8, // version, NaNs, buckets
        0x85, 0xB2, 0x08, 0x08, // place -68739, three samples
        0x03, 0xBD, 0x8C, 0x02, // zero, 34,368 places on
        0x03, 0xB0, 0x8C, 0x02, // place -14
        0x03, 0x09, // place -1
        0x00, // place 0
        0x01, // place 2
        0x9F, 0x01, 0x04, // place 10, forty samples
        0x03, 0xF2, 0xFF, 0x01, // infinity
    ];
    assert_eq!(bytes, expected, "{bytes:02X?}");
    assert_eq!(Buckets::decode(&bytes).unwrap(), *histogram.buckets());
}

#[test]
fn damaged_bytes_are_an_error_that_says_what_is_wrong() {
    let whole = of(&accuracy::lognormal(50)).buckets().encode();
    let mut held = of(&[1.0, -3.0]);
    let before = held.clone();
    for end in 0..whole.len() {
        assert!(Buckets::decode(&whole[..end]).is_err(), "{end} bytes");
        held.merge_encoded(&whole[..end], before.figures())
            .unwrap_err();
    }
    assert_eq!(held, before, "nothing of damaged bytes is added");
    let cases: [(&[u8], &str); 10] = [
        (
            &[1, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0],
            "it counts more than 2^62 samples that are not a number",
        ),
        (&[], "it is empty"),
        (&[2, 0, 0], "its format is version 2, this release reads 1"),
        (&[1, 0], "it ends within a number"),
        (&[1, 0, 0, 0], "bytes follow the last bucket"),
        (&[1, 0x80, 0, 0], "a number has leading zeros"),
        (&[1, 0, 1, 0, 1], "a gap comes before the first bucket"),
        (
            &[1, 0, 1, 0x82, 0x80, 0x04, 0],
            "a bucket lies beyond the greatest number",
        ),
        (
            &[1, 0, 1, 0xB7, 0xB2, 0x0C, 0],
            "a bucket lies beyond the greatest number",
        ),
        (
            &[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            "a number is too long",
        ),
    ];
    for (bytes, problem) in cases {
        let error = Buckets::decode(bytes).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }));
        assert_eq!(
            error.to_string(),
            format!("the histogram cannot be read: {problem}")
        );
    }
}

#[test]
fn figures_of_other_buckets_are_an_error() {
    let histogram = of(&[1.0, 2.0, 3.0]);
    let bytes = histogram.buckets().encode();
    let right = histogram.figures();
    let wrong = [
        Figures { min: None, ..right },
        Figures {
            min: None,
            max: None,
            ..right
        },
        Figures {
            min: Some(f64::NAN),
            ..right
        },
        Figures {
            min: Some(2.0),
            ..right
        },
        Figures {
            max: Some(3.5),
            ..right
        },
        Figures {
            min: right.max,
            max: right.min,
            ..right
        },
    ];
    let mut held = Histogram::new();
    for figures in wrong {
        Histogram::from_parts(histogram.buckets().clone(), figures).unwrap_err();
        held.merge_encoded(&bytes, figures).unwrap_err();
    }
    Histogram::from_parts(Buckets::default(), right).unwrap_err();
    assert!(held.is_empty());
    held.merge_encoded(&bytes, right).unwrap();
    assert_eq!(held, histogram);
}

proptest! {
    #[test]
    fn any_bytes_are_buckets_that_encode_to_them_or_an_error(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..80),
        version in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if version && !bytes.is_empty() {
            bytes[0] = 1;
        }
        if let Ok(buckets) = Buckets::decode(&bytes) {
            prop_assert_eq!(buckets.encode(), bytes);
        }
    }

    #[test]
    fn changed_bytes_are_other_buckets_or_an_error(values in numbers(50), at in any::<u64>(), flip in 1..=255_u8) {
        let buckets = of(&values).buckets().clone();
        let mut bytes = buckets.encode();
        let at = usize::try_from(at % bytes.len() as u64).unwrap();
        bytes[at] ^= flip;
        if let Ok(other) = Buckets::decode(&bytes) {
            prop_assert_ne!(&other, &buckets);
            prop_assert_eq!(other.encode(), bytes);
        }
    }
}
