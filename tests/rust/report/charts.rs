use proptest::prelude::*;
use ptpd_monitoring::{
    report::charts::{Charts, Zone},
    time::TimeRange,
};

const HOUR: i64 = 3_600_000_000_000;

/// Two hours ahead, from `change` on one.
fn autumn(change: i64) -> impl Fn(i64) -> i32 {
    move |time| if time < change { 7_200 } else { 3_600 }
}

#[test]
fn a_report_without_charts_reads_its_times_in_utc() {
    let zone = Charts::default().zone;
    assert_eq!((zone.label(), zone.offset(0)), ("UTC", 0));
    assert_eq!(zone.reading(HOUR).to_string(), "1970-01-01 01:00:00");
}

#[test]
fn a_zone_is_called_by_its_label_or_else_by_its_offsets() {
    let day = TimeRange {
        start: 0,
        end: 24 * HOUR,
    };
    let label = |offset: i32| Zone::over(None, day, |_| offset).label().to_owned();
    assert_eq!(label(0), "UTC");
    assert_eq!(label(7_200), "UTC+02:00");
    assert_eq!(label(-12_600), "UTC−03:30");
    let changing = Zone::over(None, day, autumn(5 * HOUR));
    assert_eq!(changing.label(), "UTC+02:00, then UTC+01:00");
    let named = Zone::over(Some("Europe/Berlin"), day, autumn(5 * HOUR));
    assert_eq!(named.label(), "Europe/Berlin");
}

proptest! {
    #[test]
    fn clocks_change_at_the_very_second(change in 0_i64..400 * 24, start in 0_i64..500 * 24) {
        let offset_at = autumn(change * HOUR);
        let range = TimeRange { start: start * HOUR, end: (start + 400 * 24) * HOUR };
        let zone = Zone::over(None, range, &offset_at);
        for time in [range.start, change * HOUR - 1, change * HOUR, range.end] {
            if range.contains(time) {
                prop_assert_eq!(zone.offset(time), offset_at(time), "{}", time);
            }
        }
    }

    #[test]
    fn no_period_is_too_long_or_too_far_away(start in any::<i64>(), end in any::<i64>()) {
        let zone = Zone::over(None, TimeRange { start, end }, |_| 3_600);
        prop_assert_eq!(zone.offset(start), 3_600);
        prop_assert_eq!(zone.label(), "UTC+01:00");
    }
}
