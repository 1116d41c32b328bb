use ptpd_monitoring::profiler::calls::{Call, Performance, bottlenecks};

fn calls(times: &[f64]) -> Vec<Call> {
    let call = |seconds: &f64| Call {
        seconds: *seconds,
        pixels: None,
        is_unsized: false,
        failed: false,
    };
    times.iter().map(call).collect()
}

fn sized(seconds: f64, pixels: f64) -> Call {
    Call {
        seconds,
        pixels: Some(pixels),
        is_unsized: false,
        failed: false,
    }
}

/// Calls that fail at once on the largest of images.
fn failures(count: usize) -> Vec<Call> {
    let failure = Call {
        seconds: 1e-6,
        pixels: Some(1e9),
        is_unsized: true,
        failed: true,
    };
    vec![failure; count]
}

fn operations(of: &[(&str, &[f64])]) -> Vec<(String, Vec<Call>)> {
    of.iter()
        .map(|(name, times)| ((*name).to_owned(), calls(times)))
        .collect()
}

fn names(of: &[(&str, &[f64])], percentile: f64) -> Vec<String> {
    let found = bottlenecks(&operations(of), percentile).unwrap();
    found
        .into_iter()
        .map(|bottleneck| bottleneck.operation)
        .collect()
}

/// Nine fast calls and one slow one: the 90th percentile is 1.9, the 99th 9.19, the median 1.
const NINE_AND_ONE: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 10.0];

#[test]
fn the_percentile_asked_for_decides_what_is_a_bottleneck() {
    let of: &[(&str, &[f64])] = &[("op", &NINE_AND_ONE)];
    assert_eq!(names(of, 99.0), ["op"]);
    assert!(names(of, 90.0).is_empty());
    assert!(names(of, 0.0).is_empty());
}

#[test]
fn a_bottleneck_has_the_figures_of_its_wall_times() {
    let found = bottlenecks(&operations(&[("op", &[4.0, 1.0, 1.0])]), 100.0).unwrap();
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
    let of: &[(&str, &[f64])] = &[("twice", &[1.0, 1.0, 2.0]), ("more", &[1.0, 1.0, 2.001])];
    assert_eq!(names(of, 100.0), ["more"]);
}

#[test]
fn the_worst_comes_first_and_equals_keep_the_order_of_asking() {
    let of: &[(&str, &[f64])] = &[
        ("c", &[10.0, 10.0, 30.0]),
        ("a", &[1.0, 1.0, 3.0]),
        ("b", &[1.0, 1.0, 9.0]),
    ];
    assert_eq!(names(of, 100.0), ["b", "c", "a"]);
}

#[test]
fn operations_that_tell_nothing_hide_no_other() {
    let of: &[(&str, &[f64])] = &[
        ("zero", &[0.0, 0.0, 5.0]),
        ("nan", &[1.0, f64::NAN, 9.0]),
        ("unknown", &[]),
        ("negative", &[-1.0, -1.0, -9.0]),
        ("endless", &[f64::INFINITY; 3]),
        ("slow", &[1.0, 1.0, 3.0]),
    ];
    assert_eq!(names(of, 100.0), ["slow"]);
    assert!(names(&[], 90.0).is_empty());
}

#[test]
fn a_bad_percentile_is_refused_also_without_operations() {
    for bad in [-1.0, 100.5, f64::NAN] {
        assert!(bottlenecks(&[], bad).is_err(), "{bad}");
    }
}

#[test]
fn calls_that_failed_are_in_no_figure() {
    let worked = [sized(1.0, 100.0), sized(1.0, 100.0), sized(5.0, 500.0)];
    let with_failures = [&failures(50), &worked[..], &failures(3)].concat();
    let (alone, among) = (Performance::of(&worked), Performance::of(&with_failures));
    assert_eq!(among.failed, 53);
    assert_eq!(among.count(), 3);
    assert_eq!(among.processing_speed(7.0), alone.processing_speed(7.0));
    assert_eq!(among.batch_seconds(&[7.0]), alone.batch_seconds(&[7.0]));
    let bottlenecks_of = |calls: &[Call]| bottlenecks(&[("op".to_owned(), calls.to_vec())], 100.0);
    assert_eq!(
        bottlenecks_of(&with_failures).unwrap(),
        bottlenecks_of(&worked).unwrap()
    );
    assert_eq!(bottlenecks_of(&worked).unwrap()[0].count, 3);

    let nothing = Performance::of(&failures(3));
    assert_eq!(nothing.processing_speed(7.0), None);
    assert_eq!(nothing.batch_seconds(&[7.0]), None);
}

#[test]
fn speed_of_unknown_sizes_is_pixels_over_the_mean_wall_time() {
    let speed = |times: &[f64]| Performance::of(&calls(times)).processing_speed(300.0);
    assert_eq!(speed(&[0.5, 1.5]), Some(300.0));
    for useless in [&[0.0][..], &[f64::NAN], &[]] {
        assert_eq!(speed(useless), None, "{useless:?}");
    }
}

#[test]
fn a_batch_of_unknown_sizes_takes_its_images_times_the_mean_and_a_tenth() {
    let seconds = |times: &[f64]| Performance::of(&calls(times)).batch_seconds(&[10.0, 99.0, 5.0]);
    assert!((seconds(&[1.0, 3.0]).unwrap() - 3.0 * 2.0 * 1.1).abs() < 1e-12);
    assert_eq!(seconds(&[]), None);
}

#[test]
fn speed_and_estimate_of_known_sizes_agree_whatever_size_is_asked_for() {
    let performance = Performance::of(&[sized(1.0, 100.0), sized(3.0, 500.0)]);
    assert_eq!(performance.processing_speed(1e9), Some(150.0));
    let seconds = performance.batch_seconds(&[50.0, 250.0]).unwrap();
    assert!((seconds - 300.0 / 150.0 * 1.1).abs() < 1e-12);
}

#[test]
fn calls_of_unknown_size_are_left_out_and_counted_where_others_are_known() {
    let known = [sized(1.0, 100.0), sized(3.0, 300.0)];
    let odd = [f64::NAN, f64::INFINITY, 0.0, -5.0].map(|pixels| sized(1_000.0, pixels));
    let mixed = [&calls(&[1_000.0, 2_000.0]), &known[..], &odd].concat();
    let performance = Performance::of(&mixed);
    assert_eq!(
        (
            performance.count(),
            performance.sized,
            performance.unknown()
        ),
        (8, 2, 6)
    );
    assert_eq!(performance.processing_speed(7.0), Some(100.0));
    assert_eq!(Performance::of(&calls(&[1.0, 2.0])).unknown(), 0);
}

#[test]
fn images_of_unknown_size_are_told_from_calls_on_none() {
    let image = Call {
        is_unsized: true,
        ..calls(&[1.0])[0]
    };
    let performance = Performance::of(&[image, calls(&[3.0])[0], failures(1)[0]]);
    assert_eq!(performance.unknown(), 1);
    // They count as the documented formula has it.
    assert_eq!(performance.processing_speed(300.0), Some(150.0));
}

#[test]
fn calls_that_took_no_time_have_no_speed() {
    let performance = Performance::of(&[sized(0.0, 100.0)]);
    assert_eq!(performance.processing_speed(100.0), None);
    assert_eq!(performance.pixels_per_second(), None);
    assert_eq!(performance.batch_seconds(&[100.0]), Some(0.0));
}

#[test]
fn an_empty_batch_takes_no_time_and_not_minus_none() {
    for calls in [calls(&[1.0, 3.0]), vec![sized(1.0, 100.0)]] {
        let seconds = Performance::of(&calls).batch_seconds(&[]).unwrap();
        assert_eq!(seconds.to_bits(), 0.0_f64.to_bits(), "{seconds:?}");
    }
}
