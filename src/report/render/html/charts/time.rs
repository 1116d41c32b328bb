//! Axes of time.

use super::{Axis, Drawing};
use crate::{
    report::{
        charts::{Charts, Zone},
        render::view::Moment,
    },
    time::{NANOS_PER_SEC, TimeRange},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The distances of marks in seconds.
const STEPS: [i64; 24] = [
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    84 * DAY,
];

/// How many marks there is room for.
const MARKS: i64 = 6;

/// The stretch of time that is drawn, and where it is read.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    start: i64,
    end: i64,
    zone: &'a Zone,
}

impl<'a> Window<'a> {
    /// What is to be seen of `charts`: the whole period, or the part of it that has samples where
    /// that is less than half. `None` if there are none.
    pub fn of(charts: &'a Charts) -> Option<Self> {
        let operations = charts.operations.iter().flat_map(|it| &it.slots);
        let resources = charts.resources.iter().flat_map(|it| &it.slots);
        let (start, end) = operations
            .map(|slot| (slot.start, slot.end))
            .chain(resources.map(|band| (band.start, band.end)))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let length = end.saturating_sub(start);
        let whole = |period: &&TimeRange| {
            let most = period.end.saturating_sub(period.start);
            most / 2 <= length && most < i64::MAX / 2
        };
        let period = charts.periods.first().filter(whole);
        let (start, end) = match (period, &charts.periods[..]) {
            (Some(period), [_]) => (
                start.min(period.start),
                end.max(period.end.saturating_add(1)),
            ),
            _ => (start, end),
        };
        (start < end).then_some(Self {
            start,
            end,
            zone: &charts.zone,
        })
    }

    /// Where on the axis a UTC nanosecond is: seconds from its beginning.
    pub fn at(self, time: i64) -> f64 {
        time.saturating_sub(self.start) as f64 / NANOS_PER_SEC as f64
    }

    /// Whether a UTC nanosecond lies inside.
    pub fn holds(self, time: i64) -> bool {
        self.start < time && time < self.end
    }

    /// Where times are read.
    pub fn zone(self) -> &'a Zone {
        self.zone
    }

    /// Whether hours have to be told with their days.
    pub fn is_of_days(self) -> bool {
        self.end.saturating_sub(self.start) / NANOS_PER_SEC > DAY + 2 * HOUR
    }

    /// From when to when, in words.
    pub fn words(self) -> String {
        let seconds = self.end.saturating_sub(self.start) / NANOS_PER_SEC;
        let [start, end] = [self.start, self.end].map(|time| Moment::new(self.zone, time));
        if seconds >= DAY {
            let [start, end] =
                [start, end].map(|it| format!("{} {}", it.day(), it.hour_and_minute()));
            format!("{start} to {end}")
        } else if seconds >= HOUR {
            format!("{} to {}", start.hour_and_minute(), end.hour_and_minute())
        } else {
            format!("{} to {}", start.to_the_second(), end.to_the_second())
        }
    }

    /// The axis, with marks at round readings of the clock.
    pub fn axis(self) -> Axis {
        let (first, last) = (
            self.start.div_euclid(NANOS_PER_SEC),
            self.end.div_euclid(NANOS_PER_SEC),
        );
        let length = last.saturating_sub(first);
        let step = STEPS
            .into_iter()
            .find(|step| length / step <= MARKS)
            .unwrap_or((length / MARKS).max(1));
        // Clocks are ahead by multiples of a quarter of an hour.
        let stride = step.min(15 * MINUTE).max(step / 96);
        let ahead = |second: i64| i64::from(self.zone.offset(second.saturating_mul(NANOS_PER_SEC)));
        let begin = first + (-(first + ahead(first))).rem_euclid(stride);
        let marks = (0..=(last - begin).div_euclid(stride))
            .map(|number| begin + number * stride)
            .filter(|second| (second + ahead(*second)).rem_euclid(step) == 0)
            .map(|second| {
                let time = second.saturating_mul(NANOS_PER_SEC);
                (self.at(time), self.label(time, step, length))
            })
            .collect();
        Axis::new(0.0..self.at(self.end), marks)
    }

    fn label(self, time: i64, step: i64, length: i64) -> String {
        let moment = Moment::new(self.zone, time);
        let midnight = moment.second_of_day() == 0;
        if step >= DAY || (midnight && length > 2 * DAY) {
            moment.day()
        } else if step >= MINUTE {
            moment.hour_and_minute()
        } else {
            moment.to_the_second()
        }
    }
}

impl Drawing {
    /// What a drawing over a window shows.
    pub(super) fn over(what: &str, window: Window<'_>) -> String {
        format!("{what}, {}", window.words())
    }
}
