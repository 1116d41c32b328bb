use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ptpd_monitoring::{
    rollup::{Delta, Key, Source},
    system::watch::Watch,
    time::{Clock, ManualClock},
};

const SECOND: u64 = 1_000_000_000;
const MINUTE: i64 = 60_000_000_000;

fn drain(watch: &Watch) -> Vec<Delta> {
    let mut deltas = Vec::new();
    watch.drain(&mut deltas);
    deltas
}

fn figures(deltas: &[Delta]) -> BTreeMap<String, (String, f64)> {
    deltas
        .iter()
        .map(|delta| match &delta.key {
            Key::Resource { figure, unit } => {
                assert_eq!(delta.rollup.histogram.count(), 1);
                let value = delta.rollup.histogram.max().unwrap();
                (figure.to_string(), (unit.to_string(), value))
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn readings_are_taken_whenever_the_interval_has_passed() {
    let clock = Arc::new(ManualClock::new(5 * MINUTE));
    let watch = Watch::new(Clock::Manual(Arc::clone(&clock)), Duration::from_secs(10));
    // The processors' first interval has to be long enough to tell anything.
    assert_eq!(drain(&watch), []);
    let mut readings = 0;
    for _ in 0..30 {
        clock.advance(SECOND);
        readings += usize::from(!drain(&watch).is_empty());
        assert_eq!(drain(&watch), []);
    }
    assert_eq!(readings, 3);
}

#[test]
fn a_reading_has_the_figures_of_the_system() {
    let clock = Arc::new(ManualClock::new(5 * MINUTE + 7));
    let watch = Watch::new(Clock::Manual(Arc::clone(&clock)), Duration::from_secs(10));
    clock.advance(SECOND);
    let deltas = drain(&watch);
    for delta in &deltas {
        assert_eq!(delta.minute, 5);
        assert_eq!(delta.rollup.first, 5 * MINUTE + 7 + 1_000_000_000);
    }
    let figures = figures(&deltas);
    for name in ["cpu_percent", "memory_percent", "disk_percent"] {
        let (unit, value) = &figures[name];
        assert_eq!(unit, "percent");
        assert!((0.0..=100.0).contains(value), "{name} {value}");
    }
    assert_eq!(figures["memory_used_mb"].0, "MB");
    assert!(figures["memory_used_mb"].1 > 1.0);
    assert_eq!(figures["disk_used_gb"].0, "GB");
    assert!(figures["disk_used_gb"].1 > 0.0);
}

#[test]
fn a_child_has_nothing_of_its_parent_to_hand_over() {
    let clock = Arc::new(ManualClock::new(0));
    let watch = Watch::new(Clock::Manual(Arc::clone(&clock)), Duration::from_secs(10));
    clock.advance(SECOND);
    watch.forget();
    assert!(!drain(&watch).is_empty());
}

#[test]
fn who_asks_for_readings_a_little_late_does_not_shift_the_later_ones() {
    let clock = Arc::new(ManualClock::new(0));
    let watch = Watch::new(Clock::Manual(Arc::clone(&clock)), Duration::from_secs(10));
    assert_eq!(drain(&watch), []);
    clock.advance(SECOND);
    let mut readings = 0;
    // Asked when it says, and a tenth of a second later than that.
    for _ in 0..20 {
        clock.advance(u64::try_from(watch.drain_in().unwrap().as_nanos()).unwrap());
        clock.advance(SECOND / 10);
        readings += usize::from(!drain(&watch).is_empty());
    }
    assert_eq!(readings, 20);
    assert_eq!(clock.monotonic(), 191 * SECOND + SECOND / 5);
}

#[test]
fn who_asks_for_readings_much_too_late_gets_one() {
    let clock = Arc::new(ManualClock::new(0));
    let watch = Watch::new(Clock::Manual(Arc::clone(&clock)), Duration::from_secs(10));
    clock.advance(SECOND);
    assert!(!drain(&watch).is_empty());
    clock.advance(35 * SECOND);
    assert!(!drain(&watch).is_empty());
    assert_eq!(drain(&watch), []);
    assert_eq!(watch.drain_in(), Some(Duration::from_secs(10)));
}
