use std::collections::BTreeMap;

use proptest::prelude::*;
use ptpd_monitoring::{
    history::{Kept, Period, Span, Table, fewest, finest, hour_shift, hour_start},
    time::TimeRange,
};

use super::HOUR;

const MINUTE: i64 = 60;

fn period(start: i64, end: i64) -> Period {
    Period { start, end }
}

fn span(table: Table, start: i64, end: i64) -> Span {
    let period = period(start, end);
    Span { table, period }
}

const ALL_KEPT: Kept = Kept::EVERYTHING;

#[test]
fn hours_of_a_zone_begin_where_its_days_do() {
    for (offset, shift) in [
        (0, 0),
        (3_600, 0),
        (-5 * 3_600, 0),
        (19_800, 1_800),
        (20_700, 900),
        (-12_600, 1_800),
        // Local mean time: whole minutes all the same.
        (1_172, 2_400),
    ] {
        assert_eq!(hour_shift(offset), shift, "{offset}");
    }
    assert_eq!(hour_start(1_799, 1_800), -1_800);
    assert_eq!(hour_start(1_800, 1_800), 1_800);
    assert_eq!(hour_start(-1, 0), -3_600);
}

#[test]
fn a_period_holds_the_seconds_that_begin_in_its_range() {
    let of = |start, end| Period::of(TimeRange { start, end });
    assert_eq!(of(0, 999_999_999), period(0, 1));
    assert_eq!(of(1, 1_000_000_000), period(1, 2));
    assert_eq!(of(-1, -1), period(0, 0));
    assert_eq!(of(-1_000_000_000, -1), period(-1, 0));
    let all = Period::of(TimeRange::ALL);
    assert!(all.start < -9_000_000_000 && all.end > 9_000_000_000);
}

#[test]
fn whole_hours_are_read_from_hours_alone() {
    let day = period(24 * HOUR, 48 * HOUR);
    let rows = vec![span(Table::Hours, 24 * HOUR, 48 * HOUR)];
    assert_eq!(fewest(day, ALL_KEPT, 0), rows);
    let shifted = period(24 * HOUR + 900, 48 * HOUR + 900);
    let rows = vec![span(Table::Hours, shifted.start, shifted.end)];
    assert_eq!(fewest(shifted, ALL_KEPT, 900), rows);
}

#[test]
fn edges_are_read_from_minutes_while_they_are_kept() {
    let cut = period(90 * MINUTE, 4 * HOUR + 15 * MINUTE);
    assert_eq!(
        fewest(cut, ALL_KEPT, 0),
        [
            span(Table::Minutes, 90 * MINUTE, 2 * HOUR),
            span(Table::Hours, 2 * HOUR, 4 * HOUR),
            span(Table::Minutes, 4 * HOUR, cut.end),
        ]
    );
    // The first hour has lost its first minutes, so it counts by its start, which is before.
    let kept = Kept {
        minutes_from: HOUR + MINUTE,
        ..ALL_KEPT
    };
    assert_eq!(
        fewest(cut, kept, 0),
        [
            span(Table::Hours, 2 * HOUR, 4 * HOUR),
            span(Table::Minutes, 4 * HOUR, cut.end),
        ]
    );
    let gone = Kept {
        minutes_from: i64::MAX,
        ..ALL_KEPT
    };
    assert_eq!(
        fewest(cut, gone, 0),
        [span(Table::Hours, 2 * HOUR, cut.end)]
    );
}

#[test]
fn an_hour_that_the_period_ends_in_is_read_whole_if_nothing_comes_after() {
    let kept = Kept {
        minutes_from: i64::MIN,
        last_minute: 4 * HOUR + 14 * MINUTE,
    };
    let until_now = period(2 * HOUR, 4 * HOUR + 15 * MINUTE);
    let rows = vec![span(Table::Hours, 2 * HOUR, until_now.end)];
    assert_eq!(fewest(until_now, kept, 0), rows);
}

#[test]
fn timelines_are_read_from_minutes_as_far_back_as_they_go() {
    let day = period(0, 24 * HOUR);
    assert_eq!(
        finest(day, ALL_KEPT, 0),
        [span(Table::Minutes, 0, 24 * HOUR)]
    );
    let kept = |minutes_from| Kept {
        minutes_from,
        ..ALL_KEPT
    };
    let rows = [
        span(Table::Hours, 0, 6 * HOUR),
        span(Table::Minutes, 6 * HOUR, 24 * HOUR),
    ];
    assert_eq!(finest(day, kept(5 * HOUR + 1), 0), rows);
    assert_eq!(finest(day, kept(6 * HOUR), 0), rows);
    assert_eq!(
        finest(day, kept(i64::MAX), 0),
        [span(Table::Hours, 0, 24 * HOUR)]
    );
}

/// How often each minute counts, if every minute has a row, and every hour one of all its minutes.
fn minutes_read(spans: &[Span], shift: i64) -> BTreeMap<i64, u32> {
    let mut read = BTreeMap::new();
    for span in spans {
        let Period { start, end } = span.period;
        let length = span.table.seconds();
        let shift = if span.table == Table::Hours { shift } else { 0 };
        let mut row = start - (start - shift).rem_euclid(length);
        if row < start {
            row += length;
        }
        while row < end {
            for minute in (row..row + length).step_by(60) {
                *read.entry(minute).or_default() += 1;
            }
            row += length;
        }
    }
    read
}

proptest! {
    #[test]
    fn no_minute_is_read_twice_and_none_is_missed(
        start in 0_i64..400,
        length in 1_i64..400,
        shift in (0_i64..4).prop_map(|quarter| quarter * 900),
        minutes_from in prop_oneof![Just(i64::MIN), 0_i64..500],
        fine in any::<bool>(),
    ) {
        let cut = period(start * MINUTE, (start + length) * MINUTE);
        let kept = Kept {
            minutes_from: minutes_from.saturating_mul(MINUTE),
            last_minute: i64::MAX,
        };
        let spans = if fine { finest(cut, kept, shift) } else { fewest(cut, kept, shift) };
        let read = minutes_read(&spans, shift);
        for (minute, times) in &read {
            prop_assert_eq!(*times, 1, "minute {}", minute / MINUTE);
            let hour = hour_start(*minute, shift);
            // What lies outside is there because its hour counts as a whole.
            if !cut.contains(*minute) {
                prop_assert!(hour < kept.minutes_from && cut.contains(hour));
            }
        }
        for minute in (cut.start..cut.end).step_by(60) {
            let hour = hour_start(minute, shift);
            if hour >= kept.minutes_from || cut.contains(hour) {
                prop_assert!(read.contains_key(&minute), "minute {}", minute / MINUTE);
            }
        }
    }
}

/// What counts of the nanoseconds `start` to `end` of a second each, long afterwards.
fn counted(start: i64, end: i64, kept: Kept, shift: i64) -> Option<(i64, i64)> {
    let range = TimeRange {
        start: start * 1_000_000_000,
        end: end * 1_000_000_000 - 1,
    };
    let covered = Period::of(range).covered(kept, shift);
    let counted = covered.counted(range, i64::MAX)?;
    Some((
        counted.start / 1_000_000_000,
        (counted.end + 1) / 1_000_000_000,
    ))
}

#[test]
fn a_period_of_whole_rows_counts_as_it_is_and_another_one_says_what_counts() {
    let folded = Kept {
        minutes_from: 100 * HOUR,
        last_minute: 200 * HOUR,
    };
    let half = 30 * MINUTE;
    for (start, end, kept, shift, expected) in [
        (24 * HOUR, 48 * HOUR, ALL_KEPT, 0, None),
        (24 * HOUR, 48 * HOUR, folded, 0, None),
        // A day of a zone that is half an hour off: of a writer there, and of one in UTC.
        (24 * HOUR - half, 48 * HOUR - half, folded, half, None),
        (
            24 * HOUR - half,
            48 * HOUR - half,
            folded,
            0,
            Some((24 * HOUR, 48 * HOUR)),
        ),
        (24 * HOUR - half, 48 * HOUR - half, ALL_KEPT, 0, None),
        // To the minute, as long as there are any.
        (
            HOUR + 1,
            2 * HOUR + 1,
            ALL_KEPT,
            0,
            Some((HOUR + MINUTE, 2 * HOUR + MINUTE)),
        ),
        (
            99 * HOUR + 1,
            101 * HOUR + 1,
            folded,
            0,
            Some((100 * HOUR, 101 * HOUR + MINUTE)),
        ),
    ] {
        let found = counted(start, end, kept, shift);
        assert_eq!(found, expected, "{start} to {end}");
    }
}

#[test]
fn nothing_after_now_is_said_to_count_nor_before_the_beginning_of_time() {
    let covered = |range| Period::of(range).covered(ALL_KEPT, 0);
    let second = 1_000_000_000;
    let until_now = TimeRange {
        start: 0,
        end: 90 * second + 5,
    };
    assert_eq!(covered(until_now).counted(until_now, 90 * second), None);
    let later = covered(until_now).counted(until_now, 91 * second);
    assert_eq!(later.map(|it| it.end), Some(120 * second - 1));
    let all = TimeRange::ALL;
    assert_eq!(covered(all).counted(all, 0), None);
    // A part of a second is more than none.
    let cut = TimeRange {
        start: 60 * second - 1,
        end: 120 * second - 1,
    };
    assert_eq!(
        covered(cut).counted(cut, i64::MAX).map(|it| it.start),
        Some(60 * second)
    );
}

proptest! {
    #[test]
    fn the_rows_that_are_read_are_about_the_time_that_is_said(
        start in 0..200 * MINUTE,
        length in 0..200 * MINUTE,
        minutes_from in -1..400_i64,
        shift in prop::sample::select(&[0, 900, 1_800, 2_700]),
    ) {
        let kept = Kept { minutes_from: minutes_from * MINUTE, last_minute: 1_000 * MINUTE };
        let asked = period(start, start + length);
        let spans = fewest(asked, kept, shift);
        let covered = asked.covered(kept, shift);
        // A row of a table begins every so many seconds.
        let mut seconds = Vec::new();
        for span in spans {
            let rows = (span.period.start..span.period.end).filter(|time| match span.table {
                Table::Minutes => time % MINUTE == 0,
                Table::Hours => (time - shift).rem_euclid(HOUR) == 0,
            });
            seconds.extend(rows.map(|row| (row, row + span.table.seconds())));
        }
        if let (Some(first), Some(last)) = (seconds.iter().min(), seconds.iter().map(|it| it.1).max()) {
            prop_assert_eq!((covered.start, covered.end), (first.0, last));
        } else {
            prop_assert!(covered.start >= covered.end);
        }
    }
}
