use ptpd_monitoring::{
    clock::{Clock, Monotonic},
    monitor::{Monitor, SECONDS},
    profile::{Throughput, WALL_TIME, batch_seconds, bottlenecks, processing_speed},
    series::{LabelRef, Outcome},
};

const LABEL: LabelRef<'static> = LabelRef {
    unit: SECONDS,
    timer: false,
    outcome: Outcome::None,
    session: None,
};
const UNKNOWN: Throughput = Throughput {
    pixels: 0.0,
    seconds: 0.0,
};

fn monitor_of(operations: &[(&str, &[f64])]) -> Monitor<()> {
    let monitor = Monitor::new(1_000, Clock::System).unwrap();
    for (operation, times) in operations {
        monitor.record_many(&format!("{operation}{WALL_TIME}"), times, LABEL);
        // The operation's own series must not be mistaken for its wall times.
        monitor.record(operation, Monotonic(0), 1e9, LABEL, None);
    }
    monitor
}

fn names(monitor: &Monitor<()>, operations: &[&str], percentile: f64) -> Vec<String> {
    let operations: Vec<String> = operations.iter().map(ToString::to_string).collect();
    let found = bottlenecks(monitor, &operations, percentile).unwrap();
    found
        .into_iter()
        .map(|bottleneck| bottleneck.operation)
        .collect()
}

/// Nine fast calls and one slow one: the 90th percentile is 1.9, the 99th 9.19, the median 1.
const NINE_AND_ONE: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 10.0];

#[test]
fn the_percentile_asked_for_decides_what_is_a_bottleneck() {
    let monitor = monitor_of(&[("op", &NINE_AND_ONE)]);
    assert_eq!(names(&monitor, &["op"], 99.0), ["op"]);
    assert!(names(&monitor, &["op"], 90.0).is_empty());
    assert!(names(&monitor, &["op"], 0.0).is_empty());
}

#[test]
fn a_bottleneck_has_the_figures_of_its_wall_times() {
    let monitor = monitor_of(&[("op", &[4.0, 1.0, 1.0])]);
    let found = bottlenecks(&monitor, &["op".to_owned()], 100.0).unwrap();
    let [bottleneck] = &found[..] else {
        panic!("{found:?}")
    };
    let figures = [bottleneck.median, bottleneck.max, bottleneck.slowdown];
    assert_eq!(figures, [1.0, 4.0, 4.0]);
    assert!((bottleneck.p90 - 3.4).abs() < 1e-12);
    assert_eq!(bottleneck.count, 3);
}

#[test]
fn exactly_twice_the_median_is_no_bottleneck_yet() {
    let monitor = monitor_of(&[("twice", &[1.0, 1.0, 2.0]), ("more", &[1.0, 1.0, 2.001])]);
    assert_eq!(names(&monitor, &["twice", "more"], 100.0), ["more"]);
}

#[test]
fn the_worst_comes_first_and_equals_keep_the_order_of_asking() {
    let monitor = monitor_of(&[
        ("a", &[1.0, 1.0, 3.0]),
        ("b", &[1.0, 1.0, 9.0]),
        ("c", &[10.0, 10.0, 30.0]),
    ]);
    assert_eq!(names(&monitor, &["c", "a", "b"], 100.0), ["b", "c", "a"]);
}

#[test]
fn operations_that_tell_nothing_hide_no_other() {
    let monitor = monitor_of(&[
        ("zero", &[0.0, 0.0, 5.0]),
        ("nan", &[1.0, f64::NAN, 9.0]),
        ("negative", &[-1.0, -1.0, -9.0]),
        ("endless", &[f64::INFINITY; 3]),
        ("slow", &[1.0, 1.0, 3.0]),
    ]);
    let all = ["zero", "nan", "unknown", "negative", "endless", "slow"];
    assert_eq!(names(&monitor, &all, 100.0), ["slow"]);
    assert!(names(&monitor, &[], 90.0).is_empty());
}

#[test]
fn a_bad_percentile_is_refused_also_without_operations() {
    let monitor = monitor_of(&[]);
    for bad in [-1.0, 100.5, f64::NAN] {
        assert!(bottlenecks(&monitor, &[], bad).is_err(), "{bad}");
    }
}

#[test]
fn speed_is_pixels_over_the_mean_wall_time() {
    let monitor = monitor_of(&[("op", &[0.5, 1.5]), ("zero", &[0.0]), ("nan", &[f64::NAN])]);
    assert_eq!(processing_speed(&monitor, "op", 300.0), Some(300.0));
    for useless in ["zero", "nan", "unknown"] {
        assert_eq!(
            processing_speed(&monitor, useless, 300.0),
            None,
            "{useless}"
        );
    }
}

#[test]
fn a_batch_of_unknown_sizes_takes_its_images_times_the_mean_and_a_tenth() {
    let monitor = monitor_of(&[("op", &[1.0, 3.0])]);
    let seconds = batch_seconds(&monitor, "op", &[10.0, 99.0, 5.0], UNKNOWN).unwrap();
    assert!((seconds - 3.0 * 2.0 * 1.1).abs() < 1e-12);
    assert_eq!(batch_seconds(&monitor, "unknown", &[10.0], UNKNOWN), None);
}

#[test]
fn a_batch_of_known_sizes_scales_with_its_pixels() {
    let monitor = monitor_of(&[("op", &[1.0, 3.0])]);
    let mut measured = Throughput::default();
    measured.add(100.0, 1.0);
    measured.add(300.0, 3.0);
    let seconds = batch_seconds(&monitor, "op", &[50.0, 150.0], measured).unwrap();
    assert!((seconds - 2.0 * 1.1).abs() < 1e-12);
}

#[test]
fn an_empty_batch_takes_no_time_and_not_minus_none() {
    let monitor = monitor_of(&[("op", &[1.0, 3.0])]);
    let mut measured = Throughput::default();
    measured.add(100.0, 1.0);
    for throughput in [UNKNOWN, measured] {
        let seconds = batch_seconds(&monitor, "op", &[], throughput).unwrap();
        assert_eq!(seconds.to_bits(), 0.0_f64.to_bits(), "{seconds:?}");
    }
}
