use chrono::{DateTime, Days, Local, NaiveDate, TimeZone, Timelike};
use proptest::prelude::*;
use ptpd_monitoring::time::{IsoFormatter, TimeRange, Times, Zone, iso_in};

use crate::zone::in_zone;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Zones whose days all lie in one piece, with their peculiarity.
const ZONES: [&str; 13] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",        // half an hour off
    "Pacific/Auckland",    // summer over New Year
    "America/Sao_Paulo",   // midnight skipped, and the hour before it repeated
    "America/Havana",      // the hour after midnight repeated
    "Pacific/Apia",        // 30 December 2011 skipped
    "Asia/Kathmandu",      // a quarter of an hour skipped at midnight in 1986
    "Asia/Pyongyang",      // the last half hour of a day skipped in 2018
    "Australia/Lord_Howe", // half an hour of summer time
    "Etc/GMT-14",
    "Etc/GMT+12",
    "UTC",
];

/// From Python's `zoneinfo`: zone, date, first second in UTC, minutes until the next day begins.
const DAYS: [(&str, &str, i64, i64); 24] = [
    ("Europe/Berlin", "2024-03-31", 1_711_839_600, 23 * 60),
    ("Europe/Berlin", "2024-10-27", 1_729_980_000, 25 * 60),
    ("Europe/Berlin", "2024-07-01", 1_719_784_800, 24 * 60),
    ("Europe/Berlin", "2050-03-27", 2_531_948_400, 23 * 60),
    ("America/New_York", "2024-03-10", 1_710_046_800, 23 * 60),
    ("America/New_York", "2024-11-03", 1_730_606_400, 25 * 60),
    ("Asia/Kolkata", "2024-03-10", 1_710_009_000, 24 * 60),
    ("Pacific/Auckland", "2024-04-07", 1_712_401_200, 25 * 60),
    ("Pacific/Auckland", "2024-09-29", 1_727_524_800, 23 * 60),
    ("America/Sao_Paulo", "2018-11-03", 1_541_214_000, 24 * 60),
    ("America/Sao_Paulo", "2018-11-04", 1_541_300_400, 23 * 60),
    ("America/Sao_Paulo", "2018-02-17", 1_518_832_800, 25 * 60),
    ("America/Sao_Paulo", "2018-02-18", 1_518_922_800, 24 * 60),
    ("America/Havana", "2024-03-10", 1_710_046_800, 23 * 60),
    ("America/Havana", "2024-11-03", 1_730_606_400, 25 * 60),
    ("Pacific/Apia", "2011-12-29", 1_325_152_800, 24 * 60),
    ("Pacific/Apia", "2011-12-30", 1_325_239_200, 0),
    ("Pacific/Apia", "2011-12-31", 1_325_239_200, 24 * 60),
    ("Asia/Kathmandu", "1986-01-01", 504_901_800, 23 * 60 + 45),
    ("Asia/Pyongyang", "2018-05-04", 1_525_361_400, 23 * 60 + 30),
    (
        "Australia/Lord_Howe",
        "2024-04-07",
        1_712_408_400,
        24 * 60 + 30,
    ),
    (
        "Australia/Lord_Howe",
        "2024-10-06",
        1_728_135_000,
        23 * 60 + 30,
    ),
    ("Etc/GMT-14", "2024-01-01", 1_704_016_800, 24 * 60),
    ("Etc/GMT+12", "2024-01-01", 1_704_110_400, 24 * 60),
];

/// Where clocks go back, in UTC seconds, and by how many minutes. From Python's `zoneinfo`.
const GOING_BACK: [(&str, i64, i64); 6] = [
    ("Europe/Berlin", 1_729_990_800, 60),
    ("America/New_York", 1_730_613_600, 60),
    ("America/Sao_Paulo", 1_518_919_200, 60),
    ("America/Havana", 1_730_610_000, 60),
    ("Australia/Lord_Howe", 1_712_415_600, 30),
    ("Europe/Berlin", 2_550_704_400, 60),
];

fn each_zone_day(from: i32, until: i32) -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(from, 1, 1).unwrap();
    let end = NaiveDate::from_ymd_opt(until, 1, 1).unwrap();
    first.iter_days().take_while(move |date| *date < end)
}

#[test]
fn days_begin_and_end_where_the_zone_has_them() {
    for zone in ZONES {
        in_zone(zone, || {
            for (_, date, start, minutes) in DAYS.iter().filter(|day| day.0 == zone) {
                let day = Zone::Local.day(date.parse().unwrap());
                assert_eq!(Zone::named(zone).unwrap().day(date.parse().unwrap()), day);
                let length = day.end + 1 - day.start;
                assert_eq!(
                    (day.start, length),
                    (start * SECOND, minutes * MINUTE),
                    "{zone} {date}"
                );
            }
        });
    }
}

#[test]
fn days_of_sixty_years_tile_time_and_hold_only_their_own_date() {
    for zone in ZONES {
        in_zone(zone, || {
            let mut next_start = None;
            for date in each_zone_day(1985, 2045) {
                let day = Zone::Local.day(date);
                assert_eq!(next_start.unwrap_or(day.start), day.start, "{date}");
                next_start = Some(day.end + 1);
                if day.start <= day.end {
                    assert_eq!(Zone::Local.date(day.start), date);
                    assert_eq!(Zone::Local.date(day.end), date);
                } else {
                    assert_eq!(
                        (zone, date.to_string().as_str()),
                        ("Pacific/Apia", "2011-12-30")
                    );
                }
            }
        });
    }
}

#[test]
fn every_moment_lies_in_the_day_that_it_reads() {
    for zone in ZONES {
        in_zone(zone, || {
            proptest!(|(time in 0..4_000_000_000 * SECOND)| {
                let date = Zone::Local.date(time);
                prop_assert!(Zone::Local.day(date).contains(time));
                prop_assert!(!Zone::Local.day(date + Days::new(1)).contains(time));
                prop_assert!(!Zone::Local.day(date - Days::new(1)).contains(time));
            });
        });
    }
}

#[test]
fn a_named_zone_reads_what_the_local_clock_reads_there() {
    for zone in ZONES {
        in_zone(zone, || {
            let named = Zone::named(zone).unwrap();
            // Both know the same past; what governments have decided since may differ.
            proptest!(|(time in 0..1_700_000_000 * SECOND)| {
                prop_assert_eq!(named.datetime(time), Zone::Local.datetime(time));
                prop_assert_eq!(named.iso(time), Zone::Local.iso(time));
            });
        });
    }
}

#[test]
fn an_instant_is_shown_with_its_offset() {
    let zone = |name| Zone::named(name).unwrap();
    let spring = 1_774_746_000 * SECOND; // 2026-03-29 01:00 UTC
    for (name, time, text) in [
        (
            "Europe/Berlin",
            spring - SECOND,
            "2026-03-29T01:59:59+01:00",
        ),
        ("Europe/Berlin", spring, "2026-03-29T03:00:00+02:00"),
        ("America/St_Johns", spring, "2026-03-28T22:30:00-02:30"),
        ("Pacific/Kiritimati", spring, "2026-03-29T15:00:00+14:00"),
        ("UTC", 0, "1970-01-01T00:00:00+00:00"),
    ] {
        assert_eq!(zone(name).iso(time), text);
        assert_eq!(zone(name).name(), name);
    }
    assert_eq!(Zone::Local.name(), "local");
}

#[test]
fn a_zone_that_does_not_exist_is_named_in_the_error() {
    let error = Zone::named("Europe/Atlantis").unwrap_err().to_string();
    assert_eq!(
        error,
        r#"tz must be an IANA time zone's name, got "Europe/Atlantis""#
    );
}

#[test]
fn days_beyond_all_stamps_are_no_error() {
    for date in [NaiveDate::MIN, NaiveDate::MAX] {
        assert!(!Zone::Local.day(date).contains(0), "{date}");
    }
    for date in ["0001-01-01", "9999-12-31"] {
        assert!(!Zone::Local.day(date.parse().unwrap()).contains(0));
    }
}

#[test]
fn iso_text_is_what_chrono_formats() {
    let times = (any::<i64>(), prop::sample::select(&[1, 1_000, SECOND]));
    for zone in ZONES {
        in_zone(zone, || {
            proptest!(|((start, cut) in &times, steps in prop::collection::vec(-HOUR..HOUR, 0..9))| {
                // One formatter for neighbouring times: what it remembers must stay right.
                let mut formatter = IsoFormatter::default();
                for step in steps {
                    let time = start.saturating_add(step) / cut * cut;
                    let utc = DateTime::from_timestamp_nanos(time).naive_utc();
                    let local = Local.from_utc_datetime(&utc).naive_local();
                    let layout = if local.nanosecond() < 1_000 { "%FT%T" } else { "%FT%T%.6f" };
                    prop_assert_eq!(
                        formatter.format(time).to_string(),
                        local.format(layout).to_string()
                    );
                }
            });
        });
    }
}

#[test]
fn iso_text_follows_a_clock_that_changes_off_the_quarter_hour() {
    // Newfoundland changed at one minute past midnight until 2011.
    in_zone("America/St_Johns", || {
        let mut formatter = IsoFormatter::default();
        let change = 1_289_097_060 * SECOND;
        assert_eq!(
            [change - SECOND, change].map(|time| formatter.format(time).to_string()),
            ["2010-11-07T00:00:59", "2010-11-06T23:01:00"]
        );
    });
}

#[test]
fn the_second_pass_through_a_repeated_hour_is_told_from_the_first() {
    for (zone, change, minutes) in GOING_BACK {
        in_zone(zone, || {
            let change = change * SECOND;
            let around = (change - 3 * HOUR..change + 30 * HOUR).step_by(60_000_000_000);
            let repeated = change..change + minutes * MINUTE;
            for time in around.flat_map(|time| [time - 1, time, time + 1]) {
                let (_, second) = Zone::Local.datetime(time);
                assert_eq!(second, repeated.contains(&time), "{zone} {time}");
            }
            let reading = |time| Zone::Local.datetime(time).0;
            assert_eq!(reading(change), reading(change - minutes * MINUTE));
        });
    }
}

#[test]
fn a_time_that_clocks_show_twice_is_told_in_both_passes_and_no_other_is() {
    for (zone, change, minutes) in GOING_BACK {
        in_zone(zone, || {
            let change = change * SECOND;
            let around = (change - 30 * HOUR..change + 30 * HOUR).step_by(60_000_000_000);
            let repeated = change - minutes * MINUTE..change + minutes * MINUTE;
            for time in around.flat_map(|time| [time - 1, time, time + 1]) {
                let expected = repeated.contains(&time);
                assert_eq!(Zone::Local.is_repeated(time), expected, "{zone} {time}");
            }
        });
    }
}

#[test]
fn the_instant_of_a_reading_with_its_fold_is_the_one_that_it_was_read_at() {
    for zone in ZONES {
        in_zone(zone, || {
            proptest!(|(time in 0..7_000_000_000 * SECOND)| {
                let (reading, fold) = Zone::Local.datetime(time);
                prop_assert_eq!(Zone::Local.instant(reading, fold), Some(time));
            });
        });
    }
    for (zone, change, minutes) in GOING_BACK {
        in_zone(zone, || {
            let span = 2 * minutes * MINUTE;
            for time in (change * SECOND - span..change * SECOND + span).step_by(30_000_000_000) {
                let (reading, fold) = Zone::Local.datetime(time);
                assert_eq!(Zone::Local.instant(reading, fold), Some(time), "{zone}");
            }
        });
    }
}

#[test]
fn a_reading_that_clocks_skip_is_counted_on_from_before_or_back_from_after() {
    in_zone("Europe/Berlin", || {
        let skipped = "2024-03-31T02:30:00".parse().unwrap();
        let change = 1_711_846_800 * SECOND;
        assert_eq!(
            Zone::Local.instant(skipped, false),
            Some(change + 30 * MINUTE)
        );
        assert_eq!(
            Zone::Local.instant(skipped, true),
            Some(change - 30 * MINUTE)
        );
    });
}

#[test]
fn a_text_of_ours_is_written_in_another_way_and_any_other_text_is_not() {
    in_zone("Europe/Berlin", || {
        let written = |text| [Times::Local, Times::Offset, Times::Utc].map(|it| iso_in(text, it));
        let texts = |[local, offset, utc]: [&str; 3]| {
            [local, offset, utc].map(|text| Some(text.to_owned()))
        };
        let summer = [
            "2024-07-01T12:00:00.250000",
            "2024-07-01T12:00:00.250000+02:00",
            "2024-07-01T10:00:00.250000+00:00",
        ];
        for text in summer {
            assert_eq!(written(text), texts(summer), "{text}");
        }
        let again = "2024-10-27T02:30:00+01:00";
        let utc = "2024-10-27T01:30:00+00:00";
        assert_eq!(written(again), texts([again, again, utc]));
        for other in [
            "",
            "2024-07-01",
            "12:00:00",
            "job 2024-07-01T12:00:00",
            "9999-13-01T00:00:00",
        ] {
            assert_eq!(written(other), [None, None, None], "{other}");
        }
    });
}

#[test]
fn no_hour_counts_as_repeated_where_clocks_go_forward_or_stand() {
    for zone in ["Asia/Kolkata", "Etc/GMT-14", "UTC"] {
        in_zone(zone, || {
            proptest!(|(time in 1_000_000_000 * SECOND..4_000_000_000 * SECOND)| {
                prop_assert!(!Zone::Local.datetime(time).1);
            });
        });
    }
    in_zone("Europe/Berlin", || {
        let change = 1_711_846_800;
        for time in (change - 10_000..change + 100_000).step_by(50) {
            assert!(!Zone::Local.datetime(time * SECOND).1, "{time}");
        }
    });
}

#[test]
fn another_zone_set_while_the_process_runs_is_seen_at_once() {
    in_zone("Etc/GMT-14", || {
        let noon = 1_704_110_400 * SECOND;
        let hour = || Zone::Local.datetime(noon).0.hour();
        let text = || IsoFormatter::default().format(noon).to_string();
        assert_eq!(hour(), 2);
        for (zone, expected) in [("Etc/GMT+12", 0), ("Asia/Tokyo", 21), ("Etc/GMT-14", 2)] {
            temp_env::with_var("TZ", Some(zone), || {
                assert_eq!(hour(), expected, "{zone}");
                assert!(text().contains(&format!("T{expected:02}:00:00")));
                let date = Zone::Local.date(noon);
                assert!(Zone::Local.day(date).contains(noon));
                assert!(!Zone::Local.day(date).contains(noon + 24 * HOUR));
                // Another thread has its own idea of the zone.
                let elsewhere = std::thread::scope(|scope| scope.spawn(hour).join().unwrap());
                assert_eq!(elsewhere, expected, "{zone}");
            });
            assert_eq!(hour(), 2, "after {zone}");
        }
    });
}

#[test]
fn a_range_of_microseconds_holds_the_nanoseconds_that_are_shown_as_them() {
    let range = TimeRange::from_micros(5, 7);
    let inside = [4_999, 5_000, 7_999, 8_000].map(|time| range.contains(time));
    assert_eq!(inside, [false, true, true, false]);
    assert_eq!(
        TimeRange::from_micros(i64::MIN, i64::MAX),
        TimeRange::ALL,
        "a range wider than any stamp is everything"
    );
}
