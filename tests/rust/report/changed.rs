use std::{cell::RefCell, convert::Infallible};

use ptpd_monitoring::{
    history::{Hours, Timeline},
    report::{
        Thresholds,
        changes::{Frame, PERIODS, Recorded, Summary, Wanted, changed},
    },
    rollup::{Key, Rollup},
    time::{NANOS_PER_SEC, TimeRange, Zone},
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// A Thursday, midnight in UTC.
const MIDNIGHT: i64 = 20_000 * DAY;

fn berlin() -> Zone {
    Zone::named("Europe/Berlin").unwrap()
}

fn utc() -> Zone {
    Zone::named("UTC").unwrap()
}

fn range(start: i64, end: i64) -> TimeRange {
    TimeRange {
        start: start * NANOS_PER_SEC,
        end: end * NANOS_PER_SEC - 1,
    }
}

fn seconds(range: TimeRange) -> [i64; 2] {
    [range.start / NANOS_PER_SEC, (range.end + 1) / NANOS_PER_SEC]
}

fn frame(start: i64, end: i64, zone: Zone, now: i64) -> Frame {
    Frame::of(range(start, end), zone, now * NANOS_PER_SEC).unwrap()
}

/// Whatever the period, what is read of those before begins at the same time of day, and neither
/// overlaps nor leaves a gap.
#[test]
fn ranges_follow_each_other_and_begin_at_the_same_time_of_day() {
    for (hours, days) in [(24, 1), (3, 1), (30, 2), (7 * 24, 7), (1, 1)] {
        let start = MIDNIGHT + 9 * HOUR;
        let frame = frame(start, start + hours * HOUR, utc(), start + 40 * DAY);
        let ranges = frame.ranges();
        assert_eq!(ranges.len(), PERIODS + 1);
        assert_eq!(seconds(ranges[0]), [start, start + hours * HOUR]);
        for (back, range) in ranges.iter().enumerate().skip(1) {
            let back = i64::try_from(back).unwrap() * days * DAY;
            assert_eq!(
                seconds(*range),
                [start - back, start - back + days * DAY],
                "{hours}"
            );
            assert_eq!(
                seconds(frame.compared(usize::try_from(back / days / DAY).unwrap())),
                [start - back, start - back + hours * HOUR]
            );
        }
    }
}

#[test]
fn a_day_that_is_not_over_ends_with_the_present_hour() {
    let now = MIDNIGHT + 8 * HOUR + 1_200;
    let day = frame(MIDNIGHT, MIDNIGHT + DAY, utc(), now);
    assert_eq!(seconds(day.compared(0)), [MIDNIGHT, MIDNIGHT + 9 * HOUR]);
    let at_the_hour = frame(MIDNIGHT, MIDNIGHT + DAY, utc(), MIDNIGHT + 8 * HOUR);
    assert_eq!(seconds(at_the_hour.compared(0))[1], MIDNIGHT + 8 * HOUR);
}

#[test]
fn the_last_24_hours_are_24_hours_although_they_touch_25() {
    let end = MIDNIGHT + 10 * HOUR + 1_200;
    let frame = frame(end - DAY, end, utc(), end);
    assert_eq!(
        seconds(frame.compared(0)),
        [end - 1_200 - 23 * HOUR, end - 1_200 + HOUR]
    );
}

#[test]
fn days_begin_at_midnight_on_either_side_of_a_change_of_clocks() {
    // 29 March 2026 has 23 hours in Berlin, and 25 October 25.
    for (date, length) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-31", 24)] {
        let date: chrono::NaiveDate = date.parse().unwrap();
        let day = berlin().day(date);
        let frame = Frame::of(day, berlin(), day.end + DAY * NANOS_PER_SEC).unwrap();
        let [start, end] = seconds(frame.compared(0));
        assert_eq!(end - start, length * HOUR);
        for (back, range) in frame.ranges().into_iter().enumerate() {
            let date = date - chrono::Days::new(u64::try_from(back).unwrap());
            assert_eq!(range, berlin().day(date), "{date}");
        }
    }
}

#[test]
fn what_has_not_begun_or_is_endless_is_not_compared() {
    let now = MIDNIGHT * NANOS_PER_SEC;
    for range in [
        range(MIDNIGHT + 1, MIDNIGHT + DAY),
        TimeRange::ALL,
        TimeRange {
            start: i64::MIN,
            end: now,
        },
    ] {
        assert!(Frame::of(range, utc(), now).is_none());
    }
}

fn operation(name: &str) -> Key {
    Key::Operation {
        name: name.into(),
        unit: "s".into(),
        session: None,
    }
}

/// A timeline of an operation with `values` in each hour of `range`.
fn hourly(name: &str, range: TimeRange, values: impl Fn(i64) -> Vec<f64>) -> Timeline {
    let [start, end] = seconds(range);
    let slots = (start..end).step_by(3_600).map(|start| {
        let mut rollup = Rollup::default();
        for value in values((start - MIDNIGHT).rem_euclid(DAY) / HOUR) {
            rollup.record(start * NANOS_PER_SEC, value);
        }
        (start, rollup)
    });
    Timeline {
        key: operation(name),
        seconds: HOUR,
        slots: slots.filter(|(_, rollup)| !rollup.is_empty()).collect(),
    }
}

/// Reads these timelines of each period.
fn reader(periods: Vec<Vec<Timeline>>) -> impl Fn(Wanted<'_>, &Recorded) -> Recorded {
    move |wanted, empty| {
        let mut recorded = empty.clone();
        for (period, timelines) in periods.iter().enumerate() {
            for timeline in timelines.iter().filter(|it| wanted(&it.key)) {
                let place = recorded.place(period, &timeline.key);
                for (start, rollup) in &timeline.slots {
                    let Ok(()) = recorded.take(place, *start, |samples| {
                        samples.merge(&rollup.histogram);
                        Ok::<_, Infallible>(())
                    });
                }
            }
        }
        recorded
    }
}

/// Durations around a second that do not repeat within a day, and are others on each day.
fn usual(day: usize, hour: i64) -> Vec<f64> {
    (0..30)
        .map(|n| {
            let at = (n * 37 + hour * 11 + i64::try_from(day).unwrap() * 5) % 101;
            1.0 + at as f64 / 200.0
        })
        .collect()
}

/// Two operations by the hour, of which the one called slow takes `factor` times as long for three hours
/// of the period itself.
fn slow_and_steady(frame: Frame, factor: f64) -> Vec<Vec<Timeline>> {
    let of_day = |(day, range): (usize, TimeRange)| {
        let slow = move |hour: i64| {
            let is_slow = day == 0 && (10..13).contains(&hour);
            let factor = if is_slow { factor } else { 1.0 };
            usual(day, hour).iter().map(|it| it * factor).collect()
        };
        vec![
            hourly("slow", range, slow),
            hourly("steady", range, move |hour| usual(day, hour)),
        ]
    };
    frame.ranges().into_iter().enumerate().map(of_day).collect()
}

#[test]
fn the_days_before_are_read_one_by_one_only_of_what_may_have_changed() {
    let frame = frame(MIDNIGHT, MIDNIGHT + DAY, utc(), MIDNIGHT + 2 * DAY);
    for (factor, expected) in [
        (1.0, vec![vec!["slow", "steady"]]),
        (2.0, vec![vec!["slow", "steady"], vec!["slow"]]),
    ] {
        let read = reader(slow_and_steady(frame, factor));
        let asked = RefCell::new(Vec::new());
        let noted = |wanted: Wanted<'_>, empty: &Recorded| {
            let mut names = ["slow", "steady"].to_vec();
            names.retain(|name| wanted(&operation(name)));
            asked.borrow_mut().push(names);
            read(wanted, empty)
        };
        let _ = changed(&frame, noted, &Thresholds::DEFAULT);
        assert_eq!(asked.into_inner(), expected, "{factor}");
    }
}

#[test]
fn a_change_of_some_hours_is_told_with_these_hours() {
    let frame = frame(MIDNIGHT, MIDNIGHT + DAY, utc(), MIDNIGHT + 2 * DAY);
    let readings = slow_and_steady(frame, 2.0);
    let found = changed(&frame, reader(readings), &Thresholds::DEFAULT);
    assert_eq!(found.summary(), Summary::Changed);
    assert_eq!((found.judged, found.unjudged), (2, 0));
    let [entry] = &found.entries[..] else {
        panic!("{:?}", found.entries);
    };
    assert_eq!(&*entry.name, "slow");
    assert_eq!(entry.since, (MIDNIGHT + 10 * HOUR) * NANOS_PER_SEC);
    assert_eq!(entry.until, Some((MIDNIGHT + 13 * HOUR) * NANOS_PER_SEC));
    assert_eq!(entry.after.unwrap().figures.count, 90);
    assert_eq!(entry.before.unwrap().figures.count, 7 * 90);
    assert!((entry.percentage().unwrap() - 100.0).abs() < 5.0);
}

#[test]
fn nothing_recorded_at_all_is_not_enough() {
    let frame = frame(MIDNIGHT, MIDNIGHT + DAY, utc(), MIDNIGHT + 2 * DAY);
    let found = changed(&frame, reader(Vec::new()), &Thresholds::DEFAULT);
    assert_eq!(found.summary(), Summary::NotEnoughData);
    assert!(found.periods.is_empty());
}
