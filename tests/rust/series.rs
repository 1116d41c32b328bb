use allocation_counter::measure;
use proptest::prelude::*;
use ptpd_monitoring::{
    recording::series::{LabelRef, Outcome, Sample, Series},
    time::TimeRange,
};

const UNITS: [&str; 3] = ["seconds", "MB", "Grad °C"];
const OUTCOMES: [Outcome<&str>; 4] = [
    Outcome::None,
    Outcome::Success,
    Outcome::Failure("OSError"),
    Outcome::Failure("ValueError"),
];
const SESSIONS: [Option<&str>; 3] = [None, Some("morning"), Some("evening")];

/// A sample with everything spelt out; the metadata is a number that only it has.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    sequence: u64,
    time: i64,
    value: f64,
    unit: &'static str,
    timer: bool,
    outcome: Outcome<&'static str>,
    session: Option<&'static str>,
    metadata: Option<u32>,
}

impl Row {
    fn label(&self) -> LabelRef<'static> {
        LabelRef {
            unit: self.unit,
            timer: self.timer,
            outcome: self.outcome,
            session: self.session,
        }
    }

    fn is(&self, sample: &Sample<u32>) -> bool {
        let label = &sample.label;
        let outcome = match &label.outcome {
            Outcome::None => Outcome::None,
            Outcome::Success => Outcome::Success,
            Outcome::Failure(error) => Outcome::Failure(&**error),
        };
        (sample.sequence, sample.time, sample.value.to_bits())
            == (self.sequence, self.time, self.value.to_bits())
            && (&*label.unit, label.timer, label.session.as_deref())
                == (self.unit, self.timer, self.session)
            && outcome == self.outcome
            && sample.metadata == self.metadata
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(Row),
    Bound(usize),
    SetTime(u64, i64),
}

fn row() -> impl Strategy<Value = Row> {
    use prop::sample::select;
    let label = (
        select(&UNITS),
        any::<bool>(),
        select(&OUTCOMES),
        select(&SESSIONS),
    );
    let attached = prop::option::weighted(0.3, Just(0));
    ((-9..9_i64), (-9..9_i32), label, attached).prop_map(
        |(time, value, (unit, timer, outcome, session), metadata)| Row {
            sequence: 0,
            time,
            value: value.into(),
            unit,
            timer,
            outcome,
            session,
            metadata,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Labels mostly stay for a while, as they do in life.
    let run =
        (row(), prop::collection::vec((row(), any::<bool>()), 1..20)).prop_map(|(first, rest)| {
            let with_label = |(row, own): (Row, bool)| {
                let label_of = if own { &row } else { &first };
                Row {
                    sequence: row.sequence,
                    time: row.time,
                    value: row.value,
                    metadata: row.metadata,
                    ..label_of.clone()
                }
            };
            rest.into_iter().map(with_label).map(Step::Push).collect()
        });
    let other = prop_oneof![
        (1..30_usize).prop_map(Step::Bound),
        (0..200_u64, -9..9_i64).prop_map(|(sequence, time)| Step::SetTime(sequence, time)),
    ];
    prop::collection::vec(
        prop_oneof![3 => run, 1 => other.prop_map(|step| vec![step])],
        0..20,
    )
    .prop_map(|runs| runs.into_iter().flatten().collect())
}

fn ranges() -> impl Strategy<Value = TimeRange> {
    let bound = || prop_oneof![-10..10_i64, Just(i64::MIN), Just(i64::MAX)];
    (bound(), bound()).prop_map(|(start, end)| TimeRange { start, end })
}

fn check(series: &Series<u32>, model: &[Row], range: TimeRange) -> Result<(), TestCaseError> {
    prop_assert_eq!(series.len(), model.len());
    prop_assert_eq!(series.is_empty(), model.is_empty());
    prop_assert!(series.times().eq(model.iter().map(|row| row.time)));
    prop_assert!(
        series
            .metadata()
            .copied()
            .eq(model.iter().filter_map(|row| row.metadata))
    );
    for (index, row) in model.iter().enumerate() {
        prop_assert!(row.is(&series.sample_at(index).unwrap()));
    }
    prop_assert!(series.sample_at(model.len()).is_none());

    let inside: Vec<&Row> = model
        .iter()
        .filter(|row| range.contains(row.time))
        .collect();
    let samples = series.samples_in(range);
    prop_assert_eq!(samples.len(), inside.len());
    prop_assert!(
        samples
            .iter()
            .zip(&inside)
            .all(|(sample, row)| row.is(sample))
    );
    let mut values = vec![-1.0];
    series.values_in(range, &mut values);
    prop_assert!(values[1..].iter().eq(inside.iter().map(|row| &row.value)));
    for skipped in [0, model.len().min(1), model.len() / 2, model.len()] {
        let from = series.next() - (model.len() - skipped) as u64;
        let later = || {
            model[skipped..]
                .iter()
                .filter(|row| range.contains(row.time))
        };
        let unit = series.unit_from(from, range);
        prop_assert_eq!(unit.as_deref(), later().next().map(|row| row.unit));
        let points = later().map(|row| (row.time, row.value)).collect::<Vec<_>>();
        prop_assert_eq!(series.points_from(from, range), points);
    }
    for (session, skipped) in [(None, 0), (Some("morning"), 0), (None, model.len() / 2)] {
        let from = series.next() - (model.len() - skipped) as u64;
        let runs = model[skipped..].iter().filter(|row| {
            range.contains(row.time)
                && row.outcome != Outcome::None
                && (session.is_none() || row.session == session)
        });
        let outcomes: Vec<bool> = runs.map(|row| row.outcome.is_failure()).collect();
        let failed = outcomes.iter().filter(|failed| **failed).count() as u64;
        prop_assert_eq!(
            series.failures(from, range, session),
            (!outcomes.is_empty()).then_some(failed)
        );
    }
    for session in [None, Some("morning")] {
        let wanted =
            |row: &&Row| range.contains(row.time) && (session.is_none() || row.session == session);
        let mut others: Vec<&str> = Vec::new();
        for row in model.iter().filter(wanted) {
            if row.unit != "s" && !others.contains(&row.unit) {
                others.push(row.unit);
            }
        }
        let found = series.other_units("s", 0, range, session);
        prop_assert_eq!(found.iter().map(|unit| &**unit).collect::<Vec<_>>(), others);
    }

    for session in ["morning", "evening", "night"] {
        let rows: Vec<&Row> = model
            .iter()
            .filter(|r| r.session == Some(session))
            .collect();
        match series.values_from(0, TimeRange::ALL, Some(session)) {
            None => prop_assert!(rows.is_empty()),
            Some((values, unit)) => {
                prop_assert!(values.iter().eq(rows.iter().map(|row| &row.value)));
                prop_assert_eq!(&*unit, rows[0].unit);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_sequence_of_changes_reads_like_a_list_of_rows(
        steps in steps(),
        first_bound in 1..30_usize,
        range in ranges(),
    ) {
        let (mut series, mut model) = (Series::default(), Vec::<Row>::new());
        let (mut bound, mut pushed, mut attached) = (first_bound, 0, 0);
        for step in steps {
            match step {
                Step::Push(row) => {
                    let metadata = row.metadata.map(|_| attached);
                    attached += u32::from(metadata.is_some());
                    let row = Row { sequence: pushed, metadata, ..row };
                    pushed += 1;
                    let dropped = series.push(row.time, row.value, row.label(), metadata, bound);
                    model.push(row);
                    let gone = (model.len() > bound).then(|| model.remove(0));
                    prop_assert_eq!(dropped.1, gone.and_then(|row| row.metadata));
                }
                Step::Bound(new) => {
                    bound = new;
                    let gone = model.drain(..model.len().saturating_sub(bound));
                    let expected: Vec<u32> = gone.filter_map(|row| row.metadata).collect();
                    prop_assert_eq!(series.truncate(bound), expected);
                }
                Step::SetTime(sequence, time) => {
                    let found = model.iter_mut().find(|row| row.sequence == sequence);
                    prop_assert_eq!(series.set_time(sequence, time), found.is_some());
                    if let Some(row) = found {
                        row.time = time;
                    }
                }
            }
            check(&series, &model, range)?;
            check(&series, &model, TimeRange::ALL)?;
        }
    }
}

const PLAIN: LabelRef<'static> = LabelRef {
    unit: "seconds",
    timer: true,
    outcome: Outcome::None,
    session: None,
};

/// The bytes that a series of `count` plain samples holds.
fn bytes_of(count: u32, bound: usize) -> u64 {
    let mut series = Series::<()>::default();
    let fill = || {
        for number in 0..count {
            series.push(number.into(), number.into(), PLAIN, None, bound);
        }
    };
    measure(fill).bytes_current.try_into().unwrap()
}

/// The label with its unit, and the list of labels.
const FIXED_BYTES: u64 = 300;

#[test]
fn a_full_series_takes_sixteen_bytes_a_sample_and_no_slack() {
    for bound in [1_u32, 2, 17, 100, 1_000, 10_000, 12_345] {
        for count in [bound, bound + 1, 3 * bound] {
            let bytes = bytes_of(count, bound.try_into().unwrap());
            let samples = 16 * u64::from(bound);
            assert!(
                (samples..=samples + FIXED_BYTES).contains(&bytes),
                "{bytes} of {bound}"
            );
        }
    }
}

#[test]
fn a_growing_series_has_at_most_half_as_much_again_to_spare() {
    for count in [1_u32, 16, 17, 33, 100, 1_000, 5_000, 9_999] {
        let bytes = bytes_of(count, 1_000_000);
        let most = 16 * (u64::from(count).max(16) * 3 / 2 + 16) + FIXED_BYTES;
        assert!(bytes <= most, "{bytes} of {count} samples");
    }
}

#[test]
fn a_lower_bound_gives_the_memory_back() {
    let mut series = Series::<()>::default();
    let fill_and_shrink = || {
        for number in 0..10_000 {
            series.push(number, 0.0, PLAIN, None, 10_000);
        }
        series.truncate(100);
    };
    let bytes = measure(fill_and_shrink).bytes_current.cast_unsigned();
    assert!(bytes <= 16 * 100 + FIXED_BYTES, "{bytes}");
}

#[test]
fn labels_and_metadata_of_samples_gone_take_no_memory() {
    let mut series = Series::default();
    let mut push = |number: u32| {
        let unit = UNITS[number as usize % 3];
        let label = LabelRef { unit, ..PLAIN };
        series.push(number.into(), 0.0, label, Some(number), 100);
    };
    (0..1_000).for_each(&mut push);
    let more = measure(|| (1_000..100_000).for_each(push));
    assert!(more.bytes_current < 2_000, "{}", more.bytes_current);
}

#[test]
fn recording_a_plain_sample_in_a_full_series_allocates_nothing() {
    let mut series = Series::<()>::default();
    let mut push = |number| {
        series.push(number, 0.5, PLAIN, None, 100);
    };
    (0..100).for_each(&mut push);
    let more = measure(|| (0..1_000).for_each(push));
    assert_eq!(more.count_total, 0);
}
