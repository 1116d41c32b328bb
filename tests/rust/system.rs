//! The host's, the process's and the GPU's readings.

use std::{path::Path, sync::Arc, time::Duration};

use ptpd_monitoring::{
    error::{Error, Result},
    system::{
        alerts::{Resource, Severity, Thresholds},
        cpu::{CounterSource, Counters, HostTicks, Meter},
        disk::{self, Disk},
        memory::{self, Memory},
        process,
    },
    time::{Clock, ManualClock},
};

const MS: u64 = 1_000_000;

/// Readings to be given out one after the other; then there are no more.
struct Script(std::vec::IntoIter<Counters>);

impl CounterSource for Script {
    fn read(&mut self) -> Result<Counters> {
        let next = self.0.next();
        next.ok_or_else(|| Error::Encoding("no more readings".to_owned()))
    }
}

fn meter(readings: Vec<Counters>) -> (Arc<ManualClock>, Meter<Script>) {
    let manual = Arc::new(ManualClock::new(0));
    let clock = Clock::Manual(Arc::clone(&manual));
    let meter = Meter::new(clock, Script(readings.into_iter()));
    (manual, meter)
}

fn host(stat: &str) -> Counters {
    Counters::Host(HostTicks::parse(stat.as_bytes()).unwrap())
}

fn group(used_nanos: u64) -> Counters {
    Counters::Group {
        processors: 2.0,
        used_nanos,
    }
}

fn assert_percent(meter: &mut Meter<Script>, expected: f64) {
    let percent = meter.percent().unwrap().unwrap();
    assert!((percent - expected).abs() < 1e-9, "{percent} {expected}");
}

#[test]
fn host_usage_counts_guests_once_and_waiting_for_disks_as_idle() {
    let (clock, mut meter) = meter(vec![
        host("cpu  100 10 50 1000 20 1 2 3 30 5\ncpu0 1"),
        // 40 user (10 of them guest), 10 nice (5 guest), 10 system, 20 idle, 10 iowait, 2 irq,
        // 3 softirq, 5 steal: 70 of 100 ticks were busy.
        host("cpu  140 20 60 1020 30 3 5 8 40 10\ncpu0 1"),
    ]);
    clock.advance(100 * MS);
    assert_percent(&mut meter, 70.0);
}

#[test]
fn counters_that_run_backwards_count_as_standing_still() {
    let (clock, mut meter) = meter(vec![
        host("cpu 100 0 0 1000 500 0 0 0 0 0\n"),
        host("cpu 150 0 0 1050 400 0 0 0 0 0\n"),
    ]);
    clock.advance(100 * MS);
    assert_percent(&mut meter, 50.0);
}

#[test]
fn fields_that_an_old_kernel_lacks_are_zero_and_garbage_is_refused() {
    let (clock, mut meter) = meter(vec![host("cpu 0 0 0 0\n"), host("cpu 30 0 0 10\n")]);
    clock.advance(100 * MS);
    assert_percent(&mut meter, 75.0);
    for garbage in [
        "",
        "cpu",
        "cpu ",
        "cpu 1 2 3",
        "cpu0 1 2 3 4",
        "intr 1 2 3 4",
        "cpu a b c d",
    ] {
        assert_eq!(HostTicks::parse(garbage.as_bytes()), None, "{garbage:?}");
    }
}

#[test]
fn group_usage_is_relative_to_the_quota_and_stays_within_a_hundred() {
    let (clock, mut meter) = meter(vec![
        group(0),
        group(500 * MS),
        group(5_000 * MS),
        group(5_000 * MS),
    ]);
    clock.advance(1_000 * MS);
    assert_percent(&mut meter, 25.0);
    clock.advance(1_000 * MS);
    assert_percent(&mut meter, 100.0);
    clock.advance(1_000 * MS);
    assert_percent(&mut meter, 0.0);
}

#[test]
fn readings_closer_than_the_interval_repeat_the_last_usage() {
    let (clock, mut meter) = meter(vec![group(0), group(100 * MS), group(100 * MS)]);
    clock.advance(100 * MS);
    assert_percent(&mut meter, 50.0);
    clock.advance(100 * MS - 1);
    assert_percent(&mut meter, 50.0);
    clock.advance(1);
    assert_percent(&mut meter, 0.0);
}

#[test]
fn a_look_at_the_usage_tells_it_and_its_interval_goes_on() {
    let ticks = [
        "cpu 0 0 0 0",
        "cpu 10 0 0 90",
        "cpu 50 0 0 150",
        "cpu 60 0 0 240",
    ];
    let (clock, mut meter) = meter(ticks.map(host).to_vec());
    assert_eq!(meter.peek(), None);
    clock.advance(1_000_000_000);
    assert_eq!(meter.peek(), Some(10.0));
    // Since the beginning, whoever looked meanwhile.
    assert_eq!(meter.peek(), Some(25.0));
    assert_percent(&mut meter, 20.0);
    // Too soon for another reading.
    assert_eq!(meter.peek(), Some(20.0));
}

#[test]
fn only_the_very_first_usage_has_to_be_waited_for() {
    let (clock, mut meter) = meter(vec![group(0), group(100 * MS)]);
    assert_eq!(meter.wait_needed(), Some(Duration::from_millis(100)));
    clock.advance(30 * MS);
    assert_eq!(meter.wait_needed(), Some(Duration::from_millis(70)));
    clock.advance(70 * MS);
    assert_eq!(meter.wait_needed(), None);
    assert_percent(&mut meter, 50.0);
    assert_eq!(meter.wait_needed(), None);
}

#[test]
fn a_quota_set_between_two_readings_begins_a_new_interval() {
    let (clock, mut meter) = meter(vec![
        host("cpu 0 0 0 0\n"),
        group(700 * MS),
        group(800 * MS),
        host("cpu 0 0 0 0\n"),
    ]);
    clock.advance(100 * MS);
    assert_eq!(meter.percent().unwrap(), None);
    assert_eq!(meter.wait_needed(), Some(Duration::from_millis(100)));
    clock.advance(100 * MS);
    assert_percent(&mut meter, 50.0);
    // Once there is a usage, it bridges the gap.
    clock.advance(100 * MS);
    assert_percent(&mut meter, 50.0);
}

#[test]
fn counters_that_cannot_be_read_are_an_error_and_not_a_usage_of_zero() {
    let (clock, mut meter) = meter(vec![]);
    assert_eq!(meter.wait_needed(), Some(Duration::from_millis(100)));
    clock.advance(100 * MS);
    assert!(meter.percent().is_err());
}

#[test]
fn alerts_begin_strictly_above_the_threshold_and_turn_critical_at_95() {
    let thresholds = Thresholds::new(80.0, 95.0, 99.0).unwrap();
    let cases = [
        (Resource::Cpu, 80.0, None),
        (Resource::Cpu, 80.000_001, Some(Severity::Warning)),
        (Resource::Cpu, 94.999, Some(Severity::Warning)),
        (Resource::Cpu, 95.0, Some(Severity::Critical)),
        (Resource::Cpu, 100.0, Some(Severity::Critical)),
        (Resource::Memory, 95.0, None),
        (Resource::Memory, 95.1, Some(Severity::Critical)),
        (Resource::Disk, 99.0, None),
        (Resource::Disk, 99.5, Some(Severity::Critical)),
        (Resource::Disk, f64::NAN, None),
    ];
    for (resource, usage, severity) in cases {
        let alert = thresholds.check(resource, usage);
        assert_eq!(
            alert.map(|alert| alert.severity),
            severity,
            "{resource} {usage}"
        );
    }
}

#[test]
fn alert_messages_name_the_resource_and_one_decimal() {
    let thresholds = Thresholds::default();
    let message = |resource, usage| thresholds.check(resource, usage).unwrap().to_string();
    assert_eq!(message(Resource::Cpu, 97.34), "CPU usage at 97.3%");
    assert_eq!(message(Resource::Memory, 81.0), "Memory usage at 81.0%");
    assert_eq!(message(Resource::Disk, 100.0), "Disk usage at 100.0%");
}

#[test]
fn thresholds_outside_a_percentage_are_refused_and_change_nothing() {
    for bad in [-0.1, 100.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = Thresholds::new(80.0, bad, 80.0).unwrap_err().to_string();
        assert!(error.starts_with("memory_threshold must be"), "{error}");
        let mut thresholds = Thresholds::default();
        assert!(thresholds.set(Resource::Disk, bad).is_err());
        assert_eq!(thresholds, Thresholds::default());
    }
    assert!(Thresholds::new(0.0, 100.0, 50.0).is_ok());
}

#[test]
fn meminfo_of_old_kernels_and_of_container_stand_ins_gives_sane_figures() {
    let parse = |text: &str| {
        let memory = Memory::parse(text.as_bytes())?;
        Some((memory.total, memory.available, memory.used))
    };
    let kib = |n: u64| n * 1024;
    assert_eq!(
        parse("MemTotal: 100 kB\nMemFree: 20 kB\nMemAvailable: 70 kB\n"),
        Some((kib(100), kib(70), kib(30)))
    );
    assert_eq!(
        parse("MemTotal: 100 kB\nMemFree: 20 kB\nBuffers: 5 kB\nCached: 30 kB\n"),
        Some((kib(100), kib(50), kib(50)))
    );
    assert_eq!(
        parse("MemTotal: 100 kB\nMemFree: 20 kB\nMemAvailable: 700 kB\n"),
        Some((kib(100), kib(20), kib(80)))
    );
    for garbage in [
        "",
        "MemTotal: x kB\n",
        "MemTotal: 100 kB\n",
        "MemFree: 1 kB\n",
    ] {
        assert_eq!(parse(garbage), None, "{garbage:?}");
    }
}

#[test]
fn host_memory_adds_up() {
    let memory = memory::current().unwrap();
    assert!(memory.total > 0 && memory.used <= memory.total);
    assert!(memory.available <= memory.total);
    assert!((0.0..=100.0).contains(&memory.percent()));
}

#[test]
fn disk_percent_is_of_what_a_user_can_have() {
    let disk = Disk {
        total: 100,
        used: 45,
        free: 45,
    };
    assert!((disk.percent() - 50.0).abs() < 1e-12);
    let empty = Disk {
        total: 0,
        used: 0,
        free: 0,
    };
    assert!(empty.percent().abs() < 1e-12);
}

#[test]
fn a_missing_path_is_an_error_that_names_it() {
    assert!(disk::usage(Path::new("/")).unwrap().total > 0);
    match disk::usage(Path::new("/no/such/place")) {
        Err(Error::Io { path, source }) => {
            assert_eq!(path, Path::new("/no/such/place"));
            assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn statm_pages_become_bytes() {
    let page = u64::try_from(rustix::param::page_size()).unwrap();
    let memory = process::parse_statm(b"1000 250 30 1 0 9 0\n").unwrap();
    assert_eq!((memory.vms, memory.rss), (1000 * page, 250 * page));
    for garbage in ["", "1000", "a b", "1000 x"] {
        assert_eq!(
            process::parse_statm(garbage.as_bytes()),
            None,
            "{garbage:?}"
        );
    }
}

#[test]
fn work_shows_in_the_processor_time_of_this_process() {
    let before = process::cpu_seconds().unwrap();
    let mut state = 1_u64;
    while process::cpu_seconds().unwrap() <= before + 0.01 {
        state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005) + 1);
    }
    assert!(before > 0.0);
}
