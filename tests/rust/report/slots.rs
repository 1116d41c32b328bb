use std::collections::BTreeMap;

use proptest::prelude::*;
use ptpd_monitoring::report::{
    charts::{OperationChart, Slot},
    slot_length, slots,
};

const SECOND: i64 = 1_000_000_000;

/// A percentile of sorted numbers, by the definition: linear between the two next to the rank.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * (sorted.len() - 1) as f64;
    let below = rank.floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank"
    )]
    let (a, b) = (sorted[below as usize], sorted[rank.ceil() as usize]);
    a + (b - a) * (rank - below)
}

fn is_near(a: f64, b: f64) -> bool {
    // Two values of up to a million may add up to nearly nothing.
    (a - b).abs() <= 1e-8
}

proptest! {
    #[test]
    fn slots_hold_what_a_plain_model_puts_into_them(
        samples in prop::collection::vec((-5_000_i64..5_000, -1e6..1e6_f64), 0..200),
        origin in -1_000_i64..1_000,
        length in 1_i64..700,
    ) {
        let mut model: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for &(time, value) in &samples {
            model.entry((time - origin).div_euclid(length)).or_default().push(value);
        }
        let found = slots(&samples, origin, length);
        prop_assert_eq!(found.len(), model.len());
        for (slot, (number, values)) in found.iter().zip(&mut model) {
            values.sort_by(f64::total_cmp);
            prop_assert_eq!(slot.start, origin + number * length);
            prop_assert_eq!(slot.end, slot.start + length);
            prop_assert_eq!(slot.count, values.len() as u64);
            for (figure, percent) in [(slot.p50, 50.0), (slot.p95, 95.0), (slot.p99, 99.0)] {
                prop_assert!(is_near(figure, percentile(values, percent)));
            }
        }
    }

    #[test]
    fn any_stamps_and_values_have_slots(
        samples in prop::collection::vec((any::<i64>(), any::<f64>()), 0..20),
        origin in any::<i64>(),
        length in any::<i64>(),
    ) {
        let found = slots(&samples, origin, length);
        let counted: u64 = found.iter().map(|slot| slot.count).sum();
        prop_assert_eq!(counted, samples.len() as u64);
    }

    #[test]
    fn a_chart_has_room_for_all_slots(span in 0..=i64::MAX) {
        let length = slot_length(span);
        prop_assert!(length >= SECOND);
        // One more where the first sample is at the end of its slot, another by rounding.
        prop_assert!(span / length <= 97, "{} of {}", span / length, length);
    }
}

#[test]
fn a_day_has_slots_of_a_quarter_of_an_hour_and_a_minute_of_a_second() {
    let day = 86_400 * SECOND;
    for (span, seconds) in [
        (0, 1),
        (60 * SECOND, 1),
        (3_600 * SECOND, 60),
        (day, 900),
        (day + 3_600 * SECOND, 1_800),
        (7 * day, 7_200),
        (30 * day, 43_200),
    ] {
        assert_eq!(slot_length(span), seconds * SECOND, "{span}");
    }
}

#[test]
fn samples_that_are_no_numbers_count_and_are_left_out_of_percentiles() {
    let samples = [(0, f64::NAN), (1, 4.0), (10, f64::NAN)];
    let [first, second] = slots(&samples, 0, 10)[..] else {
        panic!("two slots");
    };
    assert_eq!((first.count, first.p50, first.p99), (2, 4.0, 4.0));
    assert_eq!(second.count, 1);
    assert!(
        [second.p50, second.p95, second.p99]
            .iter()
            .all(|it| it.is_nan())
    );
}

#[test]
fn a_chart_of_samples_holds_them_all_in_any_order() {
    let samples = [(5 * SECOND, 3.0), (0, 1.0), (2 * SECOND, f64::NAN)];
    let chart = OperationChart::of_samples("op", "s", &samples, 0);
    assert_eq!((&*chart.name, &*chart.unit), ("op", "s"));
    assert_eq!((chart.histogram.count(), chart.histogram.nans()), (2, 1));
    assert_eq!(chart.histogram.max(), Some(3.0));
    let starts: Vec<i64> = chart.slots.iter().map(|slot: &Slot| slot.start).collect();
    assert_eq!(starts, [0, 2 * SECOND, 5 * SECOND]);
}
