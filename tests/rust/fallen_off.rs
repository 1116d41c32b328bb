use proptest::prelude::*;
use ptpd_monitoring::{recording::evicted::FallenOff, time::TimeRange};

const QUARTER: i64 = 900_000_000_000;

fn range(start: i64, end: i64) -> TimeRange {
    TimeRange { start, end }
}

#[test]
fn nothing_has_fallen_off_at_first() {
    let fallen = FallenOff::default();
    assert_eq!(fallen.count_in(TimeRange::ALL, 0), 0);
    assert_eq!(fallen.until(), i64::MIN);
}

#[test]
fn what_may_have_fallen_off_is_not_counted() {
    let mut fallen = FallenOff::default();
    fallen.extend_to(5 * QUARTER);
    assert_eq!(fallen.until(), 5 * QUARTER);
    assert_eq!(fallen.count_in(TimeRange::ALL, 0), 0);
}

#[test]
fn more_than_a_day_before_the_last_it_is_a_least_number() {
    let mut fallen = FallenOff::default();
    for quarter in 0..400 {
        fallen.add(quarter * QUARTER, quarter.cast_unsigned());
    }
    assert_eq!(
        fallen.count_in(range(300 * QUARTER, 400 * QUARTER), 400),
        100
    );
    assert_eq!(
        fallen.count_in(range(350 * QUARTER, 360 * QUARTER - 1), 400),
        10
    );
    let least = fallen.count_in(TimeRange::ALL, 400);
    assert!((100..=400).contains(&least), "{least}");
    assert_eq!(fallen.count_in(range(0, 100 * QUARTER), 400), 0);
}

proptest! {
    #[test]
    fn a_range_has_what_fell_off_of_the_quarters_that_it_touches(
        steps in prop::collection::vec(0..QUARTER, 0..80),
        first in -100 * QUARTER..100 * QUARTER,
        start in -120 * QUARTER..220 * QUARTER,
        length in 0..100 * QUARTER,
    ) {
        let mut fallen = FallenOff::default();
        let mut time = first;
        let mut times = Vec::new();
        for step in steps {
            fallen.add(time, times.len() as u64);
            times.push(time);
            time += step;
        }
        let asked = range(start, start + length);
        let quarters = start.div_euclid(QUARTER)..=(start + length).div_euclid(QUARTER);
        let touched = times.iter().filter(|time| quarters.contains(&time.div_euclid(QUARTER)));
        let reached = times.last().is_some_and(|last| *last >= start);
        let expected = if reached { touched.count() as u64 } else { 0 };
        prop_assert_eq!(fallen.count_in(asked, times.len() as u64), expected);
        prop_assert_eq!(fallen.until(), times.last().copied().unwrap_or(i64::MIN));
    }
}
