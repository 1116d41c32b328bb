//! Short texts are equal where `==` says so.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc};

use indexmap::IndexMap;
use proptest::prelude::*;
use ptpd_monitoring::text::short::{Sought, is_equal};

/// Up to 40 bytes, in few letters, so that many are alike.
fn text() -> impl Strategy<Value = String> {
    "[abµ]{0,20}"
}

#[test]
fn texts_of_any_length_differ_by_any_byte() {
    for len in 0..=40 {
        let text = "a".repeat(len);
        assert!(is_equal(&text, &text.clone()), "{len} bytes");
        assert!(
            !is_equal(&text, &"a".repeat(len + 1)),
            "{len} bytes and one more"
        );
        for at in 0..len {
            let mut other = text.clone();
            other.replace_range(at..=at, "b");
            assert!(!is_equal(&text, &other), "byte {at} of {len}");
            assert!(!is_equal(&other, &text), "byte {at} of {len}");
        }
    }
}

proptest! {
    #[test]
    fn texts_are_equal_where_the_language_says_so(one in text(), other in text()) {
        prop_assert_eq!(is_equal(&one, &other), one == other);
        prop_assert!(is_equal(&one, &one.clone()));
    }

    #[test]
    fn a_sought_text_finds_in_a_map_what_a_plain_one_finds(
        known in prop::collection::vec(text(), 0..20),
        sought in text(),
    ) {
        let numbered = || known.iter().zip(0..);
        let by_name: IndexMap<Arc<str>, usize> =
            numbered().map(|(name, number)| (name.as_str().into(), number)).collect();
        let by_text: HashMap<&str, usize> =
            numbered().map(|(name, number)| (name.as_str(), number)).collect();
        prop_assert_eq!(by_name.get(&Sought(&sought)), by_text.get(sought.as_str()));
        for (name, number) in &by_text {
            prop_assert_eq!(by_name.get(&Sought(name)), Some(number));
        }
        let hasher = by_name.hasher();
        prop_assert_eq!(hasher.hash_one(Sought(&sought)), hasher.hash_one(sought.as_str()));
    }
}
